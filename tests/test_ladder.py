"""The ladder: its grid of beta, the choice among starts, and the rows behind its numbers."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import jax
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from scipy.stats import norm
from sklearn.metrics import accuracy_score, r2_score, root_mean_squared_error

from distributed_ib import DistributedIBClassifier, DistributedIBRegressor
from distributed_ib._checksums import CHECKSUMS
from distributed_ib.errors import UserError
from distributed_ib.estimators._plan import Plan
from distributed_ib.model.tilted_predictor import TiltedPredictor
from distributed_ib.scheme import _noise as noise_module
from distributed_ib.scheme import _sharpness as sharpness_module
from distributed_ib.scheme import fitting as fitting_module
from distributed_ib.scheme._best_and_simplest import (
    BestAndSimplest,
    best_and_simplest,
    best_step,
)
from distributed_ib.scheme._measured_rows import MeasuredRows, Roles
from distributed_ib.scheme._noise import probabilities_of_each
from distributed_ib.scheme._out_of_fold import loss_of_average
from distributed_ib.scheme._row_losses import loss_of_mixture, row_losses
from distributed_ib.scheme._sharpness import out_of_fold_probabilities, sharpness
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.ladder import Ladder, Place, climb
from distributed_ib.training._running_sweep import _snapshot_stride
from distributed_ib.training._sweep_options import SweepOptions
from distributed_ib.training.sweep_result import Snapshots, SweepResult
from distributed_ib.training.train_settings import TrainSettings

FIXED = settings(max_examples=60, derandomize=True, deadline=None)
pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning"),
]


@FIXED
@given(st.integers(1, 5000), st.integers(2, 6), st.integers(1, 80))
def test_neighbouring_starts_visit_the_same_beta_where_they_overlap(
    n_steps: int, n_starts: int, n_records: int
) -> None:
    train = TrainSettings(
        beta=(1e-3, 2.0), n_starts=n_starts, n_resamples=2, n_steps=n_steps, n_records=n_records
    )
    n_each = train.n_records_of_stretch
    ladder = Ladder(train.stretches(), n_resamples=2, n_seeds=1, n_records=n_each)
    result: Any = SimpleNamespace(snapshots=SimpleNamespace(record=np.arange(n_each)))
    places = ladder.places(result)
    starts = [[place.start for place in found] for found in places.values()]
    if n_steps == 1:  # a single record, at the end of its stretch
        assert starts == [[start] for start in range(n_starts)]
        return
    half = n_each // 2
    assert n_each == 2 * half <= n_steps
    expected = [[0]] * half
    for start in range(1, n_starts):
        expected += [[start - 1, start]] * half
    assert starts == expected + [[n_starts - 1]] * half
    beta = np.array(list(places))
    assert beta[-1] == pytest.approx(2.0, rel=1e-5)
    np.testing.assert_allclose(np.diff(np.log(beta)), np.log(2000) / len(beta), rtol=1e-3)


@pytest.mark.parametrize("n_snapshots", [1, 5, 16, 22, 31, 40, 64, 200])
def test_neighbouring_starts_keep_models_at_the_same_beta(n_snapshots: int) -> None:
    train = TrainSettings(beta=(1e-3, 2.0), n_starts=5, n_resamples=2, n_records=192)
    stretches, n_each = train.stretches(), train.n_records_of_stretch
    options = SweepOptions(stretches, 0, 5, 1e-3, 1e-3, 1e-3, 0.0, 0.0, n_each, n_snapshots)
    stride = _snapshot_stride(np.zeros(3), n_each, options)
    record = np.arange(n_each)[::-1][::stride][::-1]
    assert len(record) <= max(n_snapshots, 1)
    result: Any = SimpleNamespace(snapshots=SimpleNamespace(record=record))
    places = Ladder(stretches, n_resamples=2, n_seeds=1, n_records=n_each).places(result)
    compared = [len(found) for found in places.values() if len(found) > 1]
    assert len(compared) == 4 * (len(record) // 2)


def test_stretches_cover_beta_and_half_of_their_neighbours() -> None:
    stretches = TrainSettings(beta=(1e-4, 1.0), n_starts=3, n_resamples=2).stretches()
    logs = np.log10([[one.beta_start, one.beta_end] for one in stretches])
    np.testing.assert_allclose(logs, [[-4, -2], [-3, -1], [-2, 0]], atol=1e-12)
    assert TrainSettings(beta=(1e-4, 1.0)).stretches() == (TrainSettings().schedule(),)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_resamples": 1}, "at least 2"),
        ({"n_starts": 0}, "n_starts"),
        ({"n_starts": 2, "direction": "falling"}, "rising"),
        ({"n_resamples": 2, "direction": "both"}, "rising"),
    ],
)
def test_a_ladder_that_makes_no_sense_is_refused(options: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        TrainSettings(**options)


SMALL: dict[str, Any] = {
    "evidence": False,
    "beta_end": 100.0,
    "n_starts": 2,
    "n_resamples": 2,
    "n_steps": 601,
    "n_pretraining_steps": 150,
    "batch_size": 32,
    "learning_rate": 1e-2,
    "encoder_hidden": (8,),
    "predictor_hidden": (8,),
    "n_frequencies": 0,
    "n_records": 12,
    "n_samples": 8,
    "n_information_inputs": 0,
    "random_state": 0,
}


def table(n: int = 150) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """X, a vector Y of which the first entry has many zeros, and weights."""
    random = np.random.default_rng(0)
    x = pd.DataFrame(random.normal(size=(n, 3)), columns=["a", "b", "c"])
    first = np.where(x.a > 0, x.a + 0.3 * random.normal(size=n), 0.0)
    y = np.column_stack([first, np.exp(x.b + 0.3 * random.normal(size=n))])
    return x, y, random.uniform(0.5, 2.0, n)


class Fitted:
    """An estimator's plan and the resulting scheme."""

    def __init__(self, model: Any, y: np.ndarray, weight: np.ndarray | None) -> None:
        x, _, _ = table()
        self.model, self.y, self.weight = model, y, weight
        self.plan: Plan = model.plan(x, y, weight)
        seen: list[Any] = []

        def remember(result: SweepResult, ladder: Ladder, roles: Any) -> Any:
            seen.extend([result, ladder, roles])
            return climb(result, ladder, roles)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fitting_module, "climb", remember)
            model.adopt(self.plan, self.plan.fit())
        self.result: SweepResult
        self.ladder: Ladder
        self.roles: Roles
        self.result, self.ladder, self.roles = seen
        self.scheme: ApproximationScheme = model.scheme_
        self.data = self.scheme.to_xarray()
        self.division = self.plan.split.divided(2)

    def losses(self, step: int, rows: np.ndarray, n_samples: int = 8) -> Any:
        """Losses of the models of a step on some rows, in nats."""
        found = self.plan.problem.rows(rows)
        return row_losses(
            self.scheme.models(step), found.x, np.asarray(found.y), n_samples=n_samples
        )


