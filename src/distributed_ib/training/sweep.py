"""The sweep: one training run that visits every bottleneck strength."""

from collections.abc import Callable, Sequence

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from distributed_ib._checks import whole_number
from distributed_ib._locks import lock_folder
from distributed_ib.data.batches import Batch, BatchSource, shared_length
from distributed_ib.errors import UserError
from distributed_ib.training._running_sweep import Model, RunningSweep
from distributed_ib.training._sweep_options import SweepOptions
from distributed_ib.training.checkpoints import Checkpoints
from distributed_ib.training.devices import Devices
from distributed_ib.training.processes import is_first
from distributed_ib.training.progress import ProgressCallback
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep_result import SweepResult


def sweep(
    make_model: Callable[[PRNGKeyArray], Model],
    batches: BatchSource,
    schedule: BetaSchedule | Sequence[BetaSchedule],
    *,
    seed: int = 0,
    n_seeds: int = 1,
    learning_rate: float = 3e-4,
    first_learning_rate: float | None = None,
    last_learning_rate: float | None = None,
    weight_decay: float = 0.0,
    averaging_steps: float = 0.0,
    validation: Batch | None = None,
    test: Batch | None = None,
    n_records: int = 200,
    n_snapshots: int = 200,
    progress: ProgressCallback | None = None,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    devices: Devices | None = None,
) -> SweepResult:
    """Train a model with a bottleneck while beta moves, and record the terms of its objective.

    All repeats run in parallel; on CPUs, they are divided into groups that run in threads. Later
    sweeps of the same shapes reuse the compiled program.
    Ctrl-C ends the sweep early and keeps the records made so far. So does a loss that is not
    finite; the models then end with the last record at which all values were finite.

    Args:
        make_model: Returns a model, given a random key: an Equinox module with
            `terms(batch, *, key) -> Terms`, such as `DistributedBottleneck`.
        batches: Source of the training batches.
        schedule: Schedule of beta; or one for each repeat, with the same numbers of steps. Records
            then contain the beta of the first.
        seed: Seed of everything random, 0 .. 2^32 - 1; 0 by default. The same seed gives the same
            bits on the same machine.
        n_seeds: Independent repeats, which differ in initial weights, batches and noise; 1 by
            default.
        learning_rate: Learning rate of Adam, by default 3e-4 as in the paper.
        first_learning_rate: Learning rate at the first step, from which it moves evenly in its
            logarithm to `learning_rate` during pre-training; by default `learning_rate`. Large
            steps learn quickly, small ones leave less noise in the weights.
        last_learning_rate: Learning rate at the last step, to which it moves in the same way while
            beta does; by default `learning_rate`.
        weight_decay: Share of each weight, but not of biases, that a step with a learning rate of 1
            takes away (AdamW, Loshchilov and Hutter 2019); 0 by default.
        averaging_steps: Number of steps over which model weights are averaged, with exponentially
            decreasing influence of earlier steps (Polyak and Juditsky 1992). Models that are kept
            and measured on held-out data then have these averages, which have less of the noise of
            single steps. With 0, the default, they have the weights of their last step.
        validation: Held-out data, a tree of arrays `[n, ...]` like a batch. All of it is measured
            at every record; none of it is used for training.
        test: Further held-out data, measured in the same way, on which nothing is selected.
        n_records: Number of records along the annealing, evenly spaced in log beta; 200 by default.
        n_snapshots: Largest number of models to keep along the annealing, 200 by default. They are
            those of every k-th record, counted from the largest beta; k is increased if they would
            take more than 1 GiB in total, and with several schedules until it divides half the
            number of records, so that schedules that overlap by half keep models at the same beta.
        progress: Called about twice a second, or less often if steps are slow: after 20 steps or
            four seconds; e.g. a `ProgressBar`.
        checkpoints: Where to write checkpoints, and how often; by default there are none. They
            remain when the sweep ends: call their `remove` once its result is saved.
        resume: Continue from the newest undamaged checkpoint; all options must be those of its
            sweep. The result has the same bits as that of an uninterrupted sweep on the same
            machine, also after Ctrl-C. Without a checkpoint the sweep starts from the beginning,
            with a warning.
        devices: Devices that share the rows of every batch; by default there is one. A sweep may be
            resumed on another number of them. With `Devices(together=True)` all processes of a
            `Group` call this function with the same arguments; the first writes the checkpoints.

    Returns:
        The records and models of the sweep.

    Raises:
        UserError: If an option is out of range, arrays of held-out data differ in length, or
            the checkpoints can't be written, belong to another sweep, are all damaged, or are in
            use by another process.

    Example:
        >>> from distributed_ib.data.batches import ArrayBatches
        >>> from distributed_ib.model.bottleneck import DistributedBottleneck
        >>> from distributed_ib.model.encoders import BinaryEncoder
        >>> from distributed_ib.model.predictors import BernoulliPredictor
        >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> def make_model(key):
        ...     return DistributedBottleneck(
        ...         BinaryEncoder(2), BernoulliPredictor(2, hidden=(4,), key=key))
        >>> result = sweep(make_model, ArrayBatches((x, x[:, 0]), batch_size=8),
        ...                BetaSchedule(1e-3, 1.0, n_steps=6, n_pretraining_steps=2), n_records=3)
        >>> result.status, result.annealing.kl_nats.shape  # [repeat, record, component]
        ('finished', (1, 3, 2))
    """
    check_repeats(seed, n_seeds)
    schedules = (schedule,) * n_seeds if isinstance(schedule, BetaSchedule) else tuple(schedule)
    options = SweepOptions(
        schedules=schedules,
        seed=seed,
        n_seeds=n_seeds,
        learning_rate=learning_rate,
        first_learning_rate=learning_rate if first_learning_rate is None else first_learning_rate,
        last_learning_rate=learning_rate if last_learning_rate is None else last_learning_rate,
        weight_decay=weight_decay,
        averaging_steps=averaging_steps,
        n_records=n_records,
        n_snapshots=n_snapshots,
    )
    held_out = {}
    for name, data in (("validation", validation), ("test", test)):
        if data is not None:
            shared_length(data, f"{name} data")
            held_out[name] = jax.tree.map(np.asarray, data)
    if resume and checkpoints is None:
        raise UserError("resume=True needs checkpoints; give the folder that contains them.")
    running = RunningSweep(make_model, batches, options, held_out, progress, devices)
    if checkpoints is None or (running.together and not is_first()):
        running.share_state()
        return running.run()
    checkpoints.make_folder()
    with lock_folder(checkpoints.folder):
        running.keep(checkpoints, resume)
        return running.run()


def check_repeats(seed: int, n_seeds: int) -> None:
    """Check a seed, 0 .. 2^32 - 1, and a number of repeats, at least 1.

    Raises:
        UserError: If one of them is out of range.

    Example:
        >>> check_repeats(seed=0, n_seeds=2)
    """
    whole_number("n_seeds", n_seeds, 1)
    # JAX takes seeds modulo 2^32: larger seeds would be the same as smaller ones.
    whole_number("seed", seed, 0, 2**32 - 1)
