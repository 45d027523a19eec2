"""A readable approximation: symbols of each component, and a table of predictions."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from distributed_ib.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

Number = float | None


@dataclass(frozen=True)
class Symbol:
    """A symbol of a component: a set of its values that are not distinguished.

    Attributes:
        name: Its name: its values, "the others", or a name given by the user.
        text: Its values in words.
        values: Its levels, or its integers if they are listed; otherwise empty.
        intervals: Intervals of a number, with inclusive lower and exclusive upper ends; None for an
            unbounded end. Empty for levels.
        share: Share of the rows.
    """

    name: str
    text: str
    values: tuple[str | int, ...]
    intervals: tuple[tuple[Number, Number], ...]
    share: float


@dataclass(frozen=True)
class ReadableComponent:
    """A component that the table uses.

    Attributes:
        name: Its name.
        conveyed_bits: What it conveys in the approximation.
        symbol_bits: Entropy of its symbols.
        symbols: The symbols, in the order of their values.
    """

    name: str
    conveyed_bits: float
    symbol_bits: float
    symbols: tuple[Symbol, ...]


@dataclass(frozen=True)
class Prediction:
    """Prediction of a row of the table for one entry of Y.

    Attributes:
        value: The most probable class, or the mean.
        median: The median of a number; None for classes.
        low: Lower end of the 90 % interval of the probability of the most probable class, or the
            5 % quantile of a number.
        high: Upper end of that interval, or the 95 % quantile.
        probabilities: Probability of each class; empty for numbers.
    """

    value: str | float
    median: Number
    low: float
    high: float
    probabilities: tuple[float, ...] = ()

    @property
    def probability(self) -> float:
        """Probability of the most probable class; NaN for numbers."""
        return max(self.probabilities, default=float("nan"))


@dataclass(frozen=True)
class ReadableRow:
    """A row of the table.

    Attributes:
        symbols: For each component, the numbers of the symbols that the row accepts; all of them if
            the component does not matter.
        texts: The same in words, "any" for all.
        count: Number of rows of data, among those from which the table was made.
        share: Share of these rows, by weight.
        predictions: The prediction for each entry of Y.
    """

    symbols: tuple[tuple[int, ...], ...]
    texts: tuple[str, ...]
    count: int
    share: float
    predictions: tuple[Prediction, ...]


@dataclass(frozen=True)
class ReadableApproximation:
    """An approximation as symbols of each component and a table of predictions.

    A row of data is predicted by the first row of the table that matches it.

    Attributes:
        target: Name of Y.
        classes: Labels of Y; empty for numbers.
        outputs: Names of the entries of Y.
        beta: Bottleneck strength of the approximation.
        total_bits: What its components convey together.
        components: Components of the table, those that convey most first.
        rows: The rows, in the order of the symbols.
        n_rows: Number of rows of data from which it was made.
        known_bits: Bits of Y that the approximation knows on the reporting rows, from a single draw
            of the noise, to which the conveyed bits refer.
        known_error_bits: Standard error of `known_bits`.
        averaged_known_bits: Bits known from predictions averaged over the noise, as `predict` makes
            them; these use more information than the conveyed bits.
        table_known_bits: Bits of Y that the table knows on the same rows.
        table_known_error_bits: Standard error of `table_known_bits`.
        kept_share: Ratio of `table_known_bits` to `known_bits`; NaN if the latter may be zero: at
            most two standard errors, or at most 0.001 bit.
        kept_error: Standard error of `kept_share`, paired over the rows.
        reported_on: Description of the reporting rows; empty if there are none.
        n_reported: Number of reporting rows.
        formula: Logic that remains of a circuit, in lines; empty for tables.

    Example:
        See `DistributedIBClassifier.readable`.
    """

    target: str
    classes: tuple[str, ...]
    outputs: tuple[str, ...]
    beta: float
    total_bits: float
    components: tuple[ReadableComponent, ...]
    rows: tuple[ReadableRow, ...]
    n_rows: int
    known_bits: float = float("nan")
    known_error_bits: float = float("nan")
    averaged_known_bits: float = float("nan")
    table_known_bits: float = float("nan")
    table_known_error_bits: float = float("nan")
    kept_share: float = float("nan")
    kept_error: float = float("nan")
    reported_on: str = ""
    n_reported: int = 0
    formula: tuple[str, ...] = field(default=())

    @property
    def symbol_bits(self) -> float:
        """Sum over components of the entropy of their symbols."""
        return sum(component.symbol_bits for component in self.components)

    def to_text(self) -> str:
        """A sentence and a table, for a terminal."""
        from distributed_ib.readable._formats import as_text

        return as_text(self)

    def to_markdown(self) -> str:
        """A sentence and a table in Markdown."""
        from distributed_ib.readable._formats import as_markdown

        return as_markdown(self)

    def to_latex(self) -> str:
        """The table in LaTeX, for the package booktabs."""
        from distributed_ib.readable._formats import as_latex

        return as_latex(self)

    def to_frame(self) -> "pd.DataFrame":
        """The table as a pandas data frame with numeric columns, one row for each row."""
        from distributed_ib.readable._formats import as_frame

        return as_frame(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values; NaN becomes None."""
        found = asdict(self)
        found["symbol_bits"] = self.symbol_bits
        return {name: _plain(value) for name, value in found.items()}

    @classmethod
    def from_dict(cls, description: Any) -> "ReadableApproximation":
        """Read the output of `to_dict`.

        Raises:
            UserError: If it is not a valid description of a readable table.
        """
        try:
            return _from_dict(description)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise UserError(
                f"this is not a valid description of a readable table: {error}."
            ) from None

    def named(self, names: Mapping[str, Mapping[str, str]]) -> "ReadableApproximation":
        """The same with user-defined names of symbols.

        Args:
            names: For each component, a mapping from `Symbol.text` to the name of the symbol.

        Raises:
            UserError: If two symbols of a component have the same name.

        Example:
            See `docs/reading.md`.
        """
        from distributed_ib.readable._names import with_names

        return with_names(self, names)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value


