"""Analyses of pictures whose structure is known."""

import json
import os
import signal
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from distributed_ib.errors import UserError
from distributed_ib.scheme.informative_betas import evenly_along, informative_betas, nearest_betas
from distributed_ib.studies.image import (
    ImageStudy,
    Painter,
    Picture,
    PositionDecomposition,
    distances,
    evenly_placed_points,
    parse_decomposition,
    pixel_positions,
    projections,
    psnr_db,
)
from distributed_ib.studies.image.animation import save_animation
from distributed_ib.studies.image.decompositions import horizontal_vertical
from distributed_ib.studies.image.painter import _choose
from distributed_ib.study.options import to_toml
from distributed_ib.study.reading_runs import load_run
from distributed_ib.study.run import Run
from distributed_ib.study.running import run_study
from distributed_ib.study.study import Reading
from distributed_ib.training.progress import SweepProgress

pytestmark = pytest.mark.usefixtures("quick_compilation")

TRAIN = replace(
    ImageStudy().train,
    beta=(1e-3, 3.0),
    n_steps=900,
    n_pretraining_steps=300,
    batch_size=64,
    learning_rate=3e-3,
    first_learning_rate=3e-3,
    n_snapshots=20,
)
BRIEF: dict[str, Any] = {
    "train": TRAIN,
    "encoder_hidden": (32, 32),
    "embedding_dim": 4,
    "n_frequencies": 3,
    "predictor_hidden": (32,),
    "shared_dim": 8,
}


def flag() -> Picture:
    """Eight horizontal stripes in eight colours; the horizontal position has no information."""
    stripes = np.random.default_rng(3).integers(0, 255, (8, 1, 3), dtype=np.uint8)
    return Picture("flag", np.tile(stripes, (1, 12, 1)))


