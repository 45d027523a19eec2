"""Compilation for tests that compile much and compute little."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import jax
from jax._src import compiler

# They halve the time that a small sweep takes to compile. JAX has no setting of its own for them,
# and XLA_FLAGS would hold for all tests, also for those of how exact a result is.
XLA_OPTIONS = [
    ("xla_cpu_use_fusion_emitters", False),
    ("xla_cpu_parallel_codegen_split_count", 1),
]


@contextmanager
def compiled_quickly() -> Iterator[None]:
    """Compile without optimising."""
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
