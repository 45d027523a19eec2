"""A decomposition fitted to data: scaling, levels, and rows transformed into model input."""

import itertools
import math
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from distributed_ib.data._moments import Moments
from distributed_ib.data._observed import MAX_VALUES, ObservedValues, RowSample
from distributed_ib.data.columns import (
    Column,
    Level,
    codes_of,
    levels_of,
    numbers_of,
    shown,
    sorted_levels,
    where,
)
from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.table_input import TableInput
from distributed_ib.errors import UserError

# A categorical column with more levels than this, and on average fewer than `_ROWS_PER_LEVEL` rows
# to learn each from, is probably a name or a number.
_MANY_LEVELS = 50
_ROWS_PER_LEVEL = 4


# A normal column has a value so far out once in a billion rows.
HEAVY_TAIL_SIGMA = 6.0


@dataclass(frozen=True)
class FittedDecomposition:
    """A `Decomposition` with its scaling and levels, which transforms rows into model input.

    Attributes:
        decomposition: The description; all its categorical columns have levels.
        mean: Mean of each continuous column over the training rows, in the order of
            `TableInput.numbers`.
        scale: Its standard deviation there; 1 for a constant column.
        low: Its smallest value there.
        high: Its largest.
        observed: Values that it takes there, in order: all of them up to 64, and else 64 such that
            about equally many rows lie between them. Empty if the description is of an older
            version.
        by_rank: Which columns have tails so heavy that they are scaled by the normal scores of
            `observed` instead, straight lines between them and `scale` beyond. A few far values
            would otherwise take the whole range, and all others look the same.

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

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the components."""
        return self.decomposition.names

    @property
    def continuous(self) -> tuple[str, ...]:
        """Names of the continuous columns, in the order of `TableInput.numbers`."""
        return tuple(c.name for c in _ordered(self.decomposition) if c.kind == "continuous")

    @property
    def categorical(self) -> tuple[str, ...]:
        """Names of the categorical columns, in the order of `TableInput.codes`."""
        return tuple(c.name for c in _ordered(self.decomposition) if c.kind == "categorical")

    def levels(self, column: str) -> tuple[Level, ...]:
        """The levels of a categorical column, in the order of its codes."""
        found = {c.name: c.levels for c in self.decomposition.columns}
        if not found.get(column):
            raise UserError(
                f"{column!r} is not a categorical column; those are {self.categorical}."
            )
        return found[column] or ()

    def encoder_options(self) -> dict[str, Any]:
        """The options of a `TableEncoder` that fits these components.

        Returns:
            `n_numbers`, the number of continuous columns of each component, and `n_levels`, for
            each component the numbers of levels of its categorical columns.
        """
        column = {c.name: c for c in self.decomposition.columns}
        members = [[column[name] for name in c.columns] for c in self.decomposition.components]
        return {
            "n_numbers": [sum(c.kind == "continuous" for c in cs) for cs in members],
            "n_levels": [
                [len(c.levels or ()) for c in cs if c.kind == "categorical"] for cs in members
            ],
        }

    def transform(self, data: Any, *, folder: Path | None = None) -> TableInput:
        """Transform rows into model input, of 4 bytes a number and 1 to 4 a category.

        Args:
            data: Rows in the form from which the decomposition was made; a table's columns are
                found by name, in any order, and further ones are ignored. An array `[n, m]` must
                have the known columns in their order.
            folder: Where to keep the arrays as memory-mapped files, `numbers.npy` and `codes.npy`,
                for tables larger than memory; default in memory.

        Raises:
            UserError: If a column is missing, or a value is missing, infinite, no number, or a
                category that was not seen in training: names column, row and remedy.
        """
        view = self.decomposition.view(data)
        column = {c.name: c for c in self.decomposition.columns}
        code_of = {
            name: {level: code for code, level in enumerate(column[name].levels or ())}
            for name in self.categorical
        }
        numbers = _empty((view.n_rows, len(self.continuous)), np.float32, folder, "numbers")
        code_type = _code_type(code_of.values())
        codes = _empty((view.n_rows, len(self.categorical)), code_type, folder, "codes")
        for start, chunk in view.chunks(tuple(column)):
            rows = slice(start, start + len(next(iter(chunk.values()))))
            for j, name in enumerate(self.continuous):
                values = numbers_of(name, chunk[name], start + 1)
                scaled = self._scaled(j, values)
                _check_range(name, scaled, start)
                numbers[rows, j] = scaled
            for j, name in enumerate(self.categorical):
                codes[rows, j] = codes_of(name, chunk[name], code_of[name], start + 1)
        return TableInput(numbers, codes)

    def component_values(
        self, component: str, n_values: int = MAX_VALUES
    ) -> tuple[NDArray[Any], TableInput]:
        """The values of one component, ready for `Approximation.distinguishability`.

        Values of a continuous column are such as occur in the training rows, since the network was
        not trained on those between, as between two weekdays. Where there are more than
        `n_values`, those are given at which the rows are cut into equal parts: a grid would show a
        skewed column mostly where it has no data.

        Args:
            component: Name of a component that is a single column.
            n_values: Most values of a continuous column, at most 64 (a description of an older
                version gives so many evenly spaced numbers); a categorical column gives all its
                levels.

        Returns:
            The values in the user's units, and rows of model input in which the component takes
            them while all others stay at their mean (or first level).

        Raises:
            UserError: If there is no such component, or it has several columns.
        """
        found = {c.name: c for c in self.decomposition.components}.get(component)
        if found is None:
            raise UserError(
                f"there is no component {component!r}; they are {', '.join(self.names)}."
            )
        if len(found.columns) > 1:
            raise UserError(
                f"component {component!r} has {len(found.columns)} columns; its values have "
                "no single order. Pass rows of your own to distinguishability."
            )
        name = found.columns[0]
        values: NDArray[Any]
        if name in self.categorical:
            values = np.array(self.levels(name), dtype=object)
        else:
            j = self.continuous.index(name)
            values = self._numbers(j, n_values)
        inputs = TableInput(
            np.zeros((len(values), len(self.continuous)), np.float32),
            np.zeros((len(values), len(self.categorical)), np.int32),
        )
        if name in self.categorical:
            inputs.codes[:, self.categorical.index(name)] = np.arange(len(values))
        else:
            inputs.numbers[:, j] = self._scaled(j, values)
        return values, inputs

    def scaled(self, column: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers of a continuous column as the model takes them, `[n]`."""
        return self._scaled(self.continuous.index(column), np.asarray(values, np.float64))

    def _scaled(self, j: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the continuous column of index j as the model takes them.

        In double precision, so that a huge offset costs no digits.
        """
        if not self.by_rank or not self.by_rank[j]:
            return np.asarray((values - self.mean[j]) / self.scale[j])
        knots = np.array(self.observed[j])
        scores = ndtri((np.arange(len(knots)) + 0.5) / len(knots))
        beyond = (values - np.clip(values, knots[0], knots[-1])) / self.scale[j]
        return np.asarray(np.interp(values, knots, scores) + beyond)

    def unscaled(self, column: str, scaled: NDArray[Any]) -> NDArray[np.float64]:
        """Values of a continuous column in the user's units, from those that the model takes.

        They are rounded to the precision of the model's input, six digits of the column's range; of
        a column of few values they are these values.

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
        """At most `n_values` of the continuous column of index j."""
        if not self.observed:
            return np.linspace(self.low[j], self.high[j], n_values)
        values = np.array(self.observed[j])
        places = np.linspace(0, len(values) - 1, min(n_values, len(values)))
        return values[np.round(places).astype(int)]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values.

        Raises:
            UserError: If the components are made by a Python function.
        """
        return {
            **self.decomposition.to_dict(),
            "scaling": {
                name: list(getattr(self, name)) for name in ("mean", "scale", "low", "high")
            },
            "observed": [list(values) for values in self.observed],
            "by_rank": list(self.by_rank),
        }

    @classmethod
    def from_dict(cls, description: Any) -> "FittedDecomposition":
        """Make the object from the result of `to_dict`; nothing in it is executed.

        Raises:
            UserError: If it is not such a description.
        """
        decomposition = Decomposition.from_dict(description)
        try:
            scaling = {
                name: tuple(float(v) for v in description["scaling"][name])
                for name in ("mean", "scale", "low", "high")
            }
            observed = _observed(description)
            by_rank = tuple(map(bool, description.get("by_rank", ())))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"this is not a description of fitted components: {error}.") from None
        fitted = cls(decomposition, **scaling, observed=observed or (), by_rank=by_rank)
        count = len(fitted.continuous)
        if len(by_rank) not in (0, count) or (any(by_rank) and observed is None):
            raise UserError(
                "this is not a description of fitted components: by_rank doesn't fit its columns."
            )
        if observed is not None and len(observed) != count:
            raise UserError(
                "this is not a description of fitted components: its values are unusable."
            )
        if any(
            len(values) != count or not all(map(math.isfinite, values))
            for values in scaling.values()
        ) or not all(scale > 0 for scale in fitted.scale):
            raise UserError(
                "this is not a description of fitted components: its scaling is unusable."
            )
        if any(c.kind == "categorical" and not c.levels for c in decomposition.columns):
            raise UserError("this is not a description of fitted components: levels are missing.")
        return fitted


