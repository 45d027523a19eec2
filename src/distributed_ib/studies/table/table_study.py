"""A table: how much does each column tell about another one?"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from jax import Array
from matplotlib.figure import Figure

from distributed_ib._checksums import forget_checksums
from distributed_ib.data.problem import Problem
from distributed_ib.data.splitters import HoldOutGiven
from distributed_ib.data.table_files import read_table
from distributed_ib.data.target import Target
from distributed_ib.errors import UserError
from distributed_ib.estimators._base import DistributedIBEstimator
from distributed_ib.estimators._known_rows import dropped_in_words, is_missing
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
from distributed_ib.report.report import Finding, Section
from distributed_ib.report.scheme_sections import kept_beta
from distributed_ib.report.words import listed
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.choice import Choice
from distributed_ib.study.run import Run
from distributed_ib.study.study import Reading, Study
from distributed_ib.training.progress import ProgressCallback
from distributed_ib.training.train_settings import TrainSettings

_RARE = (
    "Classes with fewer rows than there are folds are missing in some resamples: {}. What is said "
    "of them is not to be relied on."
)
_QUICK = (
    "This was a quick look: one sweep of one split of the rows. Its numbers have no error bars, "
    "and whether X tells anything about Y was not tested."
)


@dataclass(frozen=True)
class TableStudy(Study):
    """How much does each column of a table tell about another one?

    The table is read and described once, and everything is checked before a folder is made. What
    is left open follows from the data.

    Attributes:
        table: CSV or Parquet file.
        target: The column to explain.
        exclude: Columns to leave out, such as identifiers.
        task: What the target is.
        loss: For numbers: their distribution around the marginal one, or a comparison of rows.
        components: Groups of columns by name; by default every column is a component.
        kinds: Kinds of columns, as `declared_kinds` takes them; by default they follow from the
            data.
        n_starts: Stretches of beta, each trained from scratch; by default by the data.
        n_resamples: Divisions of the rows into those that train and those that choose; by default
            by the size of the data.
        n_seeds: Independent repeats of each.
        n_steps: Training steps while beta rises; by default by the size of the data.
        learning_rate: Step size of training.
        evidence_wanted: Measure how sure the findings are.
        quick: Make a single sweep, whose numbers have no error bars, and measure no evidence.
    """

    name: ClassVar[str] = "table"

    table: Path
    target: str
    exclude: tuple[str, ...] = ()
    task: Literal["auto", "classification", "regression"] = "auto"
    loss: Literal["density", "infonce"] = "density"
    components: dict[str, list[str]] | None = None
    kinds: dict[str, Any] | None = None
    n_starts: int | None = None
    n_resamples: int | None = None
    n_seeds: int = 1
    n_steps: int | None = None
    learning_rate: float | None = None
    evidence_wanted: bool = True
    quick: bool = False

    @property
    def train(self) -> TrainSettings:  # type: ignore[override]
        """How the sweep is trained, worked out from the data."""
        return self._any_plan.train

    def title(self) -> str:
        """The target and the table."""
        return f"{self.target} in {self.table.name}"

    def problem(self, seed: int) -> Problem:
        """The rows of the table, checked; held out are those by which nothing was scaled."""
        plan = self._plan(seed)
        held_out = np.zeros(plan.problem.n_rows, bool)
        held_out[plan.split.held_out] = True
        return replace(plan.problem, splitter=HoldOutGiven(held_out))

    def model(self, key: Array) -> DistributedBottleneck:
        """Encoders for the table's components, and a predictor for the target."""
        return self._any_plan.make_model(key)

    def resolved(self, seed: int) -> Mapping[str, Any]:
        """What the target is, and the sizes of the networks."""
        plan = self._plan(seed)
        trained = {field.name for field in fields(TrainSettings)} | {"beta_start", "beta_end"}
        sizes = {k: v for k, v in plan.settings.to_dict().items() if k not in trained}
        return {"task": plan.target.task, **sizes}

    def complete(self, scheme: ApproximationScheme, seed: int) -> ApproximationScheme:
        """The scheme with scores in the units of the target."""
        return self._plan(seed).with_scores(scheme)

    def evidence(
        self, scheme: ApproximationScheme, seed: int, progress: ProgressCallback | None = None
    ) -> Evidence | None:
        """How sure the findings are, with scores and calibration of predictions."""
        return self._plan(seed).evidence(scheme, progress)

    def export(self, run: Run, folder: Path) -> None:
        """Write the fitted estimator, with which `dib predict` predicts."""
        estimator, plan = self._planned(run.seed)
        estimator.adopt(plan, run.scheme, run.evidence)
        forget_checksums(folder, ESTIMATOR_FILES)
        for name in ESTIMATOR_FILES:  # of a run that was killed before its report was written
            (folder / name).unlink(missing_ok=True)
        save_estimator(estimator, folder, with_scheme=False)

    def findings(self, run: Run, reading: Reading) -> list[Section]:
        """What other settings would show more."""
        found = tuple(
            Finding(_capital(sentence), kind="warning")
            for sentence in advice(run.scheme.to_xarray())
        )
        found = (*self._left_out(run.seed), *found)
        if rare := self._plan(run.seed).rare_classes():
            found = (Finding(_RARE.format(listed(rare)), kind="warning"), *found)
        if self.quick:
            found = (Finding(_QUICK, kind="warning"), *found)
        return [Section("Settings", found)] if found else []

    def figures(self, run: Run, reading: Reading) -> Mapping[str, Figure]:
        """Which values of the columns can be told apart."""
        if not len(run.scheme.snapshots.record) or run.folder is None:
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
        plan, (x, _) = self._plan(run.seed), self._columns
        content = table_page(plan, run.scheme, x)
        if run.folder is not None and (run.folder / ESTIMATOR).exists():  # not of interrupted runs
            content["readable"] = readable_tables(load_estimator(run.folder))
        return content

    def readable(self, run: Run, choice: Choice) -> ReadableApproximation:
        """The nearest of the tables that were kept with the run."""
        if run.folder is None:
            raise UserError("readable tables are kept in the folder of a run; it has none.")
        return load_estimator(run.folder).readable(**vars(choice))

    def check_reading(self, reading: Reading) -> None:
        """Every reading is known."""

    def estimator(self, seed: int) -> DistributedIBEstimator:
        """An estimator with the options of this study, not fitted."""
        _, y = self._columns
        task = self.task
        if task == "auto":
            if is_missing(y).all():
                raise UserError(f"the target {self.target!r} holds no value at all.")
            task = Target.fit(y[~is_missing(y)], name=self.target).task
        outside = {self.target, *self.exclude}  # which a file for all columns names too
        common: dict[str, Any] = {
            "components": self.components,
            "kinds": {k: v for k, v in (self.kinds or {}).items() if k not in outside} or None,
            "n_starts": 1 if self.quick else self.n_starts,
            "n_resamples": 0 if self.quick else self.n_resamples,
            "evidence": self.evidence_wanted and not self.quick,
            "n_seeds": self.n_seeds,
            "n_steps": self.n_steps,
            "learning_rate": self.learning_rate,
            "random_state": seed,
        }
        if task == "classification":
            if self.loss != "density":
                raise UserError(
                    f"--loss {self.loss} is for regression, but the target {self.target!r} is "
                    "taken as classes; leave it out, or give --task regression."
                )
            _refuse_fractions(self.target, y)
            return DistributedIBClassifier(**common)
        return DistributedIBRegressor(loss=self.loss, **common)

    def _left_out(self, seed: int) -> tuple[Finding, ...]:
        """What was left out of the table: columns, and rows without the target."""
        decomposition = self._plan(seed).decomposition.decomposition
        texts = [_capital(one.sentence) for one in decomposition.left_out]
        missing = is_missing(self._columns[1])
        if missing.any():
            texts.insert(0, _capital(dropped_in_words(int(missing.sum()), len(missing))))
        return tuple(Finding(text, kind="note") for text in texts)

    @cached_property
    def _columns(self) -> tuple[pd.DataFrame, "pd.Series[Any]"]:
        """The components' columns and the target's."""
        table = read_table(self.table)
        known = ", ".join(str(name) for name in table.columns)
        wanted = [("target", self.target), *(("exclude", name) for name in self.exclude)]
        for role, name in wanted:
            if name not in table.columns:
                raise UserError(
                    f"{self.table} has no column {name!r}, named by --{role}; its columns are "
                    f"{known}."
                )
        if self.target in self.exclude:
            raise UserError(f"--exclude names the target {self.target!r}; leave it in.")
        if table.empty:
            raise UserError(f"{self.table} has no rows below the names of its columns.")
        x = table.drop(columns=[self.target, *self.exclude])
        if x.shape[1] == 0:
            raise UserError(f"{self.table} has no columns left to explain {self.target!r} with.")
        return x, table[self.target]

    @cached_property
    def _plans(self) -> dict[int, tuple[DistributedIBEstimator, Plan]]:
        """Plans made so far, by seed, with the estimators that made them."""
        return {}

    def _planned(self, seed: int) -> tuple[DistributedIBEstimator, Plan]:
        if seed not in self._plans:
            x, y = self._columns
            estimator = self.estimator(seed)
            self._plans[seed] = (estimator, estimator.plan(x, y))
        return self._plans[seed]

    def _plan(self, seed: int) -> Plan:
        return self._planned(seed)[1]

    @property
    def _any_plan(self) -> Plan:
        """What does not depend on the seed, which only splits the rows, is the same in all."""
        return next(iter(self._plans.values()))[1] if self._plans else self._plan(0)


def _capital(sentence: str) -> str:
    return f"{sentence[:1].upper()}{sentence[1:]}"


def _refuse_fractions(name: str, values: "pd.Series[Any]") -> None:
    """Measured numbers are no classes."""
    if not pd.api.types.is_float_dtype(values.dtype):
        return
    known = values.dropna()
    known = known[np.isfinite(known)]  # infinite values are refused where they are placed
    fractions = known[known % 1 != 0]
    if len(fractions):
        raise UserError(
            f"the target {name!r} holds numbers such as {fractions.iloc[0]:g}, which are no "
            "classes; give --task regression."
        )
