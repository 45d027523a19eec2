"""The Distributed Information Bottleneck: relationships X -> Y made comprehensible.

Split X into components, put a noisy channel after each, train channels and predictor together
while the bottleneck strength beta rises, and read off a scheme of approximations: what each
component conveys, how well Y is predicted, and which components are in use, at every beta.
"""

import lazy_loader

# The public names stand in __init__.pyi. They are imported when first used, because JAX takes a
# second to load, and `dib --help` should not have to wait for it.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
