"""The progress bar of a simulation."""

import math
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import TextColumn

from distributed_ib._live_line import LiveLine

if TYPE_CHECKING:
    from distributed_ib.studies.glass.simulation.simulate import Progress as SimulationProgress


class SimulationBar(LiveLine):
    """Progress bar with samples, loci and time left.

    It is drawn only on a terminal. Use it as a context manager, and pass the object itself as the
    `progress` of `simulate`.
    """

    def __init__(self, description: str, n_loci: int, console: Console | None = None) -> None:
        super().__init__(
            description,
            TextColumn("{task.completed:.0f}/{task.total:.0f} loci"),
            TextColumn("{task.fields[state]}"),
            console=console,
        )
        self._n_loci = n_loci

    def __enter__(self) -> Self:
        self.show(0, self._n_loci, state="first sample ...")
        return self

    def __call__(self, now: "SimulationProgress") -> None:
        """Show the progress of the simulation."""
        self.show(
            min(now.n_loci, now.n_wanted),
            self._n_loci,
            state=f"{now.n_samples} samples, {time_left(now.seconds_left)}",
        )


def time_left(seconds: float) -> str:
    """The time left in words.

    >>> time_left(40), time_left(130), time_left(9000), time_left(math.nan)
    ('40 s left', '2 min left', '2.5 h left', 'time left unknown')
    """
    if not math.isfinite(seconds):
        return "time left unknown"
    if seconds < 100:
        return f"{seconds:.0f} s left"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min left"
    return f"{seconds / 3600:.1f} h left"
