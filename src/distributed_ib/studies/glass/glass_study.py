"""Opens the relation of structure and rearrangement with one sweep (paper Fig. 4)."""

from collections.abc import Callable

import jax
from jax import Array

from distributed_ib.data.batches import ArrayBatches
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.model.encoders import SharedEncoder
from distributed_ib.model.predictors import BernoulliPredictor
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.glass.glass_examples import Examples
from distributed_ib.studies.glass.glass_settings import PRESETS, GlassSettings
from distributed_ib.studies.glass.structure_functions import shell_names
from distributed_ib.training.progress import ProgressCallback
from distributed_ib.training.sweep import sweep

# A hundred channels at 20 models: some ten seconds of a processor. Between the two bounds lie
# 1.44 * 2^I / 360 bits: 0.01 bit at 1 bit, 0.1 bit at 5.
N_INPUTS, N_RECORDS = 360, 20


def glass_model(settings: GlassSettings, n_shells: int) -> Callable[[Array], DistributedBottleneck]:
    """From a random key to the paper's model: one encoder for all shells, told which it sees."""

    def make_model(key: Array) -> DistributedBottleneck:
        key_encoder, key_predictor = jax.random.split(key)
        encoder = SharedEncoder(
            n_shells,
            input_dim=1,
            hidden=settings.encoder_hidden,
            embedding_dim=settings.embedding_dim,
            n_frequencies=settings.n_frequencies,
            key=key_encoder,
        )
        predictor = BernoulliPredictor(
            n_shells * settings.embedding_dim, hidden=settings.predictor_hidden, key=key_predictor
        )
        return DistributedBottleneck(encoder, predictor)

    return make_model


def open_glass(
    examples: Examples,
    settings: GlassSettings = PRESETS["quick"],
    *,
    seed: int = 0,
    n_seeds: int = 1,
    progress: ProgressCallback | None = None,
) -> ApproximationScheme:
    """Find the scheme of approximations between the shells' densities and being a locus.

    Args:
        examples: From `prepare_examples`.
        settings: How to train; by default the preset "quick".
        seed: Seed of everything random.
        n_seeds: Independent repeats, on the same split.
        progress: Called as the sweep goes on.

    Returns:
        A scheme whose components are the shells, named 'A r=0.25' to 'B r=4.00', with the
        information of each on the training part.
    """
    (x, y), (x_held, y_held) = examples.training, examples.validation
    names = shell_names()
    result = sweep(
        glass_model(settings, len(names)),
        ArrayBatches((x[..., None], y), settings.batch_size),
        settings.schedule,
        seed=seed,
        n_seeds=n_seeds,
        learning_rate=settings.learning_rate,
        validation=(x_held[..., None], y_held),
        n_snapshots=settings.n_snapshots,
        progress=progress,
    )
    scheme = ApproximationScheme.from_sweep(
        result, names, baseline_entropy_bits=examples.entropy_bits, baseline="H(Y)"
    )
    if len(scheme.snapshots.record) == 0:  # interrupted before its first record
        return scheme
    return scheme.with_information(x[..., None], n_inputs=N_INPUTS, n_records=N_RECORDS, seed=seed)
