"""Progress of reading a table that takes long."""

from rich.console import Console

from distributed_ib._units_bar import UnitsBar


class ReadingLine:
    """Live lines with the rows that were read and the time left, one for each thing that is done.

    A line goes when all of its rows are read, or with `close`. They are drawn on a terminal only.

    Args:
        place: What is read.
        console: Where to draw; standard error by default.

    Example:
        >>> from contextlib import closing
        >>> with closing(ReadingLine("big.parquet")) as told:  # draws nothing without a terminal
        ...     told("reading", 500, 1000)
    """

    def __init__(self, place: str, console: Console | None = None) -> None:
        self._place, self._console = place, console
        self._what = ""
        self._line: UnitsBar | None = None

    def __call__(self, what: str, done: int, total: int) -> None:
        """Draw how far it is."""
        if self._line is None or what != self._what:
            self.close()
            self._what = what
            self._line = UnitsBar(f"{what} {self._place}", "rows", self._console)
        self._line(done, total)
        if done >= total:
            self.close()

    def close(self) -> None:
        """Remove the line that is drawn, if there is one."""
        if self._line is not None:
            self._line.close()
            self._line = None
