"""Entropies of discrete distributions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from distributed_ib.errors import UserError
from distributed_ib.information.entropy import (
    binary_entropy_bits,
    entropy_bits,
    mutual_information_bits,
)

FIXED = settings(max_examples=50, derandomize=True, deadline=None)
JOINTS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    elements=st.one_of(st.just(0.0), st.floats(1e-6, 1.0)),
).filter(lambda table: table.sum() > 0)


def test_uniform_distribution_has_log2_n_bits() -> None:
    for n in (1, 2, 8, 1000):
        assert entropy_bits(np.full(n, 1 / n)) == pytest.approx(np.log2(n), abs=1e-12)


def test_leading_axes_are_kept() -> None:
    p = np.array([[[0.5, 0.5], [1.0, 0.0]]])
    np.testing.assert_allclose(entropy_bits(p), [[1.0, 0.0]])
    joint = np.stack([np.eye(2) / 2, np.full((2, 2), 0.25)])
    np.testing.assert_allclose(mutual_information_bits(joint), [1.0, 0.0], atol=1e-15)


@FIXED
@given(st.floats(0.0, 1.0))
def test_binary_entropy_is_the_entropy_of_two_outcomes(p: float) -> None:
    assert binary_entropy_bits(p) == pytest.approx(float(entropy_bits([p, 1 - p])), abs=1e-12)


@FIXED
@given(JOINTS)
def test_information_is_what_the_entropies_say(table: np.ndarray) -> None:
    joint = table / table.sum()
    information = mutual_information_bits(joint)
    h_x, h_y = entropy_bits(joint.sum(1)), entropy_bits(joint.sum(0))
    assert information == pytest.approx(h_x + h_y - entropy_bits(joint.ravel()), abs=1e-9)
    assert 0.0 <= information <= min(h_x, h_y) + 1e-9
    assert information == pytest.approx(float(mutual_information_bits(joint.T)), abs=1e-12)


@FIXED
@given(JOINTS, st.integers(0, 2**32 - 1))
def test_processing_never_adds_information(table: np.ndarray, seed: int) -> None:
    joint = table / table.sum()
    channel = np.random.default_rng(seed).dirichlet(np.ones(3), size=joint.shape[0])  # [nx, 3]
    assert mutual_information_bits(channel.T @ joint) <= mutual_information_bits(joint) + 1e-12


def test_what_is_no_distribution_is_refused() -> None:
    with pytest.raises(UserError, match=r"sum to 1, but they sum to 0\.9"):
        entropy_bits([[0.5, 0.5], [0.5, 0.4]])
    with pytest.raises(UserError, match="negative or not a number"):
        entropy_bits([1.5, -0.5])
    with pytest.raises(UserError, match="negative or not a number"):
        mutual_information_bits([[np.nan, 1.0]])
    with pytest.raises(UserError, match="at least 2 axes, but got 1"):
        mutual_information_bits([0.5, 0.5])
    with pytest.raises(UserError, match="between 0 and 1"):
        binary_entropy_bits([0.5, 1.1])
