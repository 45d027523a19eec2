"""The glass study: what it finds where the answer is known, what it keeps, what it refuses."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from distributed_ib.errors import UserError
from distributed_ib.scheme.measure import Measure
from distributed_ib.studies.glass import glass_study as study
from distributed_ib.studies.glass.glass_examples import Examples, prepare_examples
from distributed_ib.studies.glass.glass_figures import plot_shell_information
from distributed_ib.studies.glass.glass_run import GlassRun, analyse_glass, load_run
from distributed_ib.studies.glass.glass_settings import PRESETS
from distributed_ib.studies.glass.glass_sources import load_glass
from distributed_ib.studies.glass.glass_tables import GlassData, packaged_data, save_table
from distributed_ib.studies.glass.linear_svm import best_single_shell, fit_svm
from distributed_ib.studies.glass.neighbourhoods import Neighbourhoods
from distributed_ib.studies.glass.noise_accuracies import validation_accuracies
from distributed_ib.studies.glass.shell_places import shells_of
from distributed_ib.studies.glass.structure_functions import RadialDistribution, shell_names
from test_cli import dib, one_clear_line
from test_glass_archive import csv, pack

SMALL = replace(
    PRESETS["quick"],
    beta_start=1e-3,
    n_steps=120,
    n_pretraining_steps=40,
    batch_size=64,
    learning_rate=2e-2,
    encoder_hidden=(16,),
    embedding_dim=2,
    predictor_hidden=(16,),
    n_frequencies=1,
    n_snapshots=15,
)


def glass_like(n_loci: int = 80, name: str = "gradual", seed: int = 0) -> GlassData:
    """Loci have three particles of type B near r = 1.40, negatives one; all else is noise."""
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


@pytest.fixture(scope="module")
def examples() -> Examples:
    return prepare_examples(glass_like(), 0.25)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory, quick_compilation: None) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "glass"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "N_RECORDS", 5)
        analyse_glass({"gradual": glass_like()}, SMALL, folder)
    return folder


@pytest.fixture(scope="module")
def analysed(run_folder: Path) -> GlassRun:
    return load_run(run_folder)


def test_the_planted_shell_is_found_and_the_rest_let_go(analysed: GlassRun) -> None:
    found = analysed.findings()["gradual"]
    assert found.best_accuracy > 0.95
    assert found.fewest_near_best <= 3
    # Shells are 0.077 apart and a neighbour sees the same particles.
    assert {shell.kind for shell in found.last[:1]} == {"B"}
    assert abs(found.last[0].radius - 1.40) < 0.1
    assert abs(found.single.radius - 1.40) < 0.1
    assert found.single_accuracy > 0.9
    assert found.diffuseness is not None
    assert found.diffuseness.effective_shells < 5
    assert found.diffuseness.accuracy >= 0.8
    one = found.few[-1]
    assert (one.asked, len(one.shells)) == (1, 1)
    assert one.accuracy_alone > 0.8
    assert found.one_shell_decades > 0


def test_few_shells_are_few_and_above_the_threshold(analysed: GlassRun) -> None:
    for few in analysed.findings(0.2)["gradual"].few:
        assert len(few.shells) == len(few.bits) <= few.asked
        assert list(few.bits) == sorted(few.bits, reverse=True)
        assert all(bits > 0.2 for bits in few.bits)
        assert sum(few.bits) <= few.total_bits + 1e-6


def test_what_shells_convey_is_their_information_and_the_kl_on_request(
    analysed: GlassRun, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = analysed.protocols["gradual"].scheme.to_xarray()
    assert float((data["information_bits"] - data["kl_bits"]).max()) <= 0.0
    found, by_kl = (analysed.findings(measure=m)["gradual"] for m in (None, "kl"))
    assert (found.measure, by_kl.measure) == ("information", "kl")
    assert found.best_total_bits < by_kl.best_total_bits
    assert found.fewest_near_best <= by_kl.fewest_near_best
    assert found.best_accuracy == by_kl.best_accuracy
    assert dib("show", str(run_folder), "--kl") == 0
    printed = capsys.readouterr().out
    assert "KL" in printed and "conveyed" not in printed
    part = analysed.protocols["gradual"]
    labels: dict[Measure | None, str] = {None: "information", "kl": "KL"}
    for measure, label in labels.items():
        _, ax = plt.subplots()
        plot_shell_information(part.scheme, "B", part.distribution, ax, top=8.0, measure=measure)
        assert ax.get_ylabel() == f"{label} of each shell (bits)"
        plt.close()


def test_without_its_shells_the_model_knows_nothing(analysed: GlassRun) -> None:
    part = analysed.protocols["gradual"]
    model = part.scheme.at(beta=0.02)
    everything = validation_accuracies(model, part.examples, list(range(100)))
    assert everything.one_draw == everything.alone > 0.9
    assert everything.averaged >= everything.one_draw - 0.03
    assert 0.3 < validation_accuracies(model, part.examples, []).alone < 0.7


def test_a_run_folder_can_be_shown_and_drawn_again(
    run_folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    names = {path.relative_to(run_folder).as_posix() for path in run_folder.rglob("*.*")}
    assert names == {
        "config.toml",
        "summary.json",
        "summary.md",
        "gradual/scheme.nc",
        "gradual/examples.npz",
        "gradual/snapshots/model.json",
        "gradual/snapshots/params.safetensors",
    }
    summary = json.loads((run_folder / "summary.json").read_text())["gradual"]
    assert summary["n_training_examples"] + summary["n_validation_examples"] == 160
    assert summary["repeats"][0]["single"]["kind"] == "B"
    assert dib("show", str(run_folder)) == 0
    text = capsys.readouterr().out
    assert "gradual quench, 80 loci" in text
    assert "conveyed" in text and "KL" not in text
    assert dib("plot", str(run_folder), "--kl", "--out", str(tmp_path)) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["glass.png"]


def test_no_sample_is_on_both_sides_of_the_split(examples: Examples) -> None:
    held = set(examples.group[examples.held_out])
    kept = set(examples.group[~examples.held_out])
    assert held and kept and not held & kept
    # A locus and its negative are from one sample, so both parts are balanced.
    assert examples.entropy_bits == pytest.approx(1.0)


def test_densities_are_standardised_on_the_training_part(examples: Examples) -> None:
    x, _ = examples.training
    varies = x.std(axis=0) > 1e-6
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=0)[varies], 1, rtol=1e-4)
    # Nothing comes nearer than 0.6, so the innermost shells are empty and stay at zero.
    assert not varies[0]
    assert np.all(examples.scale[~varies] == 1)


def test_the_svm_never_sees_the_held_out_part(examples: Examples) -> None:
    svm = fit_svm(examples)
    assert svm.validation_accuracy > 0.85
    assert "B r=1.40" in {shell_names()[i] for i in np.argsort(-svm.weights)[:3]}
    turned = replace(
        examples, is_locus=np.where(examples.held_out, 1 - examples.is_locus, examples.is_locus)
    )
    other = fit_svm(turned)
    assert (other.c, other.training_accuracy) == (svm.c, svm.training_accuracy)
    assert other.validation_accuracy == pytest.approx(1 - svm.validation_accuracy)
    assert best_single_shell(turned)[0] == best_single_shell(examples)[0]


def test_a_split_that_comes_with_the_data_is_kept() -> None:
    data = glass_like()
    validation = np.arange(160) % 10 == 0
    examples = prepare_examples(replace(data, validation=validation), 0.25)
    np.testing.assert_array_equal(examples.held_out, validation)


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
    examples = prepare_examples(archived, 0.5)
    assert examples.held_out.sum() == held.sum()  # its own split, not half
    assert fit_svm(examples).validation_accuracy > 0.85


def test_places_on_the_real_distributions() -> None:
    for data in packaged_data().values():
        place = {shell.name: shell.place for shell in shells_of(data.distribution)}
        assert place["A r=0.71"] == place["B r=1.09"] == "first peak"
        assert place["A r=0.94"] == place["B r=1.40"] == "first trough"
        assert place["A r=0.25"] == place["B r=0.71"] == "core"
        assert place["B r=1.70"] == "second peak"


def refused(data: GlassData, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which `dib glass analyse` refuses a table; it leaves nothing behind."""
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


