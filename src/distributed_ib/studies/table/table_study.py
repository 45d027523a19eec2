"""A table: how much does each column tell about another one?"""

from collections.abc import Mapping
from dataclasses import InitVar, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import pandas as pd
from jax import Array
from matplotlib.figure import Figure

from distributed_ib._checksums import remove_checksums
from distributed_ib.data.columns.declared_kinds import declared_kinds
from distributed_ib.data.files.text_tables import STANDARD_INPUT
from distributed_ib.data.fixed_split import FixedSplit
from distributed_ib.data.problem import Problem
from distributed_ib.data.target import Target
from distributed_ib.errors import UserError
from distributed_ib.estimators._base import DistributedIBEstimator
from distributed_ib.estimators._known_rows import is_missing
from distributed_ib.estimators._plan import Plan
from distributed_ib.estimators.classifier import DistributedIBClassifier
from distributed_ib.estimators.column_figures import compression_figures
from distributed_ib.estimators.estimator_files import (
    ESTIMATOR,
    ESTIMATOR_FILES,
    load_estimator,
    save_estimator,
)
from distributed_ib.estimators.regressor import DistributedIBRegressor
from distributed_ib.estimators.sweep_advice import advice
from distributed_ib.estimators.table_page import readable_tables, table_page
from distributed_ib.evidence.evidence import Evidence
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.readable.readable_approximation import ReadableApproximation
from distributed_ib.report.report import Section
from distributed_ib.report.scheme_sections import kept_beta
from distributed_ib.report.words import listed
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.choice import Choice
from distributed_ib.studies.table.column_names import split_names
from distributed_ib.studies.table.each_target import (
    export_per_target,
    figures_per_target,
    findings_per_target,
    part_names,
)
from distributed_ib.studies.table.option_errors import as_options
from distributed_ib.studies.table.streamed_rows import DEFAULT_MEMORY_GIB, StreamedRows
from distributed_ib.studies.table.table_columns import ColumnRoles, TableColumns, reject_fractions
from distributed_ib.studies.table.table_findings import notes_of_table, warnings_of_table
from distributed_ib.studies.table.table_rows import TableRows
from distributed_ib.studies.table.text_input import TextInput, is_standard_input, kept_input
from distributed_ib.study.run import Run
from distributed_ib.study.study import Reading, Study
from distributed_ib.training.progress import ProgressCallback
from distributed_ib.training.train_settings import Directions, TrainSettings


