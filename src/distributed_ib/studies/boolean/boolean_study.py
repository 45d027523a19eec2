"""A Boolean circuit: which of its inputs matter, and in what order (paper Fig. 2)."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import matplotlib.pyplot as plt
import numpy as np
from jax import Array
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distributed_ib._files import write_text
from distributed_ib.data.problem import Problem
from distributed_ib.errors import UserError
from distributed_ib.evidence.exact_shares import exact_shares
from distributed_ib.information.subset_information import check_exhaustive, subset_information_bits
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.model.encoders import BinaryEncoder
from distributed_ib.model.predictors import BernoulliPredictor
from distributed_ib.optimum.snapshot_terms import snapshot_terms
from distributed_ib.plots._style import scheme_styles
from distributed_ib.readable.logic_table import logic_table
from distributed_ib.readable.readable_approximation import ReadableApproximation
from distributed_ib.report.quantity import Quantity
from distributed_ib.report.report import Finding, Section, Table
from distributed_ib.report.scheme_sections import (
    opening_findings,
)
from distributed_ib.report.subset_sections import beta_range, frequency_section, subset_label
from distributed_ib.scheme.choice import Choice
from distributed_ib.scheme.measure import COLUMNS, NAMES, Measure
from distributed_ib.studies.boolean.circuit import Circuit, paper_circuit
from distributed_ib.studies.boolean.circuit_drawing import plot_circuit
from distributed_ib.studies.boolean.circuit_files import circuit_from_text, circuit_to_toml
from distributed_ib.studies.boolean.circuit_optimality import (
    MAX_FRONTIER_INPUTS,
    CircuitOptimality,
    circuit_frontier,
    optimality_figures,
    optimality_of,
    refine_circuit,
)
from distributed_ib.studies.boolean.circuit_view import circuit_view
from distributed_ib.studies.boolean.ranked_subsets import RankedSubset, rank_subsets
from distributed_ib.studies.boolean.subset_ranks_figure import plot_subset_information
from distributed_ib.study.run import Run
from distributed_ib.study.study import Reading, Study
from distributed_ib.training.train_settings import TrainSettings

CIRCUIT = "circuit.toml"

# Finds the paper's subsets in a fraction of its time. The whole truth table is measured.
QUICK = TrainSettings(
    beta=(1e-3, 0.5),
    n_steps=6_000,
    n_pretraining_steps=500,
    batch_size=512,
    learning_rate=3e-3,
    n_information_records=None,
)
# The paper's settings, from its Appendix A.
PAPER = TrainSettings(
    beta=(1e-4, 0.3),
    n_steps=200_000,
    n_pretraining_steps=10_000,
    batch_size=512,
    learning_rate=3e-4,
    n_information_records=None,
)


@dataclass(frozen=True)
class BooleanStudy(Study):
    """Which of a Boolean circuit's inputs matter, and in what order?

    The sweep learns from input-output pairs alone. It is compared with an exhaustive search over
    all subsets of inputs and with the exact optimum of the objective.

    Attributes:
        circuit: The circuit, as the text of a circuit file or as a formula such as 'a & (b ^ ~c)';
            the paper's by default.
        hidden: Widths of the predictor's layers of tanh units.
        refined: After the sweep, train its subsets further at fixed beta, to approach the optimum.
        train: How the sweep is trained.

    Example:
        >>> brief = TrainSettings(beta=(1e-3, 0.5), n_steps=300, n_pretraining_steps=100)
        >>> BooleanStudy(circuit="a & b", hidden=(16,), train=brief).fit().components
        ('a', 'b')
    """

    name: ClassVar[str] = "boolean"

    circuit: str = ""
    hidden: tuple[int, ...] = (64, 64, 64)
    refined: bool = False
    train: TrainSettings = QUICK

    @classmethod
    def of(cls, circuit: Circuit, **options: Any) -> "BooleanStudy":
        """The study of a circuit, with other options by name."""
        return cls(circuit=circuit_to_toml(circuit), **options)

    @classmethod
    def presets(cls) -> Mapping[str, "BooleanStudy"]:
        """quick: takes seconds; paper: the paper's settings."""
        return {"quick": cls(), "paper": cls(hidden=(128, 128, 128), train=PAPER)}

    @cached_property
    def analysed(self) -> Circuit:
        """The circuit itself."""
        return circuit_from_text(self.circuit) if self.circuit else paper_circuit()

    def check(self) -> None:
        """Check that the circuit's output varies, and that it is small enough for the search."""
        n_inputs = self.analysed.n_inputs
        check_exhaustive(n_inputs)
        if self.analysed.output_entropy_bits() == 0:
            raise UserError(
                f"the output of circuit {self.analysed.name!r} is constant, so there is nothing to "
                "explain; use a circuit whose output varies."
            )
        if self.refined and n_inputs > MAX_FRONTIER_INPUTS:
            raise UserError(
                f"--refine supports at most {MAX_FRONTIER_INPUTS} inputs, but the circuit has "
                f"{n_inputs}; leave it out."
            )

    def problem(self, seed: int) -> Problem:
        """The whole truth table; all rows are equally likely."""
        del seed  # nothing is random
        self.check()
        x, y = self.analysed.truth_table()
        problem = Problem.from_arrays(x, y, self.analysed.inputs, complete=True)
        return replace(problem, entropy_bits=self.analysed.output_entropy_bits())

    def model(self, key: Array) -> DistributedBottleneck:
        """The paper's model: two constants for every input, tanh units."""
        n_inputs = self.analysed.n_inputs
        predictor = BernoulliPredictor(n_inputs, hidden=self.hidden, activation="tanh", key=key)
        return DistributedBottleneck(BinaryEncoder(n_inputs), predictor)

    def keep(self, folder: Path) -> None:
        """Write the circuit as a separate file, for other tools."""
        write_text(folder / CIRCUIT, circuit_to_toml(self.analysed))

    def measure(self, run: Run) -> Mapping[str, NDArray[Any]]:
        """The exact optimum, the sweep's distance to it, and the refinement if requested."""
        circuit, scheme = self.analysed, run.scheme
        if circuit.n_inputs > MAX_FRONTIER_INPUTS or scheme.status != "finished":
            return {}
        frontier = circuit_frontier(circuit, *self.train.beta)
        terms = snapshot_terms(scheme, *circuit.truth_table(), seed=run.seed)
        optimality = optimality_of(scheme, frontier, terms)
        if self.refined:
            candidates = refine_circuit(
                circuit, scheme, frontier.beta, seed=run.seed, progress=run.on_message
            )
            optimality = optimality.with_refinement(circuit, candidates)
        return optimality.to_arrays()

    def title(self) -> str:
        """The circuit's name."""
        return f"Circuit {self.analysed.name}"

    def sections(self, run: Run, reading: Reading) -> Sequence[Section]:
        """The subsets along the sweep with their ranks, and the distance to the optimum."""
        scheme, measure = run.scheme, reading.measure or run.scheme.measure
        ranked = self.ranked_subsets(run, reading)
        best = sum(one.rank == 1 for one in ranked)
        opening = opening_findings(scheme, reading.threshold_bits, measure)
        verdict = Finding(
            "Subsets in use along the sweep that are the most informative of their size among all "
            f"subsets of the inputs: {best} of {len(ranked)} (by exhaustive search, which the "
            "sweep does not use)."
        )
        sections = [
            Section(findings=(*opening, verdict)),
            Section(
                "Subsets in use along the sweep",
                tables=(_ranks_table(ranked, self.analysed.inputs, measure, scheme.n_seeds),),
                notes=_legend(measure, reading.threshold_bits),
            ),
        ]
        sections.append(
            Section(
                "Information of each input, by itself and given the others",
                tables=(_shares_table(self.analysed.inputs, self.subset_information_bits),),
            )
        )
        if scheme.n_seeds > 1:
            sections.append(frequency_section(scheme, reading.threshold_bits, measure))
        sentences = self._optimality_sentences(run)
        if sentences:
            findings = tuple(Finding(sentence) for sentence in sentences)
            sections.append(Section("Distance to the optimum", findings))
        return sections

    def values(self, run: Run) -> Mapping[str, Any]:
        """The circuit, the ranks of the first repeat's subsets, and the optimality gap."""
        optimality, shares = self.optimality(run), exact_shares(self.subset_information_bits)
        return {
            "circuit": tomllib.loads(circuit_to_toml(self.analysed)),
            "exact_shares": {
                name: {kind: float(bits[k]) for kind, bits in shares._asdict().items()}
                for k, name in enumerate(self.analysed.inputs)
            },
            "subsets_of_first_repeat": [
                {
                    "components": list(ranked.subset.components),
                    "information_bits": ranked.information_bits,
                    "rank": ranked.rank,
                    "n_of_size": ranked.n_of_size,
                }
                for ranked in self.ranked_subsets(run, Reading())
            ],
            "optimality": None if optimality is None else optimality.summary(),
        }

    def figures(self, run: Run, reading: Reading) -> Mapping[str, Figure]:
        """All subsets by information, the circuit, and the distance to the optimum."""
        scheme = run.scheme
        # The colours of the components that are coloured in the sweep figure.
        styles = scheme_styles(scheme, reading.measure)
        colors = {name: style.color for name, style in styles.items() if style.highlighted}
        ranks = plot_subset_information(
            self.subset_information_bits, self.ranked_subsets(run, reading)
        )
        figures = {"subset_ranks": ranks.get_figure(root=True)}
        try:
            figures["circuit"] = plot_circuit(self.analysed, colors=colors).get_figure(root=True)
        except UserError:
            # The circuit is too large to draw; the other figures don't need the drawing.
            plt.close(plt.gcf())
        optimality = self.optimality(run)
        if optimality is not None:
            figures |= optimality_figures(optimality)
        return {name: figure for name, figure in figures.items() if figure is not None}

    def page_views(self, run: Run) -> Sequence[Mapping[str, Any]]:
        """The circuit, with the inputs in use highlighted."""
        try:
            return (circuit_view(self.analysed),)
        except UserError:  # too large a circuit to draw
            return ()

    @cached_property
    def subset_information_bits(self) -> NDArray[Any]:
        """I(X_S; Y) of every subset of inputs, `[2**n]`, by exhaustive search."""
        return subset_information_bits(self.analysed.truth_table()[1])

    def ranked_subsets(self, run: Run, reading: Reading) -> list[RankedSubset]:
        """The subsets in use along the first repeat, ranked among all subsets of their size."""
        subsets = run.scheme.subsets(reading.threshold_bits, measure=reading.measure)
        return rank_subsets(subsets, self.analysed.inputs, self.subset_information_bits)

    def optimality(self, run: Run) -> CircuitOptimality | None:
        """The exact optimum with the sweep; None if it was not computed."""
        if not run.results:
            return None
        return CircuitOptimality.from_arrays(run.results, self.analysed.inputs)

    def readable(self, run: Run, choice: Choice) -> ReadableApproximation:
        """The logic of the inputs in use, exact over the truth table, with a formula."""
        scheme = run.scheme
        if scheme.is_empty or not len(scheme.snapshots.record):
            raise UserError(f"there is no approximation to read: the sweep {scheme.message}.")
        if not choice.is_given:
            choice = Choice(beta=scheme.simplest_beta)
        found = scheme.at(**vars(choice))
        used = [k for k, name in enumerate(found.components) if name in found.in_use()]
        x, y = self.analysed.truth_table()
        return logic_table(
            np.asarray(x)[:, used].reshape(len(y), len(used)).astype(np.int64),
            np.asarray(y).astype(np.int64),
            [found.components[k] for k in used],
            found.conveyed_bits[used].tolist(),
            target=self.analysed.output,
            beta=found.beta,
            total_bits=found.total_bits,
            known_bits=found.predictive_bits,
        )

    def _optimality_sentences(self, run: Run) -> list[str]:
        optimality = self.optimality(run)
        if optimality is not None:
            return optimality.sentences()
        if self.analysed.n_inputs > MAX_FRONTIER_INPUTS:
            return [
                "The exact optimum is not computed, because the circuit has "
                f"{self.analysed.n_inputs} inputs and the limit is {MAX_FRONTIER_INPUTS}."
            ]
        return []


