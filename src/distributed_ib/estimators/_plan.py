"""From what a user passes to `fit` to all that a sweep over a table needs."""

import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from jax import Array
from numpy.typing import NDArray

from distributed_ib.data.batches import ArrayBatches, Batch, BatchSource
from distributed_ib.data.distinct_values import repeated_numbers
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.data.problem import Problem, RowIndex, Split
from distributed_ib.data.row_batches import RowBatches, fits_on_device
from distributed_ib.data.target import Target
from distributed_ib.data.weighted_batches import WeightedBatches
from distributed_ib.estimators.table_settings import Settings
from distributed_ib.model.bottleneck import DistributedBottleneck, model_from_config
from distributed_ib.model.losses import Loss
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.fitting import SweepStore, fit_scheme
from distributed_ib.training.progress import ProgressCallback
from distributed_ib.training.train_settings import TrainSettings

N_CANDIDATES = 2048


@dataclass(frozen=True, eq=False)
class TableProblem(Problem):
    """Rows of a table, as `FittedDecomposition.transform` gives them.

    Attributes:
        loss: How predictions are judged.
        encoder_options: See `FittedDecomposition.encoder_options`.
    """

    loss: Loss | None = None
    encoder_options: dict[str, Any] = field(default_factory=dict)

    def batches(self, train: RowIndex, batch_size: int, seed: int) -> BatchSource:
        """Training batches, in which numbers that repeat are listed once."""
        rows = self.rows(train)
        if rows.weight is None and not fits_on_device((rows.x, rows.y)):
            return RowBatches((rows.x, rows.y), batch_size, seed=seed)
        # What is encoded without it is a batch.
        x = repeated_numbers(rows.x, batch_size - 1, **self.encoder_options)
        if rows.weight is None:
            return ArrayBatches((x, rows.y), batch_size)
        return WeightedBatches((x, rows.y), rows.weight, batch_size)

    def validation(self, held_out: RowIndex, seed: int) -> Batch | None:
        """Held-out rows, each several times where they are few."""
        assert self.loss is not None  # set by the plan
        rows = self.rows(held_out)
        if rows.weight is not None and self.loss.compares_rows:
            # Weights count for the wrong Ys of a comparison too, so rows are drawn by weight.
            share = rows.weight.astype(np.float64) / rows.weight.sum(dtype=np.float64)
            drawn = np.random.default_rng(seed).choice(len(held_out), len(held_out), p=share)
            return rows.x.take(drawn), rows.y[drawn]
        parts = (rows.x, rows.y) if rows.weight is None else tuple(rows)
        copies = self.loss.n_noise_draws(len(held_out))
        return jax.tree.map(lambda array: np.concatenate([array] * copies), parts)


@dataclass(frozen=True, eq=False)
class Plan:
    """All that the sweeps over a table need, checked.

    Attributes:
        decomposition: The components with their scaling.
        target: Y with its classes or scaling.
        loss: How predictions are judged.
        problem: The rows.
        settings: Sizes of the networks, and the schedule.
        train: How the sweeps are trained.
        seed: Seed of everything random.
    """

    decomposition: FittedDecomposition
    target: Target
    loss: Loss
    problem: TableProblem
    settings: Settings
    train: TrainSettings
    seed: int

    @property
    def split(self) -> Split:
        """Training and held-out rows."""
        return self.problem.split(self.seed)

    def make_model(self, key: Array) -> DistributedBottleneck:
        """A model with random weights."""
        return _make_model(self.model_config, key)

    @property
    def model_config(self) -> str:
        """The model's description, as `model_from_config` reads it, in JSON."""
        settings = self.settings
        encoder = {
            "kind": "table",
            **self.decomposition.encoder_options(),
            "hidden": settings.encoder_hidden,
            "embedding_dim": settings.embedding_dim,
            "n_frequencies": settings.n_frequencies,
            "longest_period": settings.longest_period,
        }
        predictor = {
            "input_dim": settings.embedding_dim * len(self.decomposition.names),
            "hidden": settings.predictor_hidden,
            **self.loss.predictor_config(settings.batch_size),
        }
        return json.dumps({"encoder": encoder, "predictor": predictor})

    def fit(
        self,
        *,
        store: SweepStore | None = None,
        progress: ProgressCallback | None = None,
    ) -> ApproximationScheme:
        """Make the sweeps; see `fit_scheme`."""
        scheme = fit_scheme(
            self.problem,
            partial(_make_model, self.model_config),
            self.train,
            seed=self.seed,
            store=store,
            progress=progress,
        )
        return self.with_scores(scheme)

    def with_scores(self, scheme: ApproximationScheme) -> ApproximationScheme:
        """The scheme with scores in the user's terms: `rmse` and `r2` for numbers."""
        data = scheme.to_xarray()
        if "squared_error" not in data:
            return scheme
        split = self.split
        spread = xr.DataArray(
            [self._variance(split.train), self._variance(split.held_out)],
            coords={"split": ["train", "validation"]},
            dims="split",
        )
        squared = data["squared_error"]
        unit = 1.0 if self.target.is_vector else self.target.scale[0]
        scored = data.drop_vars("squared_error").assign(
            rmse=np.sqrt(squared) * unit, r2=1.0 - squared / spread.sel(split=squared["split"])
        )
        return ApproximationScheme(scored, scheme.snapshots)

    def candidates(self) -> NDArray[np.float32] | None:
        """Ys among which predictions look, `[n, d]`, if the loss compares rows."""
        if not self.loss.compares_rows:
            return None
        rows = self.problem.rows(self.split.train)
        n_rows = len(rows.y)
        share = None if rows.weight is None else rows.weight.astype(np.float64)
        drawn = np.random.default_rng(self.seed).choice(
            n_rows,
            min(N_CANDIDATES, n_rows),
            replace=share is not None,
            p=None if share is None else share / share.sum(),
        )
        return np.asarray(rows.y[drawn].reshape(len(drawn), -1), np.float32)

    def _variance(self, which: RowIndex) -> float:
        """Variance of the standardised Y, averaged over its entries."""
        rows = self.problem.rows(which)
        y = rows.y.reshape(len(which), -1).astype(np.float64)
        mean = np.average(y, axis=0, weights=rows.weight)
        return max(float(np.average((y - mean) ** 2, axis=0, weights=rows.weight).mean()), 1e-12)


@eqx.filter_jit
def _make_model(config: str, key: Array) -> DistributedBottleneck:
    """Compiled as a whole, once for each description: operation by operation it takes seconds."""
    return model_from_config(json.loads(config), key=key)
