"""Columns of numbers are evaluated only at values that occur in the data."""

import json
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.data.fitting_columns import fit_decomposition
from distributed_ib.data.table_input import TableInput
from distributed_ib.errors import UserError
from distributed_ib.estimators.column_figures import _Column, _matrices, compression_figures
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.plots import plot_compression_along_beta, plot_merging
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.compression_path import compression_path
from distributed_ib.training.sweep_result import Snapshots

pytestmark = pytest.mark.usefixtures("quick_compilation")

N = 4000


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "weekday": rng.integers(0, 7, N),
            "flag": rng.random(N) < 0.3,
            "dose": rng.choice([0.0, 0.5, 2.0, 10.0], N),
            "income": rng.lognormal(0.0, 2.0, N),
            "rain": np.maximum(rng.normal(0.0, 1.0, N), 0.0),  # half of the rows are zero
            "year": rng.integers(1900, 2000, N),
        }
    )


@pytest.fixture(scope="module")
def fitted(table: pd.DataFrame) -> FittedDecomposition:
    return Decomposition.from_frame(table).fit(table)


def values_of(fitted: FittedDecomposition, name: str, n_values: int = 64) -> np.ndarray:
    return fitted.component_values(name, n_values)[0]


def test_few_values_are_those_of_the_data(fitted: FittedDecomposition) -> None:
    assert values_of(fitted, "weekday").tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert values_of(fitted, "flag").tolist() == [0, 1]
    assert values_of(fitted, "dose").tolist() == [0, 0.5, 2, 10]


@pytest.mark.parametrize("name", ["income", "rain", "year"])
@pytest.mark.parametrize("n_values", [22, 64])
def test_many_values_are_observed_ones_that_divide_the_rows_evenly(
    name: str, n_values: int, fitted: FittedDecomposition, table: pd.DataFrame
) -> None:
    values = values_of(fitted, name, n_values)
    data = np.sort(table[name].to_numpy(float))
    assert len(values) == n_values and np.all(np.diff(values) > 0)
    assert np.isin(values, data).all()
    assert (values[0], values[-1]) == (data[0], data[-1])
    rows_between = np.diff(np.searchsorted(data, values))
    # Rows without rain share one value; the other values divide the other rows evenly.
    share = np.sum(data > data[0]) / n_values
    assert np.max(rows_between[1:]) < 3 * share
    assert np.min(rows_between[1:]) > 0


def test_inputs_encode_the_values(fitted: FittedDecomposition, table: pd.DataFrame) -> None:
    values, inputs = fitted.component_values("income")
    rows = table.iloc[[0] * len(values)].assign(income=values)
    column = fitted.continuous.index("income")
    np.testing.assert_array_equal(
        inputs.numbers[:, column], fitted.transform(rows).numbers[:, column]
    )


def test_values_come_from_training_rows_only() -> None:
    table = pd.DataFrame({"x": [1.0, 2.0, 3.0, 9.0] * 5, "y": np.arange(20.0)})
    training = np.flatnonzero(table["x"] < 9)
    fitted = Decomposition.from_frame(table).fit(table, rows=training)
    assert values_of(fitted, "x").tolist() == [1, 2, 3]


