"""Progress of reading a large table."""

from rich.console import Console

from distributed_ib._units_bar import UnitsBar


class ReadingLine:
    """Live lines with the number of rows read and the time left, one for each operation.

    A line is removed when all of its rows are read, or by `close`. Drawn only on a terminal.

    Args:
        place: Name of the table.
        console: Where to draw; standard error by default.

    Example:
        >>> from contextlib import closing
        >>> with closing(ReadingLine("big.parquet")) as line:  # draws nothing without a terminal
        ...     line("reading", 500, 1000)
    """

    def __init__(self, place: str, console: Console | None = None) -> None:
        self._place, self._console = place, console
        self._what = ""
        self._line: UnitsBar | None = None

    def __call__(self, what: str, done: int, total: int) -> None:
        """Draw the progress of the operation `what`."""
        if self._line is None or what != self._what:
            self.close()
            self._what = what
            self._line = UnitsBar(f"{what} {self._place}", "rows", self._console)
        self._line(done, total)
        if done >= total:
            self.close()

    def close(self) -> None:
        """Remove the current line, if there is one."""
        if self._line is not None:
            self._line.close()
            self._line = None
