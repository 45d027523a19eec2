"""Statistics over repeats, and sweeps in both directions."""

from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr

from distributed_ib.data.batches import ArrayBatches
from distributed_ib.errors import UserError
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.repeats import best_of_all, subset_frequencies
from distributed_ib.scheme.subsets_in_use import Subset
from distributed_ib.studies.boolean import BooleanStudy
from distributed_ib.training.progress import SweepProgress
from distributed_ib.training.sweep import sweep
from distributed_ib.training.sweep_result import SweepResult
from toy import XOR_SCHEDULE, xor_data, xor_model

pytestmark = pytest.mark.usefixtures("quick_compilation")


def stretch(components: str, low: float, high: float) -> Subset:
    return Subset(tuple(components), low, high, len(components), 0.1 * len(components))


def test_subsets_are_counted_once_in_each_repeat() -> None:
    repeats = [
        [stretch("abc", 0.1, 0.2), stretch("ab", 0.2, 0.3), stretch("abc", 0.3, 0.4)],
        [stretch("abc", 0.1, 0.3), stretch("b", 0.3, 0.8)],
        [stretch("abc", 0.1, 0.2), stretch("b", 0.4, 0.6)],
    ]
    found = subset_frequencies(repeats)
    assert [("".join(f.components), f.n_found) for f in found] == [("abc", 3), ("b", 2), ("ab", 1)]
    assert found[1].frequency == pytest.approx(2 / 3)
    # A subset that recurs extends from its first to its last beta; repeats give the median.
    assert (found[0].beta_low, found[0].beta_high) == (0.1, 0.3)
    assert (found[1].beta_low, found[1].beta_high) == pytest.approx((0.35, 0.7))


def test_no_record_is_above_the_frontier_and_every_point_is_a_record() -> None:
    rng = np.random.default_rng(0)
    total = rng.uniform(size=(4, 50))
    known = np.sqrt(total) * rng.uniform(0.5, 1.0, size=(4, 50))
    beta = np.geomspace(0.1, 1, 50)
    best, hull = (best_of_all(total, known, beta, concave=c) for c in (False, True))
    for found in (best, hull):
        np.testing.assert_array_equal(found.total_bits, total[found.seed, found.step])
        np.testing.assert_array_equal(found.predictive_bits, known[found.seed, found.step])
        np.testing.assert_array_equal(found.beta, beta[found.step])
        assert np.all(np.diff(found.total_bits) > 0) and np.all(np.diff(found.predictive_bits) > 0)
    place = np.searchsorted(best.total_bits, total, side="right") - 1
    assert np.all(place >= 0) and np.all(known <= best.predictive_bits[place])
    # No record is above the hull either, and the hull is strictly concave.
    assert np.all(known <= np.interp(total, hull.total_bits, hull.predictive_bits) + 1e-12)
    slopes = np.diff(hull.predictive_bits) / np.diff(hull.total_bits)
    assert np.all(np.diff(slopes) < 0) and len(hull.beta) < len(best.beta)


def test_the_frontier_is_of_the_split_and_measure_asked_for(
    xor_scheme: ApproximationScheme,
) -> None:
    data = xor_scheme.to_xarray()
    for split in ("train", "validation"):
        best = xor_scheme.frontier(split)
        known = data["predictive_information_bits"].sel(split=split)
        assert best.predictive_bits[-1] == known.max()
    np.testing.assert_array_equal(
        xor_scheme.frontier().beta, xor_scheme.frontier("validation").beta
    )
    with pytest.raises(UserError, match="'test'"):
        xor_scheme.frontier("test")


# Directions -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def falling_result() -> SweepResult:
    """The sweep of `xor_result` with falling beta."""
    x, y = xor_data()
    schedule = replace(XOR_SCHEDULE, direction="falling")
    return sweep(
        xor_model,
        ArrayBatches((x, y), 64),
        schedule,
        seed=3,
        n_seeds=2,
        learning_rate=1e-2,
        validation=(x.repeat(64, axis=0), y.repeat(64)),
        n_records=40,
    )


@pytest.fixture(scope="module")
def falling(falling_result: SweepResult) -> ApproximationScheme:
    return ApproximationScheme.from_sweep(
        falling_result, ["a", "b", "c"], baseline_entropy_bits=1.0
    )


def test_records_stand_in_the_order_of_rising_beta(
    falling: ApproximationScheme, falling_result: SweepResult, xor_scheme: ApproximationScheme
) -> None:
    made, data = falling_result.annealing, falling.to_xarray()
    assert np.all(np.diff(made.beta) < 0) and np.all(np.diff(data["beta"]) > 0)
    np.testing.assert_allclose(data["beta"], xor_scheme.to_xarray()["beta"], rtol=1e-6)
    np.testing.assert_array_equal(data["kl_bits"][:, ::-1], made.kl_nats / np.log(2))
    assert np.all(np.diff(data["training_step"]) < 0)
    assert falling.directions == ("falling", "falling")
    assert xor_scheme.directions == ("rising", "rising")
    # The model of a record is the snapshot taken at its end.
    np.testing.assert_allclose(
        data["snapshot_beta"][::-1], falling_result.snapshots.beta, rtol=1e-12
    )
    last = falling.at(beta=1e-9, seed=1)
    expected = falling_result.snapshots.params.encoder.mean[-1, 1]
    np.testing.assert_array_equal(last.model.encoder.mean, expected)


