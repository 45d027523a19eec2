"""The study of binary patterns by both kinds of bottleneck (paper Fig. 5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from matplotlib.figure import Figure

from distributed_ib.errors import UserError
from distributed_ib.report.report import Finding, Section
from distributed_ib.studies.patterns.pattern_library import PATTERNS
from distributed_ib.studies.patterns.pattern_study import QUICK, Method, PatternStudy
from distributed_ib.studies.patterns.patterns_figures import pattern_figures
from distributed_ib.studies.patterns.patterns_findings import PatternSweep
from distributed_ib.studies.patterns.patterns_report import (
    LEGEND,
    findings_table,
    sentences,
    sweep_values,
)
from distributed_ib.study.run import PartResult, Run
from distributed_ib.study.study import Reading, Study
from distributed_ib.training.train_settings import TrainSettings

# The paper's settings, from its Appendix B.
PAPER = TrainSettings(
    beta=(3e-4, 3.0),
    n_steps=50_000,
    n_pretraining_steps=0,
    batch_size=1024,
    learning_rate=3e-4,
    n_snapshots=40,
    n_information_inputs=1024,
    n_information_records=None,
)


@dataclass(frozen=True)
class PatternsStudy(Study):
    """How do the Distributed and the standard Information Bottleneck differ on binary patterns?

    Every pattern is analysed by both methods, with the same networks and the same training.

    Attributes:
        patterns: Names out of `PATTERNS`; a name given twice counts once. All seven by default.
        hidden: Widths of the layers of ReLU units, of every encoder and of the predictor.
        n_frequencies: Number of frequencies of the positional encoding of each coordinate.
        embedding_dim: Dimension of all embeddings together, divided evenly; an even number.
        train: How each sweep is trained.

    Example:
        >>> list(PatternsStudy(patterns=("circle",)).parts())
        ['circle/distributed', 'circle/standard']
    """

    name: ClassVar[str] = "patterns"
    standard_figures: ClassVar[bool] = False

    patterns: tuple[str, ...] = ()
    hidden: tuple[int, ...] = (64, 64, 64)
    n_frequencies: int = 6
    embedding_dim: int = 8
    train: TrainSettings = QUICK

    @classmethod
    def presets(cls) -> Mapping[str, "PatternsStudy"]:
        """quick: takes minutes; paper: the paper's settings, for a GPU."""
        return {"quick": cls(), "paper": cls(hidden=(128,) * 3, n_frequencies=9, train=PAPER)}

    def parts(self) -> Mapping[str, PatternStudy]:
        """A sweep for each pattern and method."""
        return {
            f"{pattern}/{method}": PatternStudy(
                pattern=pattern,
                method=method,
                hidden=self.hidden,
                n_frequencies=self.n_frequencies,
                embedding_dim=self.embedding_dim,
                train=self.train,
            )
            for pattern in dict.fromkeys(self.patterns or PATTERNS)
            for method in Method
        }

    def check(self) -> None:
        """Check that the patterns exist, and that embeddings can be divided."""
        for part in self.parts().values():
            part.check()

    def title(self) -> str:
        """Title of the report."""
        return "Binary patterns"

    def check_reading(self, reading: Reading) -> None:
        """Raise an error for a threshold or a measure, on which the findings don't depend."""
        super().check_reading(reading)
        given = {
            "--threshold": reading.threshold is not None,
            "--kl": reading.measure is not None,
        }
        for option, is_given in given.items():
            if is_given:
                raise UserError(
                    f"{option} does not apply to runs of patterns, which show both the KL and the "
                    "information; leave it out."
                )

    def sections(self, run: Run, reading: Reading) -> Sequence[Section]:
        """Sentences on both methods and on every pattern; a table with a row for each sweep."""
        sweeps = _sweeps(run.shown)
        unfinished = tuple(
            Finding(f"{_label(part)}: the sweep {part.scheme.message}.", kind="warning")
            for part in run.parts.values()
            if part.scheme.status != "finished"
        )
        table = findings_table(sweeps)
        return [Section(findings=(*sentences(sweeps), *unfinished), tables=(table,), notes=LEGEND)]

    def values(self, run: Run) -> Mapping[str, Any]:
        """Where each sweep ends, where components are given up, what they convey."""
        return sweep_values(_sweeps(run.shown))

    def figures(self, run: Run, reading: Reading) -> Mapping[str, Figure]:
        """All patterns side by side, all errors, and a figure for each pattern."""
        return pattern_figures(_sweeps(run.shown))


def _sweeps(parts: Mapping[str, PartResult]) -> list[PatternSweep]:
    return [
        PatternSweep(part.study.drawn(), part.study.method, part.scheme)
        for part in parts.values()
        if isinstance(part.study, PatternStudy)
    ]


def _label(part: PartResult) -> str:
    assert isinstance(part.study, PatternStudy)
    return f"{part.study.pattern}, {part.study.method}"
