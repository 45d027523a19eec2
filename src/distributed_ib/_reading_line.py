"""Progress of reading a table that takes long."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import TextColumn, TimeRemainingColumn

from distributed_ib._live_line import LiveLine


class ReadingLine:
    """Live lines with the rows that were read and the time left, one for each thing that is done.

    A line goes when all of its rows are read. They are drawn on a terminal only.

    Args:
        place: What is read.
        console: Where to draw; standard error by default.

    Example:
        >>> with ReadingLine("big.parquet") as told:  # draws nothing without a terminal
        ...     told("reading", 500, 1000)
    """

    def __init__(self, place: str, console: Console | None = None) -> None:
        self._place, self._console = place, console
        self._what = ""
        self._line: LiveLine | None = None

    def __call__(self, what: str, done: int, total: int) -> None:
        """Draw how far it is."""
        if self._line is None or what != self._what:
            self.close()
            self._what = what
            self._line = LiveLine(
                f"{what} {self._place}",
                TextColumn("{task.completed:,.0f}/{task.total:,.0f} rows"),
                TimeRemainingColumn(compact=True),
                TextColumn("left"),
                console=self._console,
            )
        self._line.show(done, total)
        if done >= total:
            self.close()

    def close(self) -> None:
        """Remove the line that is drawn, if there is one."""
        if self._line is not None:
            self._line.__exit__(None, None, None)
            self._line = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
