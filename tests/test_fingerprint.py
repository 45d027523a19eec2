"""Descriptions of sweeps as plain values, and their differences."""

import functools
import json
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

from distributed_ib.data.batches import FreshBatches, HostBatches
from distributed_ib.data.row_batches import RowBatches
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.model.predictors import BernoulliPredictor
from distributed_ib.model.table_encoder import TableEncoder
from distributed_ib.training import _fingerprint as fingerprint
from distributed_ib.training._fingerprint import describe, differences

SHAPES = np.zeros((3, 2), np.float32)


def table_model(key: jax.Array, levels: int = 4) -> DistributedBottleneck:
    encoder = TableEncoder(
        n_numbers=[1, 0], n_levels=[[], [levels]], hidden=[4], embedding_dim=2, key=key
    )
    return DistributedBottleneck(encoder, BernoulliPredictor(4, hidden=(4,), key=key))


def host_batch(generator: np.random.Generator) -> Any:
    return generator.random((2, 2))


def shapes_of(model: eqx.Module) -> Any:
    return eqx.filter_eval_shape(lambda: model)


def test_a_description_is_plain_json_and_the_same_every_time() -> None:
    for make in (
        lambda: shapes_of(table_model(jax.random.key(0))),
        lambda: RowBatches((SHAPES, {"y": SHAPES}), 2, seed=1),
        lambda: HostBatches(host_batch, seed=2),
        lambda: FreshBatches(functools.partial(table_model, levels=3)),
        lambda: (jax.nn.relu, object(), float("inf"), None),
        lambda: (np.float32(0.5), np.int64(3), jax.random.key(4), {"a": [True]}),
    ):
        first, second = describe(make()), describe(make())
        assert first == second == json.loads(json.dumps(first))
        assert " at 0x" not in json.dumps(first)


def test_models_of_other_sizes_differ() -> None:
    key = jax.random.key(0)
    found = differences(
        describe(shapes_of(table_model(key))), describe(shapes_of(table_model(key, levels=5)))
    )
    assert 'encoder.vectors.array was "float32 [4, 4]" and is now "float32 [5, 4]"' in found


def test_the_arguments_of_a_partial_function_count() -> None:
    one, other = (describe(functools.partial(table_model, levels=n)) for n in (3, 4))
    assert differences(one, other) == ["levels was 3 and is now 4"]


def test_what_is_missing_on_one_side_differs() -> None:
    assert differences({"a": 1}, {"b": [2]}) == [
        "a was 1 and is now null",
        "b was null and is now [2]",
    ]
    assert differences({"a": [1, 2]}, {"a": [1, 2, 3]}) == ["a was [1, 2] and is now [1, 2, 3]"]
    assert differences({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 2}]}}) == []


def test_many_arrays_differ_in_any_value() -> None:
    for dtype in (np.float32, np.int64, np.bool_, "U3"):
        array = np.zeros((4, 3), dtype)
        other = array.copy()
        other[3, 2] = 1
        assert differences(describe([array]), describe([other])) == ["the values of 0 differ"]
        assert describe(array) == describe(np.asfortranarray(array))
    assert describe(np.zeros((0, 3))) != describe(np.zeros((0, 4)))
    assert describe(np.float32(1.0)) == describe(1.0)


def test_large_arrays_are_read_in_part_from_end_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "WHOLE_BYTES", 1000)
    monkeypatch.setattr(fingerprint, "N_BLOCKS", 5)
    monkeypatch.setattr(fingerprint, "BLOCK_BYTES", 80)
    array = np.zeros((1000, 2), np.float64)  # five blocks of five rows
    seen = []
    for row in range(1000):
        changed = array.copy()
        changed[row] = 1
        if describe(changed) != describe(array):
            seen.append(row)
    assert len(seen) == 25
    assert seen[0] == 0
    assert seen[-1] == 999
