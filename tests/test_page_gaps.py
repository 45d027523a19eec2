"""The page of a table with missing values, ordered levels and dates, in a browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser

from distributed_ib.estimators.classifier import DistributedIBClassifier
from distributed_ib.estimators.table_page import table_page
from distributed_ib.report.page.page_writer import PagePart, page_html
from distributed_ib.report.report import Report
from distributed_ib.scheme.choice import Choice
from pages import Shown, chromium

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning"),
]
SIZES = ["S", "M", "L"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def gaps(n: int = 150) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    sizes = pd.Series(rng.choice(SIZES, n)).where(rng.random(n) < 0.8)
    days = pd.Series(pd.date_range("2025-01-01", periods=n)).where(rng.random(n) < 0.8)
    return pd.DataFrame(
        {
            "dose": np.where(rng.random(n) < 0.4, np.nan, rng.normal(size=n).round(2)),
            "heavy": np.where(rng.random(n) < 0.2, np.nan, rng.standard_cauchy(n) * 100),
            "size": pd.Categorical(sizes, SIZES, ordered=True),
            "colour": pd.Series(rng.choice(["red", "blue"], n)).where(rng.random(n) < 0.8),
            "when": days,
        }
    )


@pytest.mark.parametrize("with_rows", [True, False])
def test_a_page_of_gaps_predicts_as_python_does(
    browser: Browser, tmp_path: Path, with_rows: bool
) -> None:
    x = gaps()
    y = np.where(x["dose"].isna(), "refused", np.where(x["size"] == "L", "high", "low"))
    model = DistributedIBClassifier(
        {"dose": ["dose"]},
        n_starts=1,
        n_resamples=2,
        n_steps=60,
        n_records=4,
        n_samples=4,
        evidence=False,
        random_state=0,
    )
    plan = model.plan(x, y)
    model.adopt(plan, plan.fit())
    content = table_page(plan, model.scheme_, x)
    path = tmp_path / "report.html"
    page = page_html(Report("T", ()), [PagePart("", model.scheme_, content)], with_rows=with_rows)
    path.write_text(page, encoding="utf-8")
    with Shown(browser, path) as shown:
        shown.settle()
        for place in range(3):
            shown.move(place)
        assert shown.said == []
        if not with_rows:
            assert "missing" in (shown.page.locator("#view-values").text_content() or "")
            return
        read = plan.decomposition.read(x)
        rows = [_given(model, read, row) for row in range(8)]
        found: list[Any] = shown.page.evaluate(
            "rows => { const view = dib.views().find(one => one.predict);"
            " return rows.map(row => view.predict(row)); }",
            rows,
        )
        beta = float(model.scheme_.to_xarray()["beta"].values[found[0]["step"]])
        expected = model._averaged(x.head(8), Choice(beta=beta))
        np.testing.assert_allclose([one["found"][0] for one in found], expected, atol=1e-4)
        box = shown.page.locator('input[aria-label="dose is missing"]')
        before = shown.page.locator("#view-whatif .words").text_content()
        box.check()
        shown.page.wait_for_timeout(300)
        assert shown.page.locator("#view-whatif .words").text_content() != before
        assert shown.page.locator('#view-whatif option[value="missing"]').count() == 3
        assert "missing" in (shown.page.locator("#view-values").text_content() or "")
        assert shown.said == []
        assert "missing" in shown.download("values.csv")


def _given(model: DistributedIBClassifier, read: dict[str, Any], row: int) -> list[list[Any]]:
    """The inputs that a reader would set for a row: level names, and None for a missing value."""
    fitted, found = model.decomposition_, []
    for component in fitted.decomposition.components:
        part: list[Any] = []
        for name in component.columns:
            column, value = fitted.column(name), read[name][row]
            if column.is_ordered:
                part.append(column.labels[-1] if np.isnan(value) else column.labels[int(value)])
            elif column.is_number:
                part.append(None if np.isnan(value) else float(value))
            else:
                part.append(column.labels[int(value)])
        found.append(part)
    return found
