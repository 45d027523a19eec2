"""Reading of the first sheet of an Excel file."""

import warnings
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd

from distributed_ib.data.files._column_names import check_names
from distributed_ib.errors import UserError, first_line


def read_excel(path: Path) -> pd.DataFrame:
    """Read the first sheet of an Excel file (`.xlsx`), whose first line names the columns.

    Empty lines are left out.

    Raises:
        UserError: If openpyxl is not installed, or the file can't be read; for columns as in
            `read_table`.

    Warns:
        UserWarning: If the file has more than one sheet.
    """
    if not path.is_file():
        raise UserError(f"there is no file {path}.")
    try:
        with pd.ExcelFile(path, engine="openpyxl") as book:
            _warn_of_sheets(path, book.sheet_names)
            rows = pd.read_excel(book, book.sheet_names[0], header=None)
    except ImportError:
        raise UserError(
            f"{path} is an Excel file, and reading it needs openpyxl: pip install "
            '"distributed-ib[excel]", or save the table as CSV.'
        ) from None
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} can't be read as Excel: {first_line(error)}.") from None
    rows = rows.dropna(how="all")
    if rows.empty:
        raise UserError(f"{path} is empty; its first row must contain the column names.")
    names = ["" if pd.isna(name) else str(name).strip() for name in rows.iloc[0]]
    check_names(str(path), names)
    body = rows.iloc[1:].reset_index(drop=True)
    return pd.DataFrame(
        {name: body.iloc[:, k].infer_objects() for k, name in enumerate(names)}, copy=False
    )


def _warn_of_sheets(path: Path, names: list[Any]) -> None:
    if len(names) > 1:
        warnings.warn(
            f"{path} has {len(names)} sheets, of which only the first, {names[0]!r}, is read. To "
            "use another sheet, save it as a separate file.",
            UserWarning,
            stacklevel=5,
        )
