"""Known bits of single sweeps on held-out rows are relative to the marginal of these rows."""

import jax
import numpy as np
import pytest

from distributed_ib.data.problem import Problem
from distributed_ib.information.sweep_information import _bounded
from distributed_ib.scheme.fitting import fit_scheme
from distributed_ib.training.train_settings import TrainSettings
from toy import xor_model

pytestmark = pytest.mark.usefixtures("quick_compilation")


def test_error_and_known_add_up_to_the_loss_of_the_training_shares() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (300, 3))
    held_out = np.arange(300) >= 200
    # Ones are rare in the training rows and frequent in the held-out rows.
    y = (rng.random(300) < np.where(held_out, 0.8, 0.25)).astype(int)
    problem = Problem.from_arrays(x, y, ["a", "b", "c"], held_out=held_out)
    train = TrainSettings(n_steps=10, batch_size=16, n_records=2, n_information_inputs=0)

    data = fit_scheme(problem, xor_model, train).to_xarray()
    without_x = (data.predictive_information_bits + data.prediction_error_bits)[0, 0]

    division = problem.split(0).divided()
    share = y[division.train[0]].mean()
    for split, rows in (("validation", division.validation[0]), ("test", division.test)):
        loss = -np.log2(np.where(y[rows] == 1, share, 1 - share)).mean()
        assert float(without_x.sel(split=split)) == pytest.approx(loss, rel=1e-6)
        assert loss > 1.2
    assert float(without_x.sel(split="train")) == pytest.approx(data.baseline_entropy_bits)


def test_no_component_tells_more_than_which_row_it_is() -> None:
    mean = 100.0 * np.arange(32)[:, None]
    channel = (mean, np.zeros_like(mean))
    free = _bounded(channel, np.inf, jax.random.key(0))
    limited = _bounded(channel, 3.0, jax.random.key(0))
    assert free[2] > 5.0
    assert max(limited[:3]) <= 3.0
