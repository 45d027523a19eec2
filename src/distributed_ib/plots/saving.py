"""Figures as files, each written atomically."""

import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from distributed_ib._files import write_atomically
from distributed_ib.errors import UserError

FORMATS = ("png", "pdf", "svg")
MAX_SHOWN_GLYPHS = 10
_MISSING_GLYPH = re.compile(r"Glyph (\d+) .*missing from font")


def check_free(names: Iterable[str], folder: Path, file_format: str = "png") -> None:
    """Check that `save_figures` would not overwrite anything.

    Raises:
        UserError: If a file already exists; the message names the first.
    """
    for path in (folder / f"{name}.{file_format}" for name in names):
        if path.exists() or path.is_symlink():
            raise UserError(
                f"{path} already exists and will not be overwritten; choose another folder with "
                "--out."
            )


def save_figures(figures: Mapping[str, Figure], folder: Path, file_format: str = "png") -> None:
    """Write figures as `folder/NAME.FORMAT`, overwriting existing files, and close them.

    Args:
        figures: Figures by name.
        folder: Where to write them; created if missing.
        file_format: "png", "pdf" or "svg".

    Raises:
        UserError: If the format is unknown, or the folder can't be created.

    Warns:
        UserWarning: If a character of a label is missing from all installed fonts.
    """
    if file_format not in FORMATS:
        raise UserError(
            f"figures can't be written as {file_format!r}; choose one of {', '.join(FORMATS)}."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"can't create the folder {folder}: {error.strerror or error}.") from None
    unknown: set[str] = set()
    for name, figure in figures.items():
        path = folder / f"{name}.{file_format}"
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            write_atomically(path, lambda target, f=figure: f.savefig(target))  # type: ignore[misc]
        plt.close(figure)
        for warning in caught:
            if found := _MISSING_GLYPH.match(str(warning.message)):
                unknown.add(chr(int(found.group(1))))
            else:
                warnings.warn_explicit(
                    warning.message, warning.category, warning.filename, warning.lineno
                )
    if unknown:
        warnings.warn(
            f"no font on this computer has {', '.join(sorted(unknown)[:MAX_SHOWN_GLYPHS])}; the "
            "figures show boxes instead. Install a font with these characters, such as Noto Sans "
            "CJK.",
            UserWarning,
            stacklevel=2,
        )
