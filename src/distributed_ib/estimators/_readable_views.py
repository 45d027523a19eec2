"""The approximations of an estimator as readable tables."""

from typing import TYPE_CHECKING, cast

from sklearn.utils.validation import check_is_fitted

from distributed_ib.errors import UserError
from distributed_ib.estimators.readable_tables import (
    MAX_ROWS,
    ReadableTables,
    chosen_beta,
    make_tables,
)
from distributed_ib.readable.readable_approximation import ReadableApproximation, check_max_rows
from distributed_ib.scheme.choice import Choice

if TYPE_CHECKING:
    from distributed_ib.estimators._base import DistributedIBEstimator


class ReadableMixin:
    """Mixin for estimators whose approximations can be read as tables."""

    def readable(
        self,
        *,
        beta: float | None = None,
        bits: float | None = None,
        n_components: int | None = None,
        max_rows: int = MAX_ROWS,
    ) -> ReadableApproximation:
        """An approximation as symbols of each component and a table of predictions.

        After a fit, the table is made from the rows of the fit. A model that was loaded returns the
        nearest of the tables stored with it. By default it is the simplest approximation.

        Args:
            beta: Bottleneck strength.
            bits: Or the best approximation of at most this many bits.
            n_components: Or the best that uses at most this many components.
            max_rows: Largest number of rows of the table.

        Raises:
            UserError: If there is no model that small, the model predicts no distribution, or a
                loaded model has no table with at most `max_rows` rows.

        Example:
            See `docs/reading.md`.
        """
        check_is_fitted(self, "scheme_")
        check_max_rows(max_rows)
        this = cast("DistributedIBEstimator", self)
        at = chosen_beta(this.scheme_, Choice(beta, bits, n_components))
        if this._reading_rows is None:
            if this._readable_tables is None or max_rows < this._readable_tables.max_rows:
                raise UserError(
                    "this model was loaded without the rows that are needed to make a table; fit "
                    "again."
                )
            return this._readable_tables.at(at)
        approximations = this.approximations(Choice(beta=at))
        return this._reading_rows.read(this.scheme_, approximations, max_rows)

    def readable_tables(self) -> ReadableTables:
        """Readable tables of about twenty approximations of the scheme, as stored by `save`.

        Raises:
            UserError: As `readable`.
        """
        check_is_fitted(self, "scheme_")
        this = cast("DistributedIBEstimator", self)
        if this._readable_tables is None:
            if this._reading_rows is None or this.scheme_.is_empty:
                raise UserError("readable tables need rows and models, and there are none.")
            this._readable_tables = make_tables(this.scheme_, this._reading_rows)
        return this._readable_tables
