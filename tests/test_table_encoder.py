"""The encoder for tables equals the network on one-hot inputs, at a lower cost."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import distributed_ib as dib
from distributed_ib.data.table_input import TableInput
from distributed_ib.errors import UserError
from distributed_ib.model.bottleneck import model_from_config
from distributed_ib.model.table_encoder import TableEncoder

pytestmark = pytest.mark.usefixtures("quick_compilation")

N_NUMBERS = [0, 1, 2, 0, 3, 0]
N_LEVELS: list[list[int]] = [[4], [], [3], [2, 3], [], [40]]
LAYERS: dict[str, Any] = {"hidden": [8, 6], "embedding_dim": 2}
BATCH = 50


def encoder_of(**options: Any) -> TableEncoder:
    return TableEncoder(
        n_numbers=N_NUMBERS,
        n_levels=N_LEVELS,
        key=jax.random.key(3),
        **{**LAYERS, "n_frequencies": 2, "longest_period": 4.0, "max_values": 10, **options},
    )


def inputs(seed: int = 0) -> TableInput:
    rng = np.random.default_rng(seed)
    levels = [count for component in N_LEVELS for count in component]
    return TableInput(
        rng.normal(size=(BATCH, sum(N_NUMBERS))).astype(np.float32),
        np.stack([rng.integers(0, count, BATCH) for count in levels], axis=1).astype(np.uint8),
    )


def columns_of(counts: list[int]) -> Iterator[range]:
    stops = np.cumsum(counts)
    for count, stop in zip(counts, stops, strict=True):
        yield range(stop - count, stop)


def slow_twin(encoder: TableEncoder, x: TableInput) -> tuple[np.ndarray, np.ndarray]:
    """The same function, component by component, with one-hot inputs and matrix products."""
    with_numbers = [*encoder.layout.numeric, *encoder.layout.mixed]
    widest = encoder.layout.number_columns.shape[1]
    first_vector, parts = 0, []
    everything = zip(
        columns_of(N_NUMBERS), columns_of([len(c) for c in N_LEVELS]), N_LEVELS, strict=True
    )
    for k, (numbers, codes, levels) in enumerate(everything):
        total = np.tile(np.asarray(encoder.bias[k], np.float64), (BATCH, 1))
        if len(numbers):
            matrix = np.asarray(encoder.weights[with_numbers.index(k)], np.float64)
            blocks = matrix.reshape(1 + encoder.n_frequencies, widest, -1)[:, : len(numbers)]
            value = x.numbers[:, list(numbers)].astype(np.float64)
            total += value @ blocks[0]
            for frequency in range(1, encoder.n_frequencies + 1):
                sines = np.sin(2.0**frequency * math.pi * value / 4.0)
                smooth = np.array(encoder.smooth or [False] * sum(N_NUMBERS))[list(numbers)]
                total += np.where(smooth, 0.0, sines) @ blocks[frequency]
            for column in numbers if encoder.spikes else ():
                before = sum(map(len, encoder.spikes[:column]))
                for place, spike in enumerate(encoder.spikes[column], before):
                    is_there = x.numbers[:, [column]] == np.float32(spike)
                    assert encoder.spike_vectors is not None
                    total += is_there * np.asarray(encoder.spike_vectors[place], np.float64)
        for column, count in zip(codes, levels, strict=True):
            one_hot = np.eye(count)[x.codes[:, column]]
            total += one_hot @ np.asarray(encoder.vectors[first_vector : first_vector + count])
            first_vector += count
        for layer, (weight, bias) in enumerate(
            zip(encoder.rest.weights, encoder.rest.biases, strict=True)
        ):
            hidden = np.maximum(total, 0.0)
            total = hidden @ (weight[k] if encoder.separate else weight)
            shift = bias[k] if encoder.separate else bias
            total = total + jnp.broadcast_to(shift, total.shape)
            assert layer < 2
        parts.append(total)
    return np.split(np.stack(parts, axis=1), 2, axis=-1)  # type: ignore[return-value]


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("max_values", [0, 10, 256])
def test_it_is_the_network_on_one_hots(encode: Any, separate: bool, max_values: int) -> None:
    encoder = encoder_of(separate=separate, max_values=max_values)
    channel = encode(encoder, inputs())
    mean, log_variance = slow_twin(encoder, inputs())
    np.testing.assert_allclose(channel.mean, mean, atol=2e-5)
    np.testing.assert_allclose(channel.log_variance, log_variance, atol=2e-5)


@pytest.mark.parametrize("separate", [False, True])
def test_numbers_that_have_a_vector_of_their_own_get_it_and_no_others(
    encode: Any, separate: bool
) -> None:
    x = inputs()
    spikes = [[], [0.25], [], [1.5, -0.1], [], [0.25]]
    for column, values in enumerate(spikes):
        for k, value in enumerate(values):
            x.numbers[k :: len(values) + 2, column] = value
    encoder, without = encoder_of(separate=separate, spikes=spikes), encoder_of(separate=separate)
    channel = encode(encoder, x)
    mean, log_variance = slow_twin(encoder, x)
    np.testing.assert_allclose(channel.mean, mean, atol=2e-5)
    np.testing.assert_allclose(channel.log_variance, log_variance, atol=2e-5)
    moved = np.abs(np.asarray(channel.mean - encode(without, x).mean)).max(axis=2) > 1e-4
    stops = np.cumsum(N_NUMBERS)
    for k, (count, stop) in enumerate(zip(N_NUMBERS, stops, strict=True)):
        columns = range(stop - count, stop)
        taken = [np.isin(x.numbers[:, c], np.array(spikes[c], np.float32)) for c in columns]
        np.testing.assert_array_equal(moved[:, k], np.any(taken, axis=0) if taken else False)


@pytest.mark.parametrize("separate", [False, True])
def test_smooth_columns_are_read_without_sines(encode: Any, separate: bool) -> None:
    encoder = encoder_of(separate=separate, smooth=[True, False, True, False, True, True])
    channel = encode(encoder, inputs())
    mean, log_variance = slow_twin(encoder, inputs())
    np.testing.assert_allclose(channel.mean, mean, atol=2e-5)
    np.testing.assert_allclose(channel.log_variance, log_variance, atol=2e-5)
    all_smooth = encoder_of(separate=separate, smooth=[True] * 6)
    none = encode(all_smooth, inputs()).mean
    assert np.abs(none - channel.mean).max() > 0.01
    with pytest.raises(UserError, match="smooth is given for 2 columns"):
        encoder_of(smooth=[True, False])


def test_spikes_that_do_not_fit_the_columns_are_refused() -> None:
    with pytest.raises(UserError, match="spikes are given for 2 columns"):
        encoder_of(spikes=[[], [1.0]])
    with pytest.raises(UserError, match="finite"):
        encoder_of(spikes=[[], [math.nan], [], [], [], []])


@pytest.fixture(scope="module")
def encode() -> Any:
    return eqx.filter_jit(lambda encoder, x: encoder(x))


def test_each_component_is_encoded_alone(encode: Any) -> None:
    encoder, x, other = encoder_of(), inputs(), inputs(1)
    before = np.asarray(encode(encoder, x).mean)
    for k, columns in enumerate(columns_of(N_NUMBERS)):
        numbers = x.numbers.copy()
        numbers[:, list(columns)] = other.numbers[:, list(columns)]
        changed = np.abs(np.asarray(encode(encoder, x._replace(numbers=numbers)).mean) - before)
        assert not np.delete(changed, k, axis=1).any()
        assert changed[:, k].any() == bool(len(columns))


def test_gradients_of_both_ways_to_encode_agree() -> None:
    def loss(encoder: TableEncoder) -> jax.Array:
        return encoder(inputs()).kl_nats().mean()

    by_row = eqx.filter_jit(eqx.filter_grad(loss))(encoder_of(max_values=0))
    by_value = eqx.filter_jit(eqx.filter_grad(loss))(encoder_of(max_values=256))
    for first, second in zip(jax.tree.leaves(by_row), jax.tree.leaves(by_value), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5)


def test_more_values_than_fit_into_memory_are_refused() -> None:
    with pytest.raises(UserError, match="max_values"):
        encoder_of(max_values=10**15)


def test_channels_start_open_and_components_start_different(encode: Any) -> None:
    channel = encode(encoder_of(), inputs())
    assert float(channel.log_variance.mean()) == pytest.approx(-3.0, abs=0.6)
    assert float(channel.mean.std(axis=0).min()) > 0.01


@pytest.mark.parametrize(
    ("n_numbers", "n_levels"), [([1, 2], [[], []]), ([0], [[5]]), ([3], [[2]])]
)
def test_a_table_of_one_kind_of_column_works(
    encode: Any, n_numbers: list[int], n_levels: list[list[int]]
) -> None:
    encoder = TableEncoder(n_numbers=n_numbers, n_levels=n_levels, **LAYERS, key=jax.random.key(0))
    n_codes = sum(map(len, n_levels))
    x = TableInput(jnp.ones((7, sum(n_numbers))), jnp.ones((7, n_codes), jnp.uint8))
    assert encode(encoder, x).mean.shape == (7, len(n_numbers), 2)


@pytest.mark.nightly
def test_it_trains_in_a_sweep_and_comes_back_from_disk(tmp_path: Path) -> None:
    x = TableInput(
        np.random.default_rng(0).normal(size=(200, 1)).astype(np.float32),
        np.random.default_rng(1).integers(0, 3, (200, 1)).astype(np.uint8),
    )
    y = ((x.codes[:, 0] == 2) ^ (x.numbers[:, 0] > 0)).astype(np.int32)

    def model(key: jax.Array) -> dib.DistributedBottleneck:
        keys = jax.random.split(key)
        options: dict[str, Any] = {
            "n_numbers": [1, 0],
            "n_levels": [[], [3]],
            "hidden": [16],
            "embedding_dim": 2,
        }
        return dib.DistributedBottleneck(
            TableEncoder(**options, key=keys[0]),
            dib.BernoulliPredictor(4, hidden=(16,), key=keys[1]),
        )

    result = dib.sweep(
        model,
        dib.ArrayBatches((x, y), 64),
        dib.BetaSchedule(1e-4, 1e-3, n_steps=100, n_pretraining_steps=400),
        learning_rate=1e-2,
        n_seeds=2,
        n_records=4,
        validation=(x, y),
    )
    scheme = dib.ApproximationScheme.from_sweep(result, ["x", "c"], baseline_entropy_bits=1.0)
    approximation = scheme.at(beta=1e-4)
    assert np.mean(approximation.predict(x) == y) > 0.95
    assert approximation.encode(x).mean.shape == (200, 2, 2)
    matrix = approximation.distinguishability("c", x.take(slice(0, 5)))
    np.testing.assert_allclose(np.diag(matrix), 1.0, atol=1e-5)
    scheme.save(tmp_path / "run")
    again = dib.ApproximationScheme.load(tmp_path / "run").at(beta=1e-4)
    np.testing.assert_array_equal(again.predict_proba(x), approximation.predict_proba(x))


def test_its_description_makes_an_encoder_of_the_same_shape() -> None:
    model = dib.DistributedBottleneck(
        encoder_of(), dib.BernoulliPredictor(12, hidden=(4,), key=jax.random.key(0))
    )
    description = json.loads(json.dumps(model.config()))
    assert description["encoder"]["kind"] == "table"
    again = model_from_config(description, key=jax.random.key(1))
    shapes, expected = (jax.tree.map(jnp.shape, each) for each in (again, model))
    assert eqx.tree_equal(shapes, expected)
    assert again.config() == model.config()


@pytest.mark.parametrize(
    "options",
    [
        {"hidden": []},
        {"longest_period": 0.0},
        {"n_numbers": [1, 0]},
        {"n_numbers": [0], "n_levels": [[]]},
        {"n_numbers": [-1], "n_levels": [[2]]},
    ],
)
def test_sizes_that_do_not_fit_are_refused(options: dict[str, Any]) -> None:
    everything = {"n_numbers": [1], "n_levels": [[]], **LAYERS, **options}
    with pytest.raises(UserError):
        TableEncoder(**everything, key=jax.random.key(0))