def _ranks_table(
    found: Sequence[RankedSubset], inputs: Sequence[str], measure: Measure, n_seeds: int
) -> Table:
    """Beta range, subset, what it conveys, its exact information and its rank."""
    rows = tuple(
        (
            beta_range(ranked.subset),
            subset_label(ranked.subset, inputs),
            Quantity(ranked.subset.total_bits, "bits", digits=2),
            Quantity(ranked.subset.predictive_bits, "bits", rows="all rows"),
            Quantity(ranked.information_bits, "bits", rows="all rows", digits=6),
            f"{ranked.rank} of {ranked.n_of_size:,}",
        )
        for ranked in found
    )
    columns = ("beta", "subset in use", COLUMNS[measure], "about Y", "I(X_S;Y)", "rank")
    repeat = "first repeat, " if n_seeds > 1 else ""
    return Table("subset_ranks", f"{repeat}information in bits".capitalize(), columns, rows)


def _shares_table(inputs: Sequence[str], information_bits: NDArray[Any]) -> Table:
    """Exact information of each input alone, its loss without it, and its Shapley value."""
    shares = exact_shares(information_bits)
    rows = tuple(
        (
            inputs[k],
            *(Quantity(float(bits[k]), "bits", rows="all rows", digits=4) for bits in shares),
        )
        for k in np.argsort(-shares.shapley, kind="stable")
    )
    return Table(
        "exact_shares",
        "Exact information of each input, in bits",
        ("input", "alone", "lost without it", "Shapley value"),
        rows,
        notes="The Shapley value is the information that an input adds to the inputs before it, "
        "averaged over all orders of the inputs; the values sum to I(X;Y).",
    )


_MEANING: dict[Measure, str] = {
    "information": "what all inputs together convey: the exact information that the channels "
    "transmit.",
    "kl": "KL divergence of all inputs together, an upper bound of what they convey.",
}


def _legend(measure: Measure, threshold_bits: float) -> str:
    return f"""\
Information is in bits.

- **beta**: the range of bottleneck strengths in which the subset is in use.
- **{COLUMNS[measure]}**: {_MEANING[measure]}
- **about Y**: information about the output from the approximation.
- **I(X_S;Y)**: information about the output from the subset without any compression.
- **rank**: rank of the subset by I(X_S;Y) among all subsets of its size.

A new subset begins where the {NAMES[measure]} of an input falls below {threshold_bits:g} \
bit.
"""
