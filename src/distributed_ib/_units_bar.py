"""Progress of many units: the number of finished ones, and the time left."""

from rich.console import Console
from rich.progress import TextColumn, TimeRemainingColumn

from distributed_ib._live_line import LiveLine


class UnitsBar(LiveLine):
    """A live line with the number of finished units and the time left, drawn only on a terminal.

    Args:
        description: Name of the work, shown before the bar.
        unit: Name of the units, such as "parts" or "rows".
        console: Where to draw; standard error by default.

    Example:
        >>> with UnitsBar("patterns") as bar:  # draws nothing here, since this is no terminal
        ...     bar(1, 14)
    """

    def __init__(
        self, description: str, unit: str = "parts", console: Console | None = None
    ) -> None:
        super().__init__(
            description,
            TextColumn(f"{{task.completed:,.0f}}/{{task.total:,.0f}} {unit}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
        )

    def __call__(self, n_finished: int, n_all: int) -> None:
        """Draw the progress."""
        self.show(n_finished, n_all)
