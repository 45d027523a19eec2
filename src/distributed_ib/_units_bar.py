"""Progress of many units: how many are finished, and how long the others will take."""

from rich.console import Console
from rich.progress import TextColumn, TimeRemainingColumn

from distributed_ib._live_line import LiveLine


class UnitsBar(LiveLine):
    """A live line with the number of finished units and the time left, on a terminal only.

    Args:
        description: What runs, shown before the bar.
        unit: What is counted, such as "parts" or "rows".
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
        """Draw how far it is."""
        self.show(n_finished, n_all)
