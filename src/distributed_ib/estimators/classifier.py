"""The estimator for labels."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from distributed_ib.data.target import Target, label_array, target_array
from distributed_ib.errors import UserError, one_line
from distributed_ib.estimators._base import DistributedIBEstimator
from distributed_ib.estimators._known_rows import is_missing
from distributed_ib.model.losses import Loss, TiltedLoss
from distributed_ib.scheme.choice import Choice


class DistributedIBClassifier(ClassifierMixin, DistributedIBEstimator):
    """Distributed Information Bottleneck classifier, for a target of class labels.

    It measures how much each component of X tells about the class, and predicts the class.
    Parameters that are None are set from the data; `settings_` contains the resulting values.

    Args:
        components: Groups of columns by name, "all" for one component (the standard Information
            Bottleneck), or a `Decomposition`; by default each column is a component.
        kinds: "continuous", "categorical", "ordered", "date", "date parts" or "left out" for
            columns whose type is misleading; see `docs/tables.md`.
        unseen: "rare" treats levels that occur in no training row as rare, or as the most frequent
            level if there are no rare ones; "error" raises an error.
        beta_start: Smallest bottleneck strength; default 0.001.
        beta_end: Largest bottleneck strength; default 2.
        direction: How beta moves: "rising", or "falling" or "both" in single sweeps over the whole
            range, without several starts and resamples.
        n_starts: Number of stretches of beta, each trained from scratch; default 5. At every beta,
            the models of the stretch that does best on validation rows are kept.
        n_resamples: Number of splits of the training rows into rows for training and validation
            rows, each with its own models; default 10 up to 2,000 rows, 5 up to 20,000, then 3.
            With 0, all models are trained on the same rows.
        n_steps: Training steps of each stretch while beta rises; default 1,200 to 2,000.
        n_pretraining_steps: Training steps before beta rises; default half of `n_steps`.
        batch_size: Number of rows in a batch; default 64 or 256.
        learning_rate: Learning rate of Adam, which falls to a tenth; default 0.003.
        weight_decay: Share of each weight that a step with a learning rate of 1 takes away;
            default 0.5 for small tables to 0.1 for large ones.
        encoder_hidden: Widths of the hidden layers that encode a component; default (32,).
        embedding_dim: Number of dimensions of each u_i; default 2.
        predictor_hidden: Widths of the predictor's hidden layers; default one layer of 16 to 64
            units, widened to the number of components, but to at most 64.
        n_frequencies: Number of sines in the positional encoding of numbers; default 3, and with
            fewer than 1,600 training rows only for columns whose values repeat.
        longest_period: Period of the slowest sine, in standard deviations; default 8.
        n_seeds: Independent repeats of each model; predictions average over all models.
        validation_fraction: Share of rows to hold out from all models; what is known about Y and
            the scores are measured on these rows.
        n_records: Number of records along the sweep; default 192 up to 4,000 training rows, 96 up
            to 20,000, then 48.
        n_snapshots: Largest number of models to keep along the sweep.
        n_samples: Number of draws of the channels' noise over which a prediction averages.
        n_information_inputs: Number of training rows from which the information that components
            convey is estimated. With 0, only the KL that bounds it is given, which saves seconds.
        evidence: Whether to measure how certain the findings are, in `evidence_`: an `Evidence`
            with p-values, intervals, what components tell by themselves, and reference models. It
            takes about as long as half the fit.
        min_rows: Smallest number of rows to accept.
        n_jobs: Number of threads that train and measure models in parallel in `fit`; -1 for one per
            core. None, the default, uses as many as JAX has: all cores, unless `PJRT_NPROC` is set.
            The result is the same to the last bit. JAX's own threads are not limited.
        verbose: Whether to show a progress bar.
        random_state: Seed of everything random: a number, a `RandomState`, or None for a different
            seed at each fit.

    Attributes:
        scheme_: The `ApproximationScheme`; its baseline is H(Y).
        decomposition_: The components, with their scaling.
        target_: Y's classes and entropy.
        classes_: Labels, in the order of `predict_proba`'s columns.
        settings_: All settings of the sweep.
        best_beta_: Bottleneck strength of the models that `predict` uses by default; see
            `ApproximationScheme.best_beta`.
        simplest_beta_: Largest bottleneck strength whose validation loss is within a standard
            error of that at `best_beta_`.
        n_features_in_: Number of columns of X.
        feature_names_in_: Names of the columns, if X was a table.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(60, 2))
        >>> model = DistributedIBClassifier(n_starts=2, n_resamples=2, n_steps=60, n_records=4,
        ...                                 random_state=0)
        >>> import warnings
        >>> with warnings.catch_warnings(action="ignore"):
        ...     model = model.fit(x, np.where(x[:, 0] > 0, "right", "left"))
        >>> model.predict(x[:2]).shape, model.classes_.tolist()
        ((2,), ['left', 'right'])
    """

    task = "classification"
    classes_: NDArray[Any]

    def predict(
        self,
        X: Any,
        *,
        beta: float | None = None,
        bits: float | None = None,
        n_components: int | None = None,
    ) -> NDArray[Any]:
        """Most likely label of each row, `[n]`; arguments as in `predict_proba`."""
        probabilities = self.predict_proba(X, beta=beta, bits=bits, n_components=n_components)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def predict_proba(
        self,
        X: Any,
        *,
        beta: float | None = None,
        bits: float | None = None,
        n_components: int | None = None,
    ) -> NDArray[np.float64]:
        """Probability of each class, `[n, class]`, averaged over noise and repeats.

        Args:
            X: Rows with the same columns as in training.
            beta: Predict with the model whose bottleneck strength is nearest to this.
            bits: Or with the best model whose components convey at most this many bits in total.
            n_components: Or with the best model that uses at most this many components.

        Raises:
            UserError: If columns or values don't fit, or there is no model that small.
        """
        mean = self._averaged(X, Choice(beta, bits, n_components))
        return mean / mean.sum(axis=1, keepdims=True)

    def predict_log_proba(self, X: Any, **chosen: Any) -> NDArray[np.float64]:
        """Logarithm of `predict_proba`."""
        tiny = np.finfo(np.float64).tiny
        return np.asarray(np.log(np.maximum(self.predict_proba(X, **chosen), tiny)))

    def _checked_target(self, y: Any) -> Any:
        if y is None:
            raise UserError(
                "requires y to be passed, but the target y is None; give a label for each row."
            )
        if not hasattr(y, "dtype") and not isinstance(y, pd.DataFrame):
            y = target_array(y)
        try:
            if getattr(y, "ndim", 1) != 1:
                y = column_or_1d(y, warn=True)
            kind = getattr(y.dtype, "kind", "O")
            if kind == "c":
                raise UserError(
                    "complex numbers can't be class labels; give text or real numbers as y."
                )
            if kind == "f":
                with np.errstate(all="ignore"):
                    assert_all_finite(y, input_name="y", allow_nan=True)
                check_classification_targets(y[~is_missing(y)])
        except UserError:
            raise
        except (TypeError, ValueError) as error:
            remedy = " Correct it, or drop the row." if "infinity" in str(error) else ""
            raise UserError(f"{one_line(error)}{remedy}") from None
        return y

    def restore(self, candidates: NDArray[np.float32] | None) -> None:
        """Set `classes_`."""
        super().restore(candidates)
        self.classes_ = label_array(self.target_.classes)

    def _loss(self, target: Target) -> Loss:
        return TiltedLoss((target.share,), (_one_for_each(len(target.classes)),))


def _one_for_each(n_classes: int) -> tuple[tuple[float, ...], ...]:
    """One tilt for each class."""
    return tuple(map(tuple, np.eye(n_classes).tolist()))