@pytest.fixture(
    scope="module",
    params=[
        "classes",
        pytest.param("weighted classes", marks=pytest.mark.nightly),
        pytest.param("numbers", marks=pytest.mark.nightly),
        "vectors",
    ],
)
def fitted(request: pytest.FixtureRequest) -> Fitted:
    _, y, weight = table()
    if request.param == "numbers":
        return Fitted(DistributedIBRegressor(**SMALL), y[:, 0], None)
    if request.param == "vectors":
        return Fitted(DistributedIBRegressor(**SMALL), y, weight)
    labels = np.where(y[:, 0] > 0, "some", "none")
    return Fitted(
        DistributedIBClassifier(**SMALL), labels, weight if "weighted" in request.param else None
    )


@pytest.mark.parametrize("step", [0, 4, 11])
def test_scores_are_those_of_predict_on_the_test_rows(fitted: Fitted, step: int) -> None:
    x, _, _ = table()
    test = fitted.division.test
    beta = float(fitted.data.beta[step])
    predicted, true = fitted.model.predict(x.iloc[test], beta=beta), fitted.y[test]
    weight = None if fitted.weight is None else fitted.weight[test]
    if "accuracy" in fitted.data:
        accuracy = accuracy_score(true, predicted, sample_weight=weight)
        assert float(fitted.data.accuracy[step]) == pytest.approx(accuracy, rel=1e-6)
        return
    rmse = root_mean_squared_error(true, predicted, sample_weight=weight)
    assert float(fitted.data.rmse[step]) == pytest.approx(rmse, rel=1e-4)
    r2 = r2_score(true, predicted, sample_weight=weight)
    assert float(fitted.data.r2[step]) == pytest.approx(r2, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("step", [0, 4])
def test_what_is_known_is_the_gain_over_the_marginal_on_test_rows(
    fitted: Fitted, step: int
) -> None:
    test = fitted.division.test
    losses = fitted.losses(step, test)
    weight = np.ones(len(test)) if fitted.weight is None else fitted.weight[test]
    codes = np.asarray(fitted.plan.problem.rows(test).y).reshape(len(test), -1)
    target = fitted.model.target_
    shares = [np.array(target.share)] if target.classes else [b.share for b in target.bins]
    marginal = -sum(np.log(share[codes[:, k]]) for k, share in enumerate(shares))
    known = np.average(marginal - losses.single_draw.mean(axis=0), weights=weight) / np.log(2)
    assert float(fitted.data.known_bits[step]) == pytest.approx(known, abs=1e-4)
    averaged = -np.log(np.exp(-losses.averaged).mean(axis=0))
    if target.classes:  # averages are sharpened, as by `predict_proba`
        x, beta = table()[0].iloc[test], float(fitted.data.beta[step])
        chances = fitted.model.predict_proba(x, beta=beta)
        averaged = -np.log(chances[np.arange(len(test)), codes[:, 0]])
    averaged_known = np.average(marginal - averaged, weights=weight) / np.log(2)
    assert float(fitted.data.averaged_known_bits[step]) == pytest.approx(averaged_known, abs=1e-4)
    if not target.classes:  # by Jensen's inequality, without sharpening
        assert averaged_known >= known
    assert 0 < float(fitted.data.known_error_bits[step]) < 1


def test_single_draws_do_not_depend_on_what_is_averaged(fitted: Fitted) -> None:
    both, single = (fitted.losses(4, fitted.division.test, n_samples=n) for n in (8, 0))
    np.testing.assert_array_equal(single.single_draw, both.single_draw)
    np.testing.assert_array_equal(single.kl, both.kl)
    assert np.isnan(single.averaged).all() and np.isfinite(both.averaged).all()
    with jax.debug_nans(True):  # no NaN is computed in between
        again = fitted.losses(4, fitted.division.test, n_samples=0)
    np.testing.assert_array_equal(again.single_draw, single.single_draw)


def test_losses_of_a_model_do_not_depend_on_other_models(fitted: Fitted) -> None:
    together = fitted.losses(4, fitted.division.test)
    found = fitted.plan.problem.rows(fitted.division.test)
    for k, model in enumerate(fitted.scheme.models(4)):
        alone = row_losses([model], found.x, np.asarray(found.y), n_samples=8)
        np.testing.assert_allclose(alone.single_draw[0], together.single_draw[k], rtol=1e-5)


def test_at_each_beta_the_start_of_least_validation_objective_is_kept(fitted: Fitted) -> None:
    n_compared = 0
    for step, (beta, places) in enumerate(fitted.ladder.places(fitted.result).items()):
        assert float(fitted.data.beta[step]) == beta
        objectives = {}
        for place in places:
            members = fitted.ladder.members(fitted.result, place)
            values = []
            for model, rows in zip(members, fitted.division.validation, strict=True):
                found = fitted.plan.problem.rows(rows)
                losses = row_losses([model], found.x, np.asarray(found.y), n_samples=8)
                cost = losses.single_draw[0] + beta * losses.kl[0].sum(axis=1)
                values.append(np.average(cost, weights=found.weight))
            objectives[place.start] = np.mean(values)
        chosen = int(fitted.data.start[step])
        assert objectives[chosen] <= min(objectives.values()) + 1e-4
        n_compared += len(places) > 1
    assert n_compared == 4


def test_best_and_simplest_are_chosen_by_validation_rows(fitted: Fitted) -> None:
    rows = np.concatenate(fitted.division.validation)
    weight = np.ones(len(rows)) if fitted.weight is None else fitted.weight[rows]
    losses = []
    for step in range(fitted.data.sizes["step"]):
        of_members = [
            fitted.losses(step, part).averaged[k]
            for k, part in enumerate(fitted.division.validation)
        ]
        losses.append(np.concatenate(of_members) / np.log(2))
    means = np.average(losses, axis=1, weights=weight)
    best, simplest = (fitted.data.attrs[name] for name in ("best_step", "simplest_step"))
    choosing = fitted.roles.development.part(fitted.roles.choosing_places)
    known = np.average(choosing.marginal, weights=choosing.weight) / np.log(2) - means.min()
    tolerance = 0.01 * min(known, means.min())
    assert tolerance > 0
    assert means[best] <= means.min() + tolerance + 1e-5
    assert (means[best + 1 :] > means.min() + tolerance - 1e-5).all()
    np.testing.assert_allclose(fitted.data.excess_loss_bits, means - means[best], atol=1e-4)
    excess, error = fitted.data.excess_loss_bits.values, fitted.data.excess_loss_error_bits.values
    assert excess[best] == error[best] == 0.0
    assert simplest >= best and excess[simplest] <= error[simplest]
    assert (excess[simplest + 1 :] > error[simplest + 1 :]).all()
    assert fitted.model.best_beta_ == float(fitted.data.beta[best])
    assert fitted.model.simplest_beta_ == float(fitted.data.beta[simplest])


@pytest.mark.parametrize(
    ("losses_bits", "best"),
    [
        ([0.5, 0.504, 0.506], 1),  # half of one bit is known: 0.005 bit may be lost
        ([0.506, 0.5, 0.504], 2),
        ([0.01, 0.0102, 0.5], 0),  # nearly all is known: a hundredth of the rest
        ([1.2, 1.2001, 1.3], 0),  # nothing is known
    ],
)
def test_of_losses_that_hardly_differ_the_strongest_bottleneck_is_best(
    losses_bits: list[float], best: int
) -> None:
    rows = MeasuredRows(None, np.zeros(4), None, None, marginal=np.full(4, np.log(2)))
    spread = np.array([0.1, -0.1, 0.05, -0.05])
    assert best_step(np.array(losses_bits)[:, None] + spread, rows) == best


def _chosen_among(losses_bits: np.ndarray, groups: np.ndarray | None = None) -> BestAndSimplest:
    """The choice among steps with losses `[step, n]`, where the loss without X is two bits."""
    n = losses_bits.shape[1]
    rows = MeasuredRows(None, np.zeros(n), None, groups, marginal=np.full(n, 2 * np.log(2)))
    everyone = np.arange(n)
    return best_and_simplest(list(losses_bits), Roles(rows, (everyone,), (everyone,), None))


def test_bootstraps_choose_as_often_as_chance_would() -> None:
    random = np.random.default_rng(0)
    clear = np.array([0.5, 1.0, 1.5])[:, None] + 0.1 * random.normal(size=(3, 400))
    assert _chosen_among(clear).best_share.tolist() == [1.0, 0.0, 0.0]
    # The second step is better by one standard error of the paired difference, 0.05 bit.
    difference = random.normal(size=400)
    difference = 0.05 + (difference - difference.mean()) / difference.std()
    losses = np.stack([1 + difference, np.ones(400), np.full(400, 3.0)])
    found = _chosen_among(losses)
    assert found.best == 1
    # The later step may lose a hundredth of the known bit: 0.06 / 0.05 standard errors.
    assert found.best_share[0] == pytest.approx(norm.sf(1.2), abs=0.06)
    assert found.best_share.sum() == found.simplest_share.sum() == pytest.approx(1.0)
    # Equal losses are equal in every bootstrap, and the last of them is chosen.
    same = np.broadcast_to(random.normal(2.0, 1.0, 143), (18, 143))
    assert _chosen_among(same).best_share[-1] == 1.0
    # With groups of ten equal rows the standard error is three times larger.
    grouped = np.repeat(losses[:, ::10], 10, axis=1)
    grouped[0] += 0.05 - (grouped[0] - 1).mean()
    of_groups = _chosen_among(grouped, np.repeat(np.arange(40), 10))
    assert of_groups.best_share[0] == pytest.approx(norm.sf(1.2 / np.sqrt(10)), abs=0.09)


@pytest.mark.parametrize(("n", "low", "high"), [(5000, 1.85, 2.15), (8, 1.0, 1.7)])
def test_rows_that_choose_find_how_sharp_averages_should_be(
    monkeypatch: pytest.MonkeyPatch, n: int, low: float, high: float
) -> None:
    share, random = np.array([0.5, 0.3, 0.2]), np.random.default_rng(1)
    model = TiltedPredictor(1, n_bins=[3], n_tilts=[3], hidden=(4,), key=jax.random.key(0))
    model = model.around([share], [np.eye(3)])
    true = random.dirichlet(np.ones(3), n)
    y = np.array([random.choice(3, p=chances) for chances in true])
    averaged = share * np.sqrt(true / share)  # log ratios to the marginal are halved
    averaged /= averaged.sum(axis=1, keepdims=True)
    monkeypatch.setattr(sharpness_module, "out_of_fold_probabilities", lambda *_: averaged)
    everyone, models = np.arange(n), [SimpleNamespace(predictor=model)]

    def found(weight: np.ndarray | None = None, groups: np.ndarray | None = None) -> float:
        rows = MeasuredRows(None, y, weight, groups, np.zeros(n))
        roles = Roles(rows, (everyone,), (everyone,), None)
        return sharpness(models, cast(Ladder, None), roles, everyone)

    assert low < found() < high
    assert found(weight=np.full(n, 7.0)) == pytest.approx(found(), rel=1e-6)
    # Four groups count as few rows, so that the prior matters; weights decide among rows.
    assert 1.0 < found(groups=everyone % 4) < found() or n < 10
    agree = averaged.argmax(axis=1) == y
    assert (
        found(weight=np.where(agree, 1.0, 0.1)) > found() > found(weight=np.where(agree, 0.1, 1.0))
    )


def test_members_predict_rows_that_they_were_not_trained_on(fitted: Fitted) -> None:
    predictor = fitted.scheme.models(0)[0].predictor
    values = np.asarray(fitted.scheme.snapshots.params.predictor.sharpness)
    if not predictor.is_free:
        assert (values == 1.0).all()
        return
    assert (values != 1.0).any() and (values == values[:, :1]).all()
    places = fitted.roles.choosing_places
    rows = fitted.roles.development.part(places)
    models = fitted.scheme.models(4)
    assert sharpness(models, fitted.ladder, fitted.roles, places) == pytest.approx(values[4, 0])
    # `predict_proba`, written out.
    test, beta = fitted.division.test, float(fitted.data.beta[4])
    tested = fitted.plan.problem.rows(test).x
    average = probabilities_of_each(models, tested, n_samples=8, seed=0).mean(axis=0)
    marginal = np.exp(np.asarray(predictor.marginal_logs()[0], np.float64))
    wanted = marginal * (average / marginal) ** values[4, 0]
    predicted = fitted.model.predict_proba(table()[0].iloc[test], beta=beta)
    np.testing.assert_allclose(predicted, wanted / wanted.sum(axis=1, keepdims=True), rtol=1e-4)
    found = out_of_fold_probabilities(models, fitted.ladder, fitted.roles, places, rows)
    each = probabilities_of_each(models, rows.x, n_samples=16, seed=0)
    for member, part in enumerate(fitted.roles.validation_places):
        mine = np.isin(places, part)
        np.testing.assert_allclose(found[mine], each[member, mine], rtol=1e-12)


def test_a_scheme_of_before_sharpness_is_read(fitted: Fitted, tmp_path: Path) -> None:
    fitted.scheme.save(tmp_path / "run")
    file = tmp_path / "run" / "snapshots" / "params.safetensors"
    tensors = load_file(file)
    del tensors["predictor.sharpness"]
    save_file(tensors, file)
    (tmp_path / "run" / CHECKSUMS).unlink()
    with pytest.warns(UserWarning):  # no checksums
        again = ApproximationScheme.load(tmp_path / "run")
    assert (np.asarray(again.snapshots.params.predictor.sharpness) == 1.0).all()


def test_models_that_convey_nothing_know_exactly_nothing(fitted: Fitted) -> None:
    closed = fitted.data.kl_bits.sum("component").max("seed").values == 0.0
    assert closed[-1] and not closed[0]
    for name in ("known_bits", "known_error_bits", "averaged_known_bits"):
        assert (fitted.data[name].values[closed] == 0.0).all()
    known = fitted.data.predictive_information_bits.values[:, closed]
    assert (known == 0.0).all()
    x, _, _ = table()
    beta = float(fitted.data.beta[-1])
    if "accuracy" in fitted.data:
        probabilities = fitted.model.predict_proba(x, beta=beta)
        np.testing.assert_allclose(
            probabilities, np.tile(fitted.model.target_.share, (len(x), 1)), rtol=1e-5
        )
    else:
        predicted = fitted.model.predict(x, beta=beta)
        np.testing.assert_allclose(predicted, np.broadcast_to(predicted[:1], predicted.shape))


def test_components_that_convey_nothing_are_not_read(fitted: Fitted) -> None:
    """This holds also if weights decide which components convey nothing."""
    for step in range(fitted.data.sizes["step"]):
        for member, model in enumerate(fitted.scheme.models(step)):
            conveys = fitted.data.kl_bits[member, step].values > 0
            is_open = np.asarray(model.predictor.open).reshape(3, -1)
            np.testing.assert_array_equal(is_open, np.repeat(conveys[:, None], 2, axis=1))


def test_repeats_are_laid_out_by_resample_then_seed_then_start() -> None:
    train = TrainSettings(n_starts=3, n_resamples=2, n_seeds=2)
    ladder = Ladder(train.stretches(), n_resamples=2, n_seeds=2, n_records=4)
    assert ladder.resample_of_member == [0, 0, 1, 1]
    assert len(ladder.schedules) == len(ladder.resample_of_repeat) == 12
    for repeat, schedule in enumerate(ladder.schedules):
        member, start = divmod(repeat, 3)
        assert schedule == train.stretches()[start]
        assert ladder.resample_of_repeat[repeat] == ladder.resample_of_member[member]
    # The models of a place are those of its start, in the order of members.
    numbers = np.arange(12.0)[None]
    snapshots = Snapshots(numbers, None, np.arange(1), np.ones(1))
    result: Any = SimpleNamespace(snapshots=snapshots)
    assert ladder.members(result, Place(start=1, snapshot=0)) == [1, 4, 7, 10]


def test_without_resamples_scores_are_of_rows_that_choose_nothing() -> None:
    n_starts = 2
    x, y, _ = table()
    labels = np.where(y[:, 0] > 0, "some", "none")
    options = {**SMALL, "n_starts": n_starts, "n_resamples": 0, "n_steps": 100}
    model = DistributedIBClassifier(**options, validation_fraction=0.5)
    plan = model.plan(x, labels)
    model.adopt(plan, plan.fit())
    (train,), (validation,), test = plan.split.divided(0)
    assert len(train) == 75 and len(validation) + len(test) == 75
    data = model.scheme_.to_xarray()
    for step in (1, 3):
        predicted = model.predict(x.iloc[test], beta=float(data.beta[step]))
        assert float(data.accuracy[step]) == pytest.approx(np.mean(predicted == labels[test]))


def test_a_single_sweep_has_scores_where_it_kept_a_model() -> None:
    x, y, _ = table()
    options = {**SMALL, "n_starts": 1, "n_resamples": 0, "n_steps": 100, "n_snapshots": 4}
    model = DistributedIBRegressor(**options).fit(x, y)
    data = model.scheme_.to_xarray()
    assert np.flatnonzero(np.isfinite(data.rmse)).tolist() == [2, 5, 8, 11]
    assert model.report().sections and model.figures()
    # The entries of a vector are predicted separately.
    train = model.target_.transform(y[model.plan(x, y).split.train])
    shares = [np.bincount(codes) / len(codes) for codes in train.T]
    entropy = -sum((share * np.log2(share)).sum() for share in shares)
    assert model.scheme_.baseline_entropy_bits == pytest.approx(entropy)
    assert data.attrs["baseline"] == "the training rows of Y in 11 x 16 bins"


@pytest.mark.parametrize("scatter", [4.0, 20.0])
def test_two_models_tell_what_an_average_of_ten_loses(scatter: float) -> None:
    shares = np.random.default_rng(0).beta(0.7 * scatter, 0.3 * scatter, (10, 100_000))
    losses = -np.log(shares)
    truth, of_two = (loss_of_mixture(part).mean() for part in (losses, losses[:2]))
    assert of_two - truth > 0.002
    assert abs(loss_of_average(losses[:2], 10).mean() - truth) < 0.15 * (of_two - truth)
    alone = np.where([[True], [False]], losses[:2], np.nan)
    np.testing.assert_allclose(loss_of_average(alone, 10), losses[0])


def test_rows_have_their_own_noise_for_any_block_size(
    fitted: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.tile(fitted.division.test[:1], 130)
    whole = fitted.losses(0, rows)
    monkeypatch.setattr(noise_module, "_CACHED_ROWS", 64)
    cut = fitted.losses(0, rows)
    np.testing.assert_allclose(cut.single_draw, whole.single_draw, rtol=1e-4, atol=1e-6)
    # More distinct losses than rows in a block (64); some are equal by rounding.
    assert len(np.unique(cut.single_draw[0])) > 100
