"""Merging of the values of a component along a sweep, and its figures."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from distributed_ib.errors import UserError
from distributed_ib.model.channel import GaussianChannel, bhattacharyya_coefficients
from distributed_ib.plots import plot_compression_along_beta, plot_merging
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.compression_path import CompressionPath, compression_path
from distributed_ib.training.sweep_result import Snapshots
from toy import xor_data

pytestmark = pytest.mark.usefixtures("quick_compilation")

N_MODELS = 120
# Four levels: "a" and "b" are equivalent, "c" is close to them, "d" is far away.
PLACES = np.array([0.0, 0.0, 1.0, 4.0])
LEVELS = np.array(["a", "b", "c", "d"], dtype=object)


class LevelEncoder(eqx.Module):
    """Encodes levels as points on a line whose length depends on the model, with unit noise."""

    length: jax.Array

    def __call__(self, x: Any) -> GaussianChannel:
        """Encode levels `[batch, component]`."""
        mean = jnp.asarray(PLACES, jnp.float32)[x][..., None]
        return GaussianChannel(
            mean * jnp.broadcast_to(self.length, mean.shape), jnp.zeros_like(mean)
        )


class LevelModel(eqx.Module):
    """A model that consists only of an encoder."""

    encoder: LevelEncoder


def merging_beta(distance: float) -> float:
    """The beta at which exp(-(distance * length)^2 / 8) = 1/2, with length = 1 / beta."""
    return distance / np.sqrt(8 * np.log(2))


@pytest.fixture(scope="module")
def scheme() -> ApproximationScheme:
    """A scheme whose models place levels at distances proportional to 1 / beta."""
    beta = np.geomspace(0.05, 20.0, N_MODELS)
    length = np.stack([1 / beta, 2 / beta], axis=1).astype(np.float32)  # the second repeat is later
    dims = ("seed", "step", "component")
    bits = np.linspace(2.0, 0.0, N_MODELS)[None, :, None] * np.array([1.0, 0.5])[:, None, None]
    dataset = xr.Dataset(
        {
            "kl_bits": (dims, bits),
            "predictive_information_bits": (("seed", "step", "split"), bits),
        },
        coords={"beta": ("step", beta), "component": ["level"], "split": ["train"]},
    )
    snapshots = Snapshots(
        LevelModel(LevelEncoder(jnp.asarray(length))),
        LevelModel(LevelEncoder(None)),  # type: ignore[arg-type]
        np.arange(N_MODELS),
        beta,
    )
    return ApproximationScheme(dataset, snapshots)


@pytest.fixture(scope="module")
def path(scheme: ApproximationScheme) -> CompressionPath:
    return compression_path(scheme, "level", np.arange(4)[:, None], n_records=None)


def test_the_matrices_are_those_of_the_models(
    path: CompressionPath, scheme: ApproximationScheme
) -> None:
    model = scheme.at(beta=1.0)
    expected = model.distinguishability("level", np.arange(4)[:, None])
    place = int(np.argmin(np.abs(np.log(path.beta))))
    np.testing.assert_allclose(path.overlap[place], expected, atol=1e-6)
    np.testing.assert_array_equal(path.neighbours[place], np.diag(path.overlap[place], 1))
    np.testing.assert_allclose(path.bits, np.linspace(2.0, 0.0, N_MODELS))
    assert path.measure == "kl"


def test_values_merge_where_their_channels_do(path: CompressionPath) -> None:
    merged = path.merge_beta()
    gaps = np.abs(PLACES[:, None] - PLACES)
    known = np.where(gaps > 0, np.maximum(merging_beta(1.0) * gaps, path.beta[0]), path.beta[0])
    np.testing.assert_allclose(merged, known, rtol=0.01)
    np.testing.assert_array_equal(merged, merged.T)
    # With a stricter threshold, values merge at larger beta.
    assert np.all(path.merge_beta(0.9)[gaps > 0] > merged[gaps > 0])


def test_the_tree_joins_equivalent_levels_first(path: CompressionPath) -> None:
    tree = path.merge_tree()
    # a and b at once, then c at distance 1, then d, whose nearest level is c at distance 3.
    assert [sorted(row[:2]) for row in tree.tolist()] == [[0, 1], [2, 4], [3, 5]]
    np.testing.assert_allclose(
        tree[:, 2], [path.beta[0], merging_beta(1.0), merging_beta(3.0)], rtol=0.01
    )
    assert tree[:, 3].tolist() == [2, 3, 4]


def test_levels_may_never_merge_or_separate_again() -> None:
    overlap = np.ones((4, 3, 3))
    for k, pair in enumerate([0.1, 0.9, 0.2, 0.9]):  # merges, parts, merges again
        overlap[k, 0, 1] = overlap[k, 1, 0] = pair
    overlap[:, 2, :2] = overlap[:, :2, 2] = 0.0  # never merges
    path = CompressionPath("x", np.geomspace(1, 8, 4), np.arange(4.0), overlap, "kl")
    merged = path.merge_beta(0.5)
    assert 4 < merged[0, 1] < 8 and np.isinf(merged[0, 2])
    tree = path.merge_tree(0.5)
    assert tree[0, 2] == pytest.approx(merged[0, 1]) and np.isinf(tree[1, 2])


def test_a_model_that_is_still_learning_has_merged_nothing() -> None:
    bits = np.array([1.0, 3.0, 2.0, 1.1])
    path = CompressionPath("x", np.geomspace(1, 8, 4), bits, np.ones((4, 2, 2)), "kl")
    assert [path.at_bits(wanted) for wanted in (3.0, 2.1, 1.0)] == [1, 2, 3]


def test_the_repeat_and_few_records(scheme: ApproximationScheme) -> None:
    later = compression_path(scheme, "level", np.arange(4)[:, None], n_records=40, seed=1)
    assert later.overlap.shape == (40, 4, 4)
    assert later.merge_beta()[0, 2] == pytest.approx(2 * merging_beta(1.0), rel=0.05)
    assert later.bits[0] == 1.0


def test_coefficients_agree_with_the_channels_own() -> None:
    from distributed_ib.scheme.compression_path import coefficients

    rng = np.random.default_rng(0)
    mean, log_variance = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    expected = bhattacharyya_coefficients(jnp.asarray(mean), jnp.asarray(log_variance))
    np.testing.assert_allclose(coefficients(mean, log_variance), expected, atol=1e-5)


def test_bad_requests_are_refused(
    path: CompressionPath, scheme: ApproximationScheme, xor_scheme: ApproximationScheme
) -> None:
    with pytest.raises(UserError, match="'colour'"):
        compression_path(scheme, "colour", np.arange(4)[:, None])
    with pytest.raises(UserError, match="no repeat 2"):
        compression_path(xor_scheme, "a", xor_data()[0], seed=2)
    with pytest.raises(UserError, match="with_information"):
        compression_path(scheme, "level", np.arange(4)[:, None], measure="information")
    with pytest.raises(UserError, match="4 values"):
        plot_merging(path, LEVELS[:3])
    with pytest.raises(UserError, match="as many axes"):
        plot_compression_along_beta(path, LEVELS, [plt.figure().add_subplot()])
    plt.close("all")


def test_the_figures_show_levels_and_bits(path: CompressionPath) -> None:
    ax = plot_merging(path, LEVELS)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert sorted(labels) == ["a", "b", "c", "d"] and ax.get_ylabel() == "level"
    joins = sorted(max(np.asarray(line.get_xdata())) for line in ax.get_lines())
    np.testing.assert_allclose(joins, path.merge_tree()[:, 2])
    (top,) = ax.child_axes
    assert top.get_xlabel() == "KL of level (bits)"
    strips = plot_merging(path, PLACES)
    assert strips.get_ylim() == (0.0, 3.0) and "beta" in strips.get_xlabel()
    (line,) = strips.get_lines()
    merged = path.merge_beta()
    np.testing.assert_allclose(
        np.asarray(line.get_xdata()), np.repeat([merged[0, 1], merged[1, 2], merged[2, 3]], 2)
    )
    matrices = plot_compression_along_beta(path, LEVELS, bits=[2.0, 0.5])
    assert [ax.get_title()[-9:] for ax in matrices] == ["2.00 bits", "0.50 bits"]
    plt.close("all")
