"""Grids: their runs, failed runs, and the table of all runs."""

import csv
import html
from html.parser import HTMLParser
from pathlib import Path

import pytest

from distributed_ib.errors import UserError
from distributed_ib.study.grid import folder_name, read_grid
from test_cli import dib

pytestmark = pytest.mark.usefixtures("quick_compilation", "figures_are_not_drawn")

BRIEF = """
study = "boolean"

[options]
hidden = [8]
n_pretraining_steps = 0
train.batch_size = 16

[grid]
n_steps = {steps}
seed = {seeds}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "grid of steps.toml"
    path.write_text(text)
    return path


def brief(folder: Path, steps: list[int], seeds: list[int]) -> Path:
    return written(folder, BRIEF.format(steps=steps, seeds=seeds))


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


class Links(HTMLParser):
    """All links of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


def test_a_grid_makes_every_combination(tmp_path: Path) -> None:
    grid = read_grid(brief(tmp_path, [10, 20], [0, 1]))
    assert grid.names == ("n_steps", "seed")
    assert [(run.values["n_steps"], run.seed) for run in grid.runs] == [
        (10, 0),
        (10, 1),
        (20, 0),
        (20, 1),
    ]
    first = grid.runs[0]
    assert first.name == "n_steps=10,seed=0" and first.study is not None
    assert first.study.train.n_steps == 10 and first.study.train.batch_size == 16
    # Options that are not given have the study's defaults, not those of `TrainSettings`.
    assert first.study.train.learning_rate == type(first.study)().train.learning_rate


def test_options_have_both_their_names_and_presets_are_options(tmp_path: Path) -> None:
    text = 'study = "boolean"\n[grid]\npreset = ["quick", "paper"]\ntrain.n-steps = [7]\n'
    quick, paper = read_grid(written(tmp_path, text)).runs
    assert quick.study is not None and paper.study is not None
    assert quick.study.train.n_steps == paper.study.train.n_steps == 7
    assert quick.study.train.learning_rate != paper.study.train.learning_rate
    assert quick.name == "preset=quick,n_steps=7"


def test_names_of_folders_are_safe_and_differ() -> None:
    names = {folder_name({"a": value}) for value in ("../x", "..\\x", "_.._x", "x" * 500, "y/..")}
    assert len(names) == 5
    for name in names:
        assert "/" not in name and "\\" not in name and len(name) < 140


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[grid]\nseed = [1]", "the study is missing"),
        ('study = "boolean"', "is empty"),
        ('study = "nothing"\n[grid]\nseed = [1]', "no installed study"),
        ('study = "boolean"\n[grid]\nseed = 1', "needs a list of values for seed"),
        ('study = "boolean"\n[grid]\nseed = []', "needs a list"),
        ('study = "boolean"\n[grid]\nseed = [1, 1]', "twice"),
        ('study = "boolean"\n[grid]\nn_stps = [1]', "no option 'n_stps'"),
        ('study = "boolean"\n[options]\nseed = 1\n[grid]\nseed = [1]', "remove it from one"),
        ('study = "boolean"\n[gird]\nseed = [1]', "unknown entry 'gird'"),
        ('study = "boolean"\ngrid = 3', "must be a table"),
        ('study = "boolean"\n[grid]\nseed = [' + "1" * 5000 + "]", "can't be read|whole number"),
        ("study = [", "can't be read as TOML"),
    ],
)
def test_invalid_files_are_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        read_grid(written(tmp_path, text))


def test_a_grid_is_run_told_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert dib("grid", str(brief(tmp_path, [12, -5], [0])), "--out", str(out)) == 1
    told = capsys.readouterr().out
    assert "n_steps=-5,seed=0: n_steps must be at least 1, got -5." in told
    assert "1 of 2 runs are finished." in told
    good, bad = table(out)
    assert good["status"] == "finished" and good["measured_on"] == "training rows"
    assert float(good["total_bits_at_best"]) > 0 and float(good["known_bits"]) < 1
    assert bad["status"] == "error" and bad["known_bits"] == ""
    assert f"| {good['n_steps']} |" in (out / "table.md").read_text()
    page = (out / "index.html").read_text()
    (link,) = Links(page).found
    assert link == "n_steps%3D12%2Cseed%3D0/report.html"
    assert (out / "n_steps=12,seed=0" / "report.html").is_file()

    # A second call makes the added runs and keeps the finished ones.
    scheme = out / "n_steps=12,seed=0" / "scheme.nc"
    before = (scheme.stat().st_ino, scheme.read_bytes())
    assert dib("grid", str(brief(tmp_path, [12], [0, 1])), "--out", str(out)) == 0
    assert (scheme.stat().st_ino, scheme.read_bytes()) == before
    assert [row["seed"] for row in table(out)] == ["0", "1"]
    assert "accuracy" in table(out)[0]

    # A different value of a shared option would make a different run of the same name.
    text = (tmp_path / "grid of steps.toml").read_text().replace("= 16", "= 17")
    assert dib("grid", str(written(tmp_path, text)), "--out", str(out)) == 2
    assert "was made with a different train" in capsys.readouterr().err


def test_a_folder_that_is_no_grid_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    path = brief(tmp_path, [12], [0])
    assert dib("grid", str(path), "--out", str(tmp_path / "mine")) == 2
    assert "is not the folder of a grid" in capsys.readouterr().err
    assert not list((tmp_path / "mine").iterdir())


def test_what_a_user_names_is_escaped_on_the_page(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    path = written(tmp_path, f'study = "boolean"\n[grid]\ncircuit = ["{evil}"]\n')
    assert dib("grid", str(path), "--out", str(tmp_path / "out")) == 1
    page = (tmp_path / "out" / "index.html").read_text()
    assert evil not in page and html.escape(evil) in page
    assert "default-src 'none'" in page


@pytest.mark.nightly
def test_a_grid_on_processes_and_a_cluster_has_the_same_table(tmp_path: Path) -> None:
    from clusters import cluster

    path = brief(tmp_path, [12, 14], [0])
    with cluster(tmp_path) as two:
        assert dib("grid", str(path), "--out", str(tmp_path / "jobs"), "--jobs", "2") == 0
        assert dib("grid", str(path), "--out", str(tmp_path / "dask"), "--dask", two.address) == 0
    tables = [table(tmp_path / name) for name in ("jobs", "dask")]
    for rows in tables:
        for row in rows:
            row.pop("seconds")
    assert tables[0] == tables[1]
    names = [
        sorted(p.relative_to(tmp_path / name) for p in (tmp_path / name).rglob("[!.]*"))
        for name in ("jobs", "dask")
    ]
    assert names[0] == names[1]
