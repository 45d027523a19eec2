"""Evidence of a scheme: that X is informative about Y, and what each component contributes."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from distributed_ib.errors import UserError
from distributed_ib.evidence.calibration import CalibrationRow
from distributed_ib.evidence.interval import LEVEL, Interval
from distributed_ib.evidence.redundancy import ComponentKnowledge
from distributed_ib.evidence.references import Reference
from distributed_ib.evidence.stability import AtEqualBits, LastComponent

ALPHA = 0.05
"""There is evidence if the p-value is at most this."""
Q_LIMIT = 0.1
"""A component is supported if its q-value is at most this."""
FREQUENT = 0.9
"""A finding that holds in at least this share of resamples is stated without its frequency."""

Verdict = Literal["evidence", "no evidence"]


@dataclass(frozen=True)
class EvidenceAt:
    """Numbers of one approximation, each with its interval.

    Attributes:
        beta: Its bottleneck strength.
        known: Bits of Y known from one draw of the noise.
        averaged: Bits of Y known from predictions averaged over noise and models.
        bits: Bits that each component conveys.
        selected: Share of the resamples in which each component is in use; empty without resamples.
        scores: Scores of predictions, by name.
    """

    beta: float
    known: Interval
    averaged: Interval
    bits: tuple[Interval, ...]
    selected: tuple[float, ...] = ()
    scores: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """Statistical evidence for the findings about a relationship X -> Y.

    Attributes:
        names: Names of the components.
        p_value: Of the null hypothesis that X carries no information about Y.
        p_values: For each component, of the null hypothesis that it carries no information about
            Y, alone or together with another.
        q_values: For each component, its p-value corrected for the number of components.
        best: The approximation that predicts best.
        simplest: The simplest approximation that is no worse.
        n_resamples: Resamples of the rows, each with models of its own; 0 if there are none.
        n_rows: Held-out rows on which known bits and predictions are measured.
        in_use_bits: A supported component is in use at `best` or `simplest` if it conveys more
            than this, the bits that an uninformative component can get.
        knowledge: What each measured component tells alone, and what is lost without it.
        at_equal_bits: Bits that components convey at equal sums over components.
        last: How often each component is the last in use.
        correlated: Pairs of columns with an absolute rank correlation above 0.9.
        references: Models without a bottleneck, on the same rows.
        calibration: Whether predicted probabilities are calibrated.
        alpha: There is evidence if `p_value` is at most this.
        level: Coverage of all intervals.
    """

    names: tuple[str, ...]
    p_value: float
    p_values: tuple[float, ...]
    q_values: tuple[float, ...]
    best: EvidenceAt
    simplest: EvidenceAt
    n_resamples: int = 0
    n_rows: int = 0
    in_use_bits: float = 0.1
    knowledge: tuple[ComponentKnowledge, ...] = ()
    at_equal_bits: tuple[AtEqualBits, ...] = ()
    last: tuple[LastComponent, ...] = ()
    correlated: tuple[tuple[str, str, float], ...] = ()
    references: tuple[Reference, ...] = ()
    calibration: tuple[CalibrationRow, ...] = ()
    alpha: float = ALPHA
    level: float = LEVEL

    @property
    def verdict(self) -> Verdict:
        """Whether there is evidence that X is informative about Y."""
        return "evidence" if self.p_value <= self.alpha else "no evidence"

    @property
    def supported(self) -> tuple[str, ...]:
        """Components with evidence that they are informative about Y; empty if X has none."""
        if self.verdict == "no evidence":
            return ()
        return tuple(
            name for name, q in zip(self.names, self.q_values, strict=True) if q <= Q_LIMIT
        )

    def in_use(self, at: EvidenceAt) -> tuple[str, ...]:
        """Supported components in use at `best` or `simplest`, in descending order of bits."""
        bits = {name: one.value for name, one in zip(self.names, at.bits, strict=True)}
        used = [name for name in self.supported if bits[name] > self.in_use_bits]
        return tuple(sorted(used, key=lambda name: -bits[name]))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values, in the format of `summary.json`."""
        return {
            "evidence": self._head(self.best),
            "components": self._components(self.best),
            "simplest": {
                "evidence": self._head(self.simplest),
                "components": self._components(self.simplest),
            },
            "at_equal_bits": [
                {
                    "total_bits": one.total_bits,
                    "components": [
                        {"name": name, **bits.to_dict("bits")}
                        for name, bits in zip(self.names, one.bits, strict=True)
                    ],
                }
                for one in self.at_equal_bits
            ],
            "last_in_use": [vars(last) for last in self.last],
            "correlated": [
                {"components": [a, b], "rank_correlation": r} for a, b, r in self.correlated
            ],
            "references": [{"name": one.name, **_scores(one.scores)} for one in self.references],
            "calibration": [
                {"stated": row.stated, **row.observed.to_dict("observed"), "n_rows": row.n_rows}
                for row in self.calibration
            ],
        }

    def _head(self, at: EvidenceAt) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "alpha": self.alpha,
            "p_value": self.p_value,
            "beta": at.beta,
            **at.known.to_dict("known_bits"),
            **at.averaged.to_dict("averaged_known_bits"),
            "interval_level": self.level,
            "n_resamples": self.n_resamples,
            "n_held_out_rows": self.n_rows,
            "in_use_bits": self.in_use_bits,
            **_scores(at.scores),
        }

    def _components(self, at: EvidenceAt) -> list[dict[str, Any]]:
        knowledge = {one.name: one for one in self.knowledge}
        unknown, rows = Interval(math.nan), []
        for k, name in enumerate(self.names):
            one = knowledge.get(name)
            rows.append(
                {
                    "name": name,
                    **at.bits[k].to_dict("bits"),
                    "selected_share": at.selected[k] if at.selected else None,
                    "p_value": self.p_values[k],
                    "q_value": self.q_values[k],
                    "supported": name in self.supported,
                    **(unknown if one is None else one.alone).to_dict("alone_bits"),
                    **(unknown if one is None else one.unique).to_dict("unique_bits"),
                    "interchangeable_with": [] if one is None else list(one.interchangeable_with),
                    "only_with": [] if one is None else list(one.only_with),
                }
            )
        return rows

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Evidence":
        """Read the output of `to_dict`.

        Raises:
            UserError: If `values` is not a valid description of evidence.
        """
        try:
            return _read(values)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise UserError(f"this is not a valid description of evidence: {error!r}.") from None


