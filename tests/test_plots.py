"""Figures of a scheme: what is drawn, and where."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes

from distributed_ib.plots import plot_information_plane, plot_sweep
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.boolean import plot_subset_information
from toy import xor_data


@pytest.fixture(autouse=True)
def close_figures() -> object:
    yield
    plt.close("all")


def curves(ax: Axes, n_points: int) -> list[np.ndarray]:
    drawn = [np.asarray(line.get_ydata()) for line in ax.get_lines()]
    return [values for values in drawn if len(values) == n_points]


def test_the_sweep_figure_shows_the_medians(xor_scheme: ApproximationScheme) -> None:
    data = xor_scheme.to_xarray()
    ax = plot_sweep(xor_scheme)
    n_records = data.sizes["step"]
    errors = data["prediction_error_bits"].median("seed")
    for drawn, split in zip(curves(ax, n_records), ("train", "validation"), strict=True):
        np.testing.assert_allclose(drawn, errors.sel(split=split).values)
    figure = ax.get_figure()
    assert figure is not None
    twin = next(a for a in figure.axes if a.get_ylabel().startswith("KL"))
    drawn_kl = curves(twin, n_records)
    np.testing.assert_allclose(drawn_kl, data["kl_bits"].median("seed").T.values)
    strip = next(a for a in figure.axes if a not in (ax, twin))
    assert [label.get_text() for label in strip.get_yticklabels()] == ["a", "b", "c"]
    assert "bits" in ax.get_ylabel() and "beta" in ax.get_xlabel()


def test_labels_and_curves_are_those_of_the_measure(xor_scheme: ApproximationScheme) -> None:
    scheme = xor_scheme.with_information(xor_data()[0], complete=True)
    data = scheme.to_xarray()
    for measure, name, variable in (
        (None, "information", "information_bits"),
        ("kl", "KL", "kl_bits"),
    ):
        figure = plot_sweep(scheme, measure=measure).get_figure()  # type: ignore[arg-type]
        assert figure is not None
        (twin,) = (a for a in figure.axes if a.get_ylabel() == f"{name} of each component (bits)")
        drawn = curves(twin, data.sizes["step"])
        np.testing.assert_allclose(drawn, data[variable].median("seed").T.values)
        plane = plot_information_plane(scheme, measure=measure)  # type: ignore[arg-type]
        assert plane.get_xlabel() == f"total {name} of all components (bits)"
        total = data[variable].sum("component").isel(seed=1).values
        assert any(np.array_equal(line.get_xdata(), total) for line in plane.get_lines())


def test_the_rings_lie_on_the_curve_that_is_drawn(xor_scheme: ApproximationScheme) -> None:
    ax = plot_information_plane(xor_scheme)
    curve = (
        xor_scheme.to_xarray()["predictive_information_bits"].isel(seed=0).sel(split="validation")
    )
    rings = [line for line in ax.get_lines() if line.get_marker() == "o"]
    assert rings
    for ring in rings:
        assert curve.min() <= np.asarray(ring.get_ydata())[0] <= curve.max()


@pytest.mark.parametrize("plot", [plot_sweep, plot_information_plane])
def test_a_given_axes_is_drawn_on(plot: object, xor_scheme: ApproximationScheme) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    assert plot(xor_scheme, right) is right  # type: ignore[operator]
    assert right.has_data() and not left.has_data()
    figure.canvas.draw()


def test_the_strip_is_lit_where_a_component_is_in_use(xor_scheme: ApproximationScheme) -> None:
    ax = plot_sweep(xor_scheme, threshold_bits=1e9)
    figure = ax.get_figure()
    assert figure is not None
    strip = figure.axes[0]
    assert not strip.patches


def test_the_plane_starts_at_nothing_and_marks_sizes(xor_scheme: ApproximationScheme) -> None:
    ax = plot_information_plane(xor_scheme)
    assert ax.get_xlim()[0] == 0 and ax.get_ylim()[0] == 0
    texts = {text.get_text() for text in ax.texts}
    assert any(subset and str(len(subset.components)) in texts for subset in xor_scheme.subsets())


def test_every_subset_is_drawn_and_the_found_ones_ringed() -> None:
    ax = plot_subset_information(np.array([0.0, 0.3, 0.3, 1.0]))
    (points,) = curves(ax, 4)
    np.testing.assert_allclose(points, [0.0, 0.3, 0.3, 1.0])
