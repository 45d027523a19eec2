"""The study of a sheared glass: which structure predicts its rearrangements (paper Fig. 4)."""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import jax
import numpy as np
from jax import Array
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distributed_ib._files import create_folder
from distributed_ib._run_files import CHECKPOINTS, FIGURES, SNAPSHOTS, SWEEPS
from distributed_ib.data.problem import Problem
from distributed_ib.errors import UserError
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.model.encoders import SharedEncoder
from distributed_ib.model.predictors import BernoulliPredictor
from distributed_ib.report.report import Finding, Section
from distributed_ib.studies.glass.glass_examples import (
    glass_problem,
    reporting_rows,
    standardisation,
    validation_rows,
)
from distributed_ib.studies.glass.glass_figures import Panels, glass_figure
from distributed_ib.studies.glass.glass_findings import AnalysedGlass, find
from distributed_ib.studies.glass.glass_measurements import GlassMeasurements, measure_glass
from distributed_ib.studies.glass.glass_sections import paper_section, protocol_section
from distributed_ib.studies.glass.glass_sources import load_glass
from distributed_ib.studies.glass.glass_tables import (
    GlassData,
    in_single_precision,
    load_table,
    save_table,
)
from distributed_ib.studies.glass.shells_view import shells_view
from distributed_ib.studies.glass.structure_functions import N_SHELLS, structure_functions
from distributed_ib.study.run import PartResult, Run
from distributed_ib.study.study import Reading, Study
from distributed_ib.training.train_settings import TrainSettings

TABLES = "data"
N_COMPONENTS = 2 * N_SHELLS

# Three starts, from beta 0.001, 0.005 and 0.025: the first gives the best accuracy, the last the
# fewest shells. Above beta 0.6 no shell conveys anything. From 0.0003 (rapid, seed 0) the best
# accuracy was 0.006 higher, and that of two shells 0.04 to 0.09 lower. Averages over a twentieth of
# the steps are 0.002 to 0.01 more accurate than single steps (seed 0).
# Measuring a hundred channels of 20 models takes some ten seconds on one core. The two bounds
# differ by 1.44 * 2^I / 360 bits: 0.01 bit at 1 bit, 0.1 bit at 5.
# Evidence, as for tables, is not measured: it would train models of subsets of a hundred shells,
# which takes minutes. The SVM is the reference for the sweep.
QUICK = TrainSettings(
    beta=(1e-3, 0.6),
    n_steps=8_000,
    n_pretraining_steps=300,
    batch_size=128,
    learning_rate=1e-3,
    weight_decay=0.5,
    averaging=0.05,
    n_starts=3,
    n_records=60,
    n_information_inputs=360,
    n_information_records=20,
    evidence=False,
)
# The paper's settings, from its Appendix A; 0.8 s per step on two cores, so better on a GPU.
PAPER = TrainSettings(
    beta=(1e-6, 2.0),
    n_steps=30_000,
    n_pretraining_steps=2_000,
    batch_size=512,
    learning_rate=3e-4,
    n_snapshots=50,
    n_information_inputs=360,
    n_information_records=20,
    evidence=False,
)


