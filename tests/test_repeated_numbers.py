"""Repeated numbers, listed once per batch of a table, with the same channels and sweeps."""

import json
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from distributed_ib import DistributedIBClassifier, DistributedIBRegressor
from distributed_ib.data.batches import ArrayBatches
from distributed_ib.data.distinct_values import RepeatedNumbers, repeated_numbers
from distributed_ib.data.resampled_batches import ResampledBatches
from distributed_ib.data.row_batches import RowBatches
from distributed_ib.data.table_input import TableInput
from distributed_ib.data.weighted_batches import WeightedBatches
from distributed_ib.errors import UserError
from distributed_ib.estimators import _plan as plan_module
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.model.predictors import BernoulliPredictor
from distributed_ib.model.table_encoder import TableEncoder
from distributed_ib.scheme import fitting as fitting_module
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.training._fingerprint import describe
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep
from toy import assert_same_channels

pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning"),
]

N = 60
# Categories; integers; a number and categories; two integers; continuous; integers.
COLUMNS: dict[str, Any] = {
    "n_numbers": [0, 1, 1, 2, 1, 1],
    "n_levels": [[4], [], [3], [], [], []],
}


def table() -> TableInput:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(N, 6))
    numbers[:, 0] = rng.integers(0, 5, N) / 3
    numbers[:, 1] = rng.integers(0, 2, N)  # in a component with a category, so it is not listed
    numbers[:, 2:4] = rng.integers(0, 3, (N, 2))
    numbers[:, 5] = rng.integers(-9, 9, N) / 7
    codes = np.stack([rng.integers(0, levels, N) for levels in (4, 3)], axis=1)
    return TableInput(numbers.astype(np.float32), codes.astype(np.uint8))


def listed(max_values: int = 20) -> RepeatedNumbers:
    found = repeated_numbers(table(), max_values, **COLUMNS)
    assert isinstance(found, RepeatedNumbers)
    return found


def labels() -> NDArray[np.int64]:
    return (table().numbers[:, 0] > 0.5).astype(np.int64)


def make_encoder(key: Any = None, **options: Any) -> TableEncoder:
    key = jax.random.key(0) if key is None else key
    sizes: dict[str, Any] = {"hidden": (16, 12), "embedding_dim": 3, "n_frequencies": 2}
    return TableEncoder(**{**COLUMNS, **sizes, **options}, key=key)


def make_model(key: Any) -> DistributedBottleneck:
    one, two = jax.random.split(key)
    return DistributedBottleneck(make_encoder(one), BernoulliPredictor(18, hidden=(8,), key=two))


def test_few_numbers_are_listed_and_many_are_not() -> None:
    found, x = listed(), table()
    assert found.listed == (1, 3, 5)
    shapes = [None if part is None else part.shape for part in found.values]
    assert shapes == [None, (5, 1), None, (9, 2), None, (17, 1)]
    assert found.codes.dtype == np.uint8
    for k, (component, columns) in enumerate(((1, [0]), (3, [2, 3]), (5, [5]))):
        values = found.values[component]
        assert values is not None
        np.testing.assert_array_equal(values[found.codes[:, k]], x.numbers[:, columns])
    assert listed(9).listed == (1, 3)
    # Without anything to list, the same object is returned.
    same = repeated_numbers(x, 4, **COLUMNS)
    assert same is x


def test_a_component_with_a_value_for_every_row_is_not_listed() -> None:
    assert listed(1000).listed == (1, 3, 5)


@pytest.mark.parametrize("options", [{}, {"max_values": 0}, {"separate": True}])
def test_channels_and_gradients_are_those_of_the_rows(options: dict[str, Any]) -> None:
    plain, once = (jax.tree.map(jnp.asarray, x) for x in (table(), listed()))
    assert_same_channels(make_encoder(**options), plain, once)


