"""Sentences and tables of the evidence."""

from collections.abc import Sequence

import numpy as np

from distributed_ib.evidence.evidence import FREQUENT, Q_LIMIT, Evidence
from distributed_ib.evidence.interval import Interval
from distributed_ib.evidence.references import Reference
from distributed_ib.report.quantity import Quantity, Rows
from distributed_ib.report.report import Cell, Finding, Section, Table
from distributed_ib.report.words import SCORES, listed

MOST_TOTALS = 4  # columns of a table that fits a terminal
LEAST_P = 0.001
"""Smaller p-values are shown as below this one, since the permutations are too few to resolve."""


def quantity_of(
    interval: Interval,
    unit: str,
    level: float,
    digits: int = 3,
    rows: Rows = "held-out rows",
) -> Quantity:
    """A number of the evidence as a quantity for reports."""
    ends = (interval.low, interval.high) if interval.is_known else (None, None)
    return Quantity(
        interval.value,
        unit,
        low=ends[0],
        high=ends[1],
        level=None if ends[0] is None else level,
        rows=rows,
        digits=digits,
    )


def p_text(p_value: float) -> str:
    """A p-value as text.

    >>> p_text(0.0312), p_text(1e-5), p_text(0.5)
    ('p = 0.031', 'p < 0.001', 'p = 0.50')
    """
    if p_value < LEAST_P:
        return f"p < {LEAST_P:g}"
    return f"p = {p_value:.2f}" if p_value >= 0.1 else f"p = {p_value:.3f}"


def verdict_finding(evidence: Evidence) -> Finding:
    """A sentence on whether there is evidence that X is informative about Y."""
    p_value = {"p_value": Quantity(evidence.p_value, digits=4)}
    if evidence.verdict == "no evidence":
        text = (
            f"There is no evidence that X tells anything about Y ({p_text(evidence.p_value)}, "
            f"significance level {evidence.alpha:g})."
        )
        return Finding(text, p_value)
    names = evidence.supported
    verb = "is" if len(names) == 1 else "are"
    which = (
        f". {len(names)} of {len(evidence.names)} components {verb} supported, alone or in "
        f"combination with another (q <= {Q_LIMIT:g}): {listed(names)}."
        if names
        else ", but for no single component is it strong enough."
    )
    text = f"There is evidence that X tells something about Y ({p_text(evidence.p_value)}){which}"
    return Finding(text, p_value)


def last_component_finding(evidence: Evidence) -> Finding | None:
    """A sentence on the component that is the last in use, and in how many resamples it is."""
    if len(evidence.names) == 1 or not evidence.last:
        return None
    if evidence.last[0].name not in evidence.supported:
        return None
    first = evidence.last[0]
    if first.n >= FREQUENT * first.n_resamples:
        return Finding(f"{first.name} is the last component in use as the bottleneck tightens.")
    others = [last for last in evidence.last[1:] if last.name in evidence.supported]
    rest = "".join(f", {last.name} in {last.n}" for last in others[:3])
    return Finding(
        f"{first.name} is the last component in use in {first.n} of {first.n_resamples} "
        f"resamples{rest}."
    )


def evidence_sections(evidence: Evidence) -> list[Section]:
    """The evidence for each component, reference models, and calibration."""
    sections = (
        []
        if evidence.verdict == "no evidence"
        else [
            Section(
                "Evidence for each component",
                findings=(*_relations(evidence), *_correlations(evidence)),
                tables=(
                    evidence_table(evidence),
                    *([knowledge_table(evidence)] if evidence.knowledge else []),
                    *([equal_bits_table(evidence)] if evidence.at_equal_bits else []),
                ),
            )
        ]
    )
    if evidence.references:
        sections.append(
            Section(
                "Comparison with models without a bottleneck",
                tables=(reference_table(evidence),),
                notes="All models are scored on the same held-out rows, which were used neither "
                "for training nor for model selection. Intervals account for the choice of the "
                "held-out rows, but not for that of the training rows.",
            )
        )
    if evidence.calibration and evidence.verdict == "evidence":
        sections.append(
            Section("Calibration of predictions", tables=(calibration_table(evidence),))
        )
    return sections


def evidence_table(evidence: Evidence) -> Table:
    """Bits of each component at best, and its p- and q-value, supported components first."""
    rows: list[tuple[Cell, ...]] = []
    for k in _in_order(evidence):
        cells: list[Cell] = [evidence.names[k], _bits(evidence.best.bits[k], evidence.level)]
        if evidence.best.selected:
            share = evidence.best.selected[k]
            cells.append(f"{round(share * evidence.n_resamples)} of {evidence.n_resamples}")
        rows.append((*cells, _p(evidence.p_values[k]), _p(evidence.q_values[k])))
    columns = ("component", "conveys", *(["in use"] if evidence.best.selected else []), "p", "q")
    percent = f"{evidence.level:.0%}".replace("%", " %")
    notes = (
        f"conveys: information at the best approximation, in bits, with {percent} intervals. p: "
        "p-value of the null hypothesis that the component tells nothing about Y, by itself or in "
        "combination with another. q: false discovery rate if this component and all with a "
        f"smaller q are claimed; components with q <= {Q_LIMIT:g} are supported."
    )
    if evidence.best.selected:
        notes += " in use: resamples in which the component conveys more than 0.1 bit."
    return Table("evidence", "Evidence for each component", columns, tuple(rows), notes=notes)


