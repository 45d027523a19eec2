"""The data that a page contains, and what it must not contain."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from distributed_ib.errors import UserError
from distributed_ib.report.page.held_out_views import class_predictions, number_predictions
from distributed_ib.report.page.packed_data import load_packed, save_packed, to_json
from distributed_ib.report.page.page_channels import merged_values
from distributed_ib.report.page.page_writer import PagePart, fill_template, page_html, page_script
from distributed_ib.report.page.scheme_curves import evenly, scheme_curves
from distributed_ib.report.page.value_summaries import (
    LEAST_ROWS,
    grouped_numbers,
    levels_summary,
    numbers_summary,
)
from distributed_ib.report.page.without_rows import content_without_rows
from distributed_ib.report.report import Finding, Report, Section
from schemes import falling_scheme


def test_packed_data_come_back(tmp_path: Path) -> None:
    content = {
        "names": ["a", None, 1.5],
        "inner": {"bits": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.int64(3)},
        "bad": float("nan"),
    }
    save_packed(tmp_path / "page.npz", content)
    found = load_packed(tmp_path / "page.npz")
    assert found["names"] == ["a", None, 1.5]
    assert found["inner"]["n"] == 3
    assert found["bad"] is None
    np.testing.assert_array_equal(found["inner"]["bits"], content["inner"]["bits"])  # type: ignore[index]


def test_damaged_packed_data_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "page.npz"
    save_packed(path, {"a": np.zeros(3)})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"page\.npz"):
        load_packed(path)
    np.savez(path, description=np.frombuffer(b'{"a": {"$array": "a7"}}', np.uint8))
    with pytest.raises(UserError, match="damaged"):
        load_packed(path)


@given(st.text())
def test_no_text_ends_the_element_that_holds_the_data(text: str) -> None:
    found = to_json({"name": text})
    assert "<" not in found
    assert json.loads(found)["name"] == text.encode("utf-8", "replace").decode()


def test_text_that_looks_like_a_placeholder_is_kept() -> None:
    page = fill_template(to_json({"name": "@SCRIPT@ @DATA@ \\1"}))
    assert '"name":"@SCRIPT@ @DATA@ \\\\1"' in page
    assert page.count("function start()") == 1


def test_a_page_forbids_the_network_and_names_no_other_place() -> None:
    page = page_html(Report("A title", ()), [PagePart("", falling_scheme(["a", "b"]))])
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy[1]
    addresses = set(re.findall(r"https?://[^\"' )]*", page))
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval)\b", page)


def test_the_modules_of_the_script_share_no_name() -> None:
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", page_script(), flags=re.M)
    assert len(names) == len(set(names)) > 50


def test_findings_and_warnings_stand_in_the_page() -> None:
    opening = Section("", (Finding("0.5 bits are known."), Finding("Beware.", kind="warning")))
    page = page_html(Report("T", (opening,)), [])
    assert '"text":"0.5 bits are known.","kind":"finding"' in page
    assert '"text":"Beware.","kind":"warning"' in page


def test_curves_are_the_numbers_of_the_scheme_in_order_of_bits() -> None:
    scheme = falling_scheme(["a", "b", "c"])
    curves = scheme_curves(scheme)
    data = scheme.to_xarray().isel(seed=0)
    places = curves["places"]
    np.testing.assert_array_equal(places["bits"], data["kl_bits"].values[places["step"]])
    assert (np.diff(places["total"]) >= 0).all()
    known = data["predictive_information_bits"].sel(split="validation").values
    np.testing.assert_array_equal(places["known"], known[places["step"]])
    assert curves["rows"] == "validation rows"


@given(
    arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 100)),
    st.integers(3, 20),
    st.data(),
)
def test_chosen_places_hold_the_ends_and_those_asked_for(
    values: Any, n_wanted: int, data: st.DataObject
) -> None:
    values = np.sort(values)
    kept = {data.draw(st.integers(0, len(values) - 1)) for _ in range(2)}
    found = evenly(values, n_wanted, kept).tolist()
    assert kept <= set(found)
    assert len(found) <= max(n_wanted, 4)
    assert found == sorted(set(found))


# Distributions ------------------------------------------------------------------------------------


@given(
    arrays(np.float64, st.integers(10, 200), elements=st.floats(-10, 10).map(lambda v: round(v, 1)))
)
def test_every_group_of_numbers_holds_ten_rows(rows: Any) -> None:
    found = grouped_numbers(rows)
    assert found.counts.min() >= LEAST_ROWS
    assert found.counts.sum() == len(rows)
    assert np.all(np.diff(found.values) > 0)
    for k, value in enumerate(found.values):
        mine = rows[found.group_of_row == k]
        assert mine.min() <= value <= mine.max()
    assert set(found.bars[found.bars > 0].tolist()).isdisjoint(range(1, LEAST_ROWS))


def test_values_that_ten_rows_share_stay_as_they_are() -> None:
    rows = np.repeat(np.arange(7.0), 11)
    assert grouped_numbers(rows).values == list(range(7))


def test_all_rows_are_counted() -> None:
    rows = np.random.default_rng(0).normal(size=500)
    found = numbers_summary(rows)
    assert found.bars.sum() == found.counts.sum() == 500
    assert found.edges is not None


def test_rare_levels_lose_their_names() -> None:
    codes = np.repeat([0, 1, 2], [30, 9, 12])
    found = levels_summary(["a", "rare", "c"], codes, grouped=True)
    assert found.values == ["a", "c"]
    assert found.n_hidden == 9
    assert found.places.tolist() == [0, 2]


def test_values_merge_only_if_all_of_them_overlap() -> None:
    """A chain of values that only overlap with their neighbours is not one symbol."""
    position = np.arange(6.0)
    overlap = np.exp(-((position[:, None] - position) ** 2) / 2)
    groups = merged_values(overlap)
    assert groups[0] != groups[-1]
    for group in set(groups.tolist()):
        mine = np.flatnonzero(groups == group)
        assert overlap[np.ix_(mine, mine)].min() > 0.5


# Predictions --------------------------------------------------------------------------------------


def test_predictions_of_numbers_are_measured() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=400)
    predicted = np.stack([np.zeros(400), truth + 0.1 * rng.normal(size=400)])
    found = number_predictions(
        truth, predicted, predicted - 0.2, predicted + 0.2, {"x": grouped_numbers(truth)}
    )
    np.testing.assert_allclose(found["error"], np.array([truth.std(), 0.1]), rtol=0.1)
    assert found["interval"][1] == pytest.approx(0.954, abs=0.03)
    assert found["errors"]["x"]["count"].min() >= LEAST_ROWS
    last = found["groups"][1]
    np.testing.assert_allclose(last["predicted"], last["observed"], atol=0.15)


def test_predictions_of_classes_are_measured() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(size=2000)
    truth = (rng.uniform(size=2000) < p).astype(int)
    found = class_predictions(truth, np.stack([np.stack([1 - p, p], axis=1)]), {})
    assert found["confusion"].sum() == 2000
    assert found["error"][0] == pytest.approx(0.25, abs=0.03)
    one = found["reliability"][0]
    np.testing.assert_allclose(one["predicted"], one["observed"], atol=0.07)


# Without rows -------------------------------------------------------------------------------------


def arrays_in(page: str) -> list[np.ndarray]:
    """All arrays that a page contains."""
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.S)
    assert data is not None
    found = []

    def visit(value: Any) -> None:
        if isinstance(value, dict) and "$" in value:
            found.append(np.frombuffer(base64.b64decode(value["base64"]), value["$"]))
        elif isinstance(value, dict):
            for part in value.values():
                visit(part)
        elif isinstance(value, list):
            for part in value:
                visit(part)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append(np.array([value], np.float64))

    visit(json.loads(data[1]))
    return found


@pytest.mark.usefixtures("quick_compilation")
def test_no_value_of_a_single_row_stands_in_a_page_without_rows() -> None:
    pages = pytest.importorskip("pages")
    model, x, content = pages.fitted_table()
    y = pages.hostile_table()[pages.TARGET].to_numpy()
    with_rows = pages.page_of_table(model, content)
    without = pages.page_of_table(model, content, with_rows=False)

    def holds(page: str, value: float) -> bool:
        return any(
            np.isclose(part.astype(np.float64), value, rtol=1e-6, atol=0).any()
            for part in arrays_in(page)
        )

    assert holds(with_rows, pages.SENTINEL)
    assert not holds(without, pages.SENTINEL)
    numbers = x[pages.HOSTILE[0]].to_numpy()
    once = [v for v in numbers if abs(v) > 0.01 and (numbers == v).sum() == 1]
    assert sum(holds(with_rows, v) for v in once[:30]) > 20
    assert sum(holds(without, v) for v in once[:30]) == 0
    once_y = [v for v in y if abs(v) > 0.01 and (y == v).sum() == 1]
    assert sum(holds(with_rows, v) for v in once_y[:30]) > 5
    assert sum(holds(without, v) for v in once_y[:30]) == 0


def test_small_counts_and_rare_classes_are_hidden() -> None:
    confusion = np.array([[[30, 4], [0, 20]]], np.int32)
    content = {
        "n_rows": 54,
        "target": {
            "name": "y",
            "task": "classification",
            "classes": ["a", "b"],
            "share": [0.6, 0.4],
        },
        "values": {"single": {}, "grouped": {"components": {}, "channels": {}}},
        "inputs": None,
        "model": None,
        "predictions": {"n_rows": 54, "confusion": confusion, "rows": {}},
    }
    found = content_without_rows(content)
    assert found["predictions"]["confusion"].tolist() == [[[30, -1], [0, 20]]]
    assert found["predictions"]["rows"] is None
    rare = {**content, "target": {**content["target"], "share": [0.9, 0.1]}}  # type: ignore[dict-item]
    assert content_without_rows(rare)["target"]["classes"] == [
        "a",
        "a class of fewer than ten rows",
    ]
