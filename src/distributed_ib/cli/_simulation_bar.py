"""The progress bar of a simulation."""

import math
import sys
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

if TYPE_CHECKING:
    from distributed_ib.studies.glass.simulation.simulate import Progress as SimulationProgress


class SimulationBar:
    """Progress bar with samples, loci and time left.

    It is drawn on a terminal only. Use as a context manager, and pass the
    object itself as the `progress` of `simulate`.
    """

    def __init__(self, description: str, n_loci: int, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stderr)
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f} loci"),
            TextColumn("{task.fields[state]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task(description, total=n_loci, state="first sample ...")

    def __enter__(self) -> "SimulationBar":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, now: "SimulationProgress") -> None:
        """Show how far the simulation is."""
        self._progress.update(
            self._task,
            completed=min(now.n_loci, now.n_wanted),
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
