"""The base class of all studies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from jax import Array
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distributed_ib.data.columns.column_values import numbers_of
from distributed_ib.data.problem import Problem
from distributed_ib.data.table_errors import where
from distributed_ib.errors import UserError
from distributed_ib.evidence.evidence import Evidence
from distributed_ib.evidence.measuring import measure_evidence
from distributed_ib.readable.readable_approximation import ReadableApproximation
from distributed_ib.report.report import Section
from distributed_ib.report.words import listed
from distributed_ib.scheme._array_reading import read_problem
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.choice import Choice
from distributed_ib.scheme.fitting import fit_scheme
from distributed_ib.scheme.measure import Measure
from distributed_ib.study.options import from_toml
from distributed_ib.training.progress import ProgressCallback
from distributed_ib.training.train_settings import TrainSettings

if TYPE_CHECKING:
    import pandas as pd

    from distributed_ib.study.run import Run

DEFAULT_THRESHOLD_BITS = 0.1


@dataclass(frozen=True)
class Reading:
    """How the results of a run are read.

    Attributes:
        threshold: A component is in use if it conveys more than this many bits; by default
            `DEFAULT_THRESHOLD_BITS`, 0.1.
        measure: Measure of these bits, "information" or "kl"; by default the information, if it was
            measured.
        beta: Bottleneck strength of figures that show a single approximation; by default the
            study's own choice.
    """

    threshold: float | None = None
    measure: Measure | None = None
    beta: float | None = None

    @property
    def threshold_bits(self) -> float:
        """The threshold in bits, or the default one if none is given.

        >>> Reading().threshold_bits, Reading(threshold=0.5).threshold_bits
        (0.1, 0.5)
        """
        return DEFAULT_THRESHOLD_BITS if self.threshold is None else self.threshold


class Study:
    """A relationship X -> Y and how it is analysed: the base of all studies.

    A study is a frozen dataclass with a `name`, its options as fields, and the methods `problem`
    and `model`. `dib run FILE.py` runs it, and provides options on the command line, progress,
    checkpoints and resume, repeats, information with its bounds, figures and summary. The other
    methods add what is particular to a study; each has a default.

    Attributes:
        name: Name of the study; a class variable.
        standard_figures: Whether sweep, information plane and subsets are drawn; a class variable.
        measures_interrupted: Whether `measure` is also called after an interrupted sweep, if the
            figures need its results; a class variable. `measure` should then take only seconds.
        train: How its sweeps are trained.

    Example:
        >>> import jax, numpy as np
        >>> from typing import ClassVar
        >>> from distributed_ib.model.bottleneck import DistributedBottleneck
        >>> from distributed_ib.model.encoders import BinaryEncoder
        >>> from distributed_ib.model.predictors import BernoulliPredictor
        >>> @dataclass(frozen=True)
        ... class Parity(Study):
        ...     name: ClassVar[str] = "parity"
        ...     n_inputs: int = 2
        ...     train: TrainSettings = TrainSettings(n_steps=200)
        ...
        ...     def problem(self, seed):
        ...         x = np.random.default_rng(seed).integers(0, 2, (500, self.n_inputs))
        ...         names = [f"x{i}" for i in range(self.n_inputs)]
        ...         return Problem.from_arrays(x, x.sum(axis=1) % 2, names, held_out=0.2)
        ...
        ...     def model(self, key):
        ...         predictor = BernoulliPredictor(self.n_inputs, hidden=(16,), key=key)
        ...         return DistributedBottleneck(BinaryEncoder(self.n_inputs), predictor)
        >>> Parity(n_inputs=3).problem(seed=0).names
        ('x0', 'x1', 'x2')
    """

    name: ClassVar[str]
    standard_figures: ClassVar[bool] = True
    measures_interrupted: ClassVar[bool] = False
    train: TrainSettings

    # Required -------------------------------------------------------------------------------------

    def problem(self, seed: int) -> Problem:
        """The rows of the relationship and how they are split, shared by all repeats.

        Args:
            seed: Seed of the run; the same seed must give the same problem.
        """
        raise NotImplementedError(
            f"the study {self.name!r} does not define problem(seed); add this method."
        )

    def model(self, key: Array) -> Any:
        """A model with random weights, such as a `DistributedBottleneck`.

        Args:
            key: JAX random key.
        """
        raise NotImplementedError(
            f"the study {self.name!r} does not define model(key); add this method."
        )

    def fit(self, seed: int = 0, progress: ProgressCallback | None = None) -> ApproximationScheme:
        """Train the scheme of a study with one part, without a folder; see also `run_study`.

        Args:
            seed: Seed of everything random.
            progress: Called as the sweeps go on.
        """
        return fit_scheme(self.problem(seed), self.model, self.train, seed=seed, progress=progress)

    # Optional -------------------------------------------------------------------------------------

    @classmethod
    def reopened(cls, folder: Path, options: Mapping[str, Any]) -> Self:
        """Recreate the study of a run from its folder and the options in its `config.toml`.

        Override it if the study needs what `keep` stored in the folder.
        """
        return from_toml(cls, options)

    @classmethod
    def presets(cls) -> Mapping[str, Self]:
        """Named sets of options, for `--preset NAME`."""
        return {}

    def parts(self) -> Mapping[str, "Study"]:
        """The studies that this one consists of, each with its own sweep, by folder name.

        By default the study itself, with an empty name.
        """
        return {"": self}

    def check(self) -> None:
        """Check the options, before a folder is created.

        Raises:
            UserError: If they can't be used; the message states what is wrong and what to do.
        """

    def prepare(self, folder: Path) -> "Study":
        """Run a step before the sweep, such as a simulation that stores its data in `folder`.

        It is called again when a run is resumed, and must then return the same study.

        Returns:
            The study to be run.
        """
        return self

    def keep(self, folder: Path) -> None:
        """Copy inputs that are needed to read the run, such as a picture, into the run folder.

        It is called again when a run is resumed, and should then keep existing files.
        """

    def read_inputs(self, like: "Study | None" = None) -> None:
        """Read the inputs from this machine's disk, so that the study can run on another machine.

        Args:
            like: A study that has read its inputs, which may be the same.
        """

    def resolved(self, seed: int) -> Mapping[str, Any]:
        """Settings that follow from the data; stored in `config.toml`.

        They are listed there under `[resolved]`, with the settings of the training.

        Args:
            seed: Seed of the run.

        Returns:
            TOML values by name.
        """
        return {}

    def complete(self, scheme: ApproximationScheme, seed: int) -> ApproximationScheme:
        """Add the study's own numbers to the scheme before it is saved."""
        return scheme

    def evidence(
        self, scheme: ApproximationScheme, seed: int, progress: ProgressCallback | None = None
    ) -> Evidence | None:
        """Measure how certain the findings are; None if rows are fresh or the problem is complete.

        Args:
            scheme: The finished scheme.
            seed: Seed of the run.
            progress: Called while models of subsets are trained.
        """
        split = self.problem(seed).split(seed)
        return measure_evidence(scheme, split, self.model, self.train, seed=seed, progress=progress)

    def export(self, run: "Run", folder: Path) -> None:
        """Write further results into the run folder, such as a fitted estimator."""

    def measure(self, run: "Run") -> Mapping[str, NDArray[Any]]:
        """Measure further results after the sweep: arrays by name.

        They are stored with the run (`results.npz`) and returned by `run.results`.
        """
        return {}

    def sections(self, run: "Run", reading: Reading) -> Sequence[Section]:
        """The whole report: by default the standard sections, then `findings`."""
        return [*run.standard_sections(reading), *self.findings(run, reading)]

    def findings(self, run: "Run", reading: Reading) -> Sequence[Section]:
        """Sections for the report after the standard ones."""
        return ()

    def values(self, run: "Run") -> Mapping[str, Any]:
        """Plain values for `summary.json`, in addition to the standard ones."""
        return {}

    def figures(self, run: "Run", reading: Reading) -> Mapping[str, Figure]:
        """Additional figures by name; one with the name of a standard figure replaces it."""
        return {}

    def render(self, run: "Run", folder: Path) -> None:
        """Write files other than Matplotlib figures, such as an animation, beside the figures.

        Args:
            run: A run with something to show.
            folder: The folder of the figures.
        """

    def page(self, run: "Run") -> Mapping[str, Any] | None:
        """What the page of a run shows beyond its report and scheme; see `page_content`.

        It is computed once, when the run ends, and stored in `page.npz`. By default, it contains
        the values of components that are single numbers, and predictions for values that a reader
        sets.
        """
        from distributed_ib.study.page_of_problem import page_of_problem

        return page_of_problem(run)

    def page_views(self, run: "Run") -> Sequence[Mapping[str, Any]]:
        """The study's own views for the page; see `report.page.own_views`."""
        return ()

    def rows(self, table: "pd.DataFrame") -> Any:
        """Rows of a table as the model's encoder takes them, for `dib predict`.

        By default, each component is a single number, in the column of its name. Returns
        `[n, component, 1]`, or `[n, component]` if the problem's X has this shape.

        Raises:
            UserError: If a column is missing or contains a value that is not a number, or, if the
                problem is complete, a value that does not occur in it.
        """
        problem = self.problem(0)
        names, known = problem.names, problem.x
        missing = [name for name in names if name not in table.columns]
        if missing:
            raise UserError(
                f"the table has no column {missing[0]!r}; it must have the columns "
                f"{', '.join(names)}."
            )
        columns = [numbers_of(name, table[name]) for name in names]
        x = np.stack(columns, axis=1)
        if not isinstance(known, np.ndarray) or known.ndim != 2:
            return x[..., None].astype(np.float32)
        if problem.complete and (strange := ~np.isin(x, known)).any():
            row, k = (int(place) for place in np.argwhere(strange)[0])
            raise UserError(
                f"{where(names[k], row + 1)} is {x[row, k]:g}, which is not a value of these "
                f"inputs; their values are {listed(list(map(str, np.unique(known))))}."
            )
        return x.astype(known.dtype)

    def readable(self, run: "Run", choice: Choice) -> ReadableApproximation:
        """An approximation as symbols and a table of predictions, for `dib read`.

        The default supports studies with one part, components of one feature each, and classes.

        Args:
            run: A finished run.
            choice: Which approximation; by default the simplest.

        Raises:
            UserError: If the study has no such tables.
        """
        parts, x = list(run.parts), None
        if parts == [""] and run.problem.source is None:
            x = run.problem.x
        if not isinstance(x, np.ndarray) or x.ndim not in (2, 3) or x.shape[2:] not in ((), (1,)):
            raise UserError(
                "dib read needs the training rows, and components whose values can be listed: a "
                "run of dib fit or dib boolean, or of your own study with components of one "
                f"feature each. This is a run of {self.name}."
            )
        scheme = run.scheme
        if not len(scheme.snapshots.record):
            raise UserError(f"there is no approximation to read: the sweep {scheme.message}.")
        if not choice.is_given:
            choice = Choice(beta=scheme.simplest_beta)
        split, data = run.problem.split(run.seed), scheme.to_xarray()
        return read_problem(
            scheme.all_at(choice),
            split,
            split.divided(self.train.n_resamples),
            target="y",
            max_rows=32,
            resamples=data["resample"].values.tolist() if "resample" in data else None,
        )

    def check_reading(self, reading: Reading) -> None:
        """Check that this study supports the options of reading.

        Raises:
            UserError: If an option does not apply; names the option and the reason.
        """
        if reading.beta is not None:
            raise UserError(f"--beta does not apply to runs of {self.name}; leave it out.")

    def title(self) -> str:
        """Title of its report."""
        return self.name


def check_study_class(cls: type) -> None:
    """Check that a class defines a valid study, with errors for its author.

    Raises:
        UserError: If it is not a frozen dataclass, or has no name or no `train`.
    """
    label = f"the study {cls.__name__}"
    if not is_dataclass(cls) or not cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise UserError(
            f"{label} must be a frozen dataclass: write @dataclass(frozen=True) above it."
        )
    if not isinstance(getattr(cls, "name", None), str) or not cls.name:  # type: ignore[attr-defined]
        raise UserError(f'{label} has no name: write name: ClassVar[str] = "..." in it.')
    if "name" in {field.name for field in fields(cls)}:
        raise UserError(f"{label}: declare name as a class variable, name: ClassVar[str] = ...")