def test_a_table_of_integers_alone_works() -> None:
    numbers = np.random.default_rng(0).integers(0, 3, (9, 2)).astype(np.float32)
    x = TableInput(numbers, np.empty((9, 0), np.uint8))
    columns: dict[str, Any] = {"n_numbers": [1, 1], "n_levels": [[], []]}
    encoder = make_encoder(**columns)
    found = repeated_numbers(x, 5, **columns)
    assert isinstance(found, RepeatedNumbers)
    plain, once = (eqx.filter_jit(encoder)(form).mean for form in (x, found))
    np.testing.assert_allclose(once, plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_batches_are_the_rows_that_are_drawn_without_lists(weighted: bool) -> None:
    weights = np.random.default_rng(2).random(N)

    def source(x: Any) -> Any:
        arrays = (x, {"y": labels()})
        return WeightedBatches(arrays, weights, 32) if weighted else ArrayBatches(arrays, 32)

    def batch(x: Any) -> Any:
        made = source(x)
        return made.draw(made.pick(made.prepare(0, 1, 1), jnp.zeros(())), jax.random.key(5))

    (plain, y), (once, same_y) = batch(table()), batch(listed())
    np.testing.assert_array_equal(once.table.numbers, plain.numbers)
    np.testing.assert_array_equal(once.table.codes, plain.codes)
    np.testing.assert_array_equal(same_y["y"], y["y"])
    np.testing.assert_array_equal(once.values[3], listed().values[3])
    np.testing.assert_array_equal(once.values[3][once.codes[:, 1]], plain.numbers[:, 2:4])
    described = describe(source(listed()))
    assert described == json.loads(json.dumps(described))
    other = listed()._replace(values=tuple(v if v is None else v + 1 for v in listed().values))
    assert describe(source(other)) != described


@pytest.mark.nightly
def test_a_sweep_follows_the_same_path() -> None:
    schedule = BetaSchedule(1e-3, 1.0, n_steps=30, n_pretraining_steps=10)
    plain, once = (
        sweep(
            make_model,
            ArrayBatches((x, labels()), 32),
            schedule,
            n_seeds=2,
            n_records=5,
            validation=(table(), labels()),
        )
        for x in (table(), listed())
    )
    for name in ("kl_nats", "prediction_error_nats"):
        a, b = (getattr(result.annealing, name) for result in (once, plain))
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    scheme = ApproximationScheme.from_sweep(once, list("abcdef"), baseline_entropy_bits=1.0)
    approximation = scheme.at(beta=0.1)
    np.testing.assert_array_equal(
        approximation.encode(listed()).mean, approximation.encode(table()).mean
    )


def test_values_that_do_not_fit_are_refused() -> None:
    found = listed()
    column = np.zeros((2, 1), np.float32)
    with pytest.raises(UserError, match="don't fit an encoder"):
        make_encoder()(found._replace(values=found.values[:-1]))
    with pytest.raises(UserError, match="don't fit an encoder"):
        make_encoder()(found._replace(codes=found.codes[:, :2]))
    with pytest.raises(UserError, match="don't fit an encoder"):
        make_encoder()(found._replace(values=(None, column, None, column, None, column)))
    with pytest.raises(UserError, match="the values of component 2 can't be listed"):
        make_encoder()(found._replace(values=(None, column, column, None, None, column)))


# In the estimators --------------------------------------------------------------------------------

SMALL: dict[str, Any] = {
    "n_starts": 2,
    "n_resamples": 2,
    "n_steps": 300,
    "n_pretraining_steps": 300,
    "batch_size": 64,
    "learning_rate": 1e-2,
    "encoder_hidden": (16,),
    "embedding_dim": 2,
    "predictor_hidden": (16,),
    "n_frequencies": 0,
    "n_records": 10,
    "n_samples": 16,
    "n_information_inputs": 0,
    "evidence": False,
    "random_state": 0,
}


def people() -> pd.DataFrame:
    """Even ages, numbers of children from 0 to 3, and distinct weights."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": 2 * rng.integers(10, 40, 240),
            "children": rng.integers(0, 4, 240),
            "weight": rng.normal(70, 10, 240),
        }
    )


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The batch sources that estimators create."""
    made: list[Any] = []

    def remember(model: Any, source: Any, *arguments: Any, **options: Any) -> Any:
        made.append(source)
        return sweep(model, source, *arguments, **options)

    monkeypatch.setattr(fitting_module, "sweep", remember)
    return made


@pytest.mark.nightly
def test_a_number_that_training_never_saw_is_predicted(sources: list[Any]) -> None:
    x = people()
    y = np.where(x.age >= 45, "old", "young")
    model = DistributedIBClassifier(**SMALL).fit(x, y)
    assert sources[0].arrays[0].listed == (0, 1)
    between = x.assign(age=x.age + 1)  # odd
    assert np.mean(model.predict(between) == np.where(between.age >= 45, "old", "young")) > 0.95
    elsewhere = x.head(2).assign(age=[7, 300], children=[11, 5])
    assert model.predict(elsewhere).tolist() == ["young", "old"]


SHORT = {**SMALL, "n_steps": 10, "n_pretraining_steps": 10, "n_records": 2}


@pytest.mark.nightly
def test_contrastive_weighted_sweeps_are_the_same(
    sources: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = people()
    schemes = []
    for find in (repeated_numbers, lambda table, *_, **__: table):
        monkeypatch.setattr(plan_module, "repeated_numbers", find)
        model = DistributedIBRegressor(loss="infonce", **SHORT)
        model.fit(x, x.age - x.weight, np.linspace(0.5, 1.5, len(x)))
        schemes.append(model.scheme_.to_xarray())
    assert all(isinstance(source, ResampledBatches) for source in sources)
    assert all(source.aliases is not None for source in sources)
    assert [isinstance(s.arrays[0], RepeatedNumbers) for s in sources] == [True, False]
    for name in ("kl_bits", "prediction_error_bits"):
        np.testing.assert_allclose(schemes[0][name], schemes[1][name], rtol=1e-3, atol=1e-4)


class Seen(Exception):
    """Raised once the batch source is known, instead of running the sweep."""


def test_numbers_are_listed_only_if_they_repeat_and_fit_on_the_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def source_for(x: pd.DataFrame) -> Any:
        made = []

        def stop(model: Any, source: Any, *_: Any, **__: Any) -> Any:
            made.append(source)
            raise Seen

        monkeypatch.setattr(fitting_module, "sweep", stop)
        with pytest.raises(Seen):
            DistributedIBClassifier(**SHORT).fit(x, x.weight > 70)
        return made[0]

    source = source_for(people()[["weight"]])
    assert isinstance(source, ResampledBatches) and source.aliases is None
    assert isinstance(source.arrays[0], TableInput)
    assert isinstance(source_for(people()).arrays[0], RepeatedNumbers)
    monkeypatch.setattr(plan_module, "fits_on_device", lambda arrays: False)
    assert isinstance(source_for(people()), RowBatches)
