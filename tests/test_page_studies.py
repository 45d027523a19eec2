"""The pages of the studies, written by their runs and opened in a browser."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from distributed_ib.errors import UserError
from distributed_ib.scheme.choice import Choice
from distributed_ib.studies.boolean import BooleanStudy
from distributed_ib.studies.glass import GlassStudy
from distributed_ib.studies.image import ImageStudy
from distributed_ib.studies.patterns import PatternsStudy
from distributed_ib.study.page_of_run import page_of_folder
from distributed_ib.study.reading_runs import load_run
from distributed_ib.study.running import run_study
from distributed_ib.training.train_settings import TrainSettings
from pages import Shown, chromium
from test_cli import dib, one_clear_line

pytestmark = pytest.mark.usefixtures("quick_compilation")
BRIEF = TrainSettings(
    beta=(1e-3, 1.0), n_steps=80, n_pretraining_steps=40, batch_size=64, evidence=False
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def circuit(quick_compilation: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "circuit"
    train = replace(BRIEF, n_steps=400, learning_rate=1e-2)
    study = BooleanStudy(circuit="a & (b ^ ~c)", hidden=(16,), train=train)
    run_study(study, folder, command="dib boolean")
    return folder


def moved(browser: Browser, folder: Path, view: str, read: str) -> tuple[str, str]:
    """HTML of a view at both ends of the slider; checks that nothing is logged or requested."""
    with Shown(browser, folder / "report.html") as found:
        last = found.page.evaluate(
            "dib.page.parts[0].curves.places.total.data.length - 1",
        )
        shown = []
        for place in (0, last):
            found.move(place)
            shown.append(
                found.page.locator(f"#view-{view} {read}").first.evaluate("one => one.outerHTML")
            )
        assert found.said == []
        assert [url for url in found.asked if url.startswith("http")] == []
    return shown[0], shown[1]


def test_the_inputs_in_use_are_lit_in_the_circuit(browser: Browser, circuit: Path) -> None:
    first, last = moved(browser, circuit, "circuit", ".shape.component")
    assert "dark" in first
    assert "dark" not in last


def test_the_page_of_a_circuit_predicts_as_python_does(browser: Browser, circuit: Path) -> None:
    run = load_run(circuit)
    with Shown(browser, circuit / "report.html") as shown:
        found = shown.page.evaluate(
            "dib.views().find(one => one.predict).predict([[1], [0], [0]])",
        )
    beta = float(run.scheme.to_xarray()["beta"].values[found["step"]])
    x = np.array([[1, 0, 0]])
    expected = [one.predict_proba(x, n_samples=64) for one in run.scheme.all_at(Choice(beta=beta))]
    np.testing.assert_allclose(found["found"][0], np.mean(expected, axis=0)[0], atol=1e-4)


def test_a_page_is_made_again_from_its_folder_to_the_same_bytes(circuit: Path) -> None:
    assert page_of_folder(circuit) == (circuit / "report.html").read_text(encoding="utf-8")


@pytest.mark.nightly
def test_the_page_of_a_picture_shows_its_paintings(browser: Browser, tmp_path: Path) -> None:
    from test_image_study import BRIEF as OF_PICTURE
    from test_image_study import flag

    brief = OF_PICTURE | {"train": replace(OF_PICTURE["train"], evidence=False)}
    run_study(ImageStudy.of(flag(), **brief), tmp_path / "run")
    first, last = moved(browser, tmp_path / "run", "painting", "img")
    assert first != last
    assert "data:image/webp;base64," in first


@pytest.mark.nightly
def test_the_page_of_patterns_has_a_part_for_each(browser: Browser, tmp_path: Path) -> None:
    study = PatternsStudy(patterns=("circle",), hidden=(16,), n_frequencies=2, train=BRIEF)
    run_study(replace(study, train=replace(BRIEF, n_pretraining_steps=0)), tmp_path / "run")
    first, last = moved(browser, tmp_path / "run", "pattern", "img")
    assert first != last
    with Shown(browser, tmp_path / "run" / "report.html") as found:
        found.page.select_option("#part", label="circle/standard")
        found.settle()
        assert found.page.evaluate("dib.page.parts[dib.state.part].curves.components") == [
            "position"
        ]
        assert found.said == []


@pytest.mark.nightly
def test_the_page_of_a_glass_lights_its_shells(browser: Browser, tmp_path: Path) -> None:
    from test_glass_study import SMALL, glass_like, options

    small = replace(SMALL, train=replace(SMALL.train, evidence=False))
    run_study(GlassStudy.of({"gradual": glass_like()}, **options(small)), tmp_path / "run")
    with Shown(browser, tmp_path / "run" / "report.html") as found:
        assert found.page.locator("#view-shells .span").count() == 100
        lit = "spans => spans.filter(one => Number(one.getAttribute('fill-opacity')) > 0.1).length"
        found.move(0)
        few = found.page.locator("#view-shells .span").evaluate_all(lit)
        found.page.keyboard.press("Escape")
        last = found.page.evaluate("dib.page.parts[0].curves.places.total.data.length - 1")
        found.move(last)
        assert found.page.locator("#view-shells .span").evaluate_all(lit) > few
        assert found.said == []


def test_dib_report_overwrites_no_file_of_a_user(
    circuit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.html"
    assert dib("report", str(circuit), "--out", str(out), "--no-rows") == 0
    assert "shows no single row" in out.read_text(encoding="utf-8")
    before = out.read_bytes()
    capsys.readouterr()
    assert dib("report", str(circuit), "--out", str(out)) == 2
    assert "already exists" in one_clear_line(capsys)
    assert out.read_bytes() == before


def test_damaged_page_content_is_rejected(circuit: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(circuit, tmp_path / "run"))
    content = folder / "page.npz"
    content.write_bytes(content.read_bytes()[:-9] + b"123456789")
    with pytest.raises(UserError, match=r"page\.npz"):
        page_of_folder(folder)
