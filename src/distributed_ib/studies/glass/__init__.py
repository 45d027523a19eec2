"""The sheared glass of the paper's Fig. 4: from simulation to the scheme of approximations."""

import lazy_loader

# The public names stand in __init__.pyi. They are imported when first used: a simulation runs in
# many processes, and none of them needs JAX.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
