"""Pages opened from a file in a real browser, without a network."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser

from distributed_ib.estimators.regressor import DistributedIBRegressor
from distributed_ib.report.page.own_views import Span, spans_view
from distributed_ib.report.page.page_content import ComponentViews, page_content
from distributed_ib.report.page.page_writer import PagePart, page_html, page_script
from distributed_ib.report.report import Finding, Report, Section
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.choice import Choice
from distributed_ib.scheme.compression_path import coefficients
from pages import HOSTILE, LEVELS, SENTINEL, TARGET, Shown, chromium, fitted_table, page_of_table
from schemes import falling_scheme


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def table(quick_compilation: None) -> tuple[DistributedIBRegressor, pd.DataFrame, dict[str, Any]]:
    return fitted_table()


@pytest.fixture(scope="module")
def table_file(table: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model, _, content = table
    path = tmp_path_factory.mktemp("table") / "report.html"
    path.write_text(page_of_table(model, content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def shown(browser: Browser, table_file: Path) -> Iterator[Shown]:
    with Shown(browser, table_file) as found:
        yield found


def waited_for(shown: Shown, what: str) -> None:
    """Wait until an expression is true; the page's policy blocks Playwright's own method."""
    for _ in range(200):
        if shown.page.evaluate(what):
            return
        shown.page.wait_for_timeout(25)
    raise AssertionError(f"{what} never came true")


def positions(shown: Shown) -> list[str]:
    """The parts of every view that move with the slider."""
    return shown.page.evaluate(
        """() => [
          document.querySelector("#view-plane .marker").getAttribute("transform"),
          document.querySelector("#view-components .rule").getAttribute("x1"),
          document.querySelector("#view-subsets .rule").getAttribute("x1"),
          document.querySelector("#view-values .words").textContent,
          document.querySelector("#view-predictions .words").textContent,
          document.querySelector("#view-errors .words").textContent,
          document.querySelector("#view-whatif .note").textContent,
          document.getElementById("reading").textContent,
        ]"""
    )


def test_a_page_logs_nothing_and_requests_nothing(shown: Shown, table_file: Path) -> None:
    shown.settle()
    assert shown.said == []
    assert [url for url in shown.asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert len([url for url in shown.asked if url.startswith("file:")]) == 1


def test_the_slider_moves_every_view(shown: Shown) -> None:
    n_places = shown.page.evaluate("dib.page.parts[0].curves.places.total.data.length")
    shown.move(0)
    first = positions(shown)
    shown.move(n_places - 1)
    last = positions(shown)
    assert [a != b for a, b in zip(first, last, strict=True)] == [True] * len(first)


def test_keys_move_the_slider(shown: Shown) -> None:
    shown.move(1)
    shown.page.focus("#slider")
    shown.page.keyboard.press("ArrowRight")
    shown.settle()
    assert shown.page.evaluate("dib.state.place") == 2
    shown.page.keyboard.press("End")
    shown.page.keyboard.press("ArrowLeft")
    shown.settle()
    last = shown.page.evaluate("dib.page.parts[0].curves.places.total.data.length - 1")
    assert shown.page.evaluate("dib.state.place") == last - 1
    shown.page.keyboard.press("Home")
    shown.settle()
    assert shown.page.evaluate("dib.state.place") == 0


def test_a_component_under_the_pointer_stands_out_in_all_views(shown: Shown) -> None:
    shown.page.click("#best")
    shown.settle()
    row = shown.page.locator("#view-values .row:not(.away)").first
    index = row.get_attribute("data-component")
    row.hover()
    shown.settle()
    lit = shown.page.evaluate(
        """index => ["plane", "components", "subsets", "values", "whatif"].filter(name =>
             document.querySelector(`#view-${name} .on[data-component="${index}"]`))""",
        index,
    )
    assert lit == ["components", "subsets", "values", "whatif"]
    row.click()
    shown.page.mouse.move(2, 2)
    shown.settle()
    assert shown.page.evaluate("dib.state.chosen") == int(index or -1)
    shown.page.keyboard.press("Escape")
    shown.settle()
    assert shown.page.locator("#views .on").count() == 0


def test_what_if_equals_the_averaged_prediction(shown: Shown, table: Any) -> None:
    model, x, _ = table
    rows = x.iloc[[0, 1, 2, 3, 30]]
    spikes = dict(zip(model.decomposition_.continuous, model.decomposition_.spikes, strict=True))
    assert spikes[x.columns[1]] == (rows.iloc[-1, 1],)
    shown.page.click("#best")
    shown.settle()
    given = [[[value] for value in row] for row in rows.astype(object).to_numpy().tolist()]
    found = shown.page.evaluate(
        "rows => { const view = dib.views().find(one => one.predict);"
        " return rows.map(row => view.predict(row)); }",
        given,
    )
    beta = float(model.scheme_.to_xarray()["beta"].values[found[0]["step"]])
    expected = model._averaged(rows, Choice(beta=beta))
    got = np.array([one["found"][0] for one in found])
    np.testing.assert_allclose(got, expected, atol=1e-4, rtol=0)


def test_what_if_shows_the_mean_of_the_prediction(shown: Shown, table: Any) -> None:
    model, x, _ = table
    shown.page.click("#best")
    values = shown.page.evaluate(
        "() => [...document.querySelectorAll('#view-whatif fieldset')].map(one =>"
        " [Number(one.dataset.component), one.querySelector('input, select').value])"
    )
    by_index = dict(values)
    row = pd.DataFrame(
        {
            name: [value if isinstance(x[name].iloc[0], str) else float(value)]
            for name, value in ((name, by_index[k]) for k, name in enumerate(x.columns))
        }
    )
    step = shown.page.evaluate("dib.views().find(one => one.predict).predict([]).step")
    beta = float(model.scheme_.to_xarray()["beta"].values[step])
    mean = float(model.predict(row, beta=beta)[0])
    low, _, high = model.predict_quantiles(row, beta=beta)[0]
    words = shown.page.inner_text("#view-whatif .words")
    assert f"mean {_short(mean)}," in words
    assert words.endswith(f"nine of ten between {_short(low)} and {_short(high)}.")


def _short(value: float) -> str:
    return f"{float(f'{value:.3g}'):g}"


def test_downloads_hold_the_numbers_of_the_scheme(shown: Shown, table: Any) -> None:
    model = table[0]
    rows = list(csv.reader(io.StringIO(shown.download("components.csv"))))
    data = model.scheme_.pooled().to_xarray().isel(seed=0)
    beta = np.array([float(row[0]) for row in rows[1:]])
    order = np.argsort(beta)
    np.testing.assert_allclose(beta[order], data["beta"].values, rtol=1e-12)
    bits = np.array([[float(cell) for cell in row[2:]] for row in rows[1:]])[order]
    np.testing.assert_allclose(bits, data["kl_bits"].values, rtol=1e-12)
    plane = list(csv.reader(io.StringIO(shown.download("plane.csv"))))
    known = np.array([float(row[2]) for row in plane[1:]])[order]
    np.testing.assert_allclose(known, data["known_bits"].values, rtol=1e-12)


def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(shown: Shown) -> None:
    heading = next(csv.reader(io.StringIO(shown.download("components.csv"))))
    assert "'=1+1" in heading
    assert HOSTILE[0] in heading
    values = list(csv.reader(io.StringIO(shown.download("values.csv"))))
    assert any(cell == f"'{LEVELS[1]}" for row in values for cell in row)
    assert any(float(row[0]) > 0 and row[2].startswith("-") for row in values[1:])  # a number


def test_figures_are_saved_as_svg(shown: Shown) -> None:
    text = shown.download("components.svg")
    assert text.startswith("<svg")
    assert "&lt;script&gt;alert(1)" in text
    assert "<script" not in text
    assert "onerror=" not in text.replace("src=x onerror=alert(1)&gt;", "")


def test_every_panel_with_a_figure_saves_it(shown: Shown) -> None:
    shown.page.click("#best")
    shown.settle()
    names = shown.page.locator('[data-download$=".svg"]').evaluate_all(
        "buttons => buttons.map(one => one.dataset.download)"
    )
    assert {"plane.svg", "components.svg", "subsets.svg", "values.svg", "whatif.svg"} <= set(names)
    text = shown.download("values.svg")
    assert text.count("<image") == shown.page.locator("#view-values .row:not(.away) canvas").count()
    assert "data:image/png;base64," in text
    assert shown.said == []


def test_hostile_names_are_text(shown: Shown) -> None:
    text = shown.page.inner_text("#view-values")
    for name in HOSTILE:
        assert name in text
    assert shown.page.evaluate("document.querySelectorAll('script').length") == 2
    assert shown.page.evaluate("document.querySelectorAll('img').length") == 0
    for level in LEVELS:
        assert shown.page.locator("#view-whatif option").evaluate_all(
            "(options, level) => options.some(one => one.textContent === level)", level
        )
    assert shown.page.title() == f"{TARGET} of {HOSTILE[0]}"
    shown.settle()
    assert shown.said == []


def test_the_fragment_opens_the_same_view(browser: Browser, table_file: Path) -> None:
    with Shown(browser, table_file, "#bits=1.0&theme=dark") as first:
        first.page.evaluate("dib.views().length && dib.move(2)")
        first.page.locator("#view-components g.component").first.dispatch_event("click")
        first.settle()
        first.page.wait_for_timeout(200)
        wanted = first.page.evaluate("JSON.stringify(dib.state)")
        fragment = first.page.evaluate("location.hash")
        assert "bits=" in fragment
        assert "component=" in fragment
    with Shown(browser, table_file, fragment) as second:
        assert second.page.evaluate("JSON.stringify(dib.state)") == wanted
        assert second.page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert second.said == []


@pytest.mark.parametrize("width", [360, 1280, 2560])
def test_nothing_is_wider_than_the_window(browser: Browser, table_file: Path, width: int) -> None:
    theme = "dark" if width == 360 else "light"
    size = {"width": width, "height": 900}
    with Shown(browser, table_file, viewport=size, color_scheme=theme) as found:
        found.settle()
        assert found.page.evaluate("document.documentElement.scrollWidth") <= width
        assert found.page.evaluate("document.documentElement.dataset.theme") == theme
        assert found.said == []
        low = found.page.evaluate(_LOW_CONTRAST)
        assert low == []


# Texts whose contrast with their background is less than 4.5 to 1.
_LOW_CONTRAST = """() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).slice(0, 3).map((v) => v / 255).map((v) =>
      v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      const alpha = parts(color)[3] ?? 1;
      if (alpha === 1 && !color.includes("mix")) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  for (const element of document.querySelectorAll(
    "p, th, td, h1, h2, h3, button, summary, bdi, .plot text, dt, dd")) {
    if (!element.textContent.trim() || element.closest(".unused, .dark, .confusion")) continue;
    const style = getComputedStyle(element);
    const ink = element.closest("svg") ? style.fill : style.color;
    if (!ink.startsWith("rgb")) continue;
    const [a, b] = [light(ink), light(behind(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push([element.textContent.slice(0, 30), ink]);
  }
  return found.slice(0, 5);
}"""


def test_a_page_without_rows_says_so_and_works(
    browser: Browser, table: Any, tmp_path: Path
) -> None:
    model, _, content = table
    path = tmp_path / "report.html"
    text = page_of_table(model, content, with_rows=False)
    path.write_text(text, encoding="utf-8")
    with Shown(browser, path) as found:
        found.settle()
        assert "shows no single row" in found.page.inner_text("#made")
        assert str(SENTINEL) not in found.page.content()
        assert found.page.locator("#view-predictions .points").count() == 0
        assert found.page.locator("#view-predictions .group").count() > 0
        assert found.page.locator("#view-whatif .chance").count() > 0
        assert found.said == []


# Functions of the script, one by one --------------------------------------------------------------


def in_script(browser: Browser, expression: str) -> Any:
    """Evaluate an expression in which the script's functions are defined."""
    body = page_script().replace("\nstart();\n", f"\nwindow.found = ({expression});\n")
    page = browser.new_page()
    page.add_script_tag(content=body)
    found = page.evaluate("window.found")
    page.close()
    return found


def test_cells_that_a_spreadsheet_would_run_are_text(browser: Browser) -> None:
    texts = ["=1", "+1", "-1", "@a", " =1", "\t=1", "\u202e=1", "a=1", 'a"b', "a,b", -1.5, None]
    found = in_script(browser, f"{json.dumps(texts)}.map(csvCell)")
    expected = ["'=1", "'+1", "'-1", "'@a", "' =1", "'\t=1", "'\u202e=1", "a=1", '"a""b"', '"a,b"']
    assert found == [*expected, "-1.5", ""]


def test_keys_stay_within_the_places(browser: Browser) -> None:
    keys = ["ArrowLeft", "PageUp", "End", "Home", "a"]
    found = in_script(browser, f"{json.dumps(keys)}.map((key) => placeAfterKey(key, 0, 7))")
    assert found == [0, 6, 6, 0, None]


def test_merged_values_are_named_by_stretches(browser: Browser) -> None:
    found = in_script(browser, "symbolTexts('number', [0, 1, 2, 3, 8, 23], [0, 0, 0, 1, 1, 0])")
    assert found == ["0 – 2, 23", "3, 8"]
    assert in_script(browser, "symbolTexts('level', ['a', 'b', 'c'], [0, 1, 0])") == ["a, c", "b"]


def test_labels_are_spread_and_ticks_are_round(browser: Browser) -> None:
    found = in_script(browser, "spread([10, 11, 12, 90], 15, 0, 100)")
    assert np.diff(sorted(found)).min() >= 15
    assert min(found) >= 0 and max(found) <= 100
    assert in_script(browser, "ticks(0, 13.2, 5)") == [0, 5, 10]
    assert in_script(browser, "ticks(0, 1, 4)") == [0, 0.5, 1]


def test_matrices_are_those_of_python(browser: Browser) -> None:
    rng = np.random.default_rng(0)
    mean, log_variance = rng.normal(size=(4, 2)), rng.normal(size=(4, 2))
    given = f"{mean.ravel().tolist()}, {log_variance.ravel().tolist()}, 4, 2"
    found = in_script(browser, f"[...overlaps({given})]")
    np.testing.assert_allclose(
        np.reshape(found, (4, 4)), coefficients(mean, log_variance), atol=1e-6
    )


# Pages of schemes made by hand --------------------------------------------------------------------


def written(scheme: ApproximationScheme, path: Path, views: list[dict[str, Any]]) -> Path:
    nothing = ComponentViews({}, None)
    content = page_content(
        scheme,
        target={"name": "Y", "task": "other"},
        inputs=None,
        single=nothing,
        grouped=nothing,
        n_draws=2,
        paired=True,
    )
    part = PagePart("", scheme, content | {"views": views})
    path.write_text(page_html(Report("By hand", ()), [part]), encoding="utf-8")
    return path


def test_thirty_components(browser: Browser, tmp_path: Path) -> None:
    scheme = falling_scheme([f"column number {k}" for k in range(30)])
    with Shown(browser, written(scheme, tmp_path / "p.html", [])) as found:
        colored = found.page.locator("#view-components g.component:not(.plain) path.line").count()
        assert colored == 12
        boxes = found.page.locator("#view-components g.component > text").evaluate_all(
            "texts => texts.map(one => one.getBoundingClientRect().top)"
        )
        assert len(boxes) == 12
        assert np.diff(sorted(boxes)).min() > 10  # labels do not overlap
        found.move(0)
        found.page.click("#play")
        waited_for(found, "dib.state.place > 3")
        assert found.said == []


def test_views_of_studies_follow_the_slider(browser: Browser, tmp_path: Path) -> None:
    scheme = falling_scheme(["a", "b"])
    r = np.linspace(0, 1, 20)
    views = [
        spans_view(
            "spans",
            "Spans",
            "-",
            curves={"g": (r, r)},
            reach=(0.0, 1.0),
            x_label="r",
            spans=[Span("a", 0, 0.0, 0.5), Span("b", 0, 0.5, 1.0)],
        ),
    ]
    with Shown(browser, written(scheme, tmp_path / "p.html", views)) as found:

        def lit() -> list[str]:
            return found.page.locator("#view-spans .span").evaluate_all(
                "spans => spans.map(one => one.getAttribute('fill-opacity'))"
            )

        found.move(0)
        first = lit()
        found.move(59)
        assert lit() != first
        assert found.said == []


def test_a_run_without_results_has_a_page_too(browser: Browser, tmp_path: Path) -> None:
    opening = Section("", (Finding("The sweep was interrupted.", kind="note"),))
    path = tmp_path / "report.html"
    path.write_text(page_html(Report("Stopped", (opening,)), []), encoding="utf-8")
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    assert "The sweep was interrupted." in page.inner_text("#findings")
    assert page.locator("#bar").count() == 0
    assert said == []
    page.close()


def test_a_readable_table_and_evidence_are_shown(browser: Browser, tmp_path: Path) -> None:
    scheme = falling_scheme(["a", HOSTILE[0]])
    symbol = {"name": HOSTILE[1], "text": "0 to 6", "values": [], "intervals": [], "share": 0.5}
    row = {
        "symbols": [[0]],
        "texts": [HOSTILE[1]],
        "count": 40,
        "share": 0.25,
        "predictions": [{"value": 12.0, "median": 11.0, "low": 1.0, "high": 30.0}],
    }
    readable = {
        "step": 3,
        "target": "cnt",
        "classes": [],
        "outputs": ["cnt"],
        "known_bits": 0.8,
        "kept_share": 0.97,
        "reported_on": "held-out rows",
        "n_reported": 100,
        "components": [
            {"name": "a", "conveyed_bits": 1.5, "symbol_bits": 1.4, "symbols": [symbol]}
        ],
        "rows": [row],
        "formula": [],
    }

    def ends(name: str, value: float) -> dict[str, float]:
        return {name: value, f"{name}_low": value - 0.1, f"{name}_high": value + 0.1}

    components = [
        {
            "name": name,
            **ends("bits", 1.0),
            **ends("alone_bits", 0.5),
            **ends("unique_bits", 0.2),
            "p_value": 0.01,
            "q_value": 0.02,
            "supported": name == "a",
            "interchangeable_with": [],
        }
        for name in scheme.components
    ]
    scores = {"rmse": ends("value", 2.0)}
    values = {
        "evidence": {"verdict": "evidence", "interval_level": 0.9, "scores": scores},
        "components": components,
        "simplest": {"evidence": {"scores": scores}},
        "references": [{"name": "ridge", "scores": scores}],
    }
    nothing = ComponentViews({}, None)
    content = page_content(
        scheme,
        target={"name": "cnt", "task": "other"},
        inputs=None,
        single=nothing,
        grouped=nothing,
        n_draws=2,
        paired=True,
    )
    part = PagePart("", scheme, content | {"readable": [readable]})
    path = tmp_path / "report.html"
    path.write_text(page_html(Report("T", (), values=values), [part]), encoding="utf-8")
    with Shown(browser, path) as found:
        text = found.page.inner_text("#view-reading")
        assert "keeps 97 % of the 0.80 bits" in text
        assert HOSTILE[1] in text and "1 to 30" in text and "25.0 %" in text
        assert found.page.locator("#view-support g.component").count() == 2
        assert "no evidence, q = 0.020" in (found.page.text_content("#view-support") or "")
        assert found.page.locator("#view-score-rmse circle").count() == 3
        assert found.said == []


def test_a_notebook_shows_the_page_in_a_frame_of_its_own(
    browser: Browser, table: Any, tmp_path: Path
) -> None:
    bundle = table[0]._repr_mimebundle_()
    path = tmp_path / "cell.html"
    path.write_text(f"<body>{bundle['text/html']}", encoding="utf-8")
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    frame = page.frames[1]
    frame.wait_for_selector("#page[data-ready=true]")
    assert frame.evaluate("dib.views().some(one => one.predict)")
    assert frame.evaluate("origin") == "null"  # it cannot access the notebook
    assert said == []
    page.close()
