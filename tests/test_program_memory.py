"""A process may fit any number of tables, each of its own shape."""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from distributed_ib.training._program_memory import clear_programs


def regions() -> int:
    with Path("/proc/self/maps").open("rb") as file:
        return sum(1 for _ in file)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts memory regions")
def test_programs_are_forgotten_before_they_take_too_many_regions() -> None:
    def double(x: jax.Array) -> jax.Array:
        return 2.0 * x

    programs = [jax.jit(double) for _ in range(5)]
    for number, program in enumerate(programs):
        program(jnp.ones(number + 1))
    before = regions()
    assert not clear_programs(1.0)
    assert clear_programs(0.0)
    assert regions() < before
    np.testing.assert_array_equal(programs[2](jnp.ones(3)), 2.0)
