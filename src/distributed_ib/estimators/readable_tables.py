"""Readable tables of several approximations of a fitted scheme, and their storage on disk."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from distributed_ib._checksums import check_files, record_checksums
from distributed_ib._files import write_text
from distributed_ib.errors import UserError, first_line
from distributed_ib.estimators._reading_rows import ReadingRows
from distributed_ib.readable.readable_approximation import ReadableApproximation
from distributed_ib.scheme._choosing import nearest_place
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.choice import Choice

READABLE = "readable.json"
MAX_ROWS = 32
"""Largest number of rows of a table, by default."""
STORED_BITS = (0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6, 8, 10, 15)
"""Tables are stored for the best approximations of at most these bits, the best, the simplest."""
_LIMIT_BYTES = 1 << 26


@dataclass(frozen=True)
class ReadableTables:
    """Readable tables of one scheme, in ascending order of beta.

    Attributes:
        tables: The tables.
        max_rows: Largest number of rows that they may have.
    """

    tables: tuple[ReadableApproximation, ...]
    max_rows: int = MAX_ROWS

    def at(self, beta: float) -> ReadableApproximation:
        """The table of the approximation whose bottleneck strength is nearest.

        Raises:
            UserError: If there are none.
        """
        if not self.tables:
            raise UserError("this model has no readable tables.")
        return min(self.tables, key=lambda one: abs(np.log(one.beta / beta)))

    def save(self, folder: Path) -> None:
        """Write `readable.json` and record its checksum.

        The file contains levels, cuts, shares and predictions, but no row of the data.
        """
        found = {"max_rows": self.max_rows, "tables": [table.to_dict() for table in self.tables]}
        write_text(folder / READABLE, json.dumps(found, allow_nan=False) + "\n")
        record_checksums(folder, [READABLE])

    @classmethod
    def load(cls, folder: Path) -> "ReadableTables":
        """Read what `save` wrote. Nothing in it is executed.

        Raises:
            UserError: If there is no such file, or it is damaged.
        """
        path = folder / READABLE
        if not path.is_file():
            raise UserError(
                f"{folder} contains no {READABLE}: it was made by an earlier version, or its model "
                "predicts no distribution. Fit again with the default loss."
            )
        check_files(folder, [READABLE])
        try:
            if path.stat().st_size > _LIMIT_BYTES:
                raise UserError(f"{path} is too large to hold readable tables.")
            found = json.loads(path.read_text(encoding="utf-8"))
            tables = tuple(map(ReadableApproximation.from_dict, found["tables"]))
            return cls(tables, int(found["max_rows"]))
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise UserError(f"{path} can't be read: {first_line(error)}.") from None


def make_tables(scheme: ApproximationScheme, rows: ReadingRows) -> ReadableTables:
    """Tables of all approximations to be stored: those of `STORED_BITS`, the best, the simplest.

    Raises:
        UserError: If the models predict no distribution over classes or bins.
    """
    tables = [
        rows.read(scheme, scheme.all_at(Choice(beta=beta)), MAX_ROWS)
        for beta in _places(scheme, STORED_BITS)
    ]
    return ReadableTables(tuple(tables))


def _places(scheme: ApproximationScheme, limits: Sequence[float]) -> list[float]:
    pooled = scheme.pooled()
    found = {scheme.best_beta, scheme.simplest_beta}
    for bits in limits:
        try:
            found.add(pooled.at(bits=bits).beta)
        except UserError:
            continue  # no approximation of the sweep conveys so little
    # A requested beta may lie between those at which models were kept.
    kept = scheme.snapshots.beta
    nearest = {float(kept[nearest_place(kept, beta)]) for beta in found}
    return sorted(nearest)


def chosen_beta(scheme: ApproximationScheme, choice: Choice) -> float:
    """Bottleneck strength of a choice; by default that of the simplest approximation.

    Raises:
        UserError: As `ApproximationScheme.at`.
    """
    if scheme.is_empty or not len(scheme.snapshots.record):
        raise UserError(f"there is no model to read: the sweep {scheme.message}.")
    if not choice.is_given:
        return scheme.simplest_beta
    if choice.beta is not None:
        return choice.beta
    return scheme.pooled().at(**_options(choice)).beta


def _options(choice: Choice) -> dict[str, Any]:
    return dict(vars(choice))
