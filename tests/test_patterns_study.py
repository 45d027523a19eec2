"""Both bottlenecks on the patterns, compared with the paper's Fig. 5."""

import json
import sys
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest

from distributed_ib.cli.main import run
from distributed_ib.errors import UserError
from distributed_ib.studies.patterns import (
    PATTERNS,
    Method,
    Pattern,
    PatternsStudy,
    PatternStudy,
    PatternSweep,
    approximation_picture,
    find,
    pattern_picture,
    plot_errors,
)
from distributed_ib.studies.patterns.pattern_batches import as_components
from distributed_ib.study.reading_runs import load_run
from distributed_ib.study.study import Reading
from pattern_measures import rectilinear_share, widest_gap_bits

pytestmark = pytest.mark.usefixtures("quick_compilation")

QUICK = PatternStudy()
BRIEF = PatternStudy(
    hidden=(32, 32),
    n_frequencies=3,
    train=replace(
        QUICK.train,
        beta=(1e-2, 2.0),
        n_steps=2_000,
        batch_size=256,
        learning_rate=3e-3,
        n_snapshots=12,
    ),
)
Sweeps = dict[tuple[str, Method], PatternSweep]


def swept(name: str, method: Method, study: PatternStudy = BRIEF) -> PatternSweep:
    scheme = replace(study, pattern=name, method=method).fit()
    return PatternSweep(PATTERNS[name], method, scheme)


@pytest.fixture(scope="module")
def brief() -> Sweeps:
    return {
        (name, method): swept(name, method)
        for name, method in [
            ("halves", Method.distributed),
            ("checkerboard", Method.distributed),
        ]
    }


def test_the_legend_of_the_errors_lies_on_no_curve(brief: Sweeps) -> None:
    figure = plot_errors(list(brief.values()))
    figure.canvas.draw()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["halves", "checkerboard"]
    box = legend.get_window_extent()
    assert not any(box.overlaps(ax.get_window_extent()) for ax in figure.axes)
    plt.close(figure)


def test_the_end_reflects_how_many_components_are_needed(brief: Sweeps) -> None:
    halves, board = (find(brief[name, Method.distributed]) for name in ("halves", "checkerboard"))
    # In so short a sweep components drop out late; bounds for a longer one are below.
    assert halves.end_beta == pytest.approx(1.1, abs=0.2)
    assert board.end_beta == pytest.approx(0.55, abs=0.12)


def test_an_irrelevant_coordinate_is_not_conveyed(brief: Sweeps) -> None:
    data = brief["halves", Method.distributed].scheme.to_xarray().isel(seed=0)
    late = data.isel(step=data["beta"] >= 0.05)
    assert float(late["kl_bits"].sel(component="vertical").max()) < 0.05
    assert find(brief["halves", Method.distributed]).best_bits > 0.95


def test_on_the_plateau_a_bit_is_transmitted_and_more_is_paid(brief: Sweeps) -> None:
    one = brief["checkerboard", Method.distributed]
    for bits in find(one).plateau_bits.values():
        assert bits == pytest.approx(1.1, abs=0.15)
    data = one.scheme.to_xarray().isel(seed=0)
    plateau = data.isel(step=(data["beta"] >= 0.05) & (data["beta"] <= 0.2))
    assert float(plateau["kl_bits"].mean()) > 1.4


def test_an_approximation_is_the_pattern_and_then_fades(brief: Sweeps) -> None:
    scheme = brief["checkerboard", Method.distributed].scheme
    truth = pattern_picture(PATTERNS["checkerboard"], 32)
    early, late = (
        approximation_picture(scheme.at(beta=beta), 32, n_samples=8) for beta in (0.05, 1.5)
    )
    assert np.mean((early > 0.5) == (truth > 0.5)) > 0.97
    assert abs(late - 0.5).max() < 0.1
    shown = brief["checkerboard", Method.distributed].shown
    assert len(shown) == 4
    assert sorted(one.beta for one in shown) == [one.beta for one in shown]
    assert scheme.at(beta=shown[-1].beta).in_use()
    # From the tightest approximation with full information to one with hardly any.
    assert np.mean(
        (shown[0].picture > 0.5) == (pattern_picture(PATTERNS["checkerboard"], 90) > 0.5)
    )
    contrast = [float(np.ptp(one.picture)) for one in shown]
    assert contrast[0] > 0.95 and contrast == sorted(contrast, reverse=True)