@dataclass(frozen=True)
class GlassStudy(Study):
    """Which shells around a particle predict that it is about to rearrange?

    For each quench protocol, a sweep or the envelope of several starts is compared with a linear
    support vector machine.

    Attributes:
        data: Folder made by `dib glass simulate`, a table in it, or the published archive (.tar,
            .tar.gz); by default the data that come with the package.
        encoder_hidden: Widths of the layers of the encoder that all shells share.
        embedding_dim: Dimension of each shell's channel.
        predictor_hidden: Widths of the predictor's layers.
        n_frequencies: Number of frequencies of the positional encoding of each density.
        validation_fraction: Share of the samples that are held out, if the data contain no split.
        train: How the sweeps are trained; by default from three starts, whose envelope is shown.

    Example:
        >>> sorted(GlassStudy().parts())
        ['gradual', 'rapid']
    """

    name: ClassVar[str] = "glass"
    standard_figures: ClassVar[bool] = False

    data: Path | None = None
    encoder_hidden: tuple[int, ...] = (64, 64)
    embedding_dim: int = 8
    predictor_hidden: tuple[int, ...] = (64, 64)
    n_frequencies: int = 4
    validation_fraction: float = 0.2
    train: TrainSettings = QUICK

    @classmethod
    def of(cls, tables: Mapping[str, GlassData], **options: Any) -> Self:
        """The study of data in memory, by protocol, with other options by name.

        Positions are rounded to single precision, as in the files of the run folder.
        """
        rounded = {name: in_single_precision(table) for name, table in tables.items()}
        return cls(data=Path("in-memory"), **options)._with(rounded)

    @classmethod
    def reopened(cls, folder: Path, options: Mapping[str, Any]) -> Self:
        """The study of a run, whose folder contains the data that were analysed."""
        study = super().reopened(folder, options)
        if not (folder / TABLES).is_dir():
            return study
        paths = sorted((folder / TABLES).glob("*.npz"))
        return study._with({path.stem: load_table(path) for path in paths})

    @classmethod
    def presets(cls) -> Mapping[str, Self]:
        """quick: three starts, takes minutes; paper: the paper's single sweep, for a GPU."""
        wide = (256, 256, 256)
        paper = cls(
            encoder_hidden=wide,
            embedding_dim=64,
            predictor_hidden=wide,
            n_frequencies=4,
            validation_fraction=0.1,
            train=PAPER,
        )
        return {"quick": cls(), "paper": paper}

    @cached_property
    def protocols(self) -> Mapping[str, "ProtocolStudy"]:
        """The study of each glass, by protocol."""
        return self._parts_of(load_glass(self.data))

    def parts(self) -> Mapping[str, Study]:
        """A sweep for each protocol."""
        return self.protocols

    def check(self) -> None:
        """Check for numbers out of range, and names of protocols that are no valid folder names."""
        if not 0 < self.validation_fraction < 1:
            raise UserError(
                "the validation fraction must be between 0 and 1, got "
                f"{self.validation_fraction:g}."
            )
        if self.train.direction == "both":
            raise UserError(
                "a glass is analysed with a single direction of beta; choose rising or falling."
            )
        for name in self.protocols:  # names come from the data and may be anything
            reserved = name in (TABLES, FIGURES, SNAPSHOTS, CHECKPOINTS, SWEEPS)
            if reserved or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
                raise UserError(
                    f"the protocol of the data is named {name!r}; give it a name of letters and "
                    "digits only, and not one that is reserved."
                )

    def model(self, key: Array) -> DistributedBottleneck:
        """The paper's model: one encoder for all shells, which is also given the shell's number."""
        key_encoder, key_predictor = jax.random.split(key)
        encoder = SharedEncoder(
            N_COMPONENTS,
            input_dim=1,
            hidden=self.encoder_hidden,
            embedding_dim=self.embedding_dim,
            n_frequencies=self.n_frequencies,
            key=key_encoder,
        )
        predictor = BernoulliPredictor(
            N_COMPONENTS * self.embedding_dim, hidden=self.predictor_hidden, key=key_predictor
        )
        return DistributedBottleneck(encoder, predictor)

    def keep(self, folder: Path) -> None:
        """Copy the data that are analysed into the run folder."""
        if (folder / TABLES).is_dir():
            return
        half = folder / f".{TABLES}-half"
        shutil.rmtree(half, ignore_errors=True)
        create_folder(half)
        for name, protocol in self.protocols.items():
            save_table(protocol.table, half / f"{name}.npz")
        half.rename(folder / TABLES)

    def title(self) -> str:
        """Title of the report."""
        return "Structure and rearrangement in a sheared glass"

    def analysed(self, run: Run) -> dict[str, AnalysedGlass]:
        """The glasses whose sweeps have at least one record, by protocol."""
        return {name: self.protocols[name].analysed(part) for name, part in run.shown.items()}

    def sections(self, run: Run, reading: Reading) -> Sequence[Section]:
        """The course of the sweeps, the findings of each, and those of the paper."""
        glasses = self.analysed(run)
        svms = {name: glass.measured.svm for name, glass in glasses.items()}
        findings = {
            name: find(glass, threshold_bits=reading.threshold_bits, measure=reading.measure)
            for name, glass in glasses.items()
        }
        measure = next(iter(findings.values())).measure
        return [
            Section(
                findings=tuple(
                    _sweep_finding(name, part, self.train.n_starts)
                    for name, part in run.parts.items()
                )
            ),
            *(
                protocol_section(
                    name, found, svms[name], glasses[name].n_loci, reading.threshold_bits
                )
                for name, found in findings.items()
            ),
            paper_section(findings, svms, measure),
        ]

    def values(self, run: Run) -> Mapping[str, Any]:
        """Examples, SVM and the findings of every repeat, by protocol."""
        return {
            "protocols": {
                name: {
                    "status": glass.scheme.status,
                    "message": glass.scheme.message,
                    "n_loci": glass.n_loci,
                    "n_training_examples": len(glass.split.train),
                    "n_validation_examples": len(validation_rows(glass.split)),
                    "n_test_examples": len(reporting_rows(glass.split)),
                    "svm": {
                        "c": float(glass.measured.svm.c),
                        "training_accuracy": float(glass.measured.svm.training_accuracy),
                        "test_accuracy": float(glass.measured.svm.test_accuracy),
                    },
                    "repeats": [
                        asdict(find(glass, seed=seed)) for seed in range(glass.scheme.n_seeds)
                    ],
                }
                for name, glass in self.analysed(run).items()
            }
        }

    def figures(self, run: Run, reading: Reading) -> Mapping[str, Figure]:
        """Error, accuracy and information of each shell: three panels for each glass."""
        panels = {
            name: Panels(
                glass.scheme,
                glass.distribution,
                float(glass.measured.svm.test_accuracy),
                glass.measured.accuracy,
                glass.measured.averaged_accuracy,
                self.train.n_starts,
            )
            for name, glass in self.analysed(run).items()
        }
        options: dict[str, Any] = {
            "threshold_bits": reading.threshold_bits,
            "measure": reading.measure,
        }
        return {"glass": glass_figure(panels, **options)}

    def _with(self, tables: Mapping[str, GlassData]) -> Self:
        """This study with data that are already in memory."""
        vars(self)["protocols"] = self._parts_of(tables)
        return self

    def _parts_of(self, tables: Mapping[str, GlassData]) -> Mapping[str, "ProtocolStudy"]:
        return {name: ProtocolStudy(self, table, self.train) for name, table in tables.items()}


