"""A line on the terminal that is redrawn as work proceeds."""

import sys
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn


class LiveLine:
    """Progress line with a description, a bar and further columns; drawn only on a terminal.

    It appears at the first call of `show`, because another line may be drawn until then.

    Args:
        description: Name of the work, shown before the bar.
        columns: Rich columns to show after the bar.
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
        """Draw the progress, with the fields that the columns use."""
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task(self._description, total=total, **fields)
        self._progress.update(self._task, completed=completed, total=total, **fields)
