"""Tables of a scheme state no more than is known; a loaded report equals the stored one."""

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from distributed_ib.report.quantity import Quantity
from distributed_ib.report.report import Finding, Report, Section, Table
from distributed_ib.report.report_files import load_report, save_report
from distributed_ib.report.scheme_sections import components_table
from distributed_ib.report.terminal import print_report
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from toy import xor_data


def test_far_apart_bounds_show_the_lower_one(xor_scheme: ApproximationScheme) -> None:
    data = xor_scheme.to_xarray()
    shape, dims = data["kl_bits"].shape, data["kl_bits"].dims
    middle = np.broadcast_to([3.0, 5.0, 0.0], shape)
    spread = np.broadcast_to([0.4, 2.0, 0.0], shape)
    figures = {"": middle, "lower_": middle - spread, "upper_": middle + spread}
    data = data.assign({f"information_{name}bits": (dims, v) for name, v in figures.items()})
    scheme = ApproximationScheme(data, xor_scheme.snapshots)
    rows: Any = {name: cells for name, *cells in components_table(scheme).rows}
    assert sorted(rows) == ["a", "b", "c"]
    assert [cell.number() for cell in rows["a"][:2]] == ["3.00", "3.00"]
    assert [cell.number() for cell in rows["b"][:2]] == ["> 3.00", "> 3.00"]
    assert rows["b"][0].high == 7.0
    assert rows["c"][2] == "never in use"
    kl_rows: Any = components_table(scheme, measure="kl").rows
    assert not any(cell.is_bound for row in kl_rows for cell in row[1:3])


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Quantity(1.0, "bits", low=1.0, high=1.0, digits=2), "1.00 bits"),
        (Quantity(0.0, "bits", low=-1e-9, high=1e-9), "0.000 bits"),
        (Quantity(1.0, "bits", low=0.98, high=1.0, digits=2), "1.00 (0.98 to 1.00) bits"),
        (Quantity(1.0, "bits", low=2.0, high=2.0, digits=2), "1.00 (2.00 to 2.00) bits"),
        (Quantity(1.0, low=1.0, high=1.0, digits=1, is_bound=True), "> 1.0 (1.0 to 1.0)"),
    ],
)
def test_an_interval_without_width_is_not_shown(quantity: Quantity, text: str) -> None:
    assert quantity.text() == text


def test_what_is_exact_has_no_interval_in_the_table(xor_scheme: ApproximationScheme) -> None:
    scheme = xor_scheme.with_information(xor_data()[0], complete=True, n_records=4)
    for row in components_table(scheme).texts():
        assert not any("(" in cell for cell in row)


def test_a_report_is_unchanged_by_saving_and_loading(tmp_path: Path) -> None:
    known = Quantity(0.5, "bits", low=0.4, high=0.6, level=0.9, rows="held-out rows")
    table = Table("t", "Title", ("name", "bits"), (("a|b", known), ("c", Quantity(math.nan))))
    sections = (
        Section("", (Finding("It is so.", {"known_bits": known}), Finding("But.", kind="warning"))),
        Section("More", tables=(table,), notes="A note."),
    )
    report = Report("What was found", sections, values={"status": "finished", "x": math.inf})
    save_report(report, tmp_path)
    again = load_report(tmp_path)
    assert again.sections[0] == sections[0]
    assert (
        again.tables()["t"].texts()
        == table.texts()
        == [["a|b", "0.500 (0.400 to 0.600)"], ["c", "-"]]
    )
    assert again.values == {"status": "finished", "x": None}
    text = (tmp_path / "summary.md").read_text()
    assert "| a\\|b | 0.500 (0.400 to 0.600) |" in text
    assert "**Warning:** But." in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_number_is_cut_off_on_a_narrow_terminal(width: int) -> None:
    intervals = ("2.32 (1.14 to 1.50)", "10 of 10", "0.94 (0.76 to 1.13)", "0.002 – 0.011")
    label = "3: mean radius, mean texture, mean concave points"
    columns = ("conveys", "in use", "total 2", "beta", "components in use")
    table = Table("t", "Title", columns, ((*intervals, label), (*intervals, "8: all")))
    screen = io.StringIO()
    print_report(Report("T", (Section(tables=(table,)),)), Console(file=screen, width=width))
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    words = " ".join(lines).split()
    for word in " ".join((*intervals, label)).split():
        assert words.count(word) >= (2 if word in " ".join(intervals) else 1), word
