"""Readable tables of approximations whose components are arrays of one feature each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from distributed_ib.data.problem import Division, Problem, Split
from distributed_ib.data.target import Target
from distributed_ib.errors import UserError
from distributed_ib.model.predictors import BernoulliPredictor, CategoricalPredictor
from distributed_ib.readable.atoms import Atoms
from distributed_ib.readable.readable_approximation import (
    ReadableApproximation,
    check_max_rows,
)
from distributed_ib.scheme._measured_rows import Roles
from distributed_ib.scheme._reading import ComponentAtoms, read_approximations

if TYPE_CHECKING:
    from distributed_ib.scheme.approximation import Approximation

MOST_COMPONENTS, LEAST_BITS = 12, 0.01
_FEWEST_ROWS = 20


def read_arrays(
    approximations: Sequence["Approximation"],
    x: ArrayLike,
    y: ArrayLike,
    *,
    target: str,
    max_rows: int,
    seed: int,
) -> ReadableApproximation:
    """See `Approximation.readable`; predictions of several approximations are averaged."""
    x, y = np.asarray(x), np.asarray(y)
    n = len(y)
    if n < _FEWEST_ROWS:
        raise UserError(f"a readable table needs at least {_FEWEST_ROWS} rows, got {n}.")
    order = np.random.default_rng(seed).permutation(n)
    train, validation, test = np.split(order, [n // 2, n // 2 + n // 4])
    held_out = np.zeros(n, bool)
    held_out[validation] = held_out[test] = True
    problem = Problem.from_arrays(x, y, approximations[0].components, held_out=held_out)
    parts = [np.sort(part) for part in (train, validation, test)]
    division = Division((parts[0],), (parts[1],), parts[2])
    split = Split(problem, parts[0], np.flatnonzero(held_out), seed)
    return read_problem(approximations, split, division, target=target, max_rows=max_rows)


def read_problem(
    approximations: Sequence["Approximation"],
    split: Split,
    division: Division,
    *,
    target: str,
    max_rows: int,
    resamples: Sequence[int] | None = None,
) -> ReadableApproximation:
    """A readable table of approximations that predict together, from the rows of a problem.

    Args:
        approximations: The approximations.
        split: All rows.
        division: Training, validation and test rows.
        target: Name of Y.
        max_rows: Largest number of rows of the table.
        resamples: The resample of each approximation; by default there is one.

    Raises:
        UserError: If components have several features, or the model predicts no classes.
    """
    check_max_rows(max_rows)
    predictor = approximations[0].model.predictor
    if not isinstance(predictor, BernoulliPredictor | CategoricalPredictor):
        raise UserError("a readable table needs a model that predicts classes.")
    problem = split.problem
    x, labels = problem.x, problem.labels
    if not isinstance(x, np.ndarray) or x.ndim not in (2, 3) or x.shape[2:] not in ((), (1,)):
        raise UserError(
            "a readable table needs components of one feature each, [n, component] or "
            "[n, component, 1]."
        )
    if not all(map(len, division.validation)):
        raise UserError("a readable table needs held-out rows to choose it by.")
    roles = Roles.of(split, division, predictor)
    development = np.unique(np.concatenate([*division.train, *division.validation]))
    bits = np.mean([one.conveyed_bits for one in approximations], axis=0)
    order = np.argsort(-bits, kind="stable")[:MOST_COMPONENTS]
    components = []
    for k in order[bits[order] > LEAST_BITS].tolist():
        name = problem.names[k]
        values = x.reshape(len(x), -1)[:, k]
        levels = labels[name].levels if name in labels else ()
        components.append(
            _component(name, values, levels, development, division.test, roles.development.x)
        )
    return read_approximations(
        approximations,
        [0] * len(approximations) if resamples is None else resamples,
        roles,
        components,
        _classes(target, predictor, problem.y),
        max_rows=max_rows,
        seed=split.seed,
    )


def _component(
    name: str,
    values: NDArray[Any],
    levels: Sequence[str],
    development: NDArray[np.int64],
    test: NDArray[np.int64],
    x: Any,
) -> ComponentAtoms:
    """Atoms of one component, all of which occur in the development rows."""
    here = values[development]
    if levels:
        present, codes = np.unique(here.astype(np.int64), return_inverse=True)
        atoms = Atoms.of_levels(name, [levels[code] for code in present])
        there = np.minimum(np.searchsorted(present, values[test]), len(present) - 1)
    else:
        atoms = Atoms.of_numbers(name, here.astype(np.float64))
        codes, there = atoms.codes(here), atoms.codes(values[test])
    rows = [int(np.flatnonzero(codes == atom)[0]) for atom in range(atoms.n_atoms)]
    return ComponentAtoms(atoms, np.asarray(x)[rows], codes, there)


def _classes(name: str, predictor: Any, y: Any) -> Target:
    """Y as the model's classes 0, 1, ..."""
    n_classes = 2 if isinstance(predictor, BernoulliPredictor) else int(predictor.n_classes)
    counts = np.bincount(np.asarray(y, np.int64), minlength=n_classes)
    share = tuple((counts / counts.sum()).tolist())
    return Target(name, "classification", tuple(range(n_classes)), share, (), (), (), False)
