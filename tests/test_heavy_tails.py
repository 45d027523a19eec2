"""Columns with heavy tails are scaled by rank, so that outliers do not hide all other values."""

import numpy as np
import pandas as pd

from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.fitted_decomposition import FittedDecomposition


def fitted(values: np.ndarray) -> FittedDecomposition:
    table = pd.DataFrame({"x": values})
    return Decomposition.from_frame(table).fit(table)


def test_normal_column_keeps_its_scale_and_heavy_one_becomes_normal() -> None:
    rng = np.random.default_rng(0)
    normal, heavy = rng.normal(size=2000), np.exp(2 * rng.normal(size=2000))

    assert fitted(normal).by_rank == (False,)
    found = fitted(heavy)
    scaled = found.transform(pd.DataFrame({"x": heavy})).numbers[:, 0]

    assert found.by_rank == (True,)
    assert np.abs(np.quantile(scaled, [0.05, 0.5, 0.95]) - [-1.645, 0, 1.645]).max() < 0.1
    assert np.abs(scaled).max() < 3
    order = np.argsort(heavy)
    assert (np.diff(scaled[order]) >= 0).all()


def test_values_beyond_those_of_training_keep_their_order() -> None:
    heavy = np.exp(2 * np.random.default_rng(1).normal(size=500))
    far = pd.DataFrame({"x": [heavy.min() - 2, heavy.min(), heavy.max(), 2 * heavy.max()]})
    scaled = fitted(heavy).transform(far).numbers[:, 0]
    assert (np.diff(scaled) > 0).all()


def test_scaling_by_rank_survives_the_file_and_older_files_have_none() -> None:
    heavy = np.exp(2 * np.random.default_rng(2).normal(size=500))
    found = fitted(heavy)
    table = pd.DataFrame({"x": heavy[:20]})
    description = found.to_dict()

    again = FittedDecomposition.from_dict(description)
    assert (again.transform(table).numbers == found.transform(table).numbers).all()

    del description["by_rank"]
    older = FittedDecomposition.from_dict(description)
    expected = (heavy[:20] - found.mean[0]) / found.scale[0]
    assert np.allclose(older.transform(table).numbers[:, 0], expected, rtol=1e-6)
