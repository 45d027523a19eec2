"""The models of some places of a scheme as plain arrays, with which a page makes predictions.

`assets/model.js` evaluates them. Encoders have one of two forms: "binary", with two constants for
each component, and "dense", with a separate first layer for each component and further layers that
are shared by all components or separate, too.
"""

from functools import partial
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from distributed_ib.model._spikes import Spikes
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.model.contrastive_predictor import ContrastivePredictor
from distributed_ib.model.encoders import BinaryEncoder, SeparateEncoder, SharedEncoder
from distributed_ib.model.predictors import BernoulliPredictor, CategoricalPredictor
from distributed_ib.model.table_encoder import TableEncoder
from distributed_ib.model.tilted_predictor import TiltedPredictor
from distributed_ib.scheme._noise import pair_noise
from distributed_ib.scheme.approximation_scheme import ApproximationScheme

MAX_MODEL_BYTES = 5_000_000
"""Most bytes of weights in a page; larger models are kept at fewer places."""


def page_model(
    scheme: ApproximationScheme, snapshots: NDArray[np.int64], *, n_draws: int, paired: bool
) -> dict[str, Any] | None:
    """Weights and noise of the models at some places.

    Args:
        scheme: The scheme.
        snapshots: The places, in ascending order of bits; fewer are kept if models are large.
        n_draws: Number of draws of the noise over which predictions are averaged.
        paired: Whether predictions are those of estimators (`mean_over_noise` with seed 0, with
            draws in pairs of opposite sign), or means of `Approximation.predict_proba` for a single
            row. Both average over all models.

    Returns:
        Nested arrays; None if a page can't evaluate the model, or if it is too large.
    """
    if not len(snapshots):
        return None
    config = scheme.snapshots.static
    if not isinstance(config, DistributedBottleneck) or not _is_known(config):
        return None
    n_members = scheme.n_seeds
    params = scheme.snapshots.params
    one_place = sum(leaf[0, :n_members].nbytes for leaf in jax.tree.leaves(params))
    n_kept = int(min(len(snapshots), MAX_MODEL_BYTES // max(one_place, 1)))
    if n_kept < 1:
        return None
    kept = np.unique(np.round(np.linspace(0, len(snapshots) - 1, n_kept)).astype(int))
    if n_kept == 1:
        kept = np.array([len(snapshots) // 2])
    chosen = snapshots[kept]
    part = jax.tree.map(lambda leaf: np.asarray(leaf[chosen][:, :n_members]), params)
    encoder, predictor = config.encoder, config.predictor
    shape = (encoder.n_components, encoder.embedding_dim)
    noise = pair_noise(n_members, shape, n_draws) if paired else _noise_of_first_row(shape, n_draws)
    return {
        "snapshots": chosen.astype(np.int32),
        "n_members": n_members,
        "paired": paired,
        "noise": np.asarray(noise, np.float32),
        "encoder": _encoder(encoder, part.encoder),
        "predictor": _predictor(predictor, part.predictor),
    }


def missing_model_reason(scheme: ApproximationScheme, inputs: Any) -> str:
    """A sentence on why a page can't predict for values that its reader sets.

    Args:
        scheme: The scheme, for which `page_model` returned None.
        inputs: How a reader's values are converted to inputs of the model; None if they can't be.
    """
    if scheme.is_empty:
        return "No model was kept."
    config = scheme.snapshots.static
    predictor = config.predictor if isinstance(config, DistributedBottleneck) else None
    if isinstance(predictor, ContrastivePredictor):
        return (
            "The model was trained with InfoNCE: it compares Y with the Ys of other rows, which a "
            "page does not carry. Predict in Python, or with dib predict."
        )
    if predictor is None or not _is_known(config):
        return "The page can't evaluate a model of this kind. Predict in Python."
    if inputs is None:
        return "A component of this model is not a single number. Predict in Python."
    return "The model is too large for a page. Predict in Python, or with dib predict."


def _is_known(model: DistributedBottleneck) -> bool:
    encoders = (BinaryEncoder, TableEncoder, SharedEncoder, SeparateEncoder)
    predictors = (BernoulliPredictor, CategoricalPredictor, TiltedPredictor)
    return isinstance(model.encoder, encoders) and isinstance(model.predictor, predictors)


@partial(jax.jit, static_argnums=(0, 1))
def _noise_of_first_row(shape: tuple[int, int], n_draws: int) -> Any:
    """The noise of `Approximation.predict_proba` for the first row, `[1, draw, component, u]`."""

    def of(key: Any) -> Any:
        return jax.random.normal(jax.random.fold_in(key, 0), (shape[0] * shape[1],))

    drawn = jax.vmap(of)(jax.random.split(jax.random.key(0), n_draws))
    return drawn.reshape(1, n_draws, *shape)


def _encoder(static: Any, params: Any) -> dict[str, Any]:
    """The encoder's arrays, each `[place, member, ...]`."""
    if isinstance(static, BinaryEncoder):
        return {
            "kind": "binary",
            "n_components": static.n_components,
            "embedding": static.embedding_dim,
            "mean": params.mean,
            "log_variance": params.log_variance,
        }
    common: dict[str, Any] = {
        "kind": "dense",
        "n_components": static.n_components,
        "embedding": static.embedding_dim,
        "frequencies": static.n_frequencies,
    }
    if isinstance(static, TableEncoder):
        layout = static.layout
        with_numbers = (*layout.numeric, *layout.mixed)
        return common | {
            "activation": static.activation,
            "period": static.longest_period,
            "n_numbers": list(static.n_numbers),
            "n_levels": [list(levels) for levels in static.n_levels],
            "width": int(layout.number_columns.shape[1]),
            "row": [with_numbers.index(k) if k in with_numbers else -1 for k in _all(static)],
            "weights": params.weights,
            "vectors": params.vectors,
            "bias": params.bias,
            "rest": _layers(params.rest),
            "separate": static.separate,
            "slopes": params.slopes,
            "spikes": _spikes(static),
            "smooth": [list(static.smooth[part]) for part, _ in layout.columns],
            "spike_vectors": params.spike_vectors,
        }
    numbers: dict[str, Any] = {
        "activation": static.activation,
        "period": 1.0,
        "n_numbers": [static.input_dim] * static.n_components,
        "n_levels": [[] for _ in _all(static)],
        "width": static.input_dim,
        "vectors": None,
        "slopes": None,
        "spikes": None,
        "smooth": None,
    }
    if isinstance(static, SharedEncoder):
        return (
            common
            | numbers
            | {
                "row": [0] * static.n_components,
                "weights": params.first[:, :, None],
                "bias": params.identity,
                "rest": _layers(params.rest),
                "separate": False,
            }
        )
    first, *rest = _layers(params.mlp)
    return (
        common
        | numbers
        | {
            "row": list(_all(static)),
            "weights": first["weights"],
            "bias": first["bias"],
            "rest": rest,
            "separate": True,
        }
    )


def _spikes(static: TableEncoder) -> list[list[list[float]]] | None:
    """For each spike of each component: its column within the component, value and vector."""
    if not static.spikes:
        return None
    found = Spikes(static.layout, static.spikes)
    return [[list(one) for one in found.of_component(k)] for k in _all(static)]


def _predictor(static: Any, params: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"activation": static.activation, "layers": _layers(params.mlp)}
    if isinstance(static, TiltedPredictor):
        return found | {
            "kind": "tilted",
            "n_bins": list(static.n_bins),
            "n_tilts": list(static.n_tilts),
            "linear": params.linear,
            "open": params.open,
            "sharpness": params.sharpness,
            # The same at every place.
            "log_share": params.log_share[0, 0],
            "functions": params.functions[0, 0],
        }
    kind = "bernoulli" if isinstance(static, BernoulliPredictor) else "categorical"
    return found | {"kind": kind}


def _layers(mlp: Any) -> list[dict[str, Any]]:
    """Weights `[place, member, ..., in, out]` and biases `[place, member, ..., out]`."""
    layers = []
    for weights, bias in zip(mlp.weights, mlp.biases, strict=True):
        stacked = weights.ndim == bias.ndim  # a layer for each component
        layers.append({"weights": weights, "bias": bias[..., 0, :] if stacked else bias})
    return layers


def _all(static: Any) -> range:
    return range(static.n_components)
