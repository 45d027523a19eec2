"""The scheme of approximations, and one approximation of it."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from distributed_ib.errors import UserError
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.report.scheme_sections import opening_findings, scheme_values
from distributed_ib.scheme import approximation as approximation_module
from distributed_ib.scheme.approximation import Approximation
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.subsets_in_use import subsets_in_use
from distributed_ib.training.sweep_result import History, Snapshots, SweepResult
from toy import xor_data

pytestmark = pytest.mark.usefixtures("quick_compilation")

BETA = np.array([0.01, 0.02, 0.04, 0.08, 0.16])
KL_BITS = np.array([[3, 2], [2, 1], [1.5, 0.05], [0.2, 0], [0, 0]])
KNOWN_BITS = np.array([0.9, 0.95, 0.6, 0.1, 0.0])


def handmade_result(splits: tuple[str, ...] = ("train",)) -> SweepResult:
    """Five records of two components, with snapshots of records 0, 1, 2 and 4, two repeats."""
    nats = np.log(2)
    history = History(
        beta=BETA,
        step=np.arange(10, 60, 10),
        kl_nats=np.stack([KL_BITS, 2 * KL_BITS]) * nats,
        prediction_error_nats=np.repeat(
            np.stack([1 - KNOWN_BITS, 1 - KNOWN_BITS / 2])[..., None] * nats, len(splits), axis=2
        ),
        scores={"accuracy": np.full((2, 5, len(splits)), 0.75)},
        splits=splits,
    )
    nothing = History(
        beta=np.zeros(0),
        step=np.zeros(0, int),
        kl_nats=np.zeros((2, 0, 2)),
        prediction_error_nats=np.zeros((2, 0, len(splits))),
        scores={"accuracy": np.zeros((2, 0, len(splits)))},
        splits=splits,
    )
    # Parameter [snapshot, repeat] = 10 * record + repeat, to tell the models apart.
    record = np.array([0, 1, 2, 4])
    params = {"w": 10 * record[:, None] + np.arange(2)[None, :]}
    snapshots = Snapshots(params, {"w": None}, record, BETA[record] * 1.1)
    return SweepResult(history, nothing, snapshots, "finished", "finished", 0, 1.0)


@pytest.fixture(scope="module")
def handmade() -> ApproximationScheme:
    return ApproximationScheme.from_sweep(handmade_result(), ["a", "b"], baseline_entropy_bits=1.0)


# The numbers ------------------------------------------------------------------------------------


def test_records_are_turned_into_bits(handmade: ApproximationScheme) -> None:
    data = handmade.to_xarray()
    np.testing.assert_allclose(data["kl_bits"].isel(seed=0), KL_BITS)
    np.testing.assert_allclose(data["kl_bits"].sel(component="b", seed=1), 2 * KL_BITS[:, 1])
    known = data["predictive_information_bits"].sel(split="train")
    np.testing.assert_allclose(known, [KNOWN_BITS, KNOWN_BITS / 2], atol=1e-12)
    np.testing.assert_allclose(data["prediction_error_bits"] + known.values[..., None], 1.0)
    assert float(data["accuracy"].mean()) == 0.75
    assert handmade.components == ("a", "b")
    assert handmade.n_seeds == 2
    assert handmade.baseline_entropy_bits == 1.0


def test_the_dataset_handed_out_is_a_copy(handmade: ApproximationScheme) -> None:
    handmade.to_xarray()["kl_bits"][:] = -1
    assert float(handmade.to_xarray()["kl_bits"].min()) >= 0


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"], ["a", "a"]])
def test_names_must_fit_the_model(names: list[str]) -> None:
    with pytest.raises(UserError, match="2 components"):
        ApproximationScheme.from_sweep(handmade_result(), names, baseline_entropy_bits=1.0)


# Subsets ----------------------------------------------------------------------------------------


def test_subsets_are_the_stretches_between_crossings(handmade: ApproximationScheme) -> None:
    found = handmade.subsets()
    assert [s.components for s in found] == [("a", "b"), ("a",), ()]
    edges = [0.01, np.sqrt(0.02 * 0.04), np.sqrt(0.08 * 0.16), 0.16]
    np.testing.assert_allclose([s.beta_low for s in found], edges[:-1])
    np.testing.assert_allclose([s.beta_high for s in found], edges[1:])
    np.testing.assert_allclose([s.total_bits for s in found], [4.0, 0.875, 0.0])
    np.testing.assert_allclose([s.predictive_bits for s in found], [0.925, 0.35, 0.0], atol=1e-12)


def test_threshold_and_seed_of_subsets(handmade: ApproximationScheme) -> None:
    assert [s.components for s in handmade.subsets(1.2)] == [("a", "b"), ("a",), ()]
    assert [s.components for s in handmade.subsets(10.0)] == [()]
    # Repeat 1 conveys twice as much: 0.1 bit of b at the third record is not above 0.1.
    assert handmade.subsets(0.09, seed=1)[0].beta_high == pytest.approx(np.sqrt(0.04 * 0.08))
    with pytest.raises(UserError, match="no repeat 2"):
        handmade.subsets(seed=2)
    with pytest.raises(UserError, match="no repeat -1"):
        handmade.subsets(seed=-1)


def test_a_subset_that_comes_back_is_a_stretch_of_its_own() -> None:
    bits = np.array([[1.0], [0.0], [1.0]])
    found = subsets_in_use(np.array([0.1, 0.2, 0.4]), bits, np.zeros(3), ("a",))
    assert [s.components for s in found] == [("a",), (), ("a",)]
    for before, after in itertools.pairwise(found):
        assert before.beta_high == after.beta_low
    assert subsets_in_use(np.zeros(0), np.zeros((0, 1)), np.zeros(0), ("a",)) == []


# at() -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "record"),
    [
        ({"beta": 0.011}, 0),
        ({"beta": 1e-9}, 0),
        ({"beta": 1e9}, 4),
        # Nearest in the logarithm: the midpoint between 0.022 and 0.044 is 0.0311.
        ({"beta": 0.0310}, 1),
        ({"beta": 0.0312}, 2),
        # The best affordable record is not the most expensive: 1 knows more than 0.
        ({"bits": 100}, 1),
        ({"bits": 3.0}, 1),
        ({"bits": 2.9}, 2),
        ({"bits": 0.0}, 4),
        ({"n_components": 2}, 1),
        ({"n_components": 1}, 2),
        ({"n_components": 0}, 4),
        ({"n_components": 1, "threshold_bits": 1.2}, 1),
        ({"n_components": 0, "threshold_bits": 5.0}, 1),
    ],
)
def test_at_selects_the_expected_record(
    handmade: ApproximationScheme, choice: dict[str, Any], record: int
) -> None:
    for seed in (0, 1):
        scale = seed + 1
        if seed and ("bits" in choice or "threshold_bits" in choice):
            continue
        found = handmade.at(**choice, seed=seed)
        assert found.model["w"] == 10 * record + seed
        assert found.beta == pytest.approx(1.1 * BETA[record])
        np.testing.assert_allclose(found.kl_bits, scale * KL_BITS[record])
        assert found.total_bits == pytest.approx(scale * KL_BITS[record].sum())
        assert found.predictive_bits == pytest.approx(KNOWN_BITS[record] / scale)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({}, "exactly one.*none"),
        ({"beta": 0.1, "bits": 1.0}, "exactly one.*beta, bits"),
        ({"beta": 0.1, "bits": 1.0, "n_components": 1}, "exactly one"),
        ({"beta": 0.0}, "beta must be positive"),
        ({"beta": -1.0}, "beta must be positive"),
        ({"beta": float("nan")}, "beta must be positive"),
        ({"beta": float("inf")}, "beta must be positive and finite"),
        ({"bits": -0.5}, "at most -0.5 total bits"),
        ({"bits": float("nan")}, "at most nan total bits"),
        ({"n_components": -1}, "at most -1 components"),
        ({"beta": 0.1, "seed": 2}, "no repeat 2"),
        ({"beta": 0.1, "seed": -1}, "no repeat -1"),
    ],
)
def test_at_refuses_invalid_choices(
    handmade: ApproximationScheme, choice: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        handmade.at(**choice)


def test_components_in_use(handmade: ApproximationScheme) -> None:
    assert handmade.at(beta=0.044).in_use() == ("a",)
    assert handmade.at(beta=0.044).in_use(0.01) == ("a", "b")


# Approximations ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def middling(xor_scheme: ApproximationScheme) -> Approximation:
    """An approximation with a and b in use, whose channel noise affects predictions."""
    return xor_scheme.at(bits=1.5)


def plain_probabilities(model: DistributedBottleneck, u: Any) -> Any:
    """Probability of Y = 1 at embeddings `u`, in NumPy."""
    predictor: Any = model.predictor
    mlp = predictor.mlp
    w1, w2 = (np.asarray(weight) for weight in mlp.weights)
    b1, b2 = (np.asarray(bias) for bias in mlp.biases)
    return 1 / (1 + np.exp(-(np.maximum(u @ w1 + b1, 0) @ w2 + b2)[..., 0]))


def test_predict_proba_averages_over_the_noise(middling: Approximation) -> None:
    x, _ = xor_data()
    n = 4000
    channel = middling.encode(x)
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(n, *channel.mean.shape))
    u = (np.asarray(channel.mean) + np.exp(np.asarray(channel.log_variance) / 2) * noise)[..., 0]
    draws = plain_probabilities(middling.model, u)
    found = middling.predict_proba(x, n_samples=n)
    spread = draws.std(axis=0)
    assert spread.max() > 0.05  # the noise has an effect, and so has averaging
    assert np.all(np.abs(found[:, 1] - draws.mean(0)) < 5 * np.sqrt(2 / n) * spread + 1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-5)


def test_scores_are_those_of_single_draws(middling: Approximation) -> None:
    x, y = xor_data()
    x, y = np.repeat(x, 500, axis=0), np.repeat(y, 500)
    single = [(middling.predict(x, n_samples=1, seed=seed) == y).mean() for seed in range(4)]
    found = middling.scores(x, y, n_samples=4)
    assert list(found) == ["accuracy"]
    # 16,000 draws on either side, each correct or not: three standard errors are 0.017.
    assert found["accuracy"] == pytest.approx(np.mean(single), abs=0.017)
    averaged = (middling.predict(x, n_samples=64) == y).mean()
    assert found["accuracy"] < averaged - 0.05


def test_components_that_are_swapped_between_rows_tell_nothing(xor_scheme: Any) -> None:
    x, y = xor_data()
    x, y = np.repeat(x, 250, axis=0), np.repeat(y, 250)
    model = xor_scheme.at(beta=1e-3)
    everything = model.scores(x, y)["accuracy"]
    assert everything > 0.95
    assert model.scores(x, y, kept=("a", "b", "c"))["accuracy"] == everything
    assert model.scores(x, y, kept=("b", "a"))["accuracy"] > 0.95  # c is irrelevant
    for kept in ((), ("a",), ("b", "c")):
        assert model.scores(x, y, kept=kept)["accuracy"] == pytest.approx(0.5, abs=0.02)


def test_scores_refuse_what_does_not_fit(middling: Approximation) -> None:
    x, y = xor_data()
    with pytest.raises(UserError, match=r"Y has shape \[3\] for 8 rows"):
        middling.scores(x, y[:3])
    with pytest.raises(UserError, match="no component 'z'"):
        middling.scores(x, y, kept=["z"])
    with pytest.raises(UserError, match="n_samples"):
        middling.scores(x, y, n_samples=0)


def test_shapes_and_seeds(middling: Approximation) -> None:
    x, _ = xor_data()
    channel = middling.encode(x)
    assert channel.mean.shape == channel.log_variance.shape == (8, 3, 1)
    assert type(channel.mean).__module__ == "numpy"
    first, same, other = (middling.sample(x, seed=s) for s in (0, 0, 1))
    assert first.shape == (8, 3, 1)
    np.testing.assert_array_equal(first, same)
    assert not np.any(first == other)
    proba = [middling.predict_proba(x, n_samples=2, seed=s) for s in (0, 0, 1)]
    assert proba[0].shape == (8, 2)
    np.testing.assert_array_equal(proba[0], proba[1])
    assert not np.array_equal(proba[0], proba[2])


def test_blocks_do_not_matter(middling: Approximation, monkeypatch: pytest.MonkeyPatch) -> None:
    x, _ = xor_data()

    def everything() -> list[Any]:
        channel = middling.encode(x)
        return [channel.mean, channel.log_variance, middling.predict_proba(x, n_samples=2)]

    whole = everything()
    monkeypatch.setattr(approximation_module, "BLOCK_ROWS", 4)
    for found, expected in zip(everything(), whole, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_equal_rows_have_noise_of_their_own(
    middling: Approximation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approximation_module, "BLOCK_ROWS", 4)
    proba = middling.predict_proba(np.zeros((8, 3), int), n_samples=2)[:, 1]
    assert len(np.unique(proba)) == 8


def test_an_open_model_predicts_xor(xor_scheme: ApproximationScheme) -> None:
    x, y = xor_data()
    for seed in (0, 1):
        model = xor_scheme.at(beta=1e-3, seed=seed)
        assert model.predict(x).tolist() == y.tolist()
        assert model.in_use()[:2] == ("a", "b")


def test_distinguishability_looks_at_one_component(middling: Approximation) -> None:
    x, _ = xor_data()
    overlap = middling.distinguishability("a", x)
    assert overlap.shape == (8, 8)
    same = x[:, 0][:, None] == x[:, 0][None, :]
    np.testing.assert_allclose(overlap[same], 1.0, atol=1e-5)
    assert len(np.unique(overlap[~same].round(4))) == 1
    assert overlap[~same].max() < 0.99
    with pytest.raises(UserError, match=r"no component 'z'.*a, b, c"):
        middling.distinguishability("z", x)


@pytest.mark.parametrize("x", [np.zeros((0, 3)), np.zeros((4, 1)), np.zeros((4, 2)), np.zeros(3)])
def test_inputs_of_another_shape_are_refused(middling: Approximation, x: Any) -> None:
    calls: list[Callable[..., Any]] = [middling.encode, middling.sample, middling.predict_proba]
    for call in calls:
        with pytest.raises(UserError, match=r"\[n, 3, \.\.\.\]"):
            call(x)


def test_n_samples_must_be_positive(middling: Approximation) -> None:
    with pytest.raises(UserError, match="n_samples"):
        middling.predict_proba(xor_data()[0], n_samples=0)


def test_a_value_that_is_no_number_is_refused(xor_scheme: ApproximationScheme) -> None:
    x = np.zeros((5, 3))
    x[3, 1] = np.nan
    with pytest.raises(UserError, match="row 3"):
        xor_scheme.at(beta=0.1).predict(x)


def test_every_choice_goes_by_held_out_rows(xor_scheme: ApproximationScheme) -> None:
    """Training rows suggest much known information here, and held-out rows none."""
    data = xor_scheme.to_xarray()
    known = data["predictive_information_bits"]
    falling = xr.DataArray(np.linspace(3.0, 2.0, data.sizes["step"]), dims="step")
    memorised = xr.concat(
        [known.sel(split="train") * 0 + falling, -falling + 0 * known[:, :, 1]], "split"
    )
    data["predictive_information_bits"] = memorised.transpose(*known.dims).assign_coords(
        split=known["split"]
    )
    scheme = ApproximationScheme(data, xor_scheme.snapshots)
    assert scheme.scoring_split == "validation"
    last = float(scheme.snapshots.beta[-1])
    for chosen in (scheme.at(bits=1e6), scheme.at(n_components=3)):
        assert chosen.beta == last
        assert chosen.split == "validation"
        assert chosen.predictive_bits == pytest.approx(-2.0, abs=0.1)
    assert all(subset.predictive_bits < 0 for subset in scheme.subsets())
    assert scheme.frontier().predictive_bits.max() < 0
    words = " ".join([one.text for one in opening_findings(scheme)])
    assert "no information about Y was found in X" in words
    assert "last component in use" not in words
    assert scheme_values(scheme)["measured_on"] == "validation rows"


def test_a_differential_entropy_is_no_uncertainty(xor_scheme: ApproximationScheme) -> None:
    data = xor_scheme.to_xarray()
    assert "The entropy of Y is 1.000 bits." in [one.text for one in opening_findings(xor_scheme)]
    data.attrs["baseline"] = "Gaussian entropy of Y (standardised)"
    scheme = ApproximationScheme(data, xor_scheme.snapshots)
    words = " ".join([one.text for one in opening_findings(scheme)])
    assert "uncertain" not in words and "entropy of Y is" not in words
