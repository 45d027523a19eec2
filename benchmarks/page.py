"""Speed at which the page of a run of 30 components is written, displayed and updated.

Run by hand: python benchmarks/page.py. It needs Debian's Chromium (make browser).
"""

import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distributed_ib._run_files import PAGE
from distributed_ib.studies.table import TableStudy
from distributed_ib.study.page_of_run import page_of_folder
from distributed_ib.study.running import run_study

N_ROWS, N_COMPONENTS = 3000, 30
LIMITS = {
    "size of the page (MB)": 15.0,
    "made again from its folder (s)": 4.0,
    "first view (s)": 2.0,
    "slider to last view, 95 % of places (ms)": 50.0,
}
_STEP = """async (place) => {
  const slider = document.getElementById("slider");
  const began = performance.now();
  slider.value = dib.page.parts[0].curves.places.total.data[place];
  slider.dispatchEvent(new Event("input"));
  // Until the frame that shows it has been painted.
  await new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = done;
    channel.port2.postMessage(0);
  }));
  return performance.now() - began;
}"""


def table(folder: Path) -> Path:
    """Thirty columns, of which ten are informative about the last one."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N_ROWS, N_COMPONENTS))
    columns: dict[str, Any] = {f"column {k}": x[:, k].round(4) for k in range(N_COMPONENTS)}
    weights = np.zeros(N_COMPONENTS)
    weights[:10] = np.linspace(1.0, 0.3, 10)
    columns["y"] = (x @ weights + np.sin(2 * x[:, 0]) + 0.5 * rng.normal(size=N_ROWS)).round(4)
    path = folder / "table.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def in_browser(path: Path) -> tuple[float, list[float], list[float]]:
    """Seconds until the first view, and milliseconds per step of a whole drag of the slider.

    The latter is given as wall-clock time and as processor time of the page's thread, which does
    not depend on the machine's other load.
    """
    import shutil

    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        began = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_selector("#page[data-ready=true]")
        first = time.perf_counter() - began
        page.wait_for_timeout(1500)  # the reader reads
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def busy_ms() -> float:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return 1e3 * next(m["value"] for m in metrics if m["name"] == "TaskDuration")

        took, busy = [], []
        for place in range(page.evaluate("dib.page.parts[0].curves.places.total.data.length")):
            before = busy_ms()
            took.append(page.evaluate(_STEP, place))
            busy.append(busy_ms() - before)
        browser.close()
    return first, took, busy


def main() -> None:
    """Print each number with its limit."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        study = TableStudy(table=table(folder), target="y", n_steps=400, evidence_wanted=False)
        run_study(study, folder / "run")
        began = time.perf_counter()
        text = page_of_folder(folder / "run")
        made = time.perf_counter() - began
        path = folder / "run" / PAGE
        first, took, busy = in_browser(path)
        slow = float(np.quantile(took, 0.95))
        values = [len(text.encode()) / 1e6, made, first, slow]
        for (what, limit), value in zip(LIMITS.items(), values, strict=True):
            print(f"{what:44} {value:8.2f}   at most {limit:g}")
        print(f"places {len(took)}, median step {np.median(took):.1f} ms")
        print(f"processor time of a step: 95 % {np.quantile(busy, 0.95):.1f} ms")


if __name__ == "__main__":
    main()
