"""scikit-learn's own checks of its conventions, on settings small enough to run in a minute."""

from collections.abc import Iterator
from typing import Any

import jax
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from distributed_ib.estimators import DistributedIBClassifier, DistributedIBRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::distributed_ib.estimators.advice.SweepWarning"),
    pytest.mark.filterwarnings("ignore:.*constant.*:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*exchangeable.*:UserWarning"),
]

SMALL: dict[str, Any] = {
    "n_steps": 150,
    "n_pretraining_steps": 150,
    "batch_size": 64,
    "learning_rate": 1e-2,
    "encoder_hidden": (16,),
    "embedding_dim": 2,
    "predictor_hidden": (16,),
    "n_frequencies": 0,
    "n_records": 4,
    "n_samples": 8,
    "n_information_inputs": 0,  # compiles for seconds for every size of table
    "min_rows": 2,
    "random_state": 0,
}

_RANDOM_ROWS = (
    "batches, the validation split and the noise are drawn at random, so repeating or dropping "
    "rows gives the same expectation but other draws than weighting them"
)
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": _RANDOM_ROWS,
}


@pytest.fixture(scope="module", autouse=True)
def fast_compilation() -> Iterator[None]:
    """Compile without optimising: every check brings tables of another shape."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def expected_failures(estimator: Any) -> dict[str, str]:
    return EXPECTED_FAILURES


@parametrize_with_checks(
    [DistributedIBClassifier(**SMALL)], expected_failed_checks=expected_failures
)
def test_the_classifier_keeps_scikit_learns_conventions(estimator: Any, check: Any) -> None:
    check(estimator)


# The same base class, another two minutes.
@pytest.mark.nightly
@parametrize_with_checks(
    [DistributedIBRegressor(**SMALL)], expected_failed_checks=expected_failures
)
def test_the_regressor_keeps_scikit_learns_conventions(estimator: Any, check: Any) -> None:
    check(estimator)
