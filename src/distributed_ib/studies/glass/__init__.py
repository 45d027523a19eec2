"""The sheared glass of the paper's Fig. 4: from simulation to the scheme of approximations."""
