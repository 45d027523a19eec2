"""Random tables with awkward contents that occur in practice, generated from a seed."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

Rng = np.random.Generator
Maker = Callable[[Rng, int], Any]

NAMES = (
    *("a", "b", "when", "y", "a: trend", "when: weekday", "kind", "levels", "missing", "(rare)"),
    *(
        "",
        " ",
        "é",
        "名前",
        "a\nb",
        "a\tb",
        '"',
        "'",
        "[x]",
        "a.b",
        "a = 1",
        "#",
        "\\",
        "\x07",
        "\u202e",
    ),
    *("x" * 300, "1", "0", "True", "None", "NaN", "=1+1", "<b>", "$x$", "%s", "{}"),
)
TEXTS = (
    *(
        "",
        " ",
        "a",
        "A",
        "é",
        "名",
        "a\nb",
        "missing",
        "(rare)",
        "(empty)",
        "present",
        "None",
        "nan",
    ),
    *("1", "1.5", "1e400", "inf", "2026-01-31", "31/01/2026", "01/02/2026", "12:30", "x" * 1000),
    *("0x10", "1_000", "1,5", "true", "=1+1", "<script>", "\x00", "\u202egnirts", "'; drop table"),
)
DATE_TEXTS = (
    *("2026-01-31", "2026-02-30", "31/01/2026", "01/02/2026", "13/13/2026", "1.2.26", "31.12.1999"),
    *(
        "2026-01-31T12:30:05Z",
        "2026-01-31 12:30:05.123456+02:00",
        "2026-01-31 25:00",
        "12:30",
        "24:00",
    ),
    *("9999-12-31", "0001-01-01", "1/2/2026 3:05 pm", "2026/1/2", "2026-W03", "today", ""),
)


@dataclass(frozen=True)
class HostileTable:
    """A table and its target.

    Attributes:
        seed: The seed from which it was generated.
        x: The columns.
        y: The target, which may have missing values.
    """

    seed: int
    x: pd.DataFrame
    y: pd.Series


def _numbers(rng: Rng, n: int) -> Any:
    return rng.normal(size=n) * 10.0 ** rng.integers(-3, 4)


def _with_gaps(rng: Rng, n: int) -> Any:
    return np.where(rng.random(n) < rng.random(), np.nan, rng.normal(size=n).round(1))


def _huge(rng: Rng, n: int) -> Any:
    choices = (2**53 + 1, 2**63, -(2**64), 10**30, 10**400, 0)
    return pd.Series([choices[k] for k in rng.integers(len(choices), size=n)], dtype=object)


def _extreme(rng: Rng, n: int) -> Any:
    return rng.choice([1e308, -1e308, 5e-324, 0.0, -0.0, 1.0], n)


def _infinite(rng: Rng, n: int) -> Any:
    return np.where(rng.random(n) < 0.1, rng.choice([np.inf, -np.inf], n), rng.normal(size=n))


def _choice_of_objects(*values: Any) -> Maker:
    def make(rng: Rng, n: int) -> Any:
        column = np.empty(n, object)
        for row, k in enumerate(rng.integers(len(values), size=n)):
            column[row] = values[k]
        return pd.Series(column, dtype=object)

    return make


def _few_texts(rng: Rng, n: int) -> Any:
    few = [TEXTS[k] for k in rng.integers(len(TEXTS), size=rng.integers(1, 6))]
    return pd.Series([few[k] for k in rng.integers(len(few), size=n)], dtype=object)


def _dates_as_text(rng: Rng, n: int) -> Any:
    few = [DATE_TEXTS[k] for k in rng.integers(len(DATE_TEXTS), size=rng.integers(1, 4))]
    return pd.Series([few[k] for k in rng.integers(len(few), size=n)], dtype=object)


def _days(rng: Rng, n: int) -> Any:
    days = pd.Timestamp("1970-01-01") + pd.to_timedelta(rng.integers(-40_000, 40_000, n), unit="D")
    days = pd.Series(days).where(rng.random(n) < 0.9)
    kind = rng.integers(4)
    if kind == 0:
        return days.dt.tz_localize("Europe/Zurich", nonexistent="NaT", ambiguous="NaT")
    if kind == 1:
        return days.dt.strftime(str(rng.choice(["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%y", "%d.%m.%Y"])))
    return days.dt.date if kind == 2 else days


def _durations(rng: Rng, n: int) -> Any:
    spans = pd.Series(pd.to_timedelta(rng.integers(-5, 10**6, n), unit=str(rng.choice(["s", "D"]))))
    return spans.where(rng.random(n) < 0.8)


def _category(rng: Rng, n: int) -> Any:
    levels = [*"abcdefgh"][: rng.integers(1, 8)]
    values = pd.Series(rng.choice(levels, n)).where(rng.random(n) < 0.9)
    categories = [*levels, "unused"]
    return pd.Series(pd.Categorical(values, categories, ordered=bool(rng.integers(2))))


def _many_levels(rng: Rng, n: int) -> Any:
    return pd.Series([f"level {k}" for k in rng.zipf(1.3, n)])


def _nullable(rng: Rng, n: int) -> Any:
    kinds = ("Int64", "Float64", "boolean", "UInt8", "string")
    kind = str(rng.choice(kinds))
    numbers = pd.Series(rng.integers(0, 2, n))
    values = (numbers.astype(str) if kind == "string" else numbers).astype(kind)
    return values.mask(rng.random(n) < 0.2)


def _arrow(rng: Rng, n: int) -> Any:
    kinds = (pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.null(), pa.float16())
    kind = kinds[rng.integers(len(kinds))]
    plain: Callable[[int], Any] = int
    if kind == pa.string():
        plain = str
    elif kind == pa.bool_():
        plain = bool
    gone = rng.random(n) < (1.0 if kind == pa.null() else 0.1)
    pairs = zip(rng.integers(0, 2, n).tolist(), gone.tolist(), strict=True)
    values = [None if is_gone else plain(value) for value, is_gone in pairs]
    return pd.Series(pd.array(values, dtype=pd.ArrowDtype(kind)))


def _arrow_times(rng: Rng, n: int) -> Any:
    kinds = (pa.timestamp("us"), pa.timestamp("ns", "UTC"), pa.date32(), pa.duration("s"))
    kind = kinds[rng.integers(len(kinds))]
    array = pa.array(rng.integers(0, 10_000, n), pa.int32() if kind == pa.date32() else pa.int64())
    return pd.Series(pd.array(array.cast(kind), dtype=pd.ArrowDtype(kind)))


USUAL: tuple[Maker, ...] = (
    *(_numbers, _with_gaps, _few_texts, _days, _durations, _category, _many_levels, _nullable),
    *(_arrow, _arrow_times),
    lambda rng, n: rng.integers(0, 5, n),
    lambda rng, n: rng.random(n) < 0.5,
    lambda rng, n: np.arange(n) + rng.integers(0, 2),
    lambda rng, n: np.full(n, 3.0),
    lambda rng, n: ["same"] * n,
    lambda rng, n: [None] * n,
    lambda rng, n: np.full(n, np.nan),
    lambda rng, n: [f"a note about row {k}" for k in range(n)],
    _choice_of_objects("u", "v", None, float("nan"), pd.NA, pd.NaT),
    _choice_of_objects(True, False, None),
    _choice_of_objects(Decimal("1.5"), Decimal(2), Decimal("NaN")),
    _choice_of_objects(datetime.date(2026, 1, 31), datetime.date(1, 1, 1), None),
    _choice_of_objects(datetime.time(12, 30), datetime.time(0, 0), None),
    _choice_of_objects("yes", "no", "", " "),
)
ODD: tuple[Maker, ...] = (
    *(_huge, _extreme, _infinite, _dates_as_text),
    lambda rng, n: rng.normal(size=n) + 1j,
    lambda rng, n: rng.normal(size=n).astype(np.float16),
    lambda rng, n: pd.period_range("2020-01", periods=n, freq="M"),
    lambda rng, n: pd.cut(rng.normal(size=max(n, 1)), 3)[:n],
    lambda rng, n: pd.Series(pd.arrays.SparseArray(rng.integers(0, 2, n))),
    _choice_of_objects(1, "1", None),
    _choice_of_objects(b"u", b"v"),
    _choice_of_objects([1], [2, 3], []),
    _choice_of_objects({"a": 1}, None),
    _choice_of_objects(Decimal("1.5"), Decimal("sNaN"), Decimal("1e400")),
    _choice_of_objects(datetime.date(2026, 1, 31), datetime.datetime(2026, 1, 31, 12), None),
    _choice_of_objects(datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC), pd.Timestamp("2026")),
    _choice_of_objects(datetime.timedelta(hours=3), datetime.timedelta(days=-1)),
    _choice_of_objects(datetime.date(2026, 1, 31), 1.5, "2026-01-31"),
    _choice_of_objects("\udcff", "a"),
    _choice_of_objects(object(), 1),
    _choice_of_objects(np.float32(1), np.int8(2), np.bool_(True), np.str_("x")),
    _choice_of_objects(1, 2, 3, 10**5000),
)


def _column(rng: Rng, n: int) -> pd.Series:
    makers = USUAL if rng.random() < 0.85 else ODD
    return pd.Series(makers[rng.integers(len(makers))](rng, n)).reset_index(drop=True)


def hostile_table(seed: int) -> HostileTable:
    """A table of 0 to 200 rows and one to six columns."""
    rng = np.random.default_rng([seed, 11])
    n = int(rng.choice([0, 1, 2, 19, 20, 40, 60, 120, 200], p=[0.03] * 4 + [0.1] + [0.195] * 4))
    columns, names = [], []
    for _ in range(rng.integers(1, 7)):
        columns.append(_column(rng, n))
        names.append(NAMES[rng.integers(len(NAMES))])
    if rng.random() < 0.9:  # mostly remove duplicate names, which are rare in practice
        names = list(dict.fromkeys(names))
        columns = columns[: len(names)]
    x = pd.concat(columns, axis=1)
    x.columns = pd.Index(names, dtype=object)
    if n and rng.random() < 0.1:  # a whole row missing
        x = x.astype(object)
        x.iloc[int(rng.integers(n))] = None
    return HostileTable(seed, x, _target(rng, n))


def _target(rng: Rng, n: int) -> pd.Series:
    kind = rng.integers(6)
    if kind == 0:
        return _column(rng, n)
    y = pd.Series(rng.normal(size=n)) if kind < 3 else pd.Series(rng.choice(["no", "yes"], n))
    return y.where(rng.random(n) < (0.9 if kind % 2 else 1.0))
