"""Quick compilation, for tests that compile much and compute little."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import jax
from jax._src import compiler

# They halve the compile time of a small sweep. JAX has no setting for them, and XLA_FLAGS would
# apply to all tests, including those of numerical accuracy.
XLA_OPTIONS = [
    ("xla_cpu_use_fusion_emitters", False),
    ("xla_cpu_parallel_codegen_split_count", 1),
]


@contextmanager
def compiled_quickly() -> Iterator[None]:
    """Compile without optimizations."""
    usual = compiler.get_compile_options

    def quick(*arguments: Any, **options: Any) -> Any:
        found = usual(*arguments, **options)
        found.env_option_overrides = [*found.env_option_overrides, *XLA_OPTIONS]
        return found

    jax.config.update("jax_disable_most_optimizations", True)
    try:
        with patch.object(compiler, "get_compile_options", quick):
            yield
    finally:
        jax.config.update("jax_disable_most_optimizations", False)