def knowledge_table(evidence: Evidence) -> Table:
    """What each component tells alone, and what is lost without it."""
    knowledge = {one.name: one for one in evidence.knowledge}
    rows = tuple(
        (
            one.name,
            _bits(one.alone, evidence.level, "all rows"),
            _bits(one.unique, evidence.level, "all rows"),
        )
        for one in (knowledge.get(evidence.names[k]) for k in _in_order(evidence))
        if one is not None
    )
    return Table(
        "knowledge",
        "Information of components about Y, in bits",
        ("component", "alone", "lost without it"),
        rows,
        notes="alone: information about Y from the component by itself. lost without it: "
        "information that is lost if it is left out while all others in the table are kept. "
        "Measured with models that are trained on these components only, on rows not used for "
        "their training.",
    )


def _in_order(evidence: Evidence) -> list[int]:
    """Numbers of components: supported ones first, then in descending order of bits at best."""
    return sorted(
        range(len(evidence.names)),
        key=lambda k: (evidence.q_values[k] > Q_LIMIT, -evidence.best.bits[k].value),
    )


def equal_bits_table(evidence: Evidence) -> Table:
    """What components convey at equal sums over components, for comparison of resamples."""
    shown = evidence.at_equal_bits[:MOST_TOTALS]
    rows: list[tuple[Cell, ...]] = []
    for k in _in_order(evidence):
        if evidence.names[k] in evidence.supported:
            bits = [_bits(one.bits[k], evidence.level) for one in shown]
            rows.append((evidence.names[k], *bits))
    columns = ("component", *(f"total {one.total_bits:g}" for one in shown))
    return Table(
        "equal_bits",
        "What supported components convey at equal total information, in bits",
        columns,
        tuple(rows),
    )


def reference_table(evidence: Evidence) -> Table:
    """Scores of the best and simplest approximations and of the reference models."""
    ours = (
        []
        if evidence.verdict == "no evidence"
        else [
            Reference("best approximation", dict(evidence.best.scores)),
            Reference("simplest approximation", dict(evidence.simplest.scores)),
        ]
    )
    all_models = [*(one for one in ours if one.scores), *evidence.references]
    names = list(dict.fromkeys(name for one in all_models for name in one.scores))
    rows = tuple(
        (
            one.name,
            *(
                quantity_of(one.scores[name], "", evidence.level) if name in one.scores else "-"
                for name in names
            ),
        )
        for one in all_models
    )
    columns = ("model", *(SCORES.get(name, name.upper()) for name in names))
    return Table("references", "Scores on held-out rows", columns, rows)


def calibration_table(evidence: Evidence) -> Table:
    """Predicted probabilities and the observed shares."""
    rows = tuple(
        (
            Quantity(row.stated, digits=2),
            quantity_of(row.observed, "", evidence.level, digits=2),
            row.n_rows,
        )
        for row in evidence.calibration
    )
    return Table(
        "calibration",
        "Calibration of the best approximation on held-out rows",
        ("predicted", "observed", "rows"),
        rows,
        notes="For classes: the predicted probability of the most likely class, and how often it "
        "was the true one. For numbers: the nominal coverage of an interval of Y, and how often Y "
        "was within it.",
    )


def _relations(evidence: Evidence) -> list[Finding]:
    """Sentences on components that are interchangeable, or informative only together."""
    found = []
    pairs = {
        tuple(sorted((one.name, other)))
        for one in evidence.knowledge
        for other in one.interchangeable_with
    }
    found += [
        Finding(
            f"{_joined(group)} are interchangeable: each is informative about Y by itself, but "
            "adds hardly anything to any one of the others. Which of them the bottleneck keeps is "
            "arbitrary."
        )
        for group in _groups(sorted(pairs), evidence.names)
    ]
    together = {
        tuple(sorted((one.name, other))) for one in evidence.knowledge for other in one.only_with
    }
    found += [
        Finding(f"{a} and {b} are informative about Y only together: neither tells much alone.")
        for a, b in sorted(together)
    ]
    return found


def _joined(names: Sequence[str]) -> str:
    """Names with "and" before the last.

    >>> _joined(["a", "b", "c"])
    'a, b and c'
    """
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _groups(pairs: Sequence[tuple[str, ...]], names: Sequence[str]) -> list[list[str]]:
    """Groups within which every pair is in `pairs`, each enlarged greedily."""
    linked = {
        name: {b for a, b in pairs if a == name} | {a for a, b in pairs if b == name}
        for name in names
    }
    groups: list[list[str]] = []
    for name in names:
        if not linked[name] or any(name in group for group in groups):
            continue
        group = [name]
        for other in names:
            if other != name and all(other in linked[member] for member in group):
                group.append(other)
        groups.append(group)
    return groups


def _correlations(evidence: Evidence) -> list[Finding]:
    """A warning about strongly correlated columns."""
    pairs = [pair for pair in evidence.correlated if set(pair[:2]) & set(evidence.supported)]
    if not pairs:
        return []
    shown = ", ".join(f"{a} and {b} ({r:.2f})" for a, b, r in pairs[:5])
    more = f", and {len(pairs) - 5} more pairs" if len(pairs) > 5 else ""
    return [
        Finding(
            "Strongly correlated columns (rank correlation above 0.9 in magnitude): "
            f"{shown}{more}. Such columns can replace each other, so do not interpret one of them "
            "as a cause.",
            kind="warning",
        )
    ]


def _bits(interval: Interval, level: float, rows: Rows = "training rows") -> Quantity:
    return quantity_of(interval, "bits", level, digits=2, rows=rows)


def _p(value: float) -> str:
    if np.isnan(value):
        return "-"
    return f"< {LEAST_P:g}" if value < LEAST_P else f"{value:.3f}"