def test_joined_schemes_keep_their_repeats(
    falling: ApproximationScheme, xor_scheme: ApproximationScheme
) -> None:
    joined = ApproximationScheme.joined([xor_scheme, falling])
    assert joined.directions == ("rising", "rising", "falling", "falling")
    data = joined.to_xarray()
    assert data["seed"].values.tolist() == [0, 1, 2, 3]
    for part, repeats in ((xor_scheme, slice(0, 2)), (falling, slice(2, 4))):
        for name in ("kl_bits", "prediction_error_bits", "accuracy"):
            np.testing.assert_array_equal(data[name][repeats], part.to_xarray()[name])
    assert joined.subsets(seed=3)[0].components == falling.subsets(seed=1)[0].components
    record = 17
    beta = float(joined.snapshots.beta[record])
    for seed, part in ((1, xor_scheme), (3, falling)):
        theirs = part.snapshots.params.encoder.mean[part.snapshots.record == record]
        np.testing.assert_array_equal(
            joined.at(beta=beta, seed=seed).model.encoder.mean, theirs[0, seed % 2]
        )
    back = joined.of_direction("falling")
    np.testing.assert_array_equal(back.to_xarray()["kl_bits"], falling.to_xarray()["kl_bits"])
    total_bits = [[s.total_bits for s in part.subsets(seed=1)] for part in (back, falling)]
    assert total_bits[0] == total_bits[1]
    assert np.array_equal(back.at(beta=1e-9, seed=1).kl_bits, falling.at(beta=1e-9, seed=1).kl_bits)
    with pytest.raises(UserError, match="'falling'"):
        xor_scheme.of_direction("falling")
    best = joined.frontier("train")
    for part in (xor_scheme, falling):
        other = part.frontier("train")
        place = np.searchsorted(best.total_bits, other.total_bits, side="right") - 1
        assert np.all(best.predictive_bits[place] >= other.predictive_bits)


@pytest.mark.parametrize("n_snapshots", [1, 3, 5, 7, 20])
def test_every_model_kept_in_both_directions_survives_the_join(n_snapshots: int) -> None:
    brief = replace(
        BooleanStudy().train,
        n_steps=40,
        n_pretraining_steps=5,
        learning_rate=0.2,  # which closes the channels in 30 steps
        n_records=20,
        n_snapshots=n_snapshots,
        n_information_inputs=0,
    )
    both = BooleanStudy(circuit="a & b", hidden=(4,), train=replace(brief, direction="both")).fit()
    for direction in ("rising", "falling"):
        train = replace(brief, direction=direction)
        alone = BooleanStudy(circuit="a & b", hidden=(4,), train=train).fit().snapshots
        joined = both.of_direction(direction).snapshots
        assert len(alone.record) > 0.5 * n_snapshots
        np.testing.assert_array_equal(joined.record, alone.record)
        np.testing.assert_allclose(joined.beta, alone.beta, rtol=1e-12)
        np.testing.assert_array_equal(joined.params.encoder.mean, alone.params.encoder.mean)


@pytest.mark.parametrize("n_pretraining_steps", [300, 5, 0])
def test_every_repeat_of_a_joined_scheme_keeps_its_steps(
    n_pretraining_steps: int,
    xor_scheme: ApproximationScheme,
    falling_result: SweepResult,
    tmp_path: Path,
) -> None:
    n = min(n_pretraining_steps, 20)
    history = falling_result.pretraining
    shorter = replace(
        history,
        step=history.step[:n],
        beta=history.beta[:n],
        prediction_error_nats=history.prediction_error_nats[:, :n],
    )
    falling = ApproximationScheme.from_sweep(
        replace(falling_result, pretraining=shorter), ["a", "b", "c"], baseline_entropy_bits=1.0
    )
    ApproximationScheme.joined([xor_scheme, falling]).save(tmp_path / "joined")
    joined = ApproximationScheme.load(tmp_path / "joined")
    data = joined.to_xarray()
    assert data["training_step"].dims == ("seed", "step")
    for part, repeats in ((xor_scheme, slice(0, 2)), (falling, slice(2, 4))):
        own, theirs = part.to_xarray(), data.isel(seed=repeats)
        for repeat in range(2):
            one = theirs.isel(seed=repeat)
            np.testing.assert_array_equal(one["training_step"], own["training_step"])
            made = own.sizes["pretraining_record"]
            steps = np.broadcast_to(one["pretraining_step"], 20)
            np.testing.assert_array_equal(steps[:made], own["pretraining_step"])
            errors = one["pretraining_error_bits"].values
            np.testing.assert_array_equal(errors[:made], own["pretraining_error_bits"][repeat])
            # Records that a sweep does not have are NaN.
            assert np.isnan(steps[made:]).all() and np.isnan(errors[made:]).all()
        alone = joined.of_direction(part.directions[0]).to_xarray()
        common = ["beta", "snapshot_record", "snapshot_beta"]  # equal in both, up to rounding
        xr.testing.assert_identical(
            alone.drop_vars(common).drop_attrs(), own.drop_vars(common).drop_attrs()
        )
    twice = ApproximationScheme.joined([joined, xor_scheme]).to_xarray()
    assert twice.sizes["seed"] == 6
    np.testing.assert_array_equal(twice["training_step"][2:4], data["training_step"][2:4])
    np.testing.assert_array_equal(twice["training_step"][4], data["training_step"][0])


