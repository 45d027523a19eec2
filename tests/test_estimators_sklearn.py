"""scikit-learn's own checks of its conventions, with small settings."""

from typing import Any

import pytest
from sklearn.utils.estimator_checks import (
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_set_output_transform_polars,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    estimator_checks_generator,
    parametrize_with_checks,
)

from distributed_ib.estimators import DistributedIBClassifier, DistributedIBRegressor

pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),  # every check uses tables of another shape
    pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning"),
    pytest.mark.filterwarnings("ignore:.*constant.*:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*interchangeable.*:UserWarning"),
]

SMALL: dict[str, Any] = {
    "n_starts": 2,
    "n_resamples": 2,
    "n_steps": 60,
    "n_pretraining_steps": 150,
    "batch_size": 64,
    "learning_rate": 1e-2,
    "encoder_hidden": (16,),
    "embedding_dim": 2,
    "predictor_hidden": (16,),
    "n_frequencies": 0,
    "n_records": 4,
    "n_samples": 8,
    "n_information_inputs": 0,  # takes seconds to compile for each table size
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

# All checks take minutes; these quickly show whether a change breaks what users rely on.
BY_DAY = {
    "check_classifiers_one_label",
    "check_dataframe_column_names_consistency",
    "check_estimators_nan_inf",
    "check_fit1d",
    "check_fit2d_predict1d",
    "check_get_params_invariance",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
}


def expected_failures(estimator: Any) -> dict[str, str]:
    return EXPECTED_FAILURES


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=name)
        for _, check in estimator_checks_generator(DistributedIBClassifier(**SMALL))
        if (name := check.func.__name__) in BY_DAY
    ],
)
def test_the_classifier_keeps_the_conventions_that_matter_most(check: Any) -> None:
    check(DistributedIBClassifier(**SMALL))


@pytest.mark.nightly
@parametrize_with_checks(
    [DistributedIBClassifier(**SMALL), DistributedIBRegressor(**SMALL)],
    expected_failed_checks=expected_failures,
)
def test_the_estimators_keep_scikit_learns_conventions(estimator: Any, check: Any) -> None:
    check(estimator)


# scikit-learn runs these checks on its own transformers, but not on those of other packages.
@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore:X .*feature names:UserWarning")
@pytest.mark.parametrize("estimator", [DistributedIBClassifier, DistributedIBRegressor])
@pytest.mark.parametrize(
    "check",
    [
        check_set_output_transform,
        check_set_output_transform_pandas,
        check_set_output_transform_polars,
        check_transformer_get_feature_names_out,
        check_transformer_get_feature_names_out_pandas,
    ],
)
def test_embeddings_come_out_as_those_of_scikit_learns_transformers(
    check: Any, estimator: Any
) -> None:
    check(estimator.__name__, estimator(**SMALL))