@dataclass(frozen=True)
class TableStudy(Study):
    """How much does each column of a table tell about another one?

    The table is read and described once, and everything is checked before a folder is created.
    Settings that are left open follow from the data.

    Attributes:
        table: CSV, Parquet, Arrow or Excel file; "-" for CSV from standard input.
        target: Column to explain, or several: together as a vector, or each separately.
        each_target: Explain each of several targets separately, by columns that are not targets.
        exclude: Columns to leave out, such as identifiers.
        weight: Column with the weight of each row. It is not a component.
        group: Column whose rows of equal value stay together when rows are held out; no component.
        time: Column with the time of each row, as numbers or dates: the latest fifth of the rows is
            held out. It is not a component unless `components` names it.
        validation: Table with the same columns, whose rows are used as the held-out rows.
        task: Type of problem; "auto" decides by the values of the target.
        loss: Loss for numeric targets: "density", a log-likelihood, or "infonce", contrastive.
        components: Groups of columns by name; by default every column is a component.
        beta_start: Smallest bottleneck strength; by default 0.001.
        beta_end: Largest bottleneck strength; by default 2.
        direction: Direction of the sweep; "falling" and "both" make one over the whole range.
        kinds: Kinds of columns, as `declared_kinds` takes them; by default chosen from the data.
        n_starts: Number of intervals of beta, each trained from scratch; by default chosen from the
            data.
        n_resamples: Number of splits of the rows into training and validation rows; by default
            chosen from the number of rows.
        n_seeds: Number of independent repeats.
        n_steps: Number of training steps while beta changes; by default chosen from the data.
        n_records: Number of approximations along beta; by default chosen from the number of rows.
        learning_rate: Learning rate.
        evidence_wanted: Measure how certain the findings are.
        quick: Make a single sweep, without error bars or evidence.
        memory_gib: Memory for data, in GiB, 4 by default. Parquet tables that need more, or have
            more than a million rows, are read in parts; see docs/scaling.md.
        rows_read: The rows of the table, if already read; not an option.
    """

    name: ClassVar[str] = "table"

    table: Path
    target: str | tuple[str, ...]
    each_target: bool = False
    exclude: tuple[str, ...] = ()
    weight: str | None = None
    group: str | None = None
    time: str | None = None
    validation: Path | None = None
    task: Literal["auto", "classification", "regression"] = "auto"
    loss: Literal["density", "infonce"] = "density"
    components: dict[str, list[str]] | None = None
    beta_start: float | None = None
    beta_end: float | None = None
    direction: Directions = "rising"
    kinds: dict[str, Any] | None = None
    n_starts: int | None = None
    n_resamples: int | None = None
    n_seeds: int = 1
    n_steps: int | None = None
    n_records: int | None = None
    learning_rate: float | None = None
    evidence_wanted: bool = True
    quick: bool = False
    memory_gib: float = DEFAULT_MEMORY_GIB
    rows_read: InitVar[TableRows | None] = None
    _rows_read: ClassVar[TableRows | None]

    def __post_init__(self, rows_read: TableRows | None) -> None:
        object.__setattr__(self, "_rows_read", rows_read)

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to another process: options and rows, but nothing derived from them."""
        kept = {field.name for field in fields(self)} | {"_rows"}
        return {name: value for name, value in vars(self).items() if name in kept}

    @property
    def train(self) -> TrainSettings:  # type: ignore[override]
        """How the sweep is trained, chosen from the data."""
        return self._any_plan.train

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets."""
        if not isinstance(self.target, str):
            return tuple(self.target)
        return split_names([self.target]) if self.each_target else (self.target,)

    def title(self) -> str:
        """The target and the table."""
        place = STANDARD_INPUT if is_standard_input(self.table) else self.table.name
        return f"{listed(self.targets)} in {place}"

    @classmethod
    def reopened(cls, folder: Path, options: Mapping[str, Any]) -> Self:
        """The study of a run, whose folder contains the table if it came from standard input."""
        study = super().reopened(folder, options)
        if is_standard_input(study.table):
            return replace(study, rows_read=TableRows(kept_input(folder), study.validation))
        return study

    def keep(self, folder: Path) -> None:
        """Store the table if it came from standard input, which can be read only once."""
        self._rows.keep(folder)

    def read_inputs(self, like: Study | None = None) -> None:
        """Read the table and the held-out rows; studies of the same files share them."""
        if isinstance(like, TableStudy) and self._reads == like._reads:
            vars(self)["_rows"] = like._rows
        for part in self.parts().values():
            assert isinstance(part, TableStudy)  # all of its parts are
            _ = part._columns, part._held_out

    def check(self) -> None:
        """Check for missing or repeated targets and for options that don't fit together."""
        if not self.targets or len(set(self.targets)) < len(self.targets):
            raise UserError(
                "--target must name at least one column, and each column once; got "
                f"{listed(self.targets)}."
            )
        if self.each_target and len(self.targets) < 2:
            raise UserError("--each-target needs several targets, such as --target y1,y2.")
        if self.each_target and self._rows.beyond_memory is not None:
            raise UserError("--each-target needs a table that fits into --memory; name one target.")
        if self.validation is not None and is_standard_input(self.validation):
            raise UserError("--validation must be a file; only TABLE can be standard input.")

    def parts(self) -> Mapping[str, Study]:
        """A part for each target if each is explained separately, otherwise this study."""
        return self._parts if self.each_target else {"": self}

    def problem(self, seed: int) -> Problem:
        """The rows of the table, checked; the held-out rows were not used for scaling."""
        return self._plan(seed).problem

    def model(self, key: Array) -> DistributedBottleneck:
        """Encoders for the table's components, and a predictor for the target."""
        return self._any_plan.make_model(key)

    def resolved(self, seed: int) -> Mapping[str, Any]:
        """The target, its type of problem, and the sizes of the networks."""
        plan = self._plan(seed)
        trained = {field.name for field in fields(TrainSettings)} | {"beta_start", "beta_end"}
        sizes = {k: v for k, v in plan.settings.to_dict().items() if k not in trained}
        return {"target": listed(self.targets), "task": plan.target.task, **sizes}

    def complete(self, scheme: ApproximationScheme, seed: int) -> ApproximationScheme:
        """Add scores in the units of the target to the scheme."""
        return self._plan(seed).with_scores(scheme)

    def evidence(
        self, scheme: ApproximationScheme, seed: int, progress: ProgressCallback | None = None
    ) -> Evidence | None:
        """How certain the findings are, with scores and calibration of predictions."""
        return self._plan(seed).evidence(scheme, progress)

    def export(self, run: Run, folder: Path) -> None:
        """Write the fitted estimator, which `dib predict` uses."""
        if self.each_target:
            return export_per_target(run, folder)
        estimator, plan = self._planned(run.seed)
        estimator.adopt(plan, run.scheme, run.evidence)
        remove_checksums(folder, ESTIMATOR_FILES)
        for name in ESTIMATOR_FILES:  # left by a run that was killed before its report was written
            (folder / name).unlink(missing_ok=True)
        save_estimator(estimator, folder, with_scheme=False)

    def findings(self, run: Run, reading: Reading) -> list[Section]:
        """Advice on settings, warnings and notes."""
        if self.each_target:
            return findings_per_target(run, reading)
        sentences = [as_options(one, self.validation) for one in advice(run.scheme.to_xarray())]
        if shared := self._rows.shared_groups(self._roles):
            sentences.insert(0, shared)
        plan, targets = self._plan(run.seed), [("", self._columns.y)]
        streamed = self._streamed
        if self._held_out is not None:
            targets.append((f"in {self.validation}, ", self._held_out[1]))
        found = (
            *warnings_of_table(
                quick=self.quick, rare_classes=plan.rare_classes(), sentences=sentences
            ),
            *notes_of_table(plan.decomposition, targets),
            *(() if streamed is None else streamed.findings(plan, self.validation)),
        )
        return [Section("Settings", found)] if found else []

    def figures(self, run: Run, reading: Reading) -> Mapping[str, Figure]:
        """Figures of which values of the columns can be distinguished."""
        if self.each_target:
            return figures_per_target(run, reading)
        if not len(run.scheme.snapshots.record) or run.folder is None:
            return {}
        if not (run.folder / ESTIMATOR).exists():  # of interrupted runs
            return {}
        fitted = load_estimator(run.folder)
        return compression_figures(
            run.scheme,
            fitted.decomposition_,
            kept_beta(run.scheme) if reading.beta is None else reading.beta,
            threshold_bits=reading.threshold_bits,
            measure=reading.measure,
        )

    def page(self, run: Run) -> Mapping[str, Any] | None:
        """Columns, target, and predictions of held-out rows."""
        tables = [self._columns.x, *(self._held_out or ())[:1]]
        content = table_page(self._plan(run.seed), run.scheme, *tables)
        if run.folder is not None and (run.folder / ESTIMATOR).exists():  # not of interrupted runs
            content["readable"] = readable_tables(load_estimator(run.folder))
        return content

    def readable(self, run: Run, choice: Choice) -> ReadableApproximation:
        """The nearest of the readable tables stored with the run."""
        if list(run.parts) != [""]:
            raise UserError(
                f"this run has several targets; choose one with --target: {listed(self.targets)}."
            )
        if run.folder is None:
            raise UserError("readable tables are stored in a run folder, but this run has none.")
        return load_estimator(run.folder).readable(**vars(choice))

    def check_reading(self, reading: Reading) -> None:
        """Do nothing: all options of reading are supported."""

    def estimator(self, seed: int) -> DistributedIBEstimator:
        """An unfitted estimator with the options of this study."""
        y = self._columns.y
        name, task = listed(self.targets), self.task
        if task == "auto":
            task = self._inferred_task(y, name)
        outside = {name for _, name in self._roles.named()} - set(self._grouped)
        common: dict[str, Any] = {
            "components": self.components,
            # A file of kinds may name all columns of the table.
            "kinds": {k: v for k, v in (self.kinds or {}).items() if k not in outside} or None,
            "beta_start": self.beta_start,
            "beta_end": self.beta_end,
            "direction": self.direction,
            "n_starts": 1 if self.quick else self.n_starts,
            "n_resamples": 0 if self.quick else self.n_resamples,
            "evidence": self.evidence_wanted and not self.quick,
            "n_seeds": self.n_seeds,
            "n_steps": self.n_steps,
            "n_records": self.n_records,
            "learning_rate": self.learning_rate,
            "random_state": seed,
        }
        if task == "classification":
            if isinstance(y, pd.DataFrame):
                raise UserError(
                    f"--task classification needs a single target, but --target names {name}; add "
                    "--each-target, or leave --task out."
                )
            if self.loss != "density":
                raise UserError(
                    f"--loss {self.loss} is only for regression, but the target {name!r} is "
                    "treated as classes; leave --loss out, or add --task regression."
                )
            reject_fractions(name, y if self._streamed is None else self._streamed.classes)
            return DistributedIBClassifier(**common)
        return DistributedIBRegressor(loss=self.loss, **common)

    def _inferred_task(self, y: Any, name: str) -> Literal["classification", "regression"]:
        """The type of problem, from the values of the target."""
        missing = is_missing(y)
        if missing.all():
            raise UserError(f"the target {name!r} has no values; choose another target.")
        return (
            "regression" if isinstance(y, pd.DataFrame) else Target.fit(y[~missing], name=name).task
        )

    @cached_property
    def _rows(self) -> TableRows:
        """The rows of the table, read when needed; the studies of several targets share them."""
        if self._rows_read is not None:
            return self._rows_read
        is_text = is_standard_input(self.table)
        return TableRows(TextInput.read() if is_text else self.table, *self._reads[1:])

    @property
    def _reads(self) -> tuple[Path, Path | None, float, bool]:
        """Options that determine which rows are read, and whether a large table is loaded."""
        roles = (self.weight, self.group, self.time)
        return self.table, self.validation, self.memory_gib, self.each_target or any(roles)

    @cached_property
    def _streamed(self) -> StreamedRows | None:
        """What is known about a table beyond memory; None for other tables."""
        return self._rows.streamed(self._roles, self._grouped, declared_kinds(self.kinds))

    @cached_property
    def _columns(self) -> TableColumns:
        """The columns by their roles; for a table beyond memory, of the measured rows only."""
        if self._streamed is not None:
            return self._streamed.columns
        return self._rows.columns(self._roles, self._grouped)

    @property
    def _roles(self) -> ColumnRoles:
        said = declared_kinds(self.kinds).get(self.time or "")
        day_first = None if said is None else said.day_first
        named = (self.weight, self.group, self.time)
        return ColumnRoles(self.targets, self.exclude, *named, day_first)

    @property
    def _grouped(self) -> list[str]:
        """Columns in groups of components."""
        return [name for names in (self.components or {}).values() for name in names]

    @cached_property
    def _held_out(self) -> tuple[Any, ...] | None:
        """Held-out rows from a separate table, if there is one."""
        return self._rows.held_out(self._roles, list(map(str, self._columns.x.columns)))

    @cached_property
    def _parts(self) -> dict[str, "TableStudy"]:
        """A study for each target; they share the rows that were read."""
        found = {}
        for name, target in part_names(self.targets).items():
            others = tuple(other for other in self.targets if other != target)
            found[name] = replace(
                self,
                target=target,
                each_target=False,
                exclude=(*self.exclude, *others),
                rows_read=self._rows,
            )
        return found

    @cached_property
    def _plans(self) -> dict[int, tuple[DistributedIBEstimator, Plan]]:
        """Plans made so far, by seed, with the estimators that made them."""
        return {}

    def _planned(self, seed: int) -> tuple[DistributedIBEstimator, Plan]:
        if seed not in self._plans:
            self._plans[seed] = self._planned_anew(seed)
        return self._plans[seed]

    def _planned_anew(self, seed: int) -> tuple[DistributedIBEstimator, Plan]:
        estimator, columns = self.estimator(seed), self._columns
        try:
            plan = estimator.plan(
                columns.x,
                columns.y,
                columns.weight,
                columns.groups,
                self._held_out,
                columns.times,
                streamed=None if self._streamed is None else self._streamed.source,
            )
        except UserError as error:
            raise UserError(as_options(str(error), self.validation)) from None
        plan = _with_seed(plan, seed)
        self._check_division(plan)
        return estimator, plan

    def _check_division(self, plan: Plan) -> None:
        """Check that enough groups or times are left to be divided into resamples."""
        if self.group is None and self.time is None:
            return
        option, name, what = (
            ("--group", self.group, "group") if self.time is None else ("--time", self.time, "time")
        )
        try:
            plan.split.divided(plan.train.n_resamples)
        except UserError:
            raise UserError(
                f"{option}: the rows of column {name!r} in {self.table} that are not held out "
                f"belong to one {what} and can't be divided into resamples; at least three {what}s "
                "are needed. Use --resamples 0 for fewer."
            ) from None

    def _plan(self, seed: int) -> Plan:
        return self._planned(seed)[1]

    @property
    def _any_plan(self) -> Plan:
        """A plan of any seed, for what does not depend on it: the seed only splits the rows."""
        return next(iter(self._plans.values()))[1] if self._plans else self._plan(0)


def _with_seed(plan: Plan, seed: int) -> Plan:
    """The plan with the seed of the run, so that all measurements divide the rows in the same way.

    The split remains the one by which the columns were scaled.
    """
    problem = replace(plan.problem, splitter=FixedSplit(plan.problem.splitter, plan.seed))
    return replace(plan, problem=problem, seed=seed)
