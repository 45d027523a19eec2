"""A line on the terminal that is drawn anew as work goes on."""

import sys
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn


class LiveLine:
    """A description, a bar, and further columns; drawn on a terminal only.

    It appears with the first call of `show`, since another line may tell in its place.

    Args:
        description: What runs, shown before the bar.
        columns: What stands behind the bar, as Rich takes it.
        console: Where to draw; standard error by default.
    """

    def __init__(
        self, description: str, *columns: str | ProgressColumn, console: Console | None = None
    ) -> None:
        console = console or Console(file=sys.stderr)
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            *columns,
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._description = description
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the line."""
        self._progress.stop()

    def show(self, completed: float, total: float, **fields: Any) -> None:
        """Draw how far it is, with the fields that the columns name."""
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task(self._description, total=total, **fields)
        self._progress.update(self._task, completed=completed, total=total, **fields)