def _scores(scores: Mapping[str, Interval]) -> dict[str, Any]:
    return {"scores": {name: one.to_dict("value") for name, one in scores.items()}}


def _read_scores(values: Mapping[str, Any]) -> dict[str, Interval]:
    return {str(name): Interval.from_dict(one, "value") for name, one in values["scores"].items()}


def _read(values: Mapping[str, Any]) -> Evidence:
    head, components = values["evidence"], values["components"]
    knowledge = tuple(
        ComponentKnowledge(
            str(one["name"]),
            Interval.from_dict(one, "alone_bits"),
            Interval.from_dict(one, "unique_bits"),
            tuple(map(str, one["interchangeable_with"])),
            tuple(map(str, one["only_with"])),
        )
        for one in components
        if one["alone_bits"] is not None
    )
    return Evidence(
        names=tuple(str(one["name"]) for one in components),
        p_value=float(head["p_value"]),
        p_values=tuple(float(one["p_value"]) for one in components),
        q_values=tuple(float(one["q_value"]) for one in components),
        best=_read_at(head, components),
        simplest=_read_at(values["simplest"]["evidence"], values["simplest"]["components"]),
        n_resamples=int(head["n_resamples"]),
        n_rows=int(head["n_held_out_rows"]),
        in_use_bits=float(head["in_use_bits"]),
        knowledge=knowledge,
        at_equal_bits=tuple(
            AtEqualBits(
                float(one["total_bits"]),
                tuple(Interval.from_dict(part, "bits") for part in one["components"]),
            )
            for one in values["at_equal_bits"]
        ),
        last=tuple(
            LastComponent(str(one["name"]), int(one["n"]), int(one["n_resamples"]))
            for one in values["last_in_use"]
        ),
        correlated=tuple(
            (str(one["components"][0]), str(one["components"][1]), float(one["rank_correlation"]))
            for one in values["correlated"]
        ),
        references=tuple(
            Reference(str(one["name"]), _read_scores(one)) for one in values["references"]
        ),
        calibration=tuple(
            CalibrationRow(
                float(one["stated"]), Interval.from_dict(one, "observed"), int(one["n_rows"])
            )
            for one in values["calibration"]
        ),
        alpha=float(head["alpha"]),
        level=float(head["interval_level"]),
    )


def _read_at(head: Mapping[str, Any], components: Any) -> EvidenceAt:
    shares = [one["selected_share"] for one in components]
    return EvidenceAt(
        beta=float(head["beta"]),
        known=Interval.from_dict(head, "known_bits"),
        averaged=Interval.from_dict(head, "averaged_known_bits"),
        bits=tuple(Interval.from_dict(one, "bits") for one in components),
        selected=() if None in shares else tuple(map(float, shares)),
        scores=_read_scores(head),
    )


def evidence_text(evidence: Evidence) -> str:
    """The evidence as the text of a JSON file."""
    return json.dumps(evidence.to_dict(), indent=2, allow_nan=False) + "\n"