def test_a_name_that_leads_out_of_the_run_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "any.npz"
    save_table(replace(glass_like(), name="../../elsewhere"), table)
    assert dib("glass", "analyse", str(table), "--out", str(tmp_path / "run")) == 2
    assert "letters and digits" in one_clear_line(capsys)


def test_broken_and_missing_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "glass.tar.gz"
    broken.write_bytes(b"\x1f\x8b no archive")
    assert dib("glass", "analyse", str(broken)) == 2
    assert "not a readable tar archive" in one_clear_line(capsys)
    assert dib("glass", "analyse", str(tmp_path / "nowhere")) == 2
    assert "no such file" in one_clear_line(capsys)


def test_a_damaged_run_is_refused(run_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run_folder, copy)
    (copy / "gradual" / "examples.npz").write_bytes(b"none")
    with pytest.raises(UserError, match="not a readable"):
        load_run(copy)
    shutil.rmtree(copy / "gradual")
    with pytest.raises(UserError, match="no analysed glass"):
        load_run(copy)


@pytest.mark.nightly
def test_the_packaged_data_meet_what_the_paper_leads_us_to_expect(tmp_path: Path) -> None:
    run = analyse_glass(packaged_data(), PRESETS["quick"], tmp_path / "run")
    found = run.findings()
    for name, svm in run.svms().items():
        assert found[name].best_averaged >= svm.validation_accuracy - 0.01
        assert found[name].gap_largest_bits > 0.1
        assert found[name].gap_few_bits < 0.5 * found[name].gap_largest_bits
    # In the rapid glass it took 8 to 14 shells, by the split.
    assert found["gradual"].fewest_near_best_averaged <= 10
    assert found["rapid"].fewest_near_best_averaged <= 20
    gap = found["gradual"].best_averaged - found["rapid"].best_averaged
    assert gap > 2 * (found["gradual"].best_error + found["rapid"].best_error)
    # The last shells lie in the first troughs, of g_AB foremost.
    for part in found.values():
        assert all(shell.in_trough for shell in part.last[:3])
