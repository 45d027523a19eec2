"""A table from standard input, stored with its run."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from distributed_ib._files import write_atomically
from distributed_ib.data.files.text_tables import STANDARD_INPUT, read_text_bytes, standard_input
from distributed_ib.errors import UserError

KEPT = "input.csv"


def is_standard_input(path: Path) -> bool:
    """Whether a path stands for standard input.

    >>> is_standard_input(Path("-"))
    True
    """
    return str(path) == "-"


@dataclass(frozen=True)
class TextInput:
    """A table of text in memory.

    Attributes:
        content: The whole text.
        place: Its name in messages.
    """

    content: bytes
    place: str = STANDARD_INPUT

    @classmethod
    def read(cls) -> "TextInput":
        """Read all of standard input."""
        return cls(standard_input())

    def table(self) -> pd.DataFrame:
        """The table; see `read_table`."""
        return read_text_bytes(self.content, self.place)

    def keep(self, folder: Path) -> None:
        """Write it into the folder of a run, unless it is already there."""
        path = folder / KEPT
        if not path.exists():
            write_atomically(path, lambda new: new.write_bytes(self.content))


def kept_input(folder: Path) -> TextInput:
    """Load the table from standard input that a run stored.

    Raises:
        UserError: If it is missing.
    """
    try:
        return TextInput((folder / KEPT).read_bytes())
    except OSError:
        raise UserError(
            f"{folder / KEPT} is missing: the table that came from standard input."
        ) from None