def _float(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _from_dict(found: Any) -> ReadableApproximation:
    components = tuple(
        ReadableComponent(
            str(one["name"]),
            _float(one["conveyed_bits"]),
            _float(one["symbol_bits"]),
            tuple(
                Symbol(
                    str(symbol["name"]),
                    str(symbol["text"]),
                    tuple(v if isinstance(v, int) else str(v) for v in symbol["values"]),
                    tuple((_end(low), _end(high)) for low, high in symbol["intervals"]),
                    float(symbol["share"]),
                )
                for symbol in one["symbols"]
            ),
        )
        for one in found["components"]
    )
    rows = tuple(
        ReadableRow(
            tuple(tuple(map(int, part)) for part in row["symbols"]),
            tuple(map(str, row["texts"])),
            int(row["count"]),
            float(row["share"]),
            tuple(
                Prediction(
                    one["value"] if isinstance(one["value"], str) else float(one["value"]),
                    _end(one["median"]),
                    float(one["low"]),
                    float(one["high"]),
                    tuple(map(float, one["probabilities"])),
                )
                for one in row["predictions"]
            ),
        )
        for row in found["rows"]
    )
    for row in rows:
        for part, component in zip(row.symbols, components, strict=True):
            if not part or max(part) >= len(component.symbols) or min(part) < 0:
                raise ValueError("a row names symbols that are not there")
    empty = ReadableApproximation("", (), (), 1.0, 0.0, components, rows, 0)
    numbers: dict[str, Any] = {
        name: _float(found[name]) for name, value in vars(empty).items() if isinstance(value, float)
    }
    return replace(
        empty,
        **numbers,
        target=str(found["target"]),
        classes=tuple(map(str, found["classes"])),
        outputs=tuple(map(str, found["outputs"])),
        n_rows=int(found["n_rows"]),
        n_reported=int(found["n_reported"]),
        reported_on=str(found["reported_on"]),
        formula=tuple(map(str, found["formula"])),
    )


def _end(value: Any) -> Number:
    return None if value is None else float(value)


def check_max_rows(max_rows: int) -> None:
    """Check the maximum number of rows of a table.

    Raises:
        UserError: If it is not an integer from 1 to 64.
    """
    from distributed_ib._checks import whole_number

    whole_number("max_rows", max_rows, 1, 64)
