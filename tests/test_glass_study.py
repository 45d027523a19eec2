"""The glass study: findings on data with a known answer, run folders, rejected input."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from distributed_ib._arrays import load_arrays, save_arrays
from distributed_ib.data.problem import Split
from distributed_ib.errors import UserError
from distributed_ib.report.quantity import Quantity
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import Measure
from distributed_ib.studies.glass import GlassStudy, load_glass
from distributed_ib.studies.glass.glass_examples import (
    examples_of,
    reporting_rows,
    standardisation,
    validation_rows,
)
from distributed_ib.studies.glass.glass_figures import (
    Panels,
    glass_figure,
    plot_error_and_accuracy,
    plot_shell_information,
)
from distributed_ib.studies.glass.glass_findings import AnalysedGlass, find
from distributed_ib.studies.glass.glass_tables import GlassData, packaged_data, save_table
from distributed_ib.studies.glass.linear_svm import best_single_shell, fit_svm
from distributed_ib.studies.glass.neighbourhoods import Neighbourhoods
from distributed_ib.studies.glass.shell_places import shells_of
from distributed_ib.studies.glass.structure_functions import RadialDistribution, shell_names
from distributed_ib.study.reading_runs import load_run
from distributed_ib.study.running import run_study
from distributed_ib.study.stored_report import stored_report
from test_cli import dib, one_clear_line
from test_glass_archive import csv, pack

SMALL = GlassStudy(
    encoder_hidden=(16,),
    embedding_dim=2,
    predictor_hidden=(16,),
    n_frequencies=1,
    train=replace(
        GlassStudy().train,
        beta=(1e-3, 1.0),
        n_steps=120,
        n_pretraining_steps=40,
        batch_size=64,
        learning_rate=2e-2,
        last_learning_rate=None,
        n_records=40,
        n_information_records=8,
        evidence=False,
    ),
)


def glass_like(n_loci: int = 80, name: str = "gradual", seed: int = 0) -> GlassData:
    """Loci have three B particles near r = 1.40, negatives have one; everything else is noise."""
    rng = np.random.default_rng(seed)
    positions, types, sizes = [], [], []
    for is_locus in np.repeat([True, False], n_loci):
        n_near = 3 if is_locus else 1
        radius = np.concatenate([rng.normal(1.40, 0.02, n_near), rng.uniform(0.6, 4.4, 12)])
        angle = rng.uniform(0, 2 * np.pi, len(radius))
        positions.append(np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1))
        types.append(np.concatenate([np.full(n_near, 2), rng.integers(1, 3, 12)]))
        sizes.append(len(radius))
    edges = np.arange(0, 4.51, 0.05)
    middle = (edges[1:] + edges[:-1]) / 2
    g = np.where(middle < 0.6, 0.0, 1 + np.cos(2 * np.pi * (middle - 1.1)))
    return GlassData(
        name=name,
        around=Neighbourhoods(
            np.concatenate(positions),
            np.concatenate(types),
            np.concatenate([[0], np.cumsum(sizes)]),
        ),
        is_locus=np.repeat([True, False], n_loci),
        group=np.tile(np.arange(n_loci) % 16, 2),
        validation=None,
        distribution=RadialDistribution(edges, g, g, g),
        events={},
        about={},
    )


def split_of(data: GlassData, validation_fraction: float = 0.25) -> Split:
    study = GlassStudy.of({"gradual": data}, validation_fraction=validation_fraction)
    return study.protocols["gradual"].problem(0).split(0)


@pytest.fixture(scope="module")
def split() -> Split:
    return split_of(glass_like())


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory, quick_compilation: None) -> Path:
    """A run whose data exist only in its folder, so that reading it needs nothing else."""
    folder = tmp_path_factory.mktemp("runs") / "glass"
    run_study(GlassStudy.of({"gradual": glass_like()}, **options(SMALL)), folder)
    return folder


def options(study: GlassStudy) -> dict[str, Any]:
    """The options of a study except its data."""
    return {name: value for name, value in vars(study).items() if name != "data"}


def analysed_in(folder: Path) -> dict[str, AnalysedGlass]:
    run = load_run(folder)
    assert isinstance(run.study, GlassStudy)
    return run.study.analysed(run)


@pytest.fixture(scope="module")
def analysed(run_folder: Path) -> AnalysedGlass:
    return analysed_in(run_folder)["gradual"]


def test_the_planted_shell_is_found_and_others_are_dropped(analysed: AnalysedGlass) -> None:
    found = find(analysed)
    assert found.best_accuracy > 0.95
    assert found.fewest_near_best <= 3
    # Shells are 0.077 apart, and neighbouring shells see the same particles.
    assert {shell.kind for shell in found.last[:1]} == {"B"}
    assert abs(found.last[0].radius - 1.40) < 0.1
    assert abs(found.single.radius - 1.40) < 0.1
    assert found.single_accuracy > 0.9
    assert found.diffuseness is not None
    assert found.diffuseness.effective_shells < 5
    assert found.diffuseness.accuracy > 0.7  # 0.8 on the choosing rows; only twenty rows report
    one = found.few[-1]
    assert (one.asked, len(one.shells)) == (1, 1)
    assert one.accuracy_alone > 0.8
    assert found.one_shell_decades > 0


def test_few_shells_are_few_and_above_the_threshold(analysed: AnalysedGlass) -> None:
    for few in find(analysed, threshold_bits=0.2).few:
        assert len(few.shells) == len(few.bits) <= few.asked
        assert list(few.bits) == sorted(few.bits, reverse=True)
        assert all(bits > 0.2 for bits in few.bits)
        assert sum(few.bits) <= few.total_bits + 1e-6


def test_what_shells_convey_is_their_information_and_the_kl_on_request(
    analysed: AnalysedGlass, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = analysed.scheme.to_xarray()
    assert float((data["information_bits"] - data["kl_bits"]).max()) <= 0.0
    found, by_kl = find(analysed), find(analysed, measure="kl")
    assert (found.measure, by_kl.measure) == ("information", "kl")
    assert found.best_total_bits < by_kl.best_total_bits
    assert found.fewest_near_best <= by_kl.fewest_near_best
    assert found.best_accuracy == by_kl.best_accuracy
    assert dib("show", str(run_folder), "--kl") == 0
    printed = capsys.readouterr().out
    assert "KL" in printed and "conveyed" not in printed
    labels: dict[Measure | None, str] = {None: "information", "kl": "KL"}
    for measure, label in labels.items():
        _, ax = plt.subplots()
        plot_shell_information(
            analysed.scheme, "B", analysed.distribution, ax, top=8.0, measure=measure
        )
        assert ax.get_ylabel() == f"{label} of each shell (bits)"
        plt.close()


def test_without_its_shells_the_model_knows_nothing(analysed: AnalysedGlass) -> None:
    x, y, _ = analysed.split.problem.rows(reporting_rows(analysed.split))
    model = analysed.scheme.at(beta=0.02)
    one_draw = model.scores(x, y)["accuracy"]
    assert one_draw > 0.9
    snapshot = np.argmin(np.abs(analysed.scheme.snapshots.beta - model.beta))
    assert analysed.measured.averaged_accuracy[0, snapshot] >= one_draw - 0.03
    assert 0.3 < model.scores(x, y, kept=[])["accuracy"] < 0.7


def test_a_table_and_the_dashed_curve_agree_on_averaged_accuracies(
    analysed: AnalysedGlass,
) -> None:
    beta = analysed.scheme.snapshots.beta
    for few in find(analysed).few:
        (snapshot,) = np.flatnonzero(beta == few.beta)
        assert few.averaged == analysed.measured.averaged_accuracy[0, snapshot]


def test_a_run_folder_can_be_shown_and_drawn_again(
    run_folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    names = {path.relative_to(run_folder).as_posix() for path in run_folder.rglob("[!.]*.*")}
    assert names == {
        "config.toml",
        "summary.json",
        "summary.md",
        "report.html",
        "data/gradual.npz",
        "figures/glass.png",
        "gradual/page.npz",
        "gradual/scheme.nc",
        "gradual/results.npz",
        "gradual/snapshots/model.json",
        "gradual/snapshots/params.safetensors",
    }
    summary = json.loads((run_folder / "summary.json").read_text())["protocols"]["gradual"]
    parts = ("n_training_examples", "n_validation_examples", "n_test_examples")
    assert sum(summary[part] for part in parts) == 160
    assert summary["repeats"][0]["single"]["kind"] == "B"
    assert dib("show", str(run_folder)) == 0
    text = capsys.readouterr().out
    assert "gradual quench, 80 loci" in text
    assert "conveyed" in text and "KL" not in text
    assert dib("plot", str(run_folder), "--kl", "--out", str(tmp_path)) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["glass.png"]


def test_the_numbers_of_the_report_say_what_they_are_of(run_folder: Path) -> None:
    report = stored_report(run_folder)
    tables = report.tables()
    assert set(tables) == {"gradual_few_shells", "gradual_last_shells"}
    row = tables["gradual_few_shells"].rows[-1]
    cells = [cell for cell in row if isinstance(cell, Quantity)]
    assert (cells[0].unit, cells[0].rows) == ("bits", "training rows")
    assert {cell.rows for cell in cells[1:]} == {"held-out rows"}
    best = next(found for found in report.findings() if "averaged_accuracy" in found.quantities)
    accuracy = best.quantities["averaged_accuracy"]
    assert accuracy.low is not None and accuracy.low <= accuracy.value
    assert f"{accuracy.value:.3f} ±" in best.text


def test_every_label_of_the_figure_is_inside_it(analysed: AnalysedGlass) -> None:
    data = analysed.scheme.to_xarray()
    data["prediction_error_bits"] *= 1.4  # makes the tick labels of a narrow panel longer
    panels = Panels(
        ApproximationScheme(data, analysed.scheme.snapshots),
        analysed.distribution,
        float(analysed.measured.svm.test_accuracy),
        analysed.measured.accuracy,
        analysed.measured.averaged_accuracy,
        n_starts=3,
    )
    figure = glass_figure({"gradual": panels, "rapid": panels})
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    plt.close(figure)
    assert box.x0 >= 0 and box.y0 >= 0
    assert box.x1 <= figure.get_figwidth() and box.y1 <= figure.get_figheight()


def test_no_sample_is_on_both_sides_of_the_split(split: Split, analysed: AnalysedGlass) -> None:
    group = glass_like().group
    held, kept = set(group[split.held_out]), set(group[split.train])
    assert held and kept and not held & kept
    # A locus and its negative come from the same sample, so both parts are balanced.
    assert split.problem.y[split.train].mean() == 0.5
    assert analysed.scheme.baseline_entropy_bits == 1.0


def test_no_sample_both_chooses_and_reports(split: Split) -> None:
    data = glass_like()
    given = split_of(replace(data, validation=data.group % 3 == 0))
    for one in (split, given):
        choose, report = validation_rows(one), reporting_rows(one)
        np.testing.assert_array_equal(np.union1d(choose, report), one.held_out)
        assert not set(data.group[choose]) & set(data.group[report])
        for rows in (choose, report):
            assert one.problem.y[rows].mean() == 0.5


def test_a_single_sample_held_out_chooses_and_reports() -> None:
    data = glass_like()
    split = split_of(replace(data, validation=data.group == 3))
    np.testing.assert_array_equal(validation_rows(split), split.held_out)
    np.testing.assert_array_equal(reporting_rows(split), split.held_out)


def test_reporting_rows_choose_nothing(analysed: AnalysedGlass) -> None:
    """Other results on the reporting rows change no choice, only the reported numbers."""
    data = analysed.scheme.to_xarray()
    for name in ("accuracy", "prediction_error_bits", "predictive_information_bits"):
        data[name].loc[{"split": "test"}] = data[name].sel(split="test").values[:, ::-1]
    measured = replace(
        analysed.measured,
        accuracy=0.8 * analysed.measured.accuracy,
        averaged_accuracy=0.9 * analysed.measured.averaged_accuracy,
    )
    other = replace(
        analysed,
        scheme=ApproximationScheme(data, analysed.scheme.snapshots),
        measured=measured,
    )
    before, after = find(analysed), find(other)
    assert (before.best_beta, before.best_averaged_beta) == (
        after.best_beta,
        after.best_averaged_beta,
    )
    assert before.fewest_near_best == after.fewest_near_best
    assert [few.beta for few in before.few] == [few.beta for few in after.few]
    assert after.best_accuracy == pytest.approx(0.8 * before.best_accuracy)
    assert after.best_averaged == pytest.approx(0.9 * before.best_averaged)


def test_an_envelope_of_starts_says_so(
    analysed: AnalysedGlass, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(analysed.scheme.to_xarray()["start"].values) <= {0, 1, 2}
    assert dib("show", str(run_folder)) == 0
    assert "the best of 3 starts" in " ".join(capsys.readouterr().out.split())
    for n_starts, title in ((2, "envelope of 2 starts"), (1, "")):
        measured = analysed.measured
        panels = Panels(
            analysed.scheme,
            analysed.distribution,
            0.9,
            measured.accuracy,
            measured.averaged_accuracy,
            n_starts,
        )
        _, ax = plt.subplots()
        legend = plot_error_and_accuracy(panels, ax).get_legend()
        plt.close()
        assert legend is not None and legend.get_title().get_text() == title


def test_the_paper_preset_is_a_single_sweep() -> None:
    presets = GlassStudy.presets()
    assert not presets["paper"].train.is_ladder
    assert presets["quick"].train.is_ladder


def test_densities_are_standardised_on_the_training_part(split: Split) -> None:
    x, _ = examples_of(split, split.train)
    varies = x.std(axis=0) > 1e-6
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=0)[varies], 1, rtol=1e-4)
    # No particle is nearer than 0.6, so the innermost shells are empty and stay at zero.
    assert not varies[0]
    _, scale = standardisation(np.asarray(x, np.float64), np.arange(len(x)))
    assert np.all(scale[~varies] == 1)


def test_the_svm_never_sees_the_held_out_part(split: Split) -> None:
    group = glass_like().group
    svm = fit_svm(split, group)
    assert svm.test_accuracy > 0.85
    assert "B r=1.40" in {shell_names()[i] for i in np.argsort(-svm.weights)[:3]}
    labels = split.problem.y.copy()
    labels[split.held_out] = 1 - labels[split.held_out]
    turned = replace(split, problem=replace(split.problem, y=labels))
    other = fit_svm(turned, group)
    assert (other.c, other.training_accuracy) == (svm.c, svm.training_accuracy)
    assert other.test_accuracy == pytest.approx(1 - svm.test_accuracy)
    assert best_single_shell(turned)[0] == best_single_shell(split)[0]


def test_a_split_that_comes_with_the_data_is_kept() -> None:
    data = glass_like()
    validation = np.arange(160) % 10 == 0
    split = split_of(replace(data, validation=validation))
    np.testing.assert_array_equal(split.held_out, np.flatnonzero(validation))


def test_the_published_archive_is_learned_from_in_the_same_way(tmp_path: Path) -> None:
    data = glass_like()
    contents = {"g_r_bins.csv": csv(data.distribution.edges[:, None])}
    held = np.arange(160) % 5 == 0
    for part, rows in (("train", np.flatnonzero(~held)), ("val", np.flatnonzero(held))):
        room = int(np.diff(data.around.offsets).max()) + 1
        positions, types = np.zeros((len(rows), room, 2)), np.zeros((len(rows), room))
        for row, example in enumerate(rows.tolist()):
            near, kinds = data.around.of(example)
            positions[row, : len(near)], types[row, : len(kinds)] = near, kinds
            positions[row, -1] = types[row, -1] = len(kinds)
        stem = f"GradualQuench_{part}_"
        contents[f"{stem}particle_positions.csv"] = csv(positions.reshape(len(rows), -1))
        contents[f"{stem}types.csv"] = csv(types)
        contents[f"{stem}is_loci.csv"] = csv(data.is_locus[rows, None])
    for pair in ("AA", "AB"):
        contents[f"g_r_{pair}_GradualQuench.csv"] = csv(data.distribution.g_aa[:, None])
    (archived,) = load_glass(pack(tmp_path / "glass.tar.gz", contents)).values()
    split = split_of(archived, 0.5)
    assert len(split.held_out) == held.sum()  # its own split, not a random half
    assert fit_svm(split, archived.group).test_accuracy > 0.85


def test_places_on_the_real_distributions() -> None:
    for data in packaged_data().values():
        place = {shell.name: shell.place for shell in shells_of(data.distribution)}
        assert place["A r=0.71"] == place["B r=1.09"] == "first peak"
        assert place["A r=0.94"] == place["B r=1.40"] == "first trough"
        assert place["A r=0.25"] == place["B r=0.71"] == "core"
        assert place["B r=1.70"] == "second peak"


def refused(data: GlassData, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Returns the one-line error of `dib glass analyse` for a table; checks that no run is left."""
    save_table(data, folder / "gradual.npz")
    out = folder / "run"
    assert dib("glass", "analyse", str(folder), "--out", str(out)) == 2
    assert not out.exists()
    return one_clear_line(capsys)


