"""Columns with odd contents are accepted, or rejected with a one-line remedy."""

import contextlib
import json
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from distributed_ib import DistributedIBClassifier, DistributedIBRegressor
from distributed_ib.data.columns.column import Kind
from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.files.table_files import read_table
from distributed_ib.data.target import Target, label_array
from distributed_ib.errors import UserError

HUGE = 10**400  # the largest double is 1.8e308
N_ROWS = 24


def table_with(values: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": np.arange(float(len(values))), "c": values})


def fit_column(values: Any, kind: Kind | None = None) -> Any:
    table = table_with(values)
    return Decomposition.from_frame(table, kinds=kind and {"c": kind}).fit(table)


def column_of(values: list[Any]) -> pd.Series:
    """A column of objects, including objects that pandas would spread over rows."""
    column = np.empty(N_ROWS, object)
    for row in range(N_ROWS):
        column[row] = values[row % len(values)]
    return pd.Series(column, dtype=object)


def test_a_whole_number_beyond_a_double_is_named() -> None:
    column = column_of([1, 2, 3]).where(np.arange(N_ROWS) != 16, HUGE)
    message = r"column 'c', row 17 .*whole number above 1\.8e308.*rescale.*text if"
    with pytest.raises(UserError, match=message):
        fit_column(column)
    with pytest.raises(UserError, match=r"column 'y', row 17 .*whole number above"):
        Target.fit(column, "regression", name="y")
    with pytest.raises(UserError, match=r"column 'c', row 2 .*whole number above"):
        fit_column(np.arange(1.0 * N_ROWS)).transform(table_with(column_of([1, -HUGE])))
    with pytest.raises(UserError, match=r"row 17 .*whole number above"):
        DistributedIBRegressor(n_steps=1).fit(np.arange(N_ROWS).reshape(-1, 1), column)


def test_a_whole_number_beyond_a_double_in_a_csv_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,c\n" + f"1,{HUGE}\n2,7\n" * 12)
    with pytest.raises(UserError, match=r"column 'c', row 1 .*whole number above"):
        Decomposition.from_frame(read_table(path)).fit(read_table(path))


def test_whole_numbers_of_a_hundred_digits_are_numbers() -> None:
    fitted = fit_column(column_of([10**100, 3 * 10**100]))
    assert fitted.mean[1] == pytest.approx(2e100)
    target = Target.fit(column_of([10**100, 3 * 10**100]), "regression")
    np.testing.assert_allclose(target.transform(column_of([10**100]), binned=False), -1.0)
    assert target.transform(column_of([10**100, 3 * 10**100])).tolist()[:2] == [0, 1]


def test_a_whole_number_beyond_a_double_is_no_category() -> None:
    with pytest.raises(
        UserError, match=r"column 'c', row 2 .* has .* categories.*convert them to text"
    ):
        fit_column(column_of([1, HUGE]), "categorical")
    # Python refuses to print an integer of 5,000 digits.
    with pytest.raises(UserError, match="a whole number with thousands of digits among"):
        fit_column(column_of([1, 10**5000]), "categorical")
    with pytest.raises(UserError, match=r"row 2 .*thousands of digits"):
        fit_column(column_of([1, 2]), "categorical").transform(table_with(column_of([1, 10**5000])))


@pytest.mark.parametrize(
    "value",
    [[1], {"a": 1}, {1}, np.array(1.0), bytearray(b"x"), b"x", Fraction(1, 3), 1j, slice(1)],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("kind", [None, "categorical", "continuous"])
def test_an_object_is_named_with_its_row(value: Any, kind: Kind | None) -> None:
    message = rf"row 3 .*contains a value of type {type(value).__name__}; convert such values"
    column = column_of([1, 2]).where(np.arange(N_ROWS) != 2)
    column[2] = None
    column.array[2] = value
    with pytest.raises(UserError, match=f"column 'c', {message}"):
        fit_column(column, kind)
    task = {None: "auto", "categorical": "classification", "continuous": "regression"}[kind]
    with pytest.raises(UserError, match=f"column 'y', {message}"):
        Target.fit(column, task)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=f"column 'c', {message}"):
        fit_column(np.arange(N_ROWS) % 2, kind).transform(table_with(column))


def test_a_signalling_decimal_is_a_missing_value() -> None:
    for kind in (None, "continuous", "categorical"):
        fitted = fit_column(column_of([Decimal(1), Decimal("sNaN")]), kind)
        assert fitted.column("c").can_be_missing
    with pytest.raises(UserError, match=r"column 'y', row 2 .*missing a value"):
        Target.fit(column_of([Decimal(1), Decimal("sNaN")]))


def test_text_that_is_no_unicode_is_named() -> None:
    for kind in (None, "categorical"):
        with pytest.raises(UserError, match=r"'c' .*'\\udcff', which is not valid Unicode text"):
            fit_column(column_of(["a", "\udcff"]), kind)


def test_a_long_value_is_shown_in_part() -> None:
    with pytest.raises(UserError) as error:
        fit_column(column_of([1, "x" * 5000]))
    assert "contains numbers, but also 'xxx" in str(error.value)
    assert len(str(error.value)) < 300


def test_labels_keep_every_digit() -> None:
    classes = (-1, 2**63 + 1)  # numpy would convert to double
    assert label_array(classes).tolist() == list(classes)
    assert label_array(("a", "a\0")).tolist() == ["a", "a\0"]  # and drop trailing nulls


def test_a_ragged_target_is_refused() -> None:
    ragged = [[1.0], [1.0, 2.0]] * 12
    for model in (DistributedIBRegressor(n_steps=1), DistributedIBClassifier(n_steps=1)):
        with pytest.raises(UserError, match=r"target's rows differ in length.*\[n\]|1d array"):
            model.fit(np.arange(N_ROWS).reshape(-1, 1), ragged)
    with pytest.raises(UserError, match=r"target.*\[n\]"):
        Target.fit(ragged)


VALUES: tuple[Any, ...] = (
    *(0, 1, -1, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**100, 10**309, 10**5000),
    *(1.5, -0.0, 1e308, -1e308, 5e-324, float("inf"), float("nan"), None, pd.NA, pd.NaT),
    *(True, False, Decimal("1.5"), Decimal("1e400"), Decimal("NaN"), Decimal("sNaN")),
    *(Fraction(1, 3), 1 + 2j, b"1", bytearray(b"x"), [1], [], (1,), {1}, {"a": 1}, object()),
    *("", " ", "1", "1.5", "inf", "nan", "NA", "1e400", "0x10", "1_000", "true", "x", "1" * 400),
    *("\x00", "\udcff", "é", "2020-01-01", "1,5", "∞", "1" * 5000, "two\nlines"),
    *(np.float32(1.5), np.float16(2), np.longdouble("1e4000"), np.uint64(2**64 - 1), np.int8(3)),
    *(np.bool_(True), np.str_("x"), np.bytes_(b"x"), np.complex64(1), np.array(1), np.array([1])),
    *(np.datetime64("2020-01-01"), np.timedelta64(1, "D"), pd.Timestamp("2020"), pd.Period("2020")),
    *(pd.Interval(0, 1), pd.Series([1]), pd.DataFrame(), int, Ellipsis, slice(1), range(3)),
)
DTYPES: tuple[Any, ...] = (
    *("Int64", "Float64", "boolean", "str", "category", "float16", "uint64", "complex128", "S3"),
    *("datetime64[ns]", "timedelta64[s]", "Sparse[float]", "Period[D]", "float128", "UInt8"),
    *(pd.ArrowDtype(kind) for kind in (pa.int64(), pa.float64(), pa.bool_(), pa.string())),
    *(pd.ArrowDtype(kind) for kind in (pa.decimal128(38, 2), pa.decimal256(76, 2), pa.null())),
    *(pd.ArrowDtype(kind) for kind in (pa.date32(), pa.timestamp("us"), pa.time32("s"))),
    *(pd.ArrowDtype(kind) for kind in (pa.binary(), pa.list_(pa.int64()), pa.float16())),
)


def odd_column(rng: np.random.Generator) -> pd.Series:
    """A few odd values, possibly with plain numbers or text, as objects or as another dtype."""
    few = [VALUES[k] for k in rng.integers(len(VALUES), size=rng.integers(1, 5))]
    plain: tuple[list[Any], ...] = ([], [1, 2, 3, 4.5], ["u", "v"])
    column = column_of([*few, *plain[rng.integers(3)]])
    if rng.random() < 0.5:
        return column
    for source in (column, column_of([1, 2])):
        with contextlib.suppress(Exception):  # not every dtype can represent every value
            return source.astype(DTYPES[rng.integers(len(DTYPES))])
    return column


@contextlib.contextmanager
def only_user_errors() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 800


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("seed", range(6))
def test_odd_columns_raise_user_errors_only(seed: int) -> None:
    """Accepted columns can be transformed and saved; rejected ones raise a `UserError`."""
    rng = np.random.default_rng(seed)
    for _ in range(100):
        values, others = odd_column(rng), odd_column(rng)
        with only_user_errors():
            fitted = fit_column(values, (None, "continuous", "categorical")[rng.integers(3)])
            inputs = fitted.transform(table_with(values))
            assert np.isfinite(inputs.numbers).all()
            loaded = type(fitted).from_dict(json.loads(json.dumps(fitted.to_dict())))
            np.testing.assert_array_equal(loaded.transform(table_with(values)).codes, inputs.codes)
            with only_user_errors():
                fitted.transform(table_with(others))
        with only_user_errors():
            task = ("auto", "classification", "regression")[rng.integers(3)]
            target = Target.fit(values, task, name="y")  # type: ignore[arg-type]
            y = target.transform(values)
            loaded_target = Target.from_dict(json.loads(json.dumps(target.to_dict())))
            np.testing.assert_array_equal(loaded_target.transform(values), y)
            target.inverse(y)
            with only_user_errors():
                target.transform(others)


@pytest.mark.parametrize("form", ["{} %", "${}", "{}1\u00a0234", "{}1'234.5", "{},5%"])
def test_many_numbers_with_signs_are_no_categories(form: str) -> None:
    def table(n_levels: int) -> pd.DataFrame:
        return pd.DataFrame({"c": [form.format(k % n_levels) for k in range(60)]})

    with pytest.raises(
        UserError, match="column 'c' contains numbers with signs or spaces, such as"
    ):
        Decomposition.from_frame(table(30))
    kinds = {"c": "categorical"}
    assert Decomposition.from_frame(table(30), kinds=kinds).columns[0].kind == "categorical"
    assert Decomposition.from_frame(table(5)).columns[0].kind == "categorical"  # such as doses


def test_pairs_of_numbers_are_text() -> None:
    table = pd.DataFrame({"c": [f"{k % 30},{k % 30 % 7}" for k in range(60)]})
    assert Decomposition.from_frame(table).columns[0].kind == "categorical"
