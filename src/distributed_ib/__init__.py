"""The Distributed Information Bottleneck: relationships X -> Y made comprehensible."""

from distributed_ib._version import __version__

__all__ = ["__version__"]