def test_too_few_loci(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(glass_like(49), tmp_path, capsys)
    assert "49 loci" in line and "at least 50" in line and "dib glass simulate" in line


def test_one_type_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = glass_like()
    lone = replace(data.around, types=np.ones_like(data.around.types))
    assert "no particle of type B" in refused(replace(data, around=lone), tmp_path, capsys)


def test_one_sample_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = replace(glass_like(), group=np.zeros(160, int))
    assert "one group" in refused(data, tmp_path, capsys)


def test_one_sample_in_the_training_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = glass_like()
    data = replace(data, group=np.where(data.group > 0, 1, 0))
    assert "training part comes from a single sample" in refused(data, tmp_path, capsys)


@pytest.mark.parametrize("name", ["../../elsewhere", "", "figures", "data"])
def test_a_name_that_leads_elsewhere_in_the_run_folder(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "any.npz"
    save_table(replace(glass_like(), name=name), table)
    assert dib("glass", "analyse", str(table), "--out", str(tmp_path / "run")) == 2
    assert "letters and digits" in one_clear_line(capsys)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--validation-fraction", "1.5"], "validation fraction must be between 0 and 1"),
        (["--direction", "both", "--n-starts", "1", "--averaging", "0"], "rising or falling"),
        (["--n-starts", "1"], "set averaging to 0"),
        (["--direction", "falling"], "several starts or resamples need direction"),
        (["--embedding-dim", "0"], "embedding_dim must be at least 1"),
    ],
)
def test_impossible_options_are_refused(
    option: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_table(glass_like(), tmp_path / "gradual.npz")
    out = tmp_path / "run"
    assert dib("run", "glass", "--data", str(tmp_path), *option, "--out", str(out)) == 2
    assert message in one_clear_line(capsys)
    assert not out.exists()


def test_broken_and_missing_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "glass.tar.gz"
    broken.write_bytes(b"\x1f\x8b no archive")
    assert dib("glass", "analyse", str(broken)) == 2
    assert "not a readable tar archive" in one_clear_line(capsys)
    assert dib("glass", "analyse", str(tmp_path / "nowhere")) == 2
    assert "no such file" in one_clear_line(capsys)


@pytest.mark.parametrize("name", ["data/gradual.npz", "gradual/results.npz"])
def test_a_damaged_run_is_refused(name: str, run_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run_folder, copy)
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name} is damaged"):
        load_run(copy)
    (copy / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        load_run(copy)


@pytest.mark.filterwarnings("ignore:.*has no list of checksums")
def test_results_that_lack_an_array_are_told_by_name(run_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run_folder, copy)
    for place in (copy, copy / "gradual"):
        (place / "SHA256SUMS").unlink()
    path = copy / "gradual" / "results.npz"
    arrays = load_arrays(path)
    del arrays["svm_c"]
    save_arrays(path, arrays)
    with pytest.raises(UserError, match="lack svm_c"):
        analysed_in(copy)


@pytest.mark.nightly
def test_the_packaged_data_meet_what_the_paper_leads_us_to_expect(tmp_path: Path) -> None:
    run_study(GlassStudy(), tmp_path / "run")
    glasses = analysed_in(tmp_path / "run")
    found = {name: find(glass) for name, glass in glasses.items()}
    for name, glass in glasses.items():
        svm = glass.measured.svm
        assert found[name].best_averaged >= svm.test_accuracy - 0.02
        assert found[name].best_accuracy >= svm.test_accuracy - 0.03
    # Accuracy with few shells, from one draw.
    few = {name: {one.asked: one.accuracy for one in found[name].few} for name in found}
    assert few["gradual"][3] > 0.86 and few["gradual"][2] > 0.83
    assert few["rapid"][5] > 0.75 and few["rapid"][2] > 0.70
    assert found["gradual"].fewest_near_best_averaged <= 10
    assert found["rapid"].fewest_near_best_averaged <= 20
    gap = found["gradual"].best_averaged - found["rapid"].best_averaged
    assert gap > 2 * (found["gradual"].best_error + found["rapid"].best_error)
    # The last shells are in the first troughs, mostly of g_AB.
    for part in found.values():
        assert all(shell.in_trough for shell in part.last[:3])
