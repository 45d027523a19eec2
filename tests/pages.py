"""A browser for tests of HTML pages, and small pages for it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from distributed_ib.estimators.regressor import DistributedIBRegressor
from distributed_ib.estimators.table_page import table_page
from distributed_ib.report.page.page_writer import PagePart, page_html
from distributed_ib.report.report import Report
from distributed_ib.report.scheme_sections import scheme_sections

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "=1+1",
    "\u202egnirts",
)
LEVELS = ("</script><script>alert(2)</script>", "@plain", "-'\"&amp;")
TARGET = "+<b>y</b>"
SENTINEL = 987654.25
"""A value that occurs in a single row."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium in headless mode."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        said = "tests of pages need the browser Chromium; install it with: make browser"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(said)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Shown:
    """A page in a browser, with its console messages, errors and requests."""

    def __init__(self, browser: Browser, path: Path, fragment: str = "", **given: Any) -> None:
        options: dict[str, Any] = {
            "viewport": {"width": 1280, "height": 900},
            "offline": True,
        }
        self.context = browser.new_context(accept_downloads=True, **(options | given))
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append("dialog"))
        self.page.on("request", lambda request: self.asked.append(request.url[:60]))
        self.page.goto(path.as_uri() + fragment)
        self.page.wait_for_selector("#page[data-ready=true]", timeout=20_000)

    def __enter__(self) -> "Shown":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def settle(self) -> None:
        """Wait until everything is drawn."""
        self.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
        )

    def move(self, place: int) -> None:
        """Move the slider to a position, as dragging it does."""
        self.page.evaluate(
            """place => {
              const slider = document.getElementById("slider");
              slider.value = dib.page.parts[dib.state.part].curves.places.total.data[place];
              slider.dispatchEvent(new Event("input"));
            }""",
            place,
        )
        self.settle()

    def download(self, name: str) -> str:
        """Returns the text of the download called `name`."""
        with self.page.expect_download() as waiting:
            self.page.locator(f'[data-download="{name}"]').click()
        return Path(waiting.value.path()).read_text(encoding="utf-8")


SPIKE = 0.512
"""A value of the second column that occurs in a third of the rows."""


def hostile_table(n_rows: int = 90) -> pd.DataFrame:
    """A table with column names and levels that would be executed if inserted as markup."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_rows, 3)).round(3)
    x[20:50, 1] = SPIKE
    table = pd.DataFrame(
        {
            HOSTILE[0]: x[:, 0],
            HOSTILE[1]: x[:, 1],
            HOSTILE[2]: np.arange(n_rows) % 3,
            HOSTILE[3]: rng.choice(LEVELS, n_rows),
            HOSTILE[4]: rng.exponential(size=n_rows).round(3),
        }
    )
    table.iloc[5, 4] = SENTINEL
    table[TARGET] = (2 * x[:, 0] + (table[HOSTILE[3]] == LEVELS[1]) + 0.1 * x[:, 2]).round(4)
    return table


def fitted_table() -> tuple[DistributedIBRegressor, pd.DataFrame, dict[str, Any]]:
    """An estimator fitted to `hostile_table`, its X, and the content of its page."""
    table = hostile_table()
    x, y = table.drop(columns=[TARGET]), table[TARGET]
    model = DistributedIBRegressor(
        n_starts=2,
        n_resamples=2,
        n_steps=150,
        n_records=4,
        n_samples=6,
        n_information_inputs=0,
        encoder_hidden=(8,),
        predictor_hidden=(8,),
        n_frequencies=2,
        random_state=0,
    )
    plan = model.plan(x, y)
    model.adopt(plan, plan.fit())
    return model, x, table_page(plan, model.scheme_, x)


def page_of_table(
    model: DistributedIBRegressor, content: dict[str, Any], *, with_rows: bool = True
) -> str:
    """The HTML page of an estimator and its content."""
    report = Report(
        f"{TARGET} of {HOSTILE[0]}",
        tuple(scheme_sections(model.scheme_)),
        about={"command": HOSTILE[1], "seed": 0},
    )
    return page_html(report, [PagePart("", model.scheme_, content)], with_rows=with_rows)
