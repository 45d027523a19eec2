"""Pages of tables of other kinds: groups of columns, classes, vectors, comparisons of rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser

from distributed_ib.estimators.classifier import DistributedIBClassifier
from distributed_ib.estimators.regressor import DistributedIBRegressor
from distributed_ib.estimators.table_page import table_page
from distributed_ib.report.page.page_writer import PagePart, page_html
from distributed_ib.report.report import Report
from distributed_ib.scheme.choice import Choice
from pages import Shown, chromium

pytestmark = [pytest.mark.nightly, pytest.mark.usefixtures("quick_compilation")]
BRIEF: dict[str, Any] = {
    "n_starts": 2,
    "n_resamples": 2,
    "n_steps": 60,
    "n_records": 4,
    "n_samples": 4,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def table(n_rows: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    columns: dict[str, Any] = {f"x{k}": rng.normal(size=n_rows) for k in range(3)}
    columns["heavy"] = rng.standard_cauchy(n_rows) * 1000
    columns["colour"] = rng.choice(["red", "green", "blue"], n_rows)
    return pd.DataFrame(columns)


def page_of(model: Any, x: pd.DataFrame, y: Any, path: Path, *, with_rows: bool = True) -> Path:
    plan = model.plan(x, y)
    model.adopt(plan, plan.fit())
    content = table_page(plan, model.scheme_, x)
    part = PagePart("", model.scheme_, content)
    path.write_text(page_html(Report("T", ()), [part], with_rows=with_rows), encoding="utf-8")
    return path


def predicted(shown: Shown, rows: list[Any]) -> list[Any]:
    found: list[Any] = shown.page.evaluate(
        "rows => { const view = dib.views().find(one => one.predict);"
        " return rows.map(row => view.predict(row)); }",
        rows,
    )
    return found


def test_groups_of_columns_and_classes(browser: Browser, tmp_path: Path) -> None:
    x = table()
    y = np.where(x["x0"] + x["x1"] > 0, "yes", np.where(x["colour"] == "red", "no", "perhaps"))
    groups = {"place": ["x0", "x1"], "rest": ["x2", "colour"], "heavy": ["heavy"]}
    model = DistributedIBClassifier(groups, **BRIEF)
    path = page_of(model, x, y, tmp_path / "report.html")
    with Shown(browser, path) as shown:
        rows = [
            [[row.x0, row.x1], [row.x2, row.colour], [row.heavy]]
            for row in x.head(5).itertuples(index=False)
        ]
        found = predicted(shown, rows)
        beta = float(model.scheme_.to_xarray()["beta"].values[found[0]["step"]])
        expected = model._averaged(x.head(5), Choice(beta=beta))
        (first, *_) = model.approximations(Choice(beta=beta))
        assert float(first.model.predictor.sharpness) != 1  # which the page must know
        got = np.array([one["found"][0] for one in found])
        np.testing.assert_allclose(got, expected, atol=1e-4)
        assert shown.page.locator("#view-predictions table.confusion").count() == 1
        assert shown.said == []


def test_vectors(browser: Browser, tmp_path: Path) -> None:
    x = table()
    y = np.stack([x["x0"] + 0.1 * x["x1"], x["x2"] ** 2], axis=1)
    model = DistributedIBRegressor(**BRIEF)
    with Shown(browser, page_of(model, x, y, tmp_path / "report.html")) as shown:
        rows = [[[value] for value in row] for row in x.head(3).to_numpy(object).tolist()]
        found = predicted(shown, rows)
        beta = float(model.scheme_.to_xarray()["beta"].values[found[0]["step"]])
        expected = model._averaged(x.head(3), Choice(beta=beta))
        for k, one in enumerate(found):
            for entry, chances in enumerate(one["found"]):
                np.testing.assert_allclose(
                    chances, expected[k, entry, : len(chances)], atol=1e-4, rtol=0
                )
        assert shown.said == []


@pytest.mark.filterwarnings("ignore")
def test_a_page_says_why_it_does_not_predict_with_models_that_compare_rows(
    browser: Browser, tmp_path: Path
) -> None:
    x = table()
    model = DistributedIBRegressor(loss="infonce", **BRIEF)
    with Shown(browser, page_of(model, x, x["x0"], tmp_path / "report.html")) as shown:
        assert "InfoNCE" in shown.page.inner_text("#view-whatif .words")
        assert shown.page.locator("#view-whatif input").count() == 0
        assert shown.page.locator("#view-predictions").count() == 1
        assert shown.said == []


def test_a_column_of_heavy_tails_without_rows(browser: Browser, tmp_path: Path) -> None:
    x = table(400)
    model = DistributedIBRegressor(**BRIEF)
    path = page_of(model, x, x["x0"], tmp_path / "report.html", with_rows=False)
    with Shown(browser, path) as shown:
        assert model.decomposition_.by_rank[x.columns.get_loc("heavy")]
        assert shown.page.locator("#view-whatif").count() == 1
        assert str(x["heavy"].abs().max()) not in path.read_text(encoding="utf-8")
        assert shown.said == []
