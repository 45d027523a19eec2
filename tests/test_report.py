"""The tables of a fitted estimator say what is known, and no more."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from distributed_ib.estimators.table_report import allocation_rows
from distributed_ib.scheme.approximation_scheme import ApproximationScheme


def test_far_apart_bounds_show_the_lower_one(xor_scheme: ApproximationScheme) -> None:
    data = xor_scheme.to_xarray()
    shape, dims = data["kl_bits"].shape, data["kl_bits"].dims
    middle = np.broadcast_to([3.0, 5.0, 0.0], shape)
    spread = np.broadcast_to([0.4, 2.0, 0.0], shape)
    figures = {"": middle, "lower_": middle - spread, "upper_": middle + spread}
    data = data.assign({f"information_{name}bits": (dims, v) for name, v in figures.items()})
    estimator: Any = SimpleNamespace(
        scheme_=ApproximationScheme(data, xor_scheme.snapshots),
        best_beta_=float(data["beta"].values[3]),
    )
    rows = {name: cells for name, *cells in allocation_rows(estimator)}
    assert list(rows) == ["b", "a", "c"]
    assert rows["a"][:2] == ["3.00", "3.00"]
    assert rows["b"][:2] == ["> 3.00", "> 3.00"]
    assert rows["c"] == ["0.00", "0.00", "never in use"]
    kl_rows = {name: cells for name, *cells in allocation_rows(estimator, measure="kl")}
    assert not any(cell.startswith(">") for cells in kl_rows.values() for cell in cells)
