"""The standard sections of a report: findings and tables for any scheme."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.errors import UserError
from distributed_ib.evidence.evidence import Evidence
from distributed_ib.report.evidence_sections import (
    evidence_sections,
    last_component_finding,
    verdict_finding,
)
from distributed_ib.report.ladder_sections import (
    choice_findings,
    choice_values,
    ladder_table,
)
from distributed_ib.report.quantity import Quantity
from distributed_ib.report.report import Cell, Finding, Section, Table
from distributed_ib.report.subset_sections import (
    first_repeat,
    frequency_section,
    subset_values,
)
from distributed_ib.report.words import SCORES, SIZES, listed, rows_in_words
from distributed_ib.scheme._choosing import nearest_place
from distributed_ib.scheme._smoothing import running_mean
from distributed_ib.scheme.approximation import Approximation
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import COLUMNS, Measure
from distributed_ib.scheme.subsets_in_use import Subset

LAST_BETA = 0.9  # beyond, components still in use mostly lag behind beta: none survives beta = 1
KEPT_SHARE = 0.9  # of the known bits at best, in the sentence on a coarser approximation
_ENTROPIES = ("H(Y)", "entropy of Y")
_CONVEYED: dict[Measure, str] = {
    "information": "What a component conveys is exact if the component takes few values, and "
    "otherwise the midpoint of a lower and an upper bound, which are both stored in the scheme. "
    "Where the bounds differ by more than one bit, the lower bound is given, marked by >.",
    "kl": "The KL divergence is an upper bound of what a component conveys.",
}


def scheme_sections(
    scheme: ApproximationScheme,
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
    evidence: Evidence | None = None,
) -> list[Section]:
    """The standard sections: the course of the sweep, its approximations, its components.

    Args:
        scheme: The scheme.
        threshold_bits: A component is in use if it conveys more than this.
        measure: "information" or "kl"; by default the information if it was measured.
        evidence: Evidence for the findings. Without evidence that X is informative about Y, nothing
            else is reported.
    """
    if scheme.is_empty:
        return [Section(findings=opening_findings(scheme))]
    measure = measure or scheme.measure
    if evidence is not None and evidence.verdict == "no evidence":
        opening = opening_findings(scheme, threshold_bits, measure, evidence)
        return [Section(findings=opening), *evidence_sections(evidence)]
    approximations = ladder_table if scheme.is_ladder else approximations_table
    sections = [
        Section(
            findings=(
                *opening_findings(scheme, threshold_bits, measure, evidence),
                *best_findings(scheme, threshold_bits, measure, evidence),
            )
        ),
        Section(
            "The best approximations with fewer and fewer components",
            tables=(approximations(scheme, threshold_bits, measure),),
        ),
        Section(
            "What each component conveys",
            tables=(components_table(scheme, threshold_bits, measure),),
            notes=f"All information is in bits. {_CONVEYED[measure]} {_known_note(scheme)} A "
            "component that drops out early may be redundant with one that stays.",
        ),
    ]
    if evidence is not None:
        sections[1:1] = evidence_sections(evidence)
    if scheme.n_seeds > 1:
        sections.append(frequency_section(scheme, threshold_bits, measure))
    return sections


def opening_findings(
    scheme: ApproximationScheme,
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
    evidence: Evidence | None = None,
) -> tuple[Finding, ...]:
    """The course of the sweep, and its main findings.

    Information about Y is measured on held-out rows if there are any. A component is named as the
    last in use only if something is known about Y from it alone.
    """
    how = Finding(f"The sweep {scheme.message}.", kind="note")
    if scheme.is_empty:
        return (how, Finding("There is nothing to show.", kind="note"))
    shown = scheme.pooled() if scheme.is_ladder else scheme
    subsets = shown.subsets(threshold_bits, measure=measure)
    first, last = subsets[0], subsets[-1]
    findings = [how, baseline_finding(scheme)]
    if evidence is not None:
        findings.append(verdict_finding(evidence))
        if evidence.verdict == "no evidence":
            return tuple(findings)
    if scheme.scoring_split != "train" and nothing_known(scheme):
        better = (
            "At the bottleneck strength that validation rows choose, held-out rows are not"
            if scheme.is_ladder
            else "At no bottleneck strength are held-out rows"
        )
        findings.append(
            Finding(
                f"{better} predicted better than without X: no information about Y was found in X."
            )
        )
        return tuple(findings)
    if not scheme.is_ladder:
        findings.append(_at_the_weakest(scheme, first))
    if last.components:
        after = (
            "; choose a larger beta_end to see the rest of the scheme"
            if last.beta_high < LAST_BETA
            else "; choose more training steps, so that the models can follow beta, or a larger "
            "beta_end"
        )
        findings.append(
            Finding(
                f"The sweep ended at beta={last.beta_high:.3g} with {listed(last.components)} "
                f"still in use{after if scheme.status == 'finished' else ''}.",
                kind="warning",
            )
        )
    elif evidence is not None and evidence.n_resamples:
        findings += filter(None, [last_component_finding(evidence)])
    elif (last_component := _last_component(subsets)) is not None:
        findings.append(
            Finding(f"{last_component} is the last component in use as the bottleneck tightens.")
        )
    return tuple(findings)


def baseline_finding(scheme: ApproximationScheme) -> Finding:
    """The baseline of information about Y: the entropy of Y, or another."""
    name = str(scheme.to_xarray().attrs["baseline"])
    limit = Quantity(scheme.baseline_entropy_bits, "bits")
    if name in _ENTROPIES:
        text = f"The entropy of Y is {limit.text()}."
    else:
        text = f"Information about Y is measured relative to a baseline of {limit.text()}: {name}."
    return Finding(text, {"baseline_bits": limit}, kind="note")


def nothing_known(scheme: ApproximationScheme) -> bool:
    """Whether held-out rows are never predicted better than without X while components are in use.

    For a ladder, only the best approximation is considered.
    """
    if scheme.is_ladder:
        step = int(scheme.to_xarray().attrs["best_step"])
        return not known_curve(scheme)[step] > 0 or not at_best(scheme).in_use()
    if not known_curve(scheme).max() > 0:
        return True
    return not len(scheme.snapshots.record) or not at_best(scheme).in_use()


def known_curve(scheme: ApproximationScheme) -> NDArray[np.float64]:
    """Known bits of Y, `[step]`, averaged over repeats.

    If they were measured during training, they are also averaged over neighbouring records.
    """
    data = scheme.to_xarray()
    if scheme.is_ladder:
        return np.asarray(data["known_bits"].values)
    known = data["predictive_information_bits"].sel(split=scheme.scoring_split).mean("seed").values
    return running_mean(known, 2 * max(1, len(known) // 20) + 1)


def at_best(scheme: ApproximationScheme, measure: Measure | None = None) -> Approximation:
    """The best approximation: pooled over the members of a ladder, or of the first repeat."""
    scheme = scheme.pooled() if scheme.is_ladder else scheme
    return scheme.at(beta=scheme.best_beta, measure=measure)


def kept_beta(scheme: ApproximationScheme) -> float:
    """The beta at which compression schemes are shown.

    It is that of the simplest approximation of a ladder, otherwise the largest at which nine
    tenths of the maximum of known bits are still known. There, the channels have dropped most of
    what hardly matters. If nothing is known at any beta, it is the best beta.
    """
    if scheme.is_ladder:
        return scheme.simplest_beta
    known = known_curve(scheme)
    if not known.max() > 0:
        return scheme.best_beta
    enough = np.flatnonzero(known >= KEPT_SHARE * known.max())
    return float(scheme.to_xarray()["beta"].values[enough[-1]])


def best_findings(
    scheme: ApproximationScheme,
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
    evidence: Evidence | None = None,
) -> tuple[Finding, ...]:
    """Findings on the best approximation and on the coarsest that is nearly as good."""
    measure = measure or scheme.measure
    held_out = scheme.scoring_split != "train"
    if not held_out or not len(scheme.snapshots.record) or nothing_known(scheme):
        return ()
    if scheme.is_ladder:
        return choice_findings(scheme, threshold_bits, measure, evidence)
    best, kept = at_best(scheme, measure), scheme.at(beta=kept_beta(scheme), measure=measure)
    limit = "at most " if measure == "kl" else ""
    used, fewer = (one.in_use(threshold_bits) for one in (best, kept))
    conveyed, left = (Quantity(one.total_bits, "bits", digits=2) for one in (best, kept))
    return (
        Finding(
            f"Held-out rows are predicted best at beta={best.beta:.3g}, with {len(used)} of "
            f"{len(best.components)} components in use ({listed(used)}). All components together "
            f"convey {limit}{conveyed.text()}.",
            {"conveyed_bits_at_best": conveyed},
        ),
        Finding(
            f"Nine tenths of the information about Y that is known there are still known at "
            f"beta={kept.beta:.3g}, with {len(fewer)} components in use ({listed(fewer)}); all "
            f"components together convey {limit}{left.text()}.",
            {"conveyed_bits_at_nine_tenths": left},
        ),
    )


def approximations_table(
    scheme: ApproximationScheme, threshold_bits: float = 0.1, measure: Measure | None = None
) -> Table:
    """The best approximations of the first repeat with all and with ever fewer components.

    The numbers of components are those of `SIZES`. Known bits and the score are averaged over
    neighbouring records.
    """
    measure = measure or scheme.measure
    data = scheme.to_xarray().isel(seed=0).sel(split=scheme.scoring_split)
    score = next((name for name in SCORES if name in data), None)
    window = 2 * max(1, data.sizes["step"] // 40) + 1
    rows_of = rows_in_words(scheme.scoring_split)
    known = running_mean(data["predictive_information_bits"].values, window)
    scores = None if score is None else running_mean(data[score].values, window)
    rows: list[tuple[Cell, ...]] = []
    for approximation in _with_fewer(scheme, threshold_bits, measure):
        record = nearest_place(data["beta"].values, approximation.beta)
        used = approximation.in_use(threshold_bits)
        label = "all" if len(used) == len(scheme.components) else listed(used)
        row: tuple[Cell, ...] = (
            f"{approximation.beta:.3g}",
            f"{len(used)}: {label}",
            Quantity(approximation.total_bits, "bits", digits=2),
            Quantity(float(known[record]), "bits", rows=rows_of),
        )
        if scores is not None:
            row = (*row, Quantity(float(scores[record]), rows=rows_of))
        rows.append(row)
    heading = "about Y" + ("" if scheme.scoring_split == "train" else ", held out")
    columns: tuple[str, ...] = ("beta", "components in use", COLUMNS[measure], heading)
    if score is not None:
        columns = (*columns, SCORES[score])
    return Table(
        "approximations",
        f"Approximations{first_repeat(scheme)}, information in bits",
        columns,
        tuple(rows),
    )


def components_table(
    scheme: ApproximationScheme, threshold_bits: float = 0.1, measure: Measure | None = None
) -> Table:
    """Bits of each component: at the best beta, at most, and the beta up to which it is in use.

    If the bounds of the information are more than one bit apart, the lower bound is given, since
    their midpoint would be an overstatement.
    """
    measure = measure or scheme.measure
    scheme = scheme.pooled() if scheme.is_ladder else scheme
    conveyed = scheme.conveyed_bits(measure).median("seed")
    beta, bits = conveyed["beta"].values, conveyed.values
    lower = upper = bits
    if measure == "information":
        data = scheme.to_xarray()
        lower = data["information_lower_bits"].median("seed").values
        upper = data["information_upper_bits"].median("seed").values
    vague = upper - lower > 1
    best = scheme.best_beta if len(scheme.snapshots.record) else float(beta[0])
    best_step = nearest_place(beta, best)

    def cell(step: int, k: int) -> Quantity:
        shown = lower[step, k] if vague[step, k] else bits[step, k]
        return Quantity(
            float(shown),
            "bits",
            low=float(lower[step, k]),
            high=float(upper[step, k]),
            digits=2,
            is_bound=bool(vague[step, k]),
        )

    rows = []
    for k in np.argsort(-bits[best_step], kind="stable").tolist():
        used = np.flatnonzero(bits[:, k] > threshold_bits)
        gone = f"{beta[used[-1]]:.3g}" if len(used) else "never in use"
        most = int(bits[:, k].argmax())
        rows.append((scheme.components[k], cell(best_step, k), cell(most, k), gone))
    title = (
        "Information that each component conveys"
        if measure == "information"
        else "KL of each component, an upper bound of what it conveys"
    )
    columns = ("component", "at best beta", "maximum", "in use up to beta")
    return Table("components", f"{title}, in bits", columns, tuple(rows))


def scheme_values(scheme: ApproximationScheme, evidence: Evidence | None = None) -> dict[str, Any]:
    """The findings as plain values for programs; `measured_on` names the rows."""
    choices = choice_values(scheme) if scheme.is_ladder else {}
    measured = {} if evidence is None else evidence.to_dict()
    if measured:
        measured["simplest"] = {**choices.get("simplest", {}), **measured["simplest"]}
    return {
        "status": scheme.status,
        "message": scheme.message,
        "baseline_entropy_bits": scheme.baseline_entropy_bits,
        "measured_on": rows_in_words(scheme.scoring_split),
        "component_names": list(scheme.components),
        "measure": scheme.measure,
        "directions": list(scheme.directions),
        **choices,
        **measured,
        "subset_frequencies": [
            {"direction": direction, "n_found": found.n_found, "n_repeats": found.n_repeats}
            | subset_values(found, scheme.measure)
            for direction, part in scheme.by_direction().items()
            for found in part.subset_frequencies()
        ],
        "repeats": [
            [subset_values(subset, scheme.measure) for subset in scheme.subsets(seed=seed)]
            for seed in range(scheme.n_seeds)
        ],
    }


def _at_the_weakest(scheme: ApproximationScheme, first: Subset) -> Finding:
    used = (
        f"At the weakest bottleneck, {len(first.components)} of {len(scheme.components)} "
        "components are in use"
    )
    where = "" if scheme.scoring_split == "train" else f" on {rows_in_words(scheme.scoring_split)}"
    known = Quantity(first.predictive_bits, "bits", rows=rows_in_words(scheme.scoring_split))
    if known.value > 0:
        text = f"{used} and give {known.text()} of information about Y{where}."
    else:
        text = (
            f"{used}, but nothing is known about Y{where}: predictions are {-known.value:.3g} bits "
            "worse than without X."
        )
    return Finding(text, {"known_bits_at_weakest": known})


def _last_component(subsets: Sequence[Subset]) -> str | None:
    """The component in use longest, if it is a single one that is informative about Y."""
    last = next((subset for subset in reversed(subsets) if subset.components), None)
    if last is None or len(last.components) != 1 or not last.predictive_bits > 0:
        return None
    return last.components[0]


def _with_fewer(
    scheme: ApproximationScheme, threshold_bits: float, measure: Measure
) -> list[Approximation]:
    """An approximation for each size of `SIZES` that the sweep reached, the largest first."""
    found: list[Approximation] = []
    if not len(scheme.snapshots.record):
        return found
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


def _known_note(scheme: ApproximationScheme) -> str:
    if scheme.scoring_split == "train":
        return ""
    return "What is known about Y is measured on held-out rows."