@pytest.mark.parametrize("preset", ["quick", "paper"])
def test_both_methods_have_matching_networks(preset: str) -> None:
    parts = PatternsStudy.presets()[preset].parts()
    shapes = {
        method: jax.eval_shape(parts[f"slant/{method}"].model, jax.random.key(0))
        for method in Method
    }
    weights = {
        method: [leaf.shape for leaf in jax.tree.leaves(model.predictor)]
        for method, model in shapes.items()
    }
    assert weights[Method.distributed] == weights[Method.standard]
    for method, model in shapes.items():
        x = jax.ShapeDtypeStruct(as_components(np.zeros((4, 2)), len(method.components)).shape, "f")
        mean = jax.eval_shape(lambda m, x: m.encoder(x).mean, model, x)
        assert mean.shape[1] * mean.shape[2] == 8
        assert mean.shape[1] == len(method.components)


def dib(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["dib", *arguments])
        try:
            run()
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0


@pytest.mark.parametrize(
    "reading", [Reading(threshold=0.1), Reading(measure="kl"), Reading(beta=1)]
)
def test_options_that_do_not_affect_findings_are_refused(reading: Reading) -> None:
    with pytest.raises(UserError, match="leave it out"):
        PatternsStudy().check_reading(reading)


@pytest.mark.nightly
def test_a_run_on_disk_can_be_shown_and_drawn_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The small networks of the other tests, which are already compiled.
    small = PatternsStudy(hidden=BRIEF.hidden, n_frequencies=3, train=BRIEF.train)
    monkeypatch.setattr(PatternsStudy, "presets", lambda: {"quick": small})
    folder = tmp_path / "run"
    assert dib("patterns", "--pattern", "circle", "--steps", "4", "--out", str(folder)) == 0
    config = tomllib.loads((folder / "config.toml").read_text())
    assert config["options"]["patterns"] == ["circle"]
    assert config["options"]["train"]["n_steps"] == 4
    assert (folder / "figures" / "circle.png").stat().st_size > 10_000
    found = json.loads((folder / "summary.json").read_text())["sweeps"]
    assert [(one["pattern"], one["method"]) for one in found] == [
        ("circle", "distributed"),
        ("circle", "standard"),
    ]
    assert "circle (a circle): " in (folder / "summary.md").read_text()
    again = load_run(folder)
    assert [part.scheme.components for part in again.parts.values()] == [
        ("horizontal", "vertical"),
        ("position",),
    ]
    capsys.readouterr()
    assert dib("show", str(folder)) == 0
    assert "circle" in capsys.readouterr().out
    for command in ("show", "plot"):
        for option in (["--kl"], ["--threshold", "0.2"], ["--threshold", "0.1"]):
            assert dib(command, str(folder), *option) == 2
            assert f"{option[0]} does not apply" in capsys.readouterr().err
    for part in again.parts.values():
        data = part.scheme.to_xarray()
        assert float((data["information_bits"] - data["kl_bits"]).max()) <= 0.0


def quarter_turns(position: jax.Array) -> jax.Array:
    return (position[..., 0] * position[..., 1] > 0).astype("int32")


@dataclass(frozen=True)
class Quarters(PatternStudy):
    name: ClassVar[str] = "quarters"

    def drawn(self) -> Pattern:
        return Pattern("quarters", quarter_turns, "two opposite quarters")


def test_a_user_defined_pattern_is_a_study() -> None:
    study = Quarters()
    x, y = study.problem(seed=0).x, study.problem(seed=0).y
    np.testing.assert_array_equal(y, x[:, 0, 0] * x[:, 1, 0] > 0)
    assert study.title() == "Pattern quarters, distributed bottleneck"
    assert replace(study, method="standard").problem(seed=0).names == ("position",)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no method 'other'; choose distributed or standard"):
        replace(study, method="other").check()  # type: ignore[arg-type]


