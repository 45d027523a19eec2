"""Groups of repeats that are trained in parallel, each in its own thread.

The groups do not depend on the number of threads, since sums would be rounded differently in groups
of another size.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int32

from distributed_ib._jax_threads import n_threads
from distributed_ib.training._loop import LoopSettings, LoopState

Members: TypeAlias = Int32[np.ndarray, " repeat"]
Run: TypeAlias = Callable[[LoopState, LoopSettings, Members], LoopState]

# Preferred and largest number of groups: enough for a machine with many cores, and few enough for
# one with two, where starting the programs of each group takes time.
_USUAL, _MOST = 8, 12
# Largest share of the work that may be spent on filling up the last group.
_MOST_FILLED_UP = 0.05


@dataclass(frozen=True)
class Groups:
    """Repeats, divided into groups of equal size.

    Attributes:
        members: Indices of the repeats of each group. The last repeat may occur several times, so
            that all groups run the same program.
        n_repeats: Number of repeats.
    """

    members: tuple[Members, ...]
    n_repeats: int
    _threads: ThreadPoolExecutor

    def begin(
        self, run: Run, state: LoopState, settings: LoopSettings, *, one_by_one: bool = False
    ) -> Callable[[], LoopState]:
        """Start all groups, and return a function that waits for the state of all repeats.

        Args:
            run: Trains some repeats, given their state, settings and indices.
            state: The state of all repeats.
            settings: The settings of all repeats.
            one_by_one: Whether to run the groups one after another in this thread, which is always
                done if there is only one thread.
        """
        own = [
            settings._replace(keys=settings.keys[rows], schedules=settings.schedules[rows])
            for rows in self.members
        ]

        def finished(of_group: tuple[LoopState, LoopSettings, Members]) -> LoopState:
            return jax.block_until_ready(run(*of_group))

        given = list(zip(_divided(state, self.members), own, self.members, strict=True))
        if one_by_one or n_threads() < 2:
            made = [finished(of_group) for of_group in given]
            return lambda: _joined(made, self.n_repeats)
        futures = [self._threads.submit(finished, of_group) for of_group in given]
        return lambda: _joined([future.result() for future in futures], self.n_repeats)


def groups_of(n_repeats: int) -> Groups | None:
    """Groups for the threads of a CPU; None for all repeats in one program.

    There are about eight groups, of at least two repeats, since a single repeat would need another
    program. If much of the last group would have to be filled up, repeats are not divided: 1 to 3,
    5, 7, 11, 13, 17 and 19 repeats.

    Example:
        >>> groups_of(1) is None
        True
        >>> [len(members) for members in groups_of(30).members]
        [5, 5, 5, 5, 5, 5]
    """
    if jax.default_backend() != "cpu":
        return None
    for n_groups in sorted(range(2, _MOST + 1), key=lambda n: abs(n - _USUAL)):
        size = max(2, -(-n_repeats // n_groups))
        if n_repeats <= size * n_groups <= (1 + _MOST_FILLED_UP) * n_repeats:
            places = np.minimum(np.arange(size * n_groups), n_repeats - 1).astype(np.int32)
            members = tuple(places.reshape(n_groups, size))
            threads = ThreadPoolExecutor(min(n_groups, n_threads()))
            return Groups(members, n_repeats, threads)
    return None


@jax.jit
def _divided(state: LoopState, members: tuple[Members, ...]) -> list[LoopState]:
    return [
        jax.tree.map(lambda leaf, own=rows: leaf[own] if leaf.ndim else leaf, state)
        for rows in members
    ]


@partial(jax.jit, static_argnums=1)
def _joined(states: list[LoopState], n_repeats: int) -> LoopState:
    """The state of all repeats; its step is the smallest step of any group."""
    joined: LoopState = jax.tree.map(
        lambda *leaves: jnp.concatenate(leaves)[:n_repeats] if leaves[0].ndim else leaves[0],
        *states,
    )
    return joined._replace(step=jnp.stack([state.step for state in states]).min())
