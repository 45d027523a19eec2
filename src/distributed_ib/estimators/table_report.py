"""What a fitted estimator found, as tables, sentences and figures."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distributed_ib.errors import UserError
from distributed_ib.estimators._base import DistributedIBEstimator
from distributed_ib.estimators.column_figures import compression_figures
from distributed_ib.plots._style import figure_style
from distributed_ib.plots.information_plane import plot_information_plane
from distributed_ib.plots.subset_figure import plot_subsets
from distributed_ib.plots.sweep_figure import plot_sweep
from distributed_ib.report.words import markdown_table, opening_words
from distributed_ib.scheme._smoothing import running_mean
from distributed_ib.scheme.approximation import Approximation
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import COLUMNS, Measure

FRUGAL_SHARE = 0.9
SIZES = (50, 20, 10, 5, 3, 2, 1)
MAX_LISTED = 10
SCORES = {"accuracy": "accuracy", "r2": "R2"}
ALLOCATION_COLUMNS = ("component", "at best beta", "at most", "gone at beta")
ALLOCATION_TITLES: dict[Measure, str] = {
    "information": "Information that each component conveys",
    "kl": "KL of each component: at most what it conveys",
}
_EXPLAINED: dict[Measure, str] = {
    "information": "What a component conveys is exact where it takes few values, else the middle "
    "between a lower and an upper bound, which the scheme holds too; where these lie more than a "
    "bit apart, the lower one after a >.",
    "kl": "KL bounds what a component conveys from above.",
}


def table_columns(estimator: DistributedIBEstimator, measure: Measure | None = None) -> list[str]:
    """Headings of `table_rows`."""
    score = _score(estimator)
    conveyed = COLUMNS[measure or estimator.scheme_.measure]
    known = ["beta", "components in use", conveyed, "Y known"]
    return [*known, SCORES[score]] if score else known


def table_rows(
    estimator: DistributedIBEstimator,
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
) -> list[list[str]]:
    """The best approximations of the first repeat with all, 20, 10, 5, 3, 2 and 1 components.

    Y known and the score are of held-out rows, averaged over neighbouring records.
    """
    scheme = estimator.scheme_
    data = scheme.to_xarray().isel(seed=0, split=-1)
    score = _score(estimator)
    window = 2 * max(1, data.sizes["step"] // 40) + 1
    rows = []
    for approximation in _approximations(scheme, threshold_bits, measure):
        record = int(np.argmin(np.abs(np.log(data["beta"].values / approximation.beta))))
        used = approximation.in_use(threshold_bits)
        label = "all" if len(used) == len(scheme.components) else _listed(used)
        row = [
            f"{approximation.beta:.3g}",
            f"{len(used)}: {label}",
            f"{approximation.total_bits:.2f}",
            f"{running_mean(data['predictive_information_bits'].values, window)[record]:.3f}",
        ]
        if score:
            row.append(f"{running_mean(data[score].values, window)[record]:.3f}")
        rows.append(row)
    return rows


def _approximations(
    scheme: ApproximationScheme, threshold_bits: float, measure: Measure | None
) -> list[Approximation]:
    """One for each size of `SIZES` that the sweep passed through, the largest first."""
    found: list[Approximation] = []
    for size in (len(scheme.components), *(n for n in SIZES if n < len(scheme.components))):
        try:
            approximation = scheme.at(
                n_components=size, threshold_bits=threshold_bits, measure=measure
            )
        except UserError:
            break  # the sweep never had so few
        if not found or approximation.beta != found[-1].beta:
            found.append(approximation)
    return found


def allocation_rows(
    estimator: DistributedIBEstimator,
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
) -> list[list[str]]:
    """What each component conveys (bits): at the best beta, at most, and until which beta.

    Where the bounds of the information lie more than a bit apart, "> " and the lower one: their
    middle would say more than is known.
    """
    scheme = estimator.scheme_
    conveyed = scheme.conveyed_bits(measure).median("seed")
    beta, bits = conveyed["beta"].values, conveyed.values
    lower = upper = bits
    if (measure or scheme.measure) == "information":
        data = scheme.to_xarray()
        lower = data["information_lower_bits"].median("seed").values
        upper = data["information_upper_bits"].median("seed").values
    vague = upper - lower > 1
    at_best = int(np.argmin(np.abs(np.log(beta / estimator.best_beta_))))
    rows = []
    for k in np.argsort(-bits[at_best], kind="stable"):
        used = np.flatnonzero(bits[:, k] > threshold_bits)
        gone = f"{beta[used[-1]]:.3g}" if len(used) else "never in use"
        figures = [
            f"> {lower[step, k]:.2f}" if vague[step, k] else f"{bits[step, k]:.2f}"
            for step in (at_best, int(bits[:, k].argmax()))
        ]
        rows.append([scheme.components[k], *figures, gone])
    return rows


def summary_text(estimator: DistributedIBEstimator, title: str) -> str:
    """The findings for people, in Markdown."""
    allocation = allocation_rows(estimator)
    return "\n\n".join(
        [
            f"# {title}",
            " ".join(sentences(estimator)),
            "## The best approximations with ever fewer components",
            markdown_table(table_columns(estimator), table_rows(estimator)),
            "## What each component conveys",
            markdown_table(ALLOCATION_COLUMNS, allocation),
            f"All information is in bits. {_EXPLAINED[estimator.scheme_.measure]} What is known "
            "about Y is measured on held-out rows. A component that goes early may be redundant "
            "with one that stays.\n",
        ]
    )


def sentences(estimator: DistributedIBEstimator, measure: Measure | None = None) -> list[str]:
    """How the sweep went, and where predictions are best."""
    measure = measure or estimator.scheme_.measure
    at_best = estimator.scheme_.at(beta=estimator.best_beta_, measure=measure)
    used = at_best.in_use()
    if not used or _held_out_bits(estimator).max() <= 0:
        how_it_went, baseline, *_ = opening_words(estimator.scheme_, measure)
        return [
            how_it_went,
            baseline,
            "At no bottleneck strength are held-out rows predicted better than without X: nothing "
            "was found that X tells about Y.",
        ]
    frugal = estimator.scheme_.at(beta=frugal_beta(estimator), measure=measure)
    limit = "at most " if measure == "kl" else ""
    return [
        *opening_words(estimator.scheme_, measure),
        f"Held-out rows are predicted best at beta={estimator.best_beta_:.3g}, with "
        f"{len(used)} of {len(at_best.components)} components in use ({_listed(used)}), which "
        f"convey {limit}{at_best.total_bits:.2f} bits.",
        f"Nine tenths of what is known there are still known at beta={frugal.beta:.3g}, with "
        f"{len(frugal.in_use())} components ({_listed(frugal.in_use())}) and "
        f"{frugal.total_bits:.2f} bits.",
    ]


def frugal_beta(estimator: DistributedIBEstimator) -> float:
    """The strongest bottleneck under which nine tenths of what can be known about Y are known.

    There the channels have given up what hardly matters, and their compression schemes show what
    does. Measured on held-out rows, averaged over repeats. Where nothing is known at any strength
    it is `best_beta_`.
    """
    known = _held_out_bits(estimator)
    if not known.max() > 0:
        return estimator.best_beta_
    enough = np.flatnonzero(known >= FRUGAL_SHARE * known.max())
    return float(estimator.scheme_.to_xarray()["beta"].values[enough[-1]])


def _held_out_bits(estimator: DistributedIBEstimator) -> NDArray[np.float64]:
    """What is known about Y of held-out rows, `[step]`, averaged over repeats and neighbours."""
    data = estimator.scheme_.to_xarray()
    known = data["predictive_information_bits"].isel(split=-1).mean("seed").values
    return running_mean(known, 2 * max(1, len(known) // 20) + 1)


def figures(
    estimator: DistributedIBEstimator,
    threshold_bits: float = 0.1,
    *,
    beta: float | None = None,
    measure: Measure | None = None,
) -> dict[str, Figure]:
    """All figures of a fitted estimator, by name.

    Args:
        estimator: A fitted one.
        threshold_bits: What a component must convey to count as in use.
        beta: Bottleneck strength of the compression schemes; default `frugal_beta`.
        measure: "information" or "kl"; by default the information where it was measured.
    """
    scheme = estimator.scheme_
    with figure_style():
        drawn = {
            "sweep": plot_sweep(scheme, threshold_bits=threshold_bits, measure=measure).get_figure(
                root=True
            ),
            "information_plane": plot_information_plane(
                scheme, threshold_bits=threshold_bits, measure=measure
            ).get_figure(root=True),
            "subsets": plot_subsets(
                scheme, threshold_bits=threshold_bits, measure=measure
            ).get_figure(root=True),
            **compression_figures(
                estimator,
                frugal_beta(estimator) if beta is None else beta,
                threshold_bits=threshold_bits,
                measure=measure,
            ),
        }
    return {name: figure for name, figure in drawn.items() if figure is not None}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MAX_LISTED]) + (", ..." if len(names) > MAX_LISTED else "") or "none"


def _score(estimator: DistributedIBEstimator) -> str | None:
    data = estimator.scheme_.to_xarray()
    return next((name for name in SCORES if name in data), None)