@pytest.fixture(scope="module")
def run(quick_compilation: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    study = ImageStudy.of(flag(), at=(0.01, 0.3), **BRIEF)
    return run_study(study, tmp_path_factory.mktemp("runs") / "flag")


def test_stripes_are_told_by_the_vertical_alone(run: Run) -> None:
    data = run.scheme.to_xarray().isel(seed=0)
    kl_bits = data["kl_bits"]
    paid = ((data["beta"] > 0.05) & (data["beta"] < 0.5)).values
    assert float(kl_bits.sel(component="horizontal")[paid].max()) < 0.1
    assert float(kl_bits.sel(component="vertical")[paid].min()) > 1.0
    # Eight stripes of different colours are three bits, and nothing survives beta = 1.
    known = data["predictive_information_bits"].isel(split=0)
    assert 2.7 < float(known.max()) < 3.1
    assert run.scheme.subsets()[-1].components == ()
    assert run.scheme.baseline_entropy_bits == 6.0


def test_the_scheme_says_what_infonce_can_certify(run: Run) -> None:
    attrs = run.scheme.to_xarray().attrs
    assert attrs["baseline"] == "InfoNCE's ceiling, log2(64)"
    said = " ".join(finding.text for finding in run.report().findings())
    assert "can measure at most 6 bits" in said
    assert "bits of information about the colour" in said and "about Y" not in said


def test_a_weak_bottleneck_paints_the_picture_and_a_strong_one_does_not(run: Run) -> None:
    assert isinstance(run.study, ImageStudy)
    good, bad = run.study.paint(run.scheme, [1e-3, 3.0])
    assert good.psnr_db > 25
    assert bad.psnr_db < 15
    assert good.beta < bad.beta and good.conveyed_bits.sum() > bad.conveyed_bits.sum()


@pytest.mark.parametrize("rule", ["likeliest", "expected"])
def test_blocks_do_not_change_what_is_painted(
    run: Run, rule: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    approximation = run.scheme.at(beta=0.01)
    whole = Painter(flag(), horizontal_vertical(), n_colors=32)
    painted = whole.paint(approximation, rule, n_draws=0).pixels
    monkeypatch.setattr("distributed_ib.studies.image.painter.BLOCK_ROWS", 36)
    # With blocks of 36 positions the last block is incomplete.
    np.testing.assert_array_equal(whole.paint(approximation, rule, n_draws=0).pixels, painted)


def test_the_rules_are_what_they_say(run: Run) -> None:
    approximation = run.scheme.at(beta=0.3)
    painter = Painter(flag(), horizontal_vertical(), n_colors=16)
    known = {tuple(color) for color in painter.codebook.tolist()}
    painted = painter.paint(approximation).pixels
    assert {tuple(color) for color in painted.reshape(-1, 3).tolist()} <= known
    with pytest.raises(UserError, match="'median' is unknown"):
        painter.paint(approximation, "median")  # type: ignore[arg-type]


def test_a_colour_is_the_likeliest_or_the_mean() -> None:
    chances = jnp.array([[0.6, 0.4, 0.0], [0.0, 0.25, 0.75]])
    codebook = jnp.array([[0, 0, 0], [100, 0, 10], [200, 40, 10]], jnp.uint8)
    assert _choose(chances, codebook, "likeliest").tolist() == [[0, 0, 0], [200, 40, 10]]
    assert _choose(chances, codebook, "expected").tolist() == [[40, 0, 4], [175, 30, 10]]


def test_every_other_pixel_is_a_sample_of_the_whole(run: Run) -> None:
    approximation = run.scheme.at(beta=0.01)
    whole, half = (
        Painter(flag(), horizontal_vertical(), step=step).paint(approximation, n_draws=0).pixels
        for step in (1, 2)
    )
    np.testing.assert_array_equal(half, whole[::2, ::2])


def test_a_run_is_read_again_from_its_folder(run: Run) -> None:
    assert run.folder is not None and isinstance(run.study, ImageStudy)
    again = load_run(run.folder)
    assert isinstance(again.study, ImageStudy)
    # There is no file "flag": the picture is the one that the folder holds.
    np.testing.assert_array_equal(again.study.analysed.pixels, flag().pixels)
    assert again.study == run.study and again.study.title() == "Picture flag"
    first, second = (one.study.paintings(one, "panels") for one in (run, again))  # type: ignore[attr-defined]
    assert [one.beta for one in second] == nearest_betas(again.scheme, (0.01, 0.3))
    np.testing.assert_array_equal(first[0].pixels, second[0].pixels)
    assert set(again.figures()) == {"sweep", "strip", "error", "information_plane", "subsets"}
    config = tomllib.loads((run.folder / "config.toml").read_text())
    assert config["run"]["study"] == "image"
    assert config["options"]["encoder_hidden"] == [32, 32]
    found = json.loads((run.folder / "summary.json").read_text())
    assert len(found["shown"]) == 2 and found["best_psnr_db"] is None  # without error
    assert "| vertical |" in (run.folder / "summary.md").read_text()


def test_pictures_are_of_the_same_pixels_whatever_is_read(run: Run) -> None:
    assert isinstance(run.study, ImageStudy)
    bits, kl_bits = (run.study.paintings(run, "panels", m) for m in ("information", "kl"))
    for one, other in zip(bits, kl_bits, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert other.conveyed_bits.sum() > one.conveyed_bits.sum()
    table = run.report(Reading(measure="kl")).tables()["pictures"]
    assert table.columns[2] == "KL" and len(table.rows) == 2


def test_an_interrupted_run_is_painted_when_it_is_finished(tmp_path: Path) -> None:
    # The picture is in memory; the resumed run finds it in the folder.
    study = ImageStudy.of(
        flag(), **{**BRIEF, "train": replace(TRAIN, n_steps=40, n_pretraining_steps=0)}
    )
    folder = tmp_path / "run"
    pressed: list[int] = []

    def stop(now: SweepProgress) -> None:
        if now.beta > 0.01 and not pressed:
            pressed.append(now.step)
            os.kill(os.getpid(), signal.SIGINT)

    stopped = run_study(study, folder, progress=stop)
    assert stopped.status == "interrupted" and not stopped.scheme.is_empty
    assert "painted when the sweep is finished" in (folder / "summary.md").read_text()
    standard = {"sweep", "information_plane", "subsets"}
    assert {path.stem for path in (folder / "figures").iterdir()} == standard
    again = run_study(ImageStudy.reopened(folder, to_toml(study)), folder, resume=True)
    assert again.status == "finished"
    drawn = {path.stem for path in (folder / "figures").iterdir()}
    assert drawn == standard | {"strip", "error", "animation"}


@pytest.mark.parametrize("film", ["gif", "webp"])
def test_the_animation_has_all_frames(run: Run, tmp_path: Path, film: Any) -> None:
    study = ImageStudy.of(flag(), film=film)
    study.render(run, tmp_path)
    with Image.open(tmp_path / f"animation.{film}") as frames:
        assert frames.n_frames == len(study.paintings(run, "film"))  # type: ignore[attr-defined]


def test_other_animations_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.gif or \.webp"):
        save_animation(tmp_path / "film.mp4", [], ["a"])
    with pytest.raises(UserError, match="at least one frame"):
        save_animation(tmp_path / "film.gif", [], ["a"])


def test_what_is_shown_is_evenly_spaced_along_the_allocation() -> None:
    # Two components, constant in between: the second closes, then the first in two steps.
    allocation = np.array([[3.0, 1.0]] * 10 + [[3.0, 0.0]] * 10 + [[1.0, 0.0]] + [[0.0, 0.0]] * 9)
    chosen = evenly_along(allocation, 3)
    assert [allocation[k].tolist() for k in chosen] == [[3.0, 1.0], [3.0, 0.0], [1.0, 0.0]]
    assert len(evenly_along(allocation, 100)) == 21
    with pytest.raises(UserError, match="no model"):
        evenly_along(np.zeros((3, 2)), 2)


def test_telling_approximations_are_in_use(run: Run) -> None:
    scheme = run.scheme
    betas = informative_betas(scheme)
    assert len(betas) == 5 and betas == sorted(betas)
    assert all(scheme.at(beta=beta).in_use() for beta in betas)


def test_components_of_a_position() -> None:
    picture = Picture("p", np.random.default_rng(0).integers(0, 9, (20, 40, 3), dtype=np.uint8))
    r = pixel_positions(40, 20)
    assert np.abs(r).max(axis=0).tolist() == pytest.approx([1 - 1 / 40, 0.5 - 1 / 40])
    assert r[0, 0] < 0 < r[0, 1]  # the first pixel is at the upper left
    axes = projections(6).components(r)[..., 0]
    np.testing.assert_allclose(axes[:, [0, 3]], r, atol=1e-6)
    assert len(np.unique(axes[:, 3])) == 20  # a row stays one value
    np.testing.assert_allclose((axes**2).sum(axis=1), 3 * (r**2).sum(axis=1), rtol=1e-5)
    corner = distances(picture, [(0, 0)]).components(r)[0, 0, 0]
    assert corner == pytest.approx(np.hypot(1 / 40, 1 / 40))
    assert parse_decomposition("points:4", picture).names == ("A", "B", "C", "D")
    assert len(evenly_placed_points(5)) == 5
    assert parse_decomposition("none", picture).components(r).shape == (800, 1, 2)
    for text in ("points:0.5,0.5;1,0", "axes:2", "points:3", "none", "horizontal-vertical"):
        assert parse_decomposition(text, picture).text == text


@pytest.mark.parametrize(
    "text", ["", "axes", "axes:0", "axes:65", "axes:x", "points:", "points:1", "points:1,2,3"]
)
def test_unknown_decompositions_are_refused(text: str) -> None:
    if text == "points:1":
        assert parse_decomposition(text, flag()).names == ("A",)
        return
    with pytest.raises(UserError):
        parse_decomposition(text, flag())


def polar(r: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.hypot(*r.T), np.arctan2(r[:, 1], r[:, 0])], axis=1)


OWN = PositionDecomposition("", ("radius", "angle"), polar)


@dataclass(frozen=True)
class Polar(ImageStudy):
    name: ClassVar[str] = "polar"

    def position_decomposition(self) -> PositionDecomposition:
        return OWN


@pytest.mark.nightly
def test_a_picture_is_analysed_and_painted_by_a_decomposition_of_your_own(tmp_path: Path) -> None:
    study = Polar.of(flag(), **{**BRIEF, "train": replace(TRAIN, n_steps=4)})
    run = run_study(study, tmp_path / "run")
    assert run.scheme.components == ("radius", "angle")
    assert run.figures()["sweep"].axes
    assert (tmp_path / "run" / "figures" / "animation.gif").exists()


def test_a_decomposition_of_your_own() -> None:
    found = OWN.components(pixel_positions(12, 8))
    assert found.shape == (96, 2, 1) and found.dtype == np.float32
    assert Polar.of(flag()).problem(0).names == ("radius", "angle")
    wrong = PositionDecomposition("", ("radius",), polar)
    with pytest.raises(UserError, match="into 1 components returned"):
        wrong.components(pixel_positions(2, 2))
    with pytest.raises(UserError, match="finite"):
        PositionDecomposition("", ("a", "b"), lambda r: r / 0 * np.nan).components(
            np.ones((1, 2)) * np.inf
        )


def test_equal_pictures_have_no_error() -> None:
    assert psnr_db(flag().pixels, flag().pixels) == np.inf
