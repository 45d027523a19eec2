"""Atoms of the components of a table, and rows of model input in which they occur."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.columns.column import Column
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.data.table_input import TableInput
from distributed_ib.estimators._group_atoms import GroupColumn, grouped_atoms
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.readable.atoms import Atoms
from distributed_ib.scheme._reading import ComponentAtoms

Codes = NDArray[np.int64]


def component_atoms(
    fitted: FittedDecomposition,
    component: str,
    development: TableInput,
    test: TableInput | None,
    channels: Sequence[GaussianChannel],
) -> ComponentAtoms:
    """The atoms of a component.

    The atoms of a category are its levels; those of a number are values, or intervals with about
    the same number of rows. The atoms of several columns are the leaves of a tree over these
    columns, grown so that each leaf contains rows with similar channels.

    Args:
        fitted: The components of the table.
        component: Name of the component.
        development: Training and validation rows, from which the table is made.
        test: Test rows; None if there are none.
        channels: For each model, the channels of the development rows.
    """
    columns = next(c.columns for c in fitted.decomposition.components if c.name == component)
    if len(columns) > 1:
        index = fitted.names.index(component)
        described = [_column(fitted, component, name, development) for name in columns]
        atoms, code = grouped_atoms(component, described, _standardised_means(channels, index))
        codes = code([column.values for column in described])
        there = None if test is None else code([_values(fitted, n, test) for n in columns])
        inputs = development.take(_representatives(codes, codes, atoms.n_atoms))
    elif not (column := fitted.column(columns[0])).is_number or column.is_ordered:
        atoms = _atoms_of_levels(component, column)
        codes = atoms.codes(_values(fitted, columns[0], development))
        there = None if test is None else atoms.codes(_values(fitted, columns[0], test))
        inputs = fitted.component_values(component)[1]
    else:
        values = _values(fitted, columns[0], development)
        atoms = Atoms.of_numbers(component, values)
        codes = atoms.codes(values)
        there = None if test is None else atoms.codes(_values(fitted, columns[0], test))
        inputs = development.take(_representatives(codes, values, atoms.n_atoms))
    return ComponentAtoms(atoms, inputs, codes, np.zeros(0, np.int64) if there is None else there)


def _atoms_of_levels(component: str, column: Column) -> Atoms:
    if not column.is_ordered:
        return Atoms.of_levels(component, column.labels)
    n_known = len(column.known_levels)
    return Atoms.of_ordered(component, column.labels[:n_known], "".join(column.labels[n_known:]))


def _values(fitted: FittedDecomposition, name: str, rows: TableInput) -> NDArray[Any]:
    """Codes of levels, or numbers in the user's units, NaN if missing, `[n]`."""
    column = fitted.column(name)
    if not column.is_number:
        return np.asarray(rows.codes[:, fitted.coded.index(name)], np.int64)
    numbers = fitted.unscaled(name, rows.numbers[:, fitted.continuous.index(name)])
    if not column.has_missing:
        return numbers
    return np.where(rows.codes[:, fitted.coded.index(name)] == 1, np.nan, numbers)


def _column(
    fitted: FittedDecomposition, component: str, name: str, rows: TableInput
) -> GroupColumn:
    column = fitted.column(name)
    levels = column.labels[: len(column.known_levels)] if column.is_number else column.labels
    values = _values(fitted, name, rows)
    # Parts of a date do not repeat the name of the component if it is the date's own.
    shown = name.removeprefix(f"{component}: ") if column.source == component else name
    return GroupColumn(shown, levels, values, column.is_ordered, column.source)


def _representatives(codes: Codes, values: NDArray[Any], n_atoms: int) -> Codes:
    """A row for each atom: the one with its median value."""
    order = np.lexsort((values, codes))
    first = np.searchsorted(codes[order], np.arange(n_atoms))
    after = np.searchsorted(codes[order], np.arange(n_atoms), side="right")
    return order[np.minimum((first + after - 1) // 2, len(order) - 1)]


def _standardised_means(channels: Sequence[GaussianChannel], index: int) -> NDArray[np.float64]:
    """Means of a component's channels in units of their noise, `[n, model x embedding]`."""
    parts = []
    for one in channels:
        mean, log_variance = (np.asarray(leaf)[:, index] for leaf in (one.mean, one.log_variance))
        parts.append(mean / np.exp(0.5 * log_variance.mean(axis=0)))
    return np.concatenate(parts, axis=1).astype(np.float64)
