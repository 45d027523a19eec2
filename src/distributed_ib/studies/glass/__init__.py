"""The sheared glass of the paper's Fig. 4: from simulation to the scheme of approximations."""

import lazy_loader

# The public names are listed in __init__.pyi and imported when first used: a simulation runs in
# many processes, none of which needs JAX.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
