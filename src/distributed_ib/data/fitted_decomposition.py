"""A decomposition fitted to data: scaling, levels, and rows transformed into model input."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from distributed_ib.data._fitted_checks import check_fits, value_lists
from distributed_ib.data.columns._observed import MAX_VALUES
from distributed_ib.data.columns.column import Column, Level
from distributed_ib.data.columns.date_parts import with_clock_times
from distributed_ib.data.columns.reading_columns import codes_in, numbers_in, ranks_of
from distributed_ib.data.columns.unfamiliar_values import UnfamiliarValues, Unseen, check_unseen
from distributed_ib.data.decomposition import Decomposition, ordered_columns
from distributed_ib.data.files._views import View
from distributed_ib.data.input_arrays import code_type, empty_array
from distributed_ib.data.table_errors import where
from distributed_ib.data.table_input import TableInput
from distributed_ib.errors import UserError


@dataclass(frozen=True)
class FittedDecomposition:
    """A `Decomposition` with its scaling and levels, which transforms rows into model input.

    Attributes:
        decomposition: The description; all its categorical columns have levels.
        mean: Mean of each continuous column over the training rows, in the order of
            `TableInput.numbers`.
        scale: Standard deviation of each over the training rows; 1 for a constant column.
        low: Smallest value of each in the training rows.
        high: Largest value of each in the training rows.
        observed: Values of each in the training rows, in ascending order: all if there are at most
            64, otherwise 64 with about equally many rows between neighbours. This and the
            attributes below may be empty in a description written by an older version.
        by_rank: Which columns have such heavy tails that they are scaled by the normal scores of
            `observed`, interpolated linearly, and by `scale` beyond them. Otherwise a few extreme
            values would take up the whole range, and all others would look alike.
        median: Median of each continuous column over the training rows, which replaces missing
            values if none were missing in training.
        most_frequent: Code of the most frequent level of each categorical column, used likewise.
        spikes: Values of each continuous column that occur in far more training rows than
            neighbouring values (`spikes_of`), and that models distinguish from these.
        rows_per_value: Training rows per distinct value of each, on average over a sample.

    Example:
        >>> table = {"x": np.array([1.0, 3.0]), "colour": np.array(["red", "blue"])}
        >>> fitted = Decomposition.from_arrays(table).fit(table, min_rows=2)
        >>> fitted.transform(table)
        TableInput(numbers=array([[-1.],
               [ 1.]], dtype=float32), codes=array([[1],
               [0]], dtype=uint8))
    """

    decomposition: Decomposition
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    observed: tuple[tuple[float, ...], ...] = ()
    by_rank: tuple[bool, ...] = ()
    median: tuple[float, ...] = ()
    most_frequent: tuple[int, ...] = ()
    spikes: tuple[tuple[float, ...], ...] = ()
    rows_per_value: tuple[float, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the components."""
        return self.decomposition.names

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns in the order of the components, which is also that of numbers and codes."""
        return ordered_columns(self.decomposition)

    @property
    def continuous(self) -> tuple[str, ...]:
        """Names of the continuous columns, in the order of `TableInput.numbers`."""
        return tuple(c.name for c in self.columns if c.is_number)

    @property
    def categorical(self) -> tuple[str, ...]:
        """Names of the categorical columns."""
        return tuple(c.name for c in self.columns if not c.is_number)

    @property
    def coded(self) -> tuple[str, ...]:
        """Names of the columns that have a code, in the order of `TableInput.codes`.

        These are the categorical columns, and the continuous columns that can be missing: their
        code is 1 if the value is missing, and 0 if there is a number.
        """
        return tuple(c.name for c in self.columns if c.n_codes)

    @property
    def codes_of_missing(self) -> tuple[tuple[int, int], ...]:
        """Index pairs: a number, and the code that says whether it is missing."""
        return tuple(
            (self.continuous.index(c.name), self.coded.index(c.name))
            for c in self.columns
            if c.has_missing
        )

    def column(self, name: str) -> Column:
        """A column by its name.

        Raises:
            UserError: If there is none.
        """
        columns = {c.name: c for c in self.decomposition.columns}
        if name not in columns:
            raise UserError(f"there is no column {name!r}; the columns are {', '.join(columns)}.")
        return columns[name]

    @property
    def text_sources(self) -> tuple[str, ...]:
        """Columns of the table that contain text: those whose known levels are all text."""
        found = [c.read_from for c in self.columns if c.known_levels and c.has_text_levels]
        return tuple(dict.fromkeys(found))

    def levels(self, column: str) -> tuple[Level | None, ...]:
        """The levels of a categorical column, in the order of its codes.

        If present, None, for missing values, comes last, and "(rare)" after all known levels.
        """
        found = {c.name: c.levels for c in self.decomposition.columns if not c.is_number}
        if not found.get(column):
            raise UserError(
                f"{column!r} is not a categorical column; the categorical columns are "
                f"{self.categorical}."
            )
        return found[column] or ()

    def encoder_options(self) -> dict[str, Any]:
        """The options of a `TableEncoder` for these components.

        Returns:
            `n_numbers`, the number of continuous columns of each component, and `n_levels`, for
            each component the numbers of levels of its columns that have a code.
        """
        column = {c.name: c for c in self.decomposition.columns}
        members = [[column[name] for name in c.columns] for c in self.decomposition.components]
        return {
            "n_numbers": [sum(c.is_number for c in cs) for cs in members],
            "n_levels": [[c.n_codes for c in cs if c.n_codes] for cs in members],
        }

    def scaled_spikes(self) -> list[list[float]]:
        """`spikes` on the model's scale, for a `TableEncoder`; empty if there are none."""
        if not any(self.spikes):
            return []
        scaled = (self._scaled(j, np.array(values)) for j, values in enumerate(self.spikes))
        return [values.astype(np.float32).tolist() for values in scaled]

    def transform(
        self, data: Any, *, folder: Path | None = None, unseen: Unseen = "rare"
    ) -> TableInput:
        """Transform rows into model input, with 4 bytes per number and 1 to 4 per category.

        A missing number becomes 0 (the mean, or the median if scaled by rank), and its code says
        that it is missing. In a column that was never missing in training, a missing value is read
        as the median or the most frequent level.

        Args:
            data: Rows in the form from which the decomposition was made. Table columns are found by
                name, in any order, and additional ones are ignored. An array `[n, m]` must have the
                known columns in order.
            folder: Folder in which the arrays are kept as memory-mapped files, `numbers.npy` and
                `codes.npy`, for tables larger than memory; default in memory.
            unseen: "rare" reads a level that was not seen in training as "(rare)", or as the most
                frequent level if the column has no "(rare)"; "error" raises an error.

        Raises:
            UserError: If a column is missing, or a value is infinite, not a number, or (with
                "error") a category not seen in training: names column, row and remedy.

        Warns:
            UserWarning: For missing values in columns that were never missing in training, and for
                levels that are read as the most frequent one.
        """
        check_unseen(unseen)
        view = self.decomposition.view(data)
        n_codes = [c.n_codes for c in self.columns if c.n_codes]
        numbers = empty_array((view.n_rows, len(self.continuous)), np.float32, folder, "numbers")
        codes = empty_array((view.n_rows, len(n_codes)), code_type(n_codes), folder, "codes")
        for start, read in self._stretches(view, unseen):
            rows, j, k = slice(start, start + len(read[0])), 0, 0
            for column, found in zip(self.columns, read, strict=True):
                if not column.is_number:
                    codes[rows, k], k = found, k + 1
                    continue
                missing = np.isnan(found)
                scaled = np.where(missing, 0.0, self._scaled(j, found))
                _check_range(column.read_from, scaled, start)
                numbers[rows, j], j = scaled, j + 1
                if column.n_codes:
                    codes[rows, k], k = missing, k + 1
        return TableInput(numbers, codes)

    def read(self, data: Any) -> dict[str, NDArray[Any]]:
        """The rows by column: numbers in the user's units, NaN if missing, and codes."""
        parts = [read for _, read in self._stretches(self.decomposition.view(data), "rare")]
        return {
            column.name: np.concatenate([part[k] for part in parts])
            for k, column in enumerate(self.columns)
        }

    def _stretches(self, view: View, unseen: Unseen) -> Iterator[tuple[int, list[NDArray[Any]]]]:
        """Stretches of rows: index of the first row, and the numbers or codes of each column."""
        unfamiliar = UnfamiliarValues(unseen)
        for start, chunk in view.chunks(self.decomposition.sources):
            chunk = with_clock_times(self.columns, chunk, start + 1)
            found: list[NDArray[Any]] = []
            j, k = 0, 0
            for column in self.columns:
                values = chunk[column.read_from]
                if column.is_number:
                    found.append(self._numbers_in(j, column, values, start + 1, unfamiliar))
                    j += 1
                else:
                    codes, names = codes_in(column, values, start + 1)
                    typical = self.most_frequent[k] if self.most_frequent else 0
                    found.append(unfamiliar.codes(column, codes, names, start + 1, typical))
                    k += 1
            yield start, found
        unfamiliar.warn(stacklevel=4)

    def _numbers_in(
        self,
        j: int,
        column: Column,
        values: pd.Series,
        first_row: int,
        unfamiliar: UnfamiliarValues,
    ) -> NDArray[np.float64]:
        """Numbers of the continuous column of index j; NaN if missing and the column can be."""
        median = self.median[j] if self.median else self.mean[j]
        if not column.is_ordered:
            return unfamiliar.numbers(column, numbers_in(column, values, first_row), median)
        codes, names = codes_in(column, values, first_row)
        known = unfamiliar.codes(column, codes, names, first_row, int(median))
        return unfamiliar.numbers(column, ranks_of(known), median)

    def component_values(
        self, component: str, n_values: int = MAX_VALUES
    ) -> tuple[NDArray[Any], TableInput]:
        """The values of one component, ready for `Approximation.distinguishability`.

        Values of a continuous column are taken from the training rows, since the network was not
        trained on values between them, such as between two weekdays. If there are more than
        `n_values`, those that divide the rows into equal parts are returned: a grid would show a
        skewed column mostly where it has no data.

        Args:
            component: Name of a component that is a single column.
            n_values: Largest number of values of a continuous column, at most 64 (with a
                description of an older version, the number of evenly spaced values); a categorical
                or ordered column gives all its levels.

        Returns:
            The values in the user's units, and rows of model input in which the component takes
            these values while all others stay at their mean (or first level). If the component can
            be missing, that is the last value: NaN after numbers, "missing" after levels.

        Raises:
            UserError: If there is no such component, or it has several columns.
        """
        found = {c.name: c for c in self.decomposition.components}.get(component)
        if found is None:
            raise UserError(
                f"there is no component {component!r}; the components are {', '.join(self.names)}."
            )
        if len(found.columns) > 1:
            raise UserError(
                f"component {component!r} has {len(found.columns)} columns, so its values have no "
                "natural order; pass the rows to compare to distinguishability."
            )
        column = self.column(found.columns[0])
        name, n_missing = column.name, int(column.has_missing)
        values: NDArray[Any]
        if column.is_number:
            j = self.continuous.index(name)
            numbers = np.arange(len(column.known_levels), dtype=np.float64)
            numbers = numbers if column.is_ordered else self._numbers(j, n_values)
            values = np.append(numbers, [np.nan] * n_missing)
            if column.is_ordered:
                values = np.array(column.labels, dtype=object)
        else:
            known = column.known_levels
            values = np.array([*known, *column.labels[len(known) :]], dtype=object)
        inputs = TableInput(
            np.zeros((len(values), len(self.continuous)), np.float32),
            np.zeros((len(values), len(self.coded)), np.int32),
        )
        if column.is_number:
            inputs.numbers[: len(numbers), j] = self._scaled(j, numbers)
            if n_missing:
                inputs.codes[-1, self.coded.index(name)] = 1
        else:
            inputs.codes[:, self.coded.index(name)] = np.arange(len(values))
        return values, inputs

    def scaled(self, column: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers of a continuous column on the model's scale, `[n]`."""
        return self._scaled(self.continuous.index(column), np.asarray(values, np.float64))

    def _scaled(self, j: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the continuous column of index j on the model's scale.

        Computed in double precision, so that a huge offset costs no digits.
        """
        if not self.by_rank or not self.by_rank[j]:
            return np.asarray((values - self.mean[j]) / self.scale[j])
        knots = np.array(self.observed[j])
        scores = ndtri((np.arange(len(knots)) + 0.5) / len(knots))
        beyond = (values - np.clip(values, knots[0], knots[-1])) / self.scale[j]
        return np.asarray(np.interp(values, knots, scores) + beyond)

    def unscaled(self, column: str, scaled: NDArray[Any]) -> NDArray[np.float64]:
        """Values of a continuous column in the user's units, from those on the model's scale.

        They are rounded to the precision of the model's input, six digits of the column's range; in
        a column with few distinct values they are exactly these values.

        Args:
            column: Its name.
            scaled: Its column of `TableInput.numbers`, `[n]`.

        Example:
            >>> table = {"x": np.array([1.0, 3.0])}
            >>> fitted = Decomposition.from_arrays(table).fit(table, min_rows=2)
            >>> fitted.unscaled("x", fitted.transform(table).numbers[:, 0]).tolist()
            [1.0, 3.0]
        """
        j = self.continuous.index(column)
        z = np.asarray(scaled, np.float64)
        values = self.mean[j] + self.scale[j] * z
        known = np.array(self.observed[j]) if self.observed else np.zeros(0)
        if self.by_rank and self.by_rank[j]:
            scores = ndtri((np.arange(len(known)) + 0.5) / len(known))
            beyond = z - np.clip(z, scores[0], scores[-1])
            values = np.interp(z, scores, known) + self.scale[j] * beyond
        elif 0 < len(known) < MAX_VALUES:
            nearest = known[np.abs(values[:, None] - known).argmin(axis=1)]
            values = np.where(np.abs(values - nearest) < 1e-5 * self.scale[j], nearest, values)
            return np.asarray(values)
        span = max(abs(self.low[j] - self.mean[j]), abs(self.high[j] - self.mean[j]), 1e-300)
        return np.asarray(np.round(values, 6 - math.ceil(math.log10(span))))

    def _numbers(self, j: int, n_values: int) -> NDArray[np.float64]:
        """At most `n_values` values of the continuous column of index j."""
        if not self.observed:
            return np.linspace(self.low[j], self.high[j], n_values)
        values = np.array(self.observed[j])
        places = np.linspace(0, len(values) - 1, min(n_values, len(values)))
        return values[np.round(places).astype(int)]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values.

        Raises:
            UserError: If the components are computed by a Python function.
        """
        return {
            **self.decomposition.to_dict(),
            "scaling": {
                name: list(getattr(self, name)) for name in ("mean", "scale", "low", "high")
            },
            "observed": [list(values) for values in self.observed],
            "by_rank": list(self.by_rank),
            "median": list(self.median),
            "most_frequent": list(self.most_frequent),
            "spikes": [list(values) for values in self.spikes],
            "rows_per_value": list(self.rows_per_value),
        }

    @classmethod
    def from_dict(cls, description: Any) -> "FittedDecomposition":
        """Restore the object from the result of `to_dict`; nothing in it is executed.

        Raises:
            UserError: If the description is not valid.
        """
        decomposition = Decomposition.from_dict(description)
        try:
            scaling = {
                name: tuple(float(v) for v in description["scaling"][name])
                for name in ("mean", "scale", "low", "high")
            }
            observed = value_lists(description, "observed")
            spikes = value_lists(description, "spikes")
            by_rank = tuple(map(bool, description.get("by_rank", ())))
            rows_per_value = tuple(map(float, description.get("rows_per_value", ())))
            median = tuple(float(v) for v in description.get("median", ()))
            most_frequent = tuple(int(v) for v in description.get("most_frequent", ()))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"this is not a valid description of fitted components: {error}."
            ) from None
        fitted = cls(
            decomposition,
            **scaling,
            observed=observed,
            by_rank=by_rank,
            median=median,
            most_frequent=most_frequent,
            spikes=spikes,
            rows_per_value=rows_per_value,
        )
        check_fits(fitted)
        return fitted


def _check_range(name: str, scaled: NDArray[np.float64], start: int) -> None:
    too_large = ~(np.abs(scaled) < 1e30)
    if too_large.any():
        row = start + 1 + int(too_large.argmax())
        raise UserError(
            f"{where(name, row)} is more than 1e30 standard deviations from the training "
            "rows; correct the value or drop the row."
        )
