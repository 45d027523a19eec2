"""Progress of a running sweep: where it stands, and a bar that shows it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from rich.console import Console
from rich.progress import TextColumn, TimeRemainingColumn

from distributed_ib._live_line import LiveLine


@dataclass(frozen=True)
class SweepProgress:
    """Position of a running sweep and its latest measurements.

    Attributes:
        step: Training steps made, pre-training included.
        total_steps: Steps the sweep will make.
        beta: Current bottleneck strength.
        prediction_error_bits: Prediction error in bits, averaged over the repeats and over the
            steps since the last record.
        total_bits: KL in bits summed over all components, averaged in the same way.

    Example:
        >>> SweepProgress(2, 60, beta=0.1, prediction_error_bits=1.0, total_bits=0.5).step
        2
    """

    step: int
    total_steps: int
    beta: float
    prediction_error_bits: float
    total_bits: float


ProgressCallback = Callable[[SweepProgress], None]


def offset_progress(
    progress: ProgressCallback | None, n_before: int, n_total: int
) -> ProgressCallback | None:
    """A callback for one of several sweeps, which reports the steps of all of them.

    Args:
        progress: Callback for the whole; None gives None.
        n_before: Steps of the sweeps before this one.
        n_total: Total number of steps of all sweeps.

    Example:
        >>> report = offset_progress(lambda now: print(now.step, now.total_steps), 35, 95)
        >>> report(SweepProgress(step=2, total_steps=60, beta=0.1, prediction_error_bits=1.0,
        ...                      total_bits=0.0))
        37 95
    """
    if progress is None:
        return None

    def report(now: SweepProgress) -> None:
        progress(replace(now, step=n_before + now.step, total_steps=n_total))

    return report


class ProgressBar(LiveLine):
    """A live line with step, beta, prediction error, total bits and time left.

    It is drawn on a terminal only. Use it as a context manager, and pass the object itself as the
    `progress` of a sweep.

    Args:
        description: Name of the sweep, shown before the bar.
        console: Where to draw; standard error by default.

    Example:
        >>> now = SweepProgress(2, 60, beta=0.1, prediction_error_bits=1.0, total_bits=0.5)
        >>> with ProgressBar() as bar:  # draws nothing here, since this is no terminal
        ...     bar(now)
    """

    def __init__(self, description: str = "sweep", console: Console | None = None) -> None:
        super().__init__(
            description,
            TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
        )

    def __call__(self, now: SweepProgress) -> None:
        """Draw the position of the sweep."""
        state = (
            f"beta {now.beta:.2e}  error {now.prediction_error_bits:.3f} bits  "
            f"total {now.total_bits:.2f} bits"
        )
        self.show(now.step, now.total_steps, state=state)
