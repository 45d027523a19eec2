"""Progress of many units: how many are finished, and how long the others will take."""

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class UnitsBar:
    """A live line with the number of finished units and the time left, on a terminal only.

    Args:
        description: What runs, shown before the bar.
        unit: What is counted, such as "parts".
        console: Where to draw; standard error by default.

    Example:
        >>> with UnitsBar("patterns") as bar:  # draws nothing here, since this is no terminal
        ...     bar(1, 14)
    """

    def __init__(
        self, description: str, unit: str = "parts", console: Console | None = None
    ) -> None:
        console = console or Console(file=sys.stderr)
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            TextColumn(f"{{task.completed:.0f}}/{{task.total:.0f}} {unit}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._description = description
        self._task: TaskID | None = None

    def __enter__(self) -> "UnitsBar":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, n_finished: int, n_all: int) -> None:
        """Draw how far it is."""
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task(self._description, total=n_all)
        self._progress.update(self._task, completed=n_finished, total=n_all)