def test_an_unknown_pattern_creates_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dib("patterns", "--pattern", "spiral", "--out", str(tmp_path / "run")) == 2
    assert "spiral" in capsys.readouterr().err
    assert dib("run", "patterns", "--embedding-dim", "5", "--out", str(tmp_path / "run")) == 2
    assert "embedding_dim must be even" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def quick() -> Sweeps:
    return {(name, method): swept(name, method, QUICK) for name in PATTERNS for method in Method}


@pytest.mark.nightly
def test_the_standard_bottleneck_cant_tell_the_patterns_apart(quick: Sweeps) -> None:
    sweeps = [quick[name, Method.standard] for name in PATTERNS]
    for one in sweeps:
        assert find(one).end_beta == pytest.approx(1.0, abs=0.15), one.pattern.name
    # The distributed curves differ by almost the whole bit.
    assert widest_gap_bits(sweeps, beta_from=0.02) < 0.25
    others = [quick[name, Method.distributed] for name in PATTERNS]
    assert widest_gap_bits(others, beta_from=0.02) > 0.8


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["halves", "stripes"])
def test_upright_patterns_need_the_horizontal_position_alone(name: str, quick: Sweeps) -> None:
    one = quick[name, Method.distributed]
    data = one.scheme.to_xarray().isel(seed=0)
    late = data.isel(step=data["beta"] >= 0.02)
    assert float(late["kl_bits"].sel(component="vertical").max()) < 0.05
    assert find(one).end_beta == pytest.approx(1.0, abs=0.15)


@pytest.mark.nightly
def test_halves_pay_the_least_that_a_bit_costs(quick: Sweeps) -> None:
    # Two Gaussians of variance v at +-m cost at least log2(1 + m^2 / v) / 2 bits of KL; the
    # information about their sign is a known integral. At beta = 0.2 the best m yields 0.959 bit
    # and costs 1.335 bits.
    data = quick["halves", Method.distributed].scheme.to_xarray().isel(seed=0, split=0)
    near = data.isel(step=(data["beta"] > 0.18) & (data["beta"] < 0.22)).mean("step")
    assert float(near["kl_bits"].sel(component="horizontal")) == pytest.approx(1.335, abs=0.06)
    assert float(near["predictive_information_bits"]) == pytest.approx(0.959, abs=0.02)


@pytest.mark.nightly
def test_a_checkerboard_takes_a_bit_of_each(quick: Sweeps) -> None:
    found = find(quick["checkerboard", Method.distributed])
    for bits in found.plateau_bits.values():
        assert bits == pytest.approx(1.0, abs=0.05)
    assert found.end_beta == pytest.approx(0.5, abs=0.1)


@pytest.mark.nightly
def test_the_warped_checkerboard_has_two_levels_and_ends_first(quick: Sweeps) -> None:
    one, board = (quick[name, Method.distributed] for name in ("warped", "checkerboard"))
    end, board_end = find(one).end_beta, find(board).end_beta
    assert end is not None and board_end is not None and end < board_end
    fine, coarse = one.scheme.at(beta=0.02), one.scheme.at(beta=0.14)
    # First the wavy lines, then straight ones at a fraction of the information.
    assert rectilinear_share(approximation_picture(fine)) < 0.8
    assert rectilinear_share(approximation_picture(coarse)) > 0.93
    assert fine.predictive_bits > 0.75
    assert 0.2 < coarse.predictive_bits < 0.6
    assert coarse.total_bits < 0.5 * fine.total_bits


@pytest.mark.nightly
def test_the_slant_gives_up_one_component_and_the_circle_both_at_once(quick: Sweeps) -> None:
    slant = find(quick["slant", Method.distributed]).given_up_beta
    circle = find(quick["circle", Method.distributed]).given_up_beta
    assert slant["vertical"] is not None and slant["horizontal"] is not None
    assert slant["vertical"] < 0.7 * slant["horizontal"]
    assert circle["vertical"] == pytest.approx(circle["horizontal"], rel=0.1)
