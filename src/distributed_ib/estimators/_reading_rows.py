"""The rows that an estimator keeps in memory after a fit, to make readable tables from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.data.problem import Division, Split
from distributed_ib.data.target import Target
from distributed_ib.errors import UserError
from distributed_ib.estimators._component_atoms import component_atoms
from distributed_ib.estimators._plan import Plan
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.readable.readable_approximation import ReadableApproximation
from distributed_ib.scheme._measured_rows import Roles
from distributed_ib.scheme._reading import read_approximations
from distributed_ib.scheme.approximation import Approximation
from distributed_ib.scheme.approximation_scheme import ApproximationScheme

MOST_ROWS, MOST_TEST_ROWS = 2048, 4096
"""Largest numbers of rows from which tables are made, and of test rows."""
MOST_COMPONENTS = 12
"""Largest number of components of a table; those that convey most are used."""
LEAST_BITS = 0.01
"""Components that convey less are left out."""


@dataclass(frozen=True, eq=False)
class ReadingRows:
    """A sample of the rows of a fitted table, by role.

    Attributes:
        fitted: The components of the table.
        target: Y.
        split: All rows.
        division: Training, validation and test rows of the sample.
        seed: Seed of everything random.
    """

    fitted: FittedDecomposition
    target: Target
    split: Split
    division: Division
    seed: int

    @classmethod
    def of(cls, plan: Plan) -> "ReadingRows":
        """A sample of the rows of a plan."""
        division = _sampled(plan.split.divided(plan.train.n_resamples), plan.seed)
        return cls(plan.decomposition, plan.target, plan.split, division, plan.seed)

    def read(
        self,
        scheme: ApproximationScheme,
        approximations: Sequence[Approximation],
        max_rows: int,
    ) -> ReadableApproximation:
        """The readable form of approximations that predict together.

        Raises:
            UserError: If there are no validation rows, or the models predict no distribution of Y.
        """
        if not all(map(len, self.division.validation)):
            raise UserError("a readable table is selected on held-out rows, and there are none.")
        data = scheme.to_xarray()
        resamples = (
            data["resample"].values.tolist() if "resample" in data else [0] * len(approximations)
        )
        bits = np.mean([one.conveyed_bits for one in approximations], axis=0)
        order = np.argsort(-bits, kind="stable")[:MOST_COMPONENTS]
        names = [scheme.components[k] for k in order if bits[k] > LEAST_BITS]
        roles = self._roles(approximations[0].model.predictor)
        x, test = roles.development.x, None if roles.test is None else roles.test.x
        channels = self._channels(approximations, names, x)
        return read_approximations(
            approximations,
            resamples,
            roles,
            [component_atoms(self.fitted, name, x, test, channels) for name in names],
            self.target,
            max_rows=max_rows,
            seed=self.seed,
        )

    def _channels(
        self, approximations: Sequence[Approximation], names: Sequence[str], x: Any
    ) -> list[GaussianChannel]:
        """Channels of the rows, if a component of several columns needs them."""
        n_columns = {c.name: len(c.columns) for c in self.fitted.decomposition.components}
        if all(n_columns[name] == 1 for name in names):
            return []
        return [one.encode(x) for one in approximations]

    def _roles(self, predictor: Any) -> Roles:
        found = self._found
        if "roles" not in found:
            found["roles"] = Roles.of(self.split, self.division, predictor)
        return found["roles"]

    @cached_property
    def _found(self) -> dict[str, Roles]:
        return {}


def _sampled(division: Division, seed: int) -> Division:
    """At most `MOST_ROWS` training and validation rows, and at most `MOST_TEST_ROWS` test rows."""
    random = np.random.default_rng(seed)

    def some(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
        return rows if len(rows) <= most else np.sort(random.choice(rows, most, replace=False))

    every = np.unique(np.concatenate([*division.train, *division.validation]))
    development = some(every, MOST_ROWS)
    return Division(
        tuple(np.intersect1d(rows, development) for rows in division.train),
        tuple(np.intersect1d(rows, development) for rows in division.validation),
        some(division.test, MOST_TEST_ROWS),
    )
