"""Readable tables from approximations: what their models predict for atoms and rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import NDArray

from distributed_ib._units import nats_to_bits
from distributed_ib.data.target import Target
from distributed_ib.errors import UserError
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.model.contrastive_predictor import ContrastivePredictor
from distributed_ib.model.gaussian_predictor import GaussianPredictor
from distributed_ib.readable._agglomerate import MergePath, merge_path
from distributed_ib.readable._rows import Fold, Reported, Rows
from distributed_ib.readable.atoms import Atoms
from distributed_ib.readable.readable_approximation import ReadableApproximation
from distributed_ib.readable.table_making import InUse, read_rows
from distributed_ib.scheme._measured_rows import MeasuredRows, Roles
from distributed_ib.scheme._noise import BLOCK_ROWS, probabilities_given_channels
from distributed_ib.scheme.splits import ROWS

if TYPE_CHECKING:
    from distributed_ib.scheme.approximation import Approximation

FloatArray = NDArray[np.float64]

_CONTEXTS, _FEWEST_CONTEXTS = 48, 8
_DRAWS, _FEW_DRAWS, _REPORT_DRAWS = 16, 8, 32
# Largest number of classes of Y when symbols are merged.
_CLASSES = 12


@dataclass(frozen=True, eq=False)
class ComponentAtoms:
    """The atoms of one component, and the atom of each row.

    Attributes:
        atoms: The atoms.
        inputs: A row of model input for each atom; only this component matters.
        development: The atom of each development row, `[n]`.
        test: The atom of each test row, `[n_test]`.
    """

    atoms: Atoms
    inputs: Any
    development: NDArray[np.int64]
    test: NDArray[np.int64]


def read_approximations(
    approximations: Sequence["Approximation"],
    resamples: Sequence[int],
    roles: Roles,
    components: Sequence[ComponentAtoms],
    target: Target,
    *,
    max_rows: int,
    seed: int = 0,
) -> ReadableApproximation:
    """The readable form of approximations that predict together.

    Args:
        approximations: The members.
        resamples: The resample of each member.
        roles: Training, validation and test rows.
        components: The components in use, those that convey most first.
        target: The target Y.
        max_rows: Largest number of rows of the table.
        seed: Seed of the contexts: the rows in which a component is replaced by each of its atoms.

    Raises:
        UserError: If the models predict neither classes nor bins.
    """
    models = [one.model for one in approximations]
    if isinstance(models[0].predictor, GaussianPredictor | ContrastivePredictor):
        raise UserError(
            "this model predicts neither classes nor a distribution over bins, so that there is "
            'no table of its predictions; fit with loss="density".'
        )
    development = roles.development
    channels = _channels(approximations, [development.x, *(one.inputs for one in components)])
    batches = [[of_model[0] for of_model in channels]]
    for k, one in enumerate(components):
        batches.append(
            _replaced([(of[0], of[k + 1]) for of in channels], one, approximations, seed)
        )
    predicted, *changed = _predicted(models, batches)
    folds = _folds(predicted, models, resamples, roles)
    rows = _rows(development, [one.development for one in components], target)
    groups = _coarse(folds[0].model.mean(axis=0))
    paths = [
        _merge_path(_flat(found.mean(axis=0), models[0]) @ groups, one)
        for found, one in zip(changed, components, strict=True)
    ]
    bits = np.mean([one.conveyed_bits for one in approximations], axis=0)
    place = {name: k for k, name in enumerate(approximations[0].components)}
    used = [InUse(one.atoms, float(bits[place[one.atoms.component]])) for one in components]
    return read_rows(
        used,
        paths,
        rows,
        folds,
        _reported(models, roles, components, target),
        target,
        beta=approximations[0].beta,
        total_bits=float(bits.sum()),
        max_rows=max_rows,
    )


def _predicted(
    models: Sequence[Any], batches: Sequence[Sequence[GaussianChannel]]
) -> list[FloatArray]:
    """Probabilities of Y given batches of channels `[batch][model]`: `[batch][model, n, class]`."""
    ends = np.cumsum([len(batch[0].mean) for batch in batches])[:-1]
    whole = [
        _channel(*(np.concatenate(leaves) for leaves in zip(*map(_leaves, of), strict=True)))
        for of in zip(*batches, strict=True)
    ]
    found = probabilities_given_channels(models, whole, n_samples=_DRAWS, seed=0)
    return np.split(found, ends, axis=1)


def _channel(mean: NDArray[Any], log_variance: NDArray[Any]) -> GaussianChannel:
    return GaussianChannel(mean, log_variance)  # type: ignore[arg-type]


def _leaves(channel: GaussianChannel) -> tuple[Any, Any]:
    return channel.mean, channel.log_variance


def _folds(
    predicted: FloatArray, models: Sequence[Any], resamples: Sequence[int], roles: Roles
) -> list[Fold]:
    validation = roles.losses(models, resamples, _FEW_DRAWS).validation
    found = []
    for k, places in enumerate(zip(roles.train_places, roles.validation_places, strict=True)):
        members = [m for m, one in enumerate(resamples) if one == k]
        loss = np.mean([validation[m].single_draw[0] for m in members], axis=0)
        model = _flat(predicted[members].mean(axis=0), models[0])
        known = nats_to_bits(roles.validation[k].marginal - loss)
        found.append(Fold(*places, model, known))
    return found


def _flat(probabilities: FloatArray, model: Any) -> FloatArray:
    """Probabilities of the classes of all entries, concatenated, `[n, class]`."""
    if probabilities.ndim == 2:
        return probabilities
    n_bins = model.predictor.n_bins
    return np.concatenate([probabilities[:, k, :n] for k, n in enumerate(n_bins)], axis=1)


def _rows(measured: MeasuredRows, atoms: Sequence[NDArray[np.int64]], target: Target) -> Rows:
    n = len(measured.marginal)
    sizes = [bins.n_bins for bins in target.bins] or [len(target.classes)]
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    return Rows(
        np.stack(atoms, axis=1) if atoms else np.zeros((n, 0), np.int64),
        measured.y.reshape(n, -1).astype(np.int64) + first,
        np.ones(n) if measured.weight is None else np.asarray(measured.weight, np.float64),
        measured.groups,
        nats_to_bits(measured.marginal),
    )


def _reported(
    models: Sequence[Any], roles: Roles, components: Sequence[ComponentAtoms], target: Target
) -> Reported | None:
    if roles.test is None:
        return None
    losses = roles.test.losses(models, _REPORT_DRAWS)
    rows = _rows(roles.test, [one.test for one in components], target)
    return Reported(
        rows,
        rows.marginal_bits - nats_to_bits(losses.single_draw.mean(axis=0)),
        rows.marginal_bits
        - nats_to_bits(roles.test.losses_of_predictions(models, losses, _REPORT_DRAWS)),
        ROWS["test"],
    )


def _channels(
    approximations: Sequence["Approximation"], inputs: Sequence[Any]
) -> list[list[GaussianChannel]]:
    """Channels of several batches of rows, `[model][batch]`, encoded together.

    The rows are padded to a few different lengths, since the encoder is compiled for each.
    """
    ends = np.cumsum([len(jax.tree.leaves(one)[0]) for one in inputs])
    n_padded = 1 << int(ends[-1] - 1).bit_length()

    def joined(*leaves: Any) -> NDArray[Any]:
        whole = np.concatenate([np.asarray(leaf) for leaf in leaves])
        return np.concatenate([whole, whole[:1].repeat(n_padded - len(whole), axis=0)])

    x = jax.tree.map(joined, *inputs)
    found = []
    for one in approximations:
        whole = one.encode(x)
        parts = [np.split(np.asarray(leaf), ends)[:-1] for leaf in (whole.mean, whole.log_variance)]
        found.append([GaussianChannel(*pair) for pair in zip(*parts, strict=True)])
    return found


def _replaced(
    channels: Sequence[tuple[GaussianChannel, GaussianChannel]],
    component: ComponentAtoms,
    approximations: Sequence["Approximation"],
    seed: int,
) -> list[GaussianChannel]:
    """Channels of some rows in which one component takes each of its atoms, for each member.

    Args:
        channels: For each member, the channels of the development rows and those of the atoms.
        component: The component.
        approximations: The members.
        seed: Seed of the rows from which the other components are taken.

    Returns:
        For each member, `[atom x row, component, embedding]`.
    """
    index = approximations[0].components.index(component.atoms.component)
    n_atoms, n = component.atoms.n_atoms, len(component.development)
    n_contexts = min(_CONTEXTS, n, max(_FEWEST_CONTEXTS, BLOCK_ROWS // n_atoms))
    drawn = np.random.default_rng(seed).choice(n, n_contexts, replace=False)
    found = []
    for context, own in channels:
        pairs = []
        for leaf, mine in zip(_leaves(context), _leaves(own), strict=True):
            both = np.repeat(np.asarray(leaf)[None, drawn], n_atoms, axis=0)
            both[:, :, index] = np.asarray(mine)[:, None, index]
            pairs.append(both.reshape(-1, *both.shape[2:]))
        mean, log_variance = pairs
        found.append(_channel(mean, log_variance))
    return found


def _merge_path(predictions: FloatArray, component: ComponentAtoms) -> MergePath:
    """How the values of a component merge, by the predictions when only this component changes."""
    n_atoms = component.atoms.n_atoms
    weight = np.bincount(component.development, minlength=n_atoms).astype(np.float64)
    return merge_path(
        predictions.reshape(n_atoms, -1, predictions.shape[1]),
        weight,
        is_number=component.atoms.n_on_line > 0,
        n_on_line=component.atoms.n_on_line,
        only_neighbours=component.atoms.is_ordered,
    )


def _coarse(share: FloatArray) -> FloatArray:
    """Membership of classes in groups of neighbours with about equal share, `[class, group]`."""
    n = len(share)
    if n <= _CLASSES:
        return np.eye(n)
    below = np.cumsum(share) - share / 2
    group = np.minimum((below / share.sum() * _CLASSES).astype(int), _CLASSES - 1)
    return np.eye(_CLASSES)[group]