def fit_decomposition(
    decomposition: Decomposition, data: Any, rows: NDArray[Any] | None, min_rows: int
) -> FittedDecomposition:
    """See `Decomposition.fit`."""
    view = decomposition.view(data)
    if view.n_rows < min_rows:
        raise UserError(
            f"the data have {view.n_rows} rows, too few to learn from; give at least {min_rows}."
        )
    training = training_mask(rows, view.n_rows)
    columns = _ordered(decomposition)
    moments = {c.name: Moments() for c in columns if c.kind == "continuous"}
    observed = {name: ObservedValues() for name in moments}
    sample = RowSample()
    found: dict[str, set[Level]] = {c.name: set() for c in columns if c.kind == "categorical"}
    for start, chunk in view.chunks(tuple(c.name for c in columns)):
        length = len(next(iter(chunk.values())))
        mask = None if training is None else training[start : start + length]
        drawn = sample.draw(length if mask is None else int(mask.sum()))
        for name, sums in moments.items():
            values = numbers_of(name, chunk[name], start + 1)
            values = values if mask is None else values[mask]
            sums.add(values)
            observed[name].add(values, drawn)
        for name, levels in found.items():
            levels.update(levels_of(name, chunk[name], start + 1))
    for name, sums in moments.items():
        if not math.isfinite(sums.standard_deviation):
            raise UserError(f"column {name!r} spans too large a range; give it in other units.")
        if sums.is_constant:
            _warn(f"{where(name)} is constant in the training rows; it can convey nothing.")
    fitted = tuple(_with_levels(c, found, view.n_rows) for c in decomposition.columns)
    return FittedDecomposition(
        replace(decomposition, columns=fitted),
        mean=tuple(s.low if s.is_constant else s.mean for s in moments.values()),
        scale=tuple(1.0 if s.is_constant else s.standard_deviation for s in moments.values()),
        low=tuple(s.low for s in moments.values()),
        high=tuple(s.high for s in moments.values()),
        observed=tuple(o.values() for o in observed.values()),
        by_rank=tuple(_has_heavy_tails(moments[name], observed[name].values()) for name in moments),
    )


