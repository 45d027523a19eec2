"""An approximation that can be read: symbols of each component, and a table of predictions."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from distributed_ib.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

Number = float | None


@dataclass(frozen=True)
class Symbol:
    """What a component may say: some of its values, which it does not tell apart.

    Attributes:
        name: How it is called: its values, "the others", or the user's word.
        text: Its values in words.
        values: Its levels, or its whole numbers where they are listed; else empty.
        intervals: Intervals of a number from a lower end, which belongs to it, up to an upper end,
            which does not; None for no end. Empty for levels.
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
        symbol_bits: What its symbols tell: their entropy.
        symbols: The symbols, in the order of their values.
    """

    name: str
    conveyed_bits: float
    symbol_bits: float
    symbols: tuple[Symbol, ...]


@dataclass(frozen=True)
class Prediction:
    """What a row of the table says about one entry of Y.

    Attributes:
        value: The likeliest class, or the mean.
        median: The median of a number; None for classes.
        low: Lower end of an interval: of the probability of the likeliest class, at a level of
            90 %, or the 5 % quantile of a number.
        high: Its upper end, or the 95 % quantile.
        probabilities: Probability of each class; empty for numbers.
    """

    value: str | float
    median: Number
    low: float
    high: float
    probabilities: tuple[float, ...] = ()

    @property
    def probability(self) -> float:
        """Probability of the likeliest class; NaN for numbers."""
        return max(self.probabilities, default=float("nan"))


@dataclass(frozen=True)
class ReadableRow:
    """A row of the table.

    Attributes:
        symbols: For each component the symbols for which the row holds, by number; all of them
            where it does not matter.
        texts: The same in words, "any" for all.
        count: Rows of data, of those by which the table was made.
        share: Their share, by weight.
        predictions: What is predicted, for each entry of Y.
    """

    symbols: tuple[tuple[int, ...], ...]
    texts: tuple[str, ...]
    count: int
    share: float
    predictions: tuple[Prediction, ...]


@dataclass(frozen=True)
class ReadableApproximation:
    """An approximation as symbols of each component and a table of predictions.

    Of a row of data the first row of the table that fits it holds.

    Attributes:
        target: Name of Y.
        classes: Labels of Y; empty for numbers.
        outputs: Names of the entries of Y.
        beta: Bottleneck strength of the approximation.
        total_bits: What its components convey together.
        components: Components of the table, those that convey most first.
        rows: The rows, in the order of the symbols.
        n_rows: Rows of data by which it was made.
        known_bits: What the approximation knows of Y on rows that report, with a single draw of
            the noise, as its stated bits tell.
        known_error_bits: Standard error.
        averaged_known_bits: What it knows with predictions averaged over the noise, as `predict`
            makes them: more than the stated bits tell.
        table_known_bits: What the table knows of Y on the same rows.
        table_known_error_bits: Standard error.
        kept_share: Ratio of `table_known_bits` and `known_bits`; NaN where the approximation may
            know nothing: no more than two standard errors, or than 0.001 bit.
        kept_error: Its standard error; the rows are paired.
        reported_on: The rows that report; empty if there are none.
        n_reported: Their number.
        formula: What is left of a circuit's logic, in lines; empty for tables.

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
        """What all symbols tell, each component by itself: the sum of their entropies."""
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
        """The table for pandas: a row each, numbers as numbers."""
        from distributed_ib.readable._formats import as_frame

        return as_frame(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values; NaN becomes None."""
        found = asdict(self)
        found["symbol_bits"] = self.symbol_bits
        return {name: _plain(value) for name, value in found.items()}

    @classmethod
    def from_dict(cls, description: Any) -> "ReadableApproximation":
        """Read what `to_dict` gave.

        Raises:
            UserError: If it is no such description.
        """
        try:
            return _from_dict(description)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise UserError(
                f"this is not a valid description of a readable table: {error}."
            ) from None

    def named(self, names: Mapping[str, Mapping[str, str]]) -> "ReadableApproximation":
        """The same with the user's words for symbols.

        Args:
            names: For each component, from a symbol's values in words (`Symbol.text`) to its name.

        Raises:
            UserError: If a component has two symbols of the same name.

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
    """Check the most rows of a table.

    Raises:
        UserError: If it is no whole number from 1 to 64.
    """
    from distributed_ib._checks import whole_number

    whole_number("max_rows", max_rows, 1, 64)