@dataclass(frozen=True, eq=False)
class ProtocolStudy(Study):
    """Which shells around a particle predict that it is about to rearrange, in one glass?

    Attributes:
        glass: The study of which this is a part, with all options.
        table: The examples.
        train: How its sweep is trained.
    """

    name: ClassVar[str] = "glass protocol"
    measures_interrupted: ClassVar[bool] = True

    glass: GlassStudy
    table: GlassData
    train: TrainSettings

    @cached_property
    def densities(self) -> NDArray[np.float64]:
        """The structure functions of all examples, `[n, 100]`."""
        return structure_functions(self.table.around)

    def problem(self, seed: int) -> Problem:
        """All examples: standardised densities of the shells, and whether the centre is a locus."""
        return glass_problem(self.table, self.densities, self.glass.validation_fraction, seed=seed)

    def model(self, key: Array) -> DistributedBottleneck:
        """The paper's model, the same for every glass."""
        return self.glass.model(key)

    def measure(self, run: Run) -> Mapping[str, NDArray[Any]]:
        """The SVM, the best single shell, and the accuracies of the snapshots."""
        split = run.problem.split(run.seed)
        standardised = standardisation(self.densities, split.train)
        return measure_glass(run.scheme, split, self.table.group, standardised).to_arrays()

    def page_views(self, run: Run) -> Sequence[Mapping[str, Any]]:
        """The shells on g(r)."""
        return (shells_view(self.table.distribution),)

    def analysed(self, part: PartResult) -> AnalysedGlass:
        """The results of a run for this glass."""
        return AnalysedGlass(
            part.scheme,
            part.problem.split(part.seed),
            self.table.distribution,
            GlassMeasurements.from_arrays(part.results),
        )


def _sweep_finding(name: str, part: PartResult, n_starts: int) -> Finding:
    scheme = part.scheme
    seconds = scheme.to_xarray().attrs["seconds"]
    took = f", {seconds:.0f} s" if scheme.status == "finished" else ""
    envelope = (
        f" At every beta the models of the best of {n_starts} starts are kept."
        if scheme.is_ladder and n_starts > 1
        else ""
    )
    return Finding(f"{name}: the sweep {scheme.message}{took}.{envelope}", kind="note")
