import jax
import jax.numpy as jnp
import numpy as np
import pytest

from distributed_ib.errors import UserError
from distributed_ib.information.bounds import InformationBounds, information_bounds
from distributed_ib.information.exact_channel import exact_information

pytestmark = pytest.mark.usefixtures("quick_compilation")

KEY = jax.random.key(0)


def assert_brackets(bounds: InformationBounds, truth_bits: float) -> None:
    """Lower <= truth <= upper within three standard errors, in every channel."""
    slack = 1e-9
    assert np.all(bounds.lower_bits <= truth_bits + 3 * bounds.lower_error_bits + slack)
    assert np.all(truth_bits <= bounds.upper_bits + 3 * bounds.upper_error_bits + slack)


@pytest.mark.parametrize("dims", [1, 64])
@pytest.mark.parametrize("bits", [0.0, 0.01, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0])
def test_bounds_bracket_a_gaussian_channel(bits: float, dims: int) -> None:
    # X ~ N(0, 1) in each dimension: I = dims / 2 * log2(1 + 1 / variance).
    signal_to_noise = 2 ** (2 * bits / dims) - 1
    log_variance = -np.log(signal_to_noise) if bits else 100.0
    x = np.random.default_rng(3).normal(size=(8 if dims == 1 else 2, 1024, dims))
    bounds = information_bounds(x, log_variance, key=KEY)
    assert_brackets(bounds, bits)
    assert np.all(bounds.lower_bits <= 10.0)  # log2(N)


@pytest.mark.parametrize("bits", [0, 1, 2, 4, 6, 8])
def test_bounds_bracket_separated_symbols(bits: int) -> None:
    symbols = np.random.default_rng(4).integers(0, 2**bits, size=(4, 1024, 1))
    bounds = information_bounds(50.0 * symbols, 0.0, key=KEY)
    assert_brackets(bounds, bits)
    assert np.all(bounds.lower_bits <= bounds.upper_bits + 1e-12)


def test_bounds_agree_with_the_exact_integral_on_half_open_channels() -> None:
    mean = np.array([[-1.0], [1.2]])
    truth = exact_information(mean, -0.5).information_bits
    x = np.random.default_rng(5).integers(0, 2, size=1024)
    bounds = information_bounds(mean[x], -0.5, key=KEY)
    assert_brackets(bounds, float(truth))
    assert bounds.upper_bits - bounds.lower_bits < 0.005
    assert bounds.lower_error_bits < 0.03


def test_gap_over_separated_symbols_is_two_to_the_bits_over_n() -> None:
    symbols = np.random.default_rng(6).integers(0, 16, size=(1024, 1))
    bounds = information_bounds(50.0 * symbols, 0.0, key=KEY)
    assert bounds.upper_bits - bounds.lower_bits == pytest.approx(1.44 * 16 / 1024, rel=0.1)


@pytest.mark.parametrize("scale", [0.0, 1e-3])
def test_dead_channels_convey_nothing(scale: float) -> None:
    mean = scale * np.random.default_rng(7).normal(size=(2, 1024, 64))
    bounds = information_bounds(mean, 0.0, key=KEY)
    np.testing.assert_allclose(bounds.lower_bits, 0.0, atol=1e-3)
    np.testing.assert_allclose(bounds.upper_bits, 0.0, atol=1e-3)


@pytest.mark.parametrize("log_variance", [-1e5, -80.0, 0.0, 80.0, 1e5])
@pytest.mark.parametrize("separation", [0.0, 1e-8, 1.0, 1e4, 1e10, 1e100, 1e300])
def test_no_infinity_at_any_separation(separation: float, log_variance: float) -> None:
    mean = separation * np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [-1.0, -1.0]])
    bounds = information_bounds(mean, log_variance, key=KEY)
    assert all(np.all(np.isfinite(figure)) for figure in vars(bounds).values())
    assert bounds.lower_bits <= 2.0


