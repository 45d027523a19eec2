"""One approximation of the scheme: the model, frozen at one bottleneck strength."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike, NDArray

from distributed_ib._checks import whole_number
from distributed_ib.errors import UserError
from distributed_ib.model.channel import GaussianChannel, bhattacharyya_coefficients
from distributed_ib.model.contrastive_predictor import ContrastivePredictor
from distributed_ib.model.encoding import BLOCK_ROWS, Inputs, encode_inputs, input_blocks
from distributed_ib.model.gaussian_predictor import GaussianPredictor
from distributed_ib.readable.readable_approximation import ReadableApproximation
from distributed_ib.scheme._array_reading import read_arrays
from distributed_ib.scheme._noise import mean_probabilities, summed_scores
from distributed_ib.scheme.measure import Measure


@dataclass(frozen=True)
class Approximation:
    """An approximation of the relationship that uses a limited amount of information about X.

    Attributes:
        model: The model; `model.encoder` and `model.predictor` are its parts.
        components: Names of the components of X.
        beta: Bottleneck strength at which it was frozen.
        kl_bits: KL of each component's channel from the prior, `[component]`: an upper bound on
            what the component conveys.
        predictive_bits: Information about Y on the rows of `split`, with one draw of the noise.
        split: "test" or "validation" if rows were held out, else "train".
        information_bits: What each component conveys, `[component]`; None if it was not measured.
        measure: Which of the two is used by `conveyed_bits`, `total_bits` and `in_use`.

    Example:
        See `ApproximationScheme.at`.
    """

    model: Any
    components: tuple[str, ...]
    beta: float
    kl_bits: NDArray[np.float64]
    predictive_bits: float
    split: str = "train"
    information_bits: NDArray[np.float64] | None = None
    measure: Measure = "kl"

    @property
    def conveyed_bits(self) -> NDArray[np.float64]:
        """What each component conveys, `[component]`: the information, or the KL that bounds it."""
        if self.measure == "information" and self.information_bits is not None:
            return self.information_bits
        return self.kl_bits

    @property
    def total_bits(self) -> float:
        """Total of what the components convey."""
        return float(self.conveyed_bits.sum())

    def in_use(self, threshold_bits: float = 0.1) -> tuple[str, ...]:
        """Names of the components that convey more than `threshold_bits`."""
        return tuple(
            name
            for name, bits in zip(self.components, self.conveyed_bits, strict=True)
            if bits > threshold_bits
        )

    def encode(self, x: Inputs) -> GaussianChannel:
        """The channels p(u_i | x_i) of inputs `x` (`[n, component, ...]`), as NumPy arrays.

        In all methods, `x` may also be a tuple or dict of arrays `[n, ...]` if the model's encoder
        takes that, such as a `TableInput` or `DistinctRows`.

        Raises:
            UserError: If `x` has no rows or the wrong number of components.
        """
        return encode_inputs(self.model, x, len(self.components))

    def sample(self, x: Inputs, *, seed: int = 0) -> NDArray[np.float32]:
        """One noisy embedding for each input, `[n, component, embedding]`."""
        channel = self.encode(x)
        return np.asarray(channel.sample(key=jax.random.key(seed)))

    def predict_proba(
        self, x: Inputs, *, n_samples: int = 32, seed: int = 0
    ) -> NDArray[np.float32]:
        """Probability of each class or bin of Y given `x`, averaged over the channels' noise.

        Args:
            x: Inputs, `[n, component, ...]`.
            n_samples: Draws of the noise to average over. A receiver of u sees a single draw.
            seed: Seed of the noise; the same seed gives the same probabilities.

        Returns:
            `[n, class]`, with rows that sum to one; `[n, entry, bin]` for a vector Y.

        Raises:
            UserError: If `n_samples` is not positive, `x` does not fit, or Y has neither classes
                nor bins.
        """
        whole_number("n_samples", n_samples, 1)
        if isinstance(self.model.predictor, GaussianPredictor | ContrastivePredictor):
            raise UserError(
                "this model predicts numbers and has no classes; use the regressor's "
                "predict(X, beta=...) or sample(X, beta=...)."
            )
        keys = jax.random.split(jax.random.key(seed), n_samples)
        parts = []
        for number, block in enumerate(input_blocks(x, len(self.components))):
            first_row = np.int32(number * BLOCK_ROWS)
            parts.append(mean_probabilities(self.model, block, keys, first_row))
        return np.concatenate(parts)

    def candidate_probabilities(
        self, x: Inputs, candidates: ArrayLike, *, n_samples: int = 32, seed: int = 0
    ) -> Array:
        """Probability of each candidate Y given `x`, averaged over the channels' noise.

        For models that compare Ys (`ContrastivePredictor`). All rows share the noise, so that few
        draws are enough for smooth differences between neighbouring rows.

        Args:
            x: Inputs as the encoder takes them, such as `DistinctRows`; they are not split into
                blocks.
            candidates: Ys drawn at random, `[candidate]` or `[candidate, d]`.
            n_samples: Draws of the noise to average over. With 0 there is no noise: the mean of
                each channel is used, which contains more information than is transmitted.
            seed: Seed of the noise.

        Returns:
            `[n, candidate]` on the device, with rows that sum to one.

        Raises:
            UserError: If `n_samples` is negative, or the model does not compare Ys.
        """
        whole_number("n_samples", n_samples, 0)
        if not isinstance(self.model.predictor, ContrastivePredictor):
            raise UserError("this model does not compare Ys; use predict_proba.")
        keys = jax.random.split(jax.random.key(seed), n_samples)
        return mean_probabilities(self.model, x, keys, None, jnp.asarray(candidates))

    def predict(self, x: Inputs, *, n_samples: int = 32, seed: int = 0) -> NDArray[np.int64]:
        """Most likely class of each input, `[n]`."""
        return self.predict_proba(x, n_samples=n_samples, seed=seed).argmax(axis=1)

    def scores(
        self,
        x: Inputs,
        y: ArrayLike,
        *,
        kept: Collection[str] | None = None,
        n_samples: int = 32,
        seed: int = 0,
    ) -> dict[str, float]:
        """Scores of predictions from one draw of the noise, which uses only the stated bits.

        `predict` averages probabilities over draws, as if the channels could be used repeatedly;
        this averages the scores of predictions that each use a single draw.

        Args:
            x: Inputs, `[n, component, ...]`.
            y: Their true Y, `[n]` or `[n, d]`, in the form on which the model was trained.
            kept: Names of components that keep their embeddings; those of all others are permuted
                among the rows, so that they tell nothing. By default all are kept.
            n_samples: Draws of the noise whose scores are averaged.
            seed: Seed of the noise and of the permutation.

        Returns:
            The predictor's scores by name, such as `accuracy`.

        Raises:
            UserError: If `n_samples` is not positive, `x` and `y` don't fit, or there is no such
                component.
        """
        whole_number("n_samples", n_samples, 1)
        y, blocks = np.asarray(y), list(input_blocks(x, len(self.components)))
        n_rows = sum(len(jax.tree.leaves(block)[0]) for block in blocks)
        if y.shape[:1] != (n_rows,):
            raise UserError(f"Y has shape {list(y.shape)} for {n_rows} rows of X.")
        is_kept = np.ones(len(self.components), bool)
        if kept is not None:
            for name in kept:
                self._index(name)
            is_kept = np.isin(self.components, list(kept))
        keys = jax.random.split(jax.random.key(seed), n_samples)
        totals: dict[str, float] = {}
        for number, block in enumerate(blocks):
            start = number * BLOCK_ROWS
            true = y[start : start + BLOCK_ROWS]
            found = summed_scores(self.model, block, true, np.int32(start), keys, is_kept)
            for name, value in found.items():
                totals[name] = totals.get(name, 0.0) + float(value)
        return {name: total / n_rows / n_samples for name, total in totals.items()}

    def distinguishability(self, component: str, x: Inputs) -> NDArray[np.float32]:
        """How well the values of one component can be told apart.

        Args:
            component: Name of the component.
            x: Inputs, `[n, component, ...]`; only the values of `component` matter.

        Returns:
            `[n, n]` of Bhattacharyya coefficients: 1 if two values are indistinguishable to the
            predictor, 0 if they are completely distinguishable.

        Raises:
            UserError: If there is no such component.
        """
        index = self._index(component)
        channel = self.encode(x)
        return np.asarray(
            bhattacharyya_coefficients(channel.mean[:, index], channel.log_variance[:, index])
        )

    def readable(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        target: str = "y",
        max_rows: int = 32,
        seed: int = 0,
    ) -> ReadableApproximation:
        """This approximation as symbols of each component and a table of predictions.

        Half of the rows are used to make the table, a quarter to select its number of rows, and a
        quarter to test it. So give rows on which the model was not trained. For tables, use the
        method of the estimator, which knows these rows.

        Args:
            x: Components of one feature each, `[n, component]` or `[n, component, 1]`; integers or
                other numbers.
            y: Classes of Y, integers from 0, `[n]`.
            target: Name of Y.
            max_rows: Largest number of rows of the table.
            seed: Seed of the split of the rows and of the noise.

        Raises:
            UserError: If components have several features, or the model predicts no classes.
        """
        return read_arrays([self], x, y, target=target, max_rows=max_rows, seed=seed)

    def _index(self, component: str) -> int:
        if component not in self.components:
            raise UserError(
                f"there is no component {component!r}; the components are "
                f"{', '.join(self.components)}."
            )
        return self.components.index(component)
