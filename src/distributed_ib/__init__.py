"""The Distributed Information Bottleneck: relationships X -> Y made comprehensible.

X is split into components with a noisy channel after each. Channels and predictor are trained
together while the bottleneck strength beta rises. The result is a scheme of approximations: what
each component conveys, how well Y is predicted, and which components are in use, at every beta.
"""

import lazy_loader

# The public names are listed in __init__.pyi and imported when first used, because JAX takes a
# second to load, and `dib --help` should not have to wait for it.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