def test_nearly_deterministic_channels_keep_repeated_inputs_together() -> None:
    # Standard deviations 1e17 times smaller than the means: u must still identify its symbol.
    symbols = np.random.default_rng(8).integers(1, 5, size=(1024, 1)).astype(float)
    bounds = information_bounds(symbols, -80.0, key=KEY)
    assert_brackets(bounds, 2.0)
    assert bounds.upper_bits < 2.05


def test_bounds_do_not_depend_on_the_block_size() -> None:
    x = np.random.default_rng(9).normal(size=(101, 3))
    whole = information_bounds(x, -1.0, key=KEY)
    parts = information_bounds(x, -1.0, key=KEY, block_cells=250)  # blocks of 2 rows, the last of 1
    for name, figure in vars(whole).items():
        np.testing.assert_allclose(getattr(parts, name), figure, rtol=1e-12)


def test_bounds_match_a_plain_double_loop() -> None:
    mean = np.random.default_rng(10).normal(size=(101, 3))
    log_variance = np.random.default_rng(11).normal(size=(101, 3))
    bounds = information_bounds(mean, log_variance, key=KEY)
    with jax.enable_x64(True):
        key = jax.random.fold_in(KEY, 0)
        noise = np.asarray(jax.random.normal(key, mean.shape, jnp.float64))
    scale = np.exp(0.5 * log_variance)
    u = mean + scale * noise
    density = np.array(
        [[np.prod(np.exp(-0.5 * ((a - m) / s) ** 2) / s) for m, s in zip(mean, scale, strict=True)]
         for a in u]
    )  # fmt: skip
    own = np.diag(density)
    lower = np.log2(own / density.mean(axis=1)).mean()
    upper = np.log2(own / ((density.sum(axis=1) - own) / 100)).mean()
    assert bounds.lower_bits == pytest.approx(lower, abs=1e-10)
    assert bounds.upper_bits == pytest.approx(upper, abs=1e-10)


def test_standard_errors_match_the_scatter_of_repeats() -> None:
    x = np.random.default_rng(12).normal(size=(60, 1024, 1))
    bounds = information_bounds(x, -1.0, key=KEY)
    for bits, error in [
        (bounds.lower_bits, bounds.lower_error_bits),
        (bounds.upper_bits, bounds.upper_error_bits),
    ]:
        assert error.mean() == pytest.approx(bits.std(ddof=1), rel=0.35)


def test_the_key_decides_the_noise_and_jax_defaults_are_left_alone() -> None:
    default = jnp.ones(2).dtype
    x = np.random.default_rng(13).normal(size=(1024, 1))
    first = information_bounds(x, 0.0, key=KEY)
    again = information_bounds(x, 0.0, key=KEY)
    other = information_bounds(x, 0.0, key=jax.random.key(1))
    assert first.lower_bits == again.lower_bits != other.lower_bits
    assert jnp.ones(2).dtype == default


def test_leading_axes_are_channels_and_single_precision_input_is_accepted() -> None:
    mean = jnp.asarray(np.random.default_rng(14).normal(size=(3, 2, 1024, 1)), dtype=jnp.float32)
    bounds = information_bounds(mean, jnp.zeros((1024, 1)), key=KEY)
    assert bounds.lower_bits.shape == bounds.upper_error_bits.shape == (3, 2)
    assert bounds.lower_bits.dtype == np.float64


@pytest.mark.parametrize(
    ("mean", "log_variance", "says"),
    [
        (np.zeros((1, 2)), 0.0, "at least 2"),
        (np.zeros(5), 0.0, "n, k"),
        (np.array([[0.0], [np.nan]]), 0.0, "diverged"),
        (np.zeros((2, 1)), np.inf, "diverged"),
        (np.zeros((2, 1)), np.zeros(3), "do not match"),
    ],
)
def test_unusable_channels_are_refused(
    mean: np.ndarray, log_variance: float | np.ndarray, says: str
) -> None:
    with pytest.raises(UserError, match=says):
        information_bounds(mean, log_variance, key=KEY)
