"""The seven patterns as relationships with one bit each, and the batches drawn from them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from distributed_ib.data.batches import Batch
from distributed_ib.errors import UserError
from distributed_ib.studies.patterns.pattern_batches import PatternBatches, pattern_batches
from distributed_ib.studies.patterns.pattern_library import PATTERNS, Pattern, pattern_named
from distributed_ib.studies.patterns.pattern_pictures import (
    pattern_picture,
    pixel_positions,
)
from distributed_ib.studies.patterns.patterns_findings import (
    PatternFindings,
    falls_below,
    in_words,
)
from pattern_measures import rectilinear_share

pytestmark = pytest.mark.usefixtures("quick_compilation")

NAMES = list(PATTERNS)
# Not a multiple of the number of bands, so that no pixel centre lies on a border.
N_PIXELS = 801


@pytest.fixture(scope="module")
def pictures() -> dict[str, NDArray[np.float64]]:
    return {name: pattern_picture(pattern, N_PIXELS) for name, pattern in PATTERNS.items()}


def known_bits(probability: NDArray[np.float64]) -> float:
    """Information about a fair bit Y in values that are equally likely, given their p(Y=1)."""
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    return float(1 + np.mean(p * np.log2(p) + (1 - p) * np.log2(1 - p)))


@pytest.mark.parametrize("name", NAMES)
def test_half_of_the_square_is_one(name: str, pictures: dict[str, NDArray[np.float64]]) -> None:
    picture = pictures[name]
    assert set(np.unique(picture)) == {0.0, 1.0}
    # A border crosses at most a few thousand of the 641,601 pixels and misassigns about half of
    # them at random, so that the total error is below 1e-3.
    assert abs(picture.mean() - 0.5) < 1e-3


@pytest.mark.parametrize("name", ["halves", "slant", "archipelago"])
def test_half_a_turn_exchanges_zero_and_one(name: str) -> None:
    position = jax.random.uniform(jax.random.key(0), (20_000, 2), minval=-0.5, maxval=0.5)
    function = PATTERNS[name].function
    assert np.all(np.asarray(function(position)) + np.asarray(function(-position)) == 1)


@pytest.mark.parametrize(
    ("name", "horizontal_bits", "vertical_bits"),
    [("halves", 1.0, 0.0), ("stripes", 1.0, 0.0), ("checkerboard", 0.0, 0.0)],
)
def test_information_of_a_single_coordinate(
    name: str,
    horizontal_bits: float,
    vertical_bits: float,
    pictures: dict[str, NDArray[np.float64]],
) -> None:
    picture = pictures[name]
    assert known_bits(picture.mean(axis=0)) == pytest.approx(horizontal_bits, abs=0.02)
    assert known_bits(picture.mean(axis=1)) == pytest.approx(vertical_bits, abs=0.02)


def test_in_slant_and_archipelago_one_coordinate_tells_more(
    pictures: dict[str, NDArray[np.float64]],
) -> None:
    bits = {
        name: (known_bits(picture.mean(axis=0)), known_bits(picture.mean(axis=1)))
        for name, picture in pictures.items()
    }
    assert bits["slant"][0] > 2 * bits["slant"][1] > 0.01
    assert bits["archipelago"][1] > 0.3 > 0.1 > bits["archipelago"][0]
    assert bits["circle"][0] == pytest.approx(bits["circle"][1], abs=0.01)


def test_straight_borders_along_the_axes_are_one_product(
    pictures: dict[str, NDArray[np.float64]],
) -> None:
    share = {name: rectilinear_share(picture[::9, ::9]) for name, picture in pictures.items()}
    for name in ("halves", "stripes", "checkerboard"):
        assert share[name] == pytest.approx(1.0)
    for name in ("warped", "slant", "circle", "archipelago"):
        assert share[name] < 0.9


def test_batches_hold_positions_of_the_square_and_their_y() -> None:
    compilations = []

    @jax.jit
    def draw(source: PatternBatches, key: jax.Array) -> Batch:
        compilations.append(source)
        return source.draw((), key)

    for name, pattern in PATTERNS.items():
        x, y = draw(pattern_batches(pattern, 512, 2), jax.random.key(0))
        assert x.shape == (512, 2, 1)
        position = x.reshape(512, 2)
        np.testing.assert_array_equal(y, pattern.function(position), err_msg=name)
        assert float(abs(position).max()) <= 0.5
        # The mean of 1,024 uniform numbers of standard deviation 0.29 has an error of 0.009.
        assert abs(float(position.mean())) < 0.04
    assert len(compilations) == 1  # all seven in one program
    whole = pattern_batches(PATTERNS["circle"], 512, 1)
    shape = jax.eval_shape(lambda key: whole.draw((), key)[0], jax.random.key(0)).shape
    assert shape == (512, 1, 2)


def test_a_user_defined_pattern_can_be_drawn() -> None:
    def quarter_turns(position: jax.Array) -> jax.Array:
        return (position[..., 0] * position[..., 1] > 0).astype(jnp.int32)

    mine = Pattern("mine", quarter_turns, "two opposite quarters")
    x, y = pattern_batches(mine, 64, 2).draw((), jax.random.key(1))
    np.testing.assert_array_equal(y, x[:, 0, 0] * x[:, 1, 0] > 0)


def test_an_unknown_pattern_is_refused_with_a_list_of_patterns() -> None:
    with pytest.raises(UserError, match="'spiral'; choose from halves, stripes"):
        pattern_named("spiral")


def test_the_first_row_of_a_picture_is_the_top() -> None:
    positions = pixel_positions(4).reshape(4, 4, 2)
    assert np.all(positions[0, :, 1] == 0.375)
    assert np.all(positions[:, 0, 0] == -0.375)


def test_a_curve_that_is_never_above_has_fallen_at_once() -> None:
    beta = np.array([0.1, 0.2, 0.4])
    assert falls_below(beta, np.zeros(3)) == pytest.approx(0.1)


def test_words_state_the_order_in_which_components_drop_out() -> None:
    def said(horizontal: float | None, vertical: float | None) -> str:
        return in_words(
            PatternFindings(0.5, {"horizontal": horizontal, "vertical": vertical}, 1.0, {})
        )

    assert said(0.5, 0.52).startswith("both components drop out together")
    assert said(0.2, 0.5).startswith(
        "horizontal drops out at beta=0.2, vertical is the last in use"
    )
    assert said(None, 0.5).startswith(
        "vertical drops out at beta=0.5, horizontal is the last in use"
    )
    assert said(None, None) == "the scheme ends at beta=0.5"
