"""How often an approximation is right on the held-out part, by one draw of its noise or many."""

from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from distributed_ib.scheme.approximation import Approximation
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.glass.glass_examples import Examples

N_DRAWS = 16
_ROWS_PER_BLOCK = 512


class Accuracies(NamedTuple):
    """Validation accuracies of one approximation.

    Attributes:
        one_draw: Each prediction from one draw of the noise: what the stated bits can tell.
        alone: The same with all shells but some swapped between examples.
        averaged: Each prediction a mean of the probabilities of many draws: the best that the
            model can do for someone who may ask it often.
    """

    one_draw: float
    alone: float
    averaged: float


def validation_accuracies(
    model: Approximation, examples: Examples, kept: list[int], *, seed: int = 0
) -> Accuracies:
    """Validation accuracies of an approximation, over 16 draws of its noise.

    Args:
        model: The approximation.
        examples: What it is tested on.
        kept: Indices of the shells that are not swapped for `alone`.
        seed: Of the noise and of the swapping.
    """
    x, y = examples.validation
    channel = model.encode(x[..., None])
    generator = np.random.default_rng(seed)
    is_kept = np.zeros(x.shape[1], bool)
    is_kept[kept] = True
    one_draw = alone = 0.0
    probability = np.zeros(len(y))
    for draw in range(N_DRAWS):
        u = np.asarray(channel.sample(key=jax.random.fold_in(jax.random.key(seed), draw)))
        logits = _logits(model, u)
        swapped = np.where(is_kept[:, None], u, u[generator.permutation(len(u))])
        one_draw += ((logits > 0) == (y > 0)).mean() / N_DRAWS
        alone += ((_logits(model, swapped) > 0) == (y > 0)).mean() / N_DRAWS
        probability += (1 + np.tanh(logits / 2)) / 2 / N_DRAWS
    averaged = ((probability > 0.5) == (y > 0)).mean()
    return Accuracies(float(one_draw), float(alone), float(averaged))


def averaged_accuracies(
    scheme: ApproximationScheme, examples: Examples, *, seed: int = 0
) -> NDArray[np.float64]:
    """Validation accuracy of averaged predictions of every kept model, `[seed, snapshot]`."""
    x, y = examples.validation
    found = np.zeros((scheme.n_seeds, len(scheme.snapshots.record)))
    for repeat in range(scheme.n_seeds):
        for index, beta in enumerate(scheme.snapshots.beta):
            model = scheme.at(beta=float(beta), seed=repeat)
            labels = model.predict(x[..., None], n_samples=N_DRAWS, seed=seed)
            found[repeat, index] = (labels == y).mean()
    return found


def _logits(model: Approximation, u: NDArray[np.float32]) -> NDArray[np.float64]:
    blocks = np.array_split(u, max(1, len(u) // _ROWS_PER_BLOCK))
    return np.concatenate(
        [np.asarray(model.model.predictor(block.reshape(len(block), -1))) for block in blocks]
    ).astype(np.float64)
