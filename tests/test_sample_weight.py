"""Invalid weights and groups raise one-line errors that say what is expected."""

from typing import Any

import numpy as np
import pytest

from distributed_ib import DistributedIBClassifier, DistributedIBRegressor
from distributed_ib.errors import UserError

N_ROWS = 24


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0, -2.0] * 12, r"sample_weight is -2 in row 2 .*weights must not be negative"),
        ([1.0] * 23, r"sample_weight has shape \(23,\); give \[24\], one number for each row"),
        (np.ones((N_ROWS, 1)), r"sample_weight has shape \(24, 1\); give \[24\]"),
        ([1.0, np.nan] * 12, r"sample_weight .*NaN"),
        ([1.0, np.inf] * 12, r"sample_weight .*infinity"),
        ([1, 10**400] * 12, r"sample_weight is not valid: int too large"),
        (["heavy", "light"] * 12, r"sample_weight is not valid: .*'heavy'"),
        ([object()] * N_ROWS, r"sample_weight is not valid: .*'object'"),
        (-1.0, r"weights must not be negative"),
        (0.0, r"at least one non-zero number"),
    ],
)
def test_faulty_weights(weight: Any, message: str) -> None:
    x, y = np.arange(N_ROWS).reshape(-1, 1), np.arange(N_ROWS) % 2
    for model in (DistributedIBClassifier(n_steps=1), DistributedIBRegressor(n_steps=1)):
        with pytest.raises(UserError, match=message) as error:
            model.fit(x, y, sample_weight=weight)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([[1], [1, 2]] * 12, r"groups must be a 1D array of numbers or text"),
        ([{"a": 1}] * N_ROWS, r"groups must be a 1D array of numbers or text"),
        ([1] * 23, r"groups has 23 labels for 24 rows"),
        ([1, None] * 12, r"groups has no label for row 2"),
    ],
)
def test_faulty_groups(groups: Any, message: str) -> None:
    x, y = np.arange(N_ROWS).reshape(-1, 1), np.arange(N_ROWS) % 2
    with pytest.raises(UserError, match=message):
        DistributedIBClassifier(n_steps=1).fit(x, y, groups=groups)


def test_complex_labels_are_refused_in_one_line() -> None:
    x = np.arange(N_ROWS).reshape(-1, 1)
    with pytest.raises(UserError, match="complex numbers can't be class labels") as error:
        DistributedIBClassifier(n_steps=1).fit(x, np.full(N_ROWS, 1j))
    assert "\n" not in str(error.value)
