"""Models of the benchmarks: the paper's, and one of a table with its starts and resamples."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from distributed_ib.data.batches import ArrayBatches, BatchSource
from distributed_ib.estimators.classifier import DistributedIBClassifier
from distributed_ib.studies.boolean import BooleanStudy, paper_circuit
from distributed_ib.studies.glass import GlassStudy
from distributed_ib.studies.glass.structure_functions import N_SHELLS
from distributed_ib.studies.image import ImageStudy, Picture

TABLE_ROWS, TABLE_COLUMNS = 25_000, 12


class Trained(NamedTuple):
    """Arguments with which a sweep trains a model.

    Attributes:
        make_model: Makes the model from a random key.
        batches: Training batches: random numbers with the shapes of the paper's data.
        batch_size: Rows in a batch.
        n_repeats: Number of models trained side by side.
    """

    make_model: Callable[[Any], Any]
    batches: BatchSource
    batch_size: int
    n_repeats: int = 1


def paper_models() -> dict[str, Trained]:
    """The models of the preset `paper`, and those of a table of 25,000 rows."""
    rng = np.random.default_rng(0)
    boolean, image = BooleanStudy.presets()["paper"], ImageStudy.presets()["paper"]
    glass = GlassStudy.presets()["paper"]
    pixels = rng.integers(0, 256, (400, 600, 3), np.uint8)
    picture = ImageStudy.of(
        Picture("noise", pixels),
        train=image.train,
        encoder_hidden=image.encoder_hidden,
        predictor_hidden=image.predictor_hidden,
    )
    densities = rng.normal(size=(10_800, 2 * N_SHELLS, 1)).astype(np.float32)
    labels = rng.integers(0, 2, len(densities))
    sizes = {one.name: one.train.batch_size for one in (boolean, image, glass)}
    return {
        "circuit": Trained(
            boolean.model,
            ArrayBatches(paper_circuit().truth_table(), sizes["boolean"]),
            sizes["boolean"],
        ),
        "picture": Trained(
            picture.model,
            picture.problem(0).split(0).batches(sizes["image"], 0),
            sizes["image"],
        ),
        "glass": Trained(
            glass.model, ArrayBatches((densities, labels), sizes["glass"]), sizes["glass"]
        ),
        f"table, {TABLE_COLUMNS} columns": _table(rng),
    }


def _table(rng: np.random.Generator) -> Trained:
    x = rng.normal(size=(TABLE_ROWS, TABLE_COLUMNS))
    plan = DistributedIBClassifier(random_state=0).plan(x, x[:, 0] > x[:, 1])
    train = plan.train
    n_repeats = train.n_starts * train.n_resamples
    divided = plan.split.divided(train.n_resamples).train
    rows = [divided[k % len(divided)] for k in range(n_repeats)]
    batches = plan.problem.resampled_batches(rows, train.batch_size, 0)
    return Trained(plan.make_model, batches, train.batch_size, n_repeats)
