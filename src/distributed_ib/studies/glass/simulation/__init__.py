"""The physics of the sheared glass: quenches, shear, events and their loci."""