def _has_heavy_tails(moments: Moments, observed: tuple[float, ...]) -> bool:
    """Whether a column of many values has some that are very far from its mean."""
    if moments.is_constant or len(observed) < MAX_VALUES:
        return False
    farthest = max(moments.high - moments.mean, moments.mean - moments.low)
    return bool(farthest > HEAVY_TAIL_SIGMA * moments.standard_deviation)


def training_mask(rows: NDArray[Any] | None, n_rows: int) -> NDArray[np.bool_] | None:
    """Training rows as a mask `[n_rows]`; None for all.

    Raises:
        UserError: If `rows` is empty or names rows that are not there.
    """
    if rows is None:
        return None
    rows = np.asarray(rows)
    mask = np.zeros(n_rows, bool)
    try:
        mask[rows] = True if rows.dtype != bool else rows[rows]
    except IndexError as error:
        raise UserError(f"the training rows don't fit the data: {error}.") from None
    if not mask.any():
        raise UserError("there are no training rows; give at least one.")
    return mask


def _observed(description: Any) -> tuple[tuple[float, ...], ...] | None:
    """The observed values of each continuous column; None in files of older versions.

    Raises:
        ValueError: If they are not numbers in rising order.
    """
    if "observed" not in description:
        return None
    observed = tuple(tuple(map(float, values)) for values in description["observed"])
    for values in observed:
        rising = all(a < b for a, b in itertools.pairwise(values))
        if not values or not rising or not all(map(math.isfinite, values)):
            raise ValueError("its observed values are unusable")
    return observed


def _with_levels(column: Column, found: dict[str, set[Level]], n_rows: int) -> Column:
    if column.kind == "continuous":
        return column
    levels = sorted_levels(found[column.name]) if column.levels is None else column.levels
    if unknown := found[column.name] - set(levels):
        raise UserError(
            f"{where(column.name)} holds {shown(min(unknown, key=str))}, which is not among its "
            "declared categories; add it to them, or replace it."
        )
    if len(levels) > _MANY_LEVELS and n_rows < _ROWS_PER_LEVEL * len(levels):
        _warn(
            f"{where(column.name)} has {len(levels)} categories in {n_rows} rows; there is little "
            "to learn from each. Leave it out if it is a name or a number, or merge categories."
        )
    if len(found[column.name]) == 1:
        _warn(f"{where(column.name)} is constant; it can convey nothing.")
    return replace(column, levels=levels)


def _ordered(decomposition: Decomposition) -> list[Column]:
    """The columns in the order of the components."""
    column = {c.name: c for c in decomposition.columns}
    return [column[name] for c in decomposition.components for name in c.columns]


def _code_type(tables: Any) -> Any:
    largest = max((len(table) for table in tables), default=0)
    return np.uint8 if largest <= 256 else np.uint16 if largest <= 65536 else np.int32


def _empty(shape: tuple[int, int], dtype: Any, folder: Path | None, name: str) -> NDArray[Any]:
    """An array to fill, on disk if a folder is given; no file is ever overwritten."""
    if folder is None or 0 in shape:  # an empty file can't be mapped
        return np.empty(shape, dtype)
    path = folder / f"{name}.npy"
    if path.exists():
        raise UserError(f"{path} exists already and nothing is overwritten; choose a new folder.")
    try:
        return np.lib.format.open_memmap(path, "w+", dtype, shape)
    except OSError as error:
        raise UserError(f"can't write {path}: {error.strerror or error}.") from None


def _check_range(name: str, scaled: NDArray[np.float64], start: int) -> None:
    too_large = ~(np.abs(scaled) < 1e30)
    if too_large.any():
        row = start + 1 + int(too_large.argmax())
        raise UserError(
            f"{where(name, row)} is more than 1e30 standard deviations from the training "
            "rows; correct the value or drop the row."
        )


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=4)