def test_repeats_of_one_schedule_share_their_steps(xor_scheme: ApproximationScheme) -> None:
    data = ApproximationScheme.joined([xor_scheme, xor_scheme]).to_xarray()
    assert data["training_step"].dims == ("step",)
    assert data["pretraining_step"].dims == ("pretraining_record",)


def test_a_joined_scheme_of_an_older_file_is_read(
    xor_scheme: ApproximationScheme, falling: ApproximationScheme, tmp_path: Path
) -> None:
    joined = ApproximationScheme.joined([xor_scheme, falling])
    older = joined.to_xarray().drop_vars(["training_step", "direction"])
    older = older.assign_coords(training_step=xor_scheme.to_xarray()["training_step"])
    ApproximationScheme(older, joined.snapshots).save(tmp_path / "run")
    again = ApproximationScheme.load(tmp_path / "run")
    assert again.n_seeds == 4
    assert again.of_direction("rising").to_xarray()["training_step"].dims == ("step",)


def test_a_scheme_joined_of_an_unfinished_one_is_unfinished(
    xor_scheme: ApproximationScheme,
) -> None:
    stopped = xor_scheme.to_xarray().assign_attrs(status="interrupted", message="was interrupted")
    other = ApproximationScheme(stopped, xor_scheme.snapshots)
    for parts in ([xor_scheme, other], [other, xor_scheme]):
        assert ApproximationScheme.joined(parts).status == "interrupted"


def test_progress_over_both_directions_rises_to_one_total() -> None:
    seen: list[SweepProgress] = []
    train = replace(
        BooleanStudy().train,
        n_steps=30,
        n_pretraining_steps=5,
        learning_rate=0.2,  # which closes the channels in 30 steps
        direction="both",
    )
    BooleanStudy(circuit="a & b", hidden=(8,), train=train).fit(progress=seen.append)
    steps = [now.step for now in seen]
    assert steps == sorted(set(steps))
    assert {now.total_steps for now in seen} == {(5 + 30) + (30 + 30)}
    assert steps[-1] == 95


def test_schemes_of_other_records_or_components_are_not_joined(
    xor_scheme: ApproximationScheme, falling_result: SweepResult
) -> None:
    renamed = ApproximationScheme.from_sweep(
        falling_result, ["a", "b", "d"], baseline_entropy_bits=1.0
    )
    measured = xor_scheme.with_information(xor_data()[0], complete=True, n_records=2)
    shorter = ApproximationScheme(
        xor_scheme.to_xarray().isel(step=slice(0, 30)), xor_scheme.snapshots
    )
    for other in (renamed, measured, shorter):
        with pytest.raises(UserError, match="join"):
            ApproximationScheme.joined([xor_scheme, other])
    few = xor_scheme.snapshots
    odd, even = (
        replace(
            few,
            record=few.record[first::2],
            beta=few.beta[first::2],
            params=jax.tree.map(lambda leaf, k=first: leaf[k::2], few.params),
        )
        for first in (0, 1)
    )
    with pytest.raises(UserError, match="n_snapshots"):
        data = xor_scheme.to_xarray()
        ApproximationScheme.joined([ApproximationScheme(data, kept) for kept in (odd, even)])
    with pytest.raises(UserError, match="no schemes"):
        ApproximationScheme.joined([])
    xr.testing.assert_identical(
        ApproximationScheme.joined([xor_scheme]).to_xarray(), xor_scheme.to_xarray()
    )


@pytest.mark.nightly
def test_a_falling_sweep_finds_single_inputs_but_not_what_tells_only_together() -> None:
    train = replace(
        BooleanStudy().train, beta=(1e-3, 1.0), n_steps=1500, learning_rate=1e-2, direction="both"
    )
    and_scheme = BooleanStudy(circuit="a & b", hidden=(16,), train=train).fit()
    assert and_scheme.directions == ("rising", "falling")
    for seed in (0, 1):
        subsets = and_scheme.subsets(seed=seed)
        assert subsets[0].components == ("a", "b") and subsets[-1].components == ()
        assert subsets[0].predictive_bits > 0.7
    # XOR: one input alone carries no information, so that no channel opens first.
    xor = BooleanStudy(circuit="a ^ b", hidden=(16,), train=train).fit()
    assert xor.subsets(seed=0)[0].components == ("a", "b")
    assert [subset.components for subset in xor.subsets(seed=1)] == [()]
    with pytest.raises(UserError, match="'sideways'"):
        replace(train, direction="sideways")  # type: ignore[arg-type]