class Stretches:
    """A table that is read 700 rows at a time."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame, self.names, self.n_rows = frame, tuple(frame), len(frame)

    def head(self) -> dict[str, Any]:
        return dict(self.frame[:700].items())

    def chunks(self, names: Sequence[str]) -> Iterator[tuple[int, Any]]:
        for start in range(0, self.n_rows, 700):
            yield start, dict(self.frame[list(names)][start : start + 700].items())


def test_a_table_that_is_read_in_stretches_gives_real_values_too(table: pd.DataFrame) -> None:
    # Sorted, so that no stretch is representative of the whole table.
    view = Stretches(table.sort_values("income", ignore_index=True))
    fitted = fit_decomposition(Decomposition.from_frame(view), view, None, 20)
    assert values_of(fitted, "weekday").tolist() == list(range(7))
    values = values_of(fitted, "income")
    data = np.sort(table["income"].to_numpy())
    assert np.isin(values, data).all()
    assert (values[0], values[-1]) == (data[0], data[-1])
    shares = np.searchsorted(data, values) / N
    np.testing.assert_allclose(shares, np.linspace(0, 1, 64), atol=0.05)


def test_values_survive_serialisation(fitted: FittedDecomposition) -> None:
    again = FittedDecomposition.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted
    np.testing.assert_array_equal(values_of(again, "dose"), values_of(fitted, "dose"))


def test_a_file_of_an_older_version_still_gives_a_range(fitted: FittedDecomposition) -> None:
    description = fitted.to_dict()
    del description["observed"], description["by_rank"]
    older = FittedDecomposition.from_dict(json.loads(json.dumps(description)))
    np.testing.assert_allclose(values_of(older, "weekday", 13), np.linspace(0, 6, 13))


@pytest.mark.parametrize(
    "observed", [[], [[0.0]] * 5, [["a"]] * 6, [[1.0, 1.0]] * 6, [[float("nan")]] * 6, 3, [[]] * 6]
)
def test_altered_values_are_refused(observed: object, fitted: FittedDecomposition) -> None:
    with pytest.raises(UserError, match="description of fitted components"):
        FittedDecomposition.from_dict({**fitted.to_dict(), "observed": observed})


class NumbersEncoder(eqx.Module):
    """Encodes numbers on a line with unit noise; each model has its own `length`."""

    length: jax.Array

    def __call__(self, x: TableInput) -> GaussianChannel:
        """Encode rows that contain only numbers."""
        mean = jnp.asarray(x.numbers)[..., None]
        return GaussianChannel(
            mean * jnp.broadcast_to(self.length, mean.shape), jnp.zeros_like(mean)
        )


class NumbersModel(eqx.Module):
    """A model that consists of an encoder only."""

    encoder: NumbersEncoder


@pytest.fixture(scope="module")
def estimator(table: pd.DataFrame, fitted: FittedDecomposition) -> Any:
    """A sweep of eight models over the table, without training."""
    beta = np.geomspace(0.05, 20.0, 8)
    bits = np.broadcast_to(np.linspace(2.0, 0.0, 8)[None, :, None], (1, 8, table.shape[1]))
    dataset = xr.Dataset(
        {
            "kl_bits": (("seed", "step", "component"), bits),
            "predictive_information_bits": (("seed", "step", "split"), bits[..., :1]),
        },
        coords={"beta": ("step", beta), "component": list(table), "split": ["train"]},
    )
    snapshots = Snapshots(
        NumbersModel(NumbersEncoder(jnp.asarray(1 / beta[:, None], jnp.float32))),
        NumbersModel(NumbersEncoder(None)),  # type: ignore[arg-type]
        np.arange(8),
        beta,
    )
    scheme = ApproximationScheme(dataset, snapshots)
    return SimpleNamespace(scheme_=scheme, decomposition_=fitted)


def labels_of(axis: Any) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def test_matrices_and_strips_show_the_values_of_the_data(estimator: Any) -> None:
    figures = compression_figures(estimator.scheme_, estimator.decomposition_, 1.0)
    panels = {ax.get_ylabel(): ax for ax in figures["compression"].axes}
    image = panels["weekday"].images[0].get_array()
    assert image is not None and image.shape == (7, 7)
    assert labels_of(panels["weekday"].xaxis) == ["0", "1", "2", "3", "4", "5", "6"]
    strips = {ax.get_ylabel(): ax for ax in figures["merging"].axes}
    assert labels_of(strips["dose"].yaxis) == ["0", "0.5", "2", "10"]
    plt.close("all")


@pytest.mark.parametrize("n_columns", [1, 2])
def test_the_title_of_few_matrices_is_inside_their_figure(estimator: Any, n_columns: int) -> None:
    names = estimator.scheme_.components[:n_columns]
    columns = [_Column(name, *estimator.decomposition_.component_values(name)) for name in names]
    figure = _matrices(estimator.scheme_.at(beta=1.0), columns, n_models=10)
    figure.draw_without_rendering()
    title = figure._suptitle.get_window_extent()  # type: ignore[attr-defined]
    assert figure.bbox.x0 <= title.x0 and title.x1 <= figure.bbox.x1


def test_labels_are_the_values_where_they_are_drawn(estimator: Any) -> None:
    values, inputs = estimator.decomposition_.component_values("income", 22)
    path = compression_path(estimator.scheme_, "income", inputs)
    strips = plot_merging(path, values)
    matrix = plot_compression_along_beta(path, values, bits=[1.0])[0]
    for axis in (strips.yaxis, matrix.xaxis, matrix.yaxis):
        places = np.asarray(axis.get_ticklocs()).astype(int)
        texts = np.array(labels_of(axis), float)
        np.testing.assert_allclose(texts, values[places], rtol=0.01)
    assert strips.get_ylim() == (0, 21)
    plt.close("all")


def test_a_column_of_very_many_levels_is_left_out(table: pd.DataFrame, estimator: Any) -> None:
    names = [f"name {k}" for k in range(N // 4)] * 4
    wide = table.assign(year=names)
    fitted = Decomposition.from_frame(wide).fit(wide)
    figures = compression_figures(
        estimator.scheme_,
        fitted,
        1.0,
    )
    drawn = {ax.get_ylabel() for ax in figures["compression"].axes}
    assert "weekday" in drawn and "year" not in drawn
    plt.close("all")
