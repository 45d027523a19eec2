"""Information of every subset of inputs, compared with references and a slow implementation."""

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributed_ib.errors import UserError
from distributed_ib.information.entropy import mutual_information_bits
from distributed_ib.information.subset_information import (
    best_subsets,
    check_exhaustive,
    rank_within_size,
    subset_information_bits,
    subset_inputs,
    subset_mask,
)
from distributed_ib.studies.boolean import paper_circuit

ALL = set(range(10))
# size: best information, best subsets, second best (reference.md, section 1)
REFERENCE: dict[int, tuple[float, list[set[int]], float | None]] = {
    1: (0.263529, [{2}], 0.052365),
    2: (0.336318, [{2, 9}], 0.269270),
    3: (0.442758, [{2, 5, 9}], 0.344445),
    4: (0.462869, [{0, 2, 5, 9}, {1, 2, 5, 9}], 0.446826),
    5: (0.621987, [{2, 5, 7, 8, 9}], 0.488424),
    6: (0.656469, [{0, 2, 5, 7, 8, 9}, {1, 2, 5, 7, 8, 9}], 0.628691),
    7: (0.695378, [{0, 1, 2, 5, 7, 8, 9}], 0.664254),
    8: (0.707174, [{0, 1, 2, 5, 6, 7, 8, 9}], 0.695378),
    9: (0.726628, [ALL - {3}, ALL - {4}], 0.695378),
    10: (0.757878, [ALL], None),
}


@pytest.fixture(scope="module")
def paper_information() -> np.ndarray:
    return subset_information_bits(paper_circuit().truth_table()[1])


def slow_twin(y: list[int]) -> list[float]:
    """I(X_S;Y) of every subset from its joint table, one subset and one row at a time."""
    n_inputs = len(y).bit_length() - 1
    found = []
    for mask in range(len(y)):
        joint: dict[tuple[int, int], float] = {}
        for row, value in enumerate(y):
            joint[row & mask, value] = joint.get((row & mask, value), 0.0) + 2.0**-n_inputs
        kept = sorted({key[0] for key in joint})
        table = [[joint.get((k, value), 0.0) for value in (0, 1)] for k in kept]
        found.append(float(mutual_information_bits(table)))
    return found


@pytest.mark.parametrize("size", REFERENCE)
def test_the_paper_circuit_has_the_reference_subsets(
    paper_information: np.ndarray, size: int
) -> None:
    bits, subsets, second_bits = REFERENCE[size]
    best = best_subsets(paper_information)[size]
    assert best.size == size
    assert best.information_bits == pytest.approx(bits, abs=5e-7)
    assert sorted(best.masks) == sorted(subset_mask(s) for s in subsets)
    if second_bits is None:
        assert best.runner_up_bits is None
    else:
        assert best.runner_up_bits == pytest.approx(second_bits, abs=5e-7)
    for mask in best.masks:
        assert rank_within_size(paper_information, mask) == 1


def test_ranks_count_only_better_subsets(paper_information: np.ndarray) -> None:
    # {0,2,5,9} and {1,2,5,9} tie for first place, so the next of size 4 is third.
    sizes = np.bitwise_count(np.arange(1024))
    second = np.flatnonzero((sizes == 4) & np.isclose(paper_information, 0.446826, atol=5e-7))
    assert {rank_within_size(paper_information, int(mask)) for mask in second} == {3}
    alone = [rank_within_size(paper_information, 1 << i) for i in range(10)]
    assert alone[2] == 1
    assert min(rank for i, rank in enumerate(alone) if i != 2) == 2


def test_sizes_zero_and_n_are_trivial(paper_information: np.ndarray) -> None:
    best = best_subsets(paper_information)
    assert len(best) == 11
    assert best[0].information_bits == 0.0
    assert best[10].information_bits == pytest.approx(paper_circuit().output_entropy_bits())


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_agrees_with_the_slow_twin(n_inputs: int, bits: int) -> None:
    y = [bits >> row & 1 for row in range(2**n_inputs)]
    np.testing.assert_allclose(subset_information_bits(y), slow_twin(y), atol=1e-12)


@pytest.mark.parametrize("n_inputs", [8, 9, 10])
def test_agrees_with_joint_tables_beyond_the_base_case(n_inputs: int) -> None:
    random = np.random.default_rng(n_inputs)
    y = (random.random(2**n_inputs) < 0.3).astype(np.uint8)
    information = subset_information_bits(y)
    rows = np.arange(2**n_inputs)
    for mask in random.integers(0, 2**n_inputs, size=40).tolist():
        joint = np.zeros((2**n_inputs, 2))
        np.add.at(joint, (rows & mask, y), 2.0**-n_inputs)
        assert information[mask] == pytest.approx(float(mutual_information_bits(joint)), abs=1e-12)


def test_more_inputs_never_tell_less(paper_information: np.ndarray) -> None:
    for mask, i in product(range(1024), range(10)):
        assert paper_information[mask | 1 << i] >= paper_information[mask] - 1e-12


@pytest.mark.parametrize("n_inputs", [3, 10])
def test_parity_is_known_only_from_all_inputs(n_inputs: int) -> None:
    information = subset_information_bits(np.bitwise_count(np.arange(2**n_inputs)) % 2)
    assert information[-1] == 1.0
    assert not information[:-1].any()


def test_bit_i_of_the_mask_is_input_i() -> None:
    n_inputs = 9
    for i in range(n_inputs):
        copies_input_i = np.arange(2**n_inputs) >> i & 1
        information = subset_information_bits(copies_input_i)
        has_input_i = np.arange(2**n_inputs) >> i & 1
        np.testing.assert_array_equal(information, has_input_i)


def test_masks_and_inputs_are_inverse() -> None:
    for mask in range(64):
        assert subset_mask(subset_inputs(mask)) == mask
    assert subset_inputs(subset_mask([9, 2, 5])) == (2, 5, 9)


def test_bad_input_is_refused() -> None:
    with pytest.raises(UserError, match="at most 20 inputs, but there are 21; use a circuit with"):
        check_exhaustive(21)
    with pytest.raises(UserError, match="at most 20 inputs, but there are 21"):
        subset_information_bits(np.zeros(2**21, dtype=np.uint8))
    with pytest.raises(UserError, match=r"2\*\*n entries.* but got 3"):
        subset_information_bits([0, 1, 1])
    with pytest.raises(UserError, match="only 0 and 1"):
        subset_information_bits([0, 2])
    with pytest.raises(UserError, match="one axis"):
        subset_information_bits([[0, 1]])
    with pytest.raises(UserError, match="mask 4 is not a subset of 2 inputs"):
        rank_within_size([0.0, 0.1, 0.2, 0.3], 4)


def test_ten_inputs_take_far_less_than_two_seconds() -> None:
    y = paper_circuit().truth_table()[1]
    start = time.process_time()
    subset_information_bits(y)
    assert time.process_time() - start < 2.0


@pytest.mark.nightly
def test_sixteen_inputs_take_less_than_two_minutes() -> None:
    y = np.random.default_rng(0).integers(0, 2, 2**16)
    start = time.process_time()
    information = subset_information_bits(y)
    assert time.process_time() - start < 120.0
    joint = np.zeros((2**16, 2))
    np.add.at(joint, (np.arange(2**16) & 0xA5C3, y), 2.0**-16)
    assert information[0xA5C3] == pytest.approx(float(mutual_information_bits(joint)), abs=1e-12)
