"""The result of running a study: schemes, further results, report and figures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distributed_ib.data.problem import Problem
from distributed_ib.evidence.evidence import Evidence
from distributed_ib.plots._style import figure_style
from distributed_ib.plots.standard_figures import standard_figures
from distributed_ib.report.report import Report, Section
from distributed_ib.report.scheme_sections import (
    opening_findings,
    scheme_sections,
    scheme_values,
)
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.study.study import Reading, Study


@dataclass(frozen=True)
class PartResult:
    """The results of one part of a run.

    Attributes:
        study: The study of this part.
        scheme: Its scheme.
        results: Further arrays that the study measured after the sweep.
        evidence: How certain its findings are; None if it was not measured.
        seed: Seed of the run.
    """

    study: Study
    scheme: ApproximationScheme
    results: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    seed: int = 0
    evidence: Evidence | None = None

    @cached_property
    def problem(self) -> Problem:
        """The problem, made again from the study's options."""
        return self.study.problem(self.seed)


def _silent(text: str) -> None:
    """Ignore a message."""


@dataclass(frozen=True)
class Run:
    """The result of running a study, finished or stopped early.

    Attributes:
        study: The study.
        seed: Seed of everything random.
        parts: Results of its parts by name, in order; parts that have not begun are left out.
        folder: The run folder; None for a run without one.
        about: How the run was made.
        on_message: Called with a line of text while further results are measured.
    """

    study: Study
    seed: int
    parts: Mapping[str, PartResult]
    folder: Path | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    on_message: Callable[[str], None] = _silent

    @property
    def part(self) -> PartResult:
        """The part of a study that has only one."""
        (only,) = self.parts.values()
        return only

    @property
    def scheme(self) -> ApproximationScheme:
        """The scheme of a study that has one part."""
        return self.part.scheme

    @property
    def problem(self) -> Problem:
        """The problem of a study that has one part."""
        return self.part.problem

    @property
    def results(self) -> Mapping[str, NDArray[Any]]:
        """The further results of a study that has one part."""
        return self.part.results

    @property
    def evidence(self) -> Evidence | None:
        """The evidence of a study that has one part."""
        return self.part.evidence

    @property
    def status(self) -> str:
        """The status of the first part that did not finish; "finished" if all did."""
        ends = [part.scheme.status for part in self.parts.values()]
        return next((end for end in ends if end != "finished"), "finished")

    @property
    def message(self) -> str:
        """How the run ended, in one line."""
        parts = self.parts.items()
        unfinished = [
            (name, part.scheme) for name, part in parts if part.scheme.status != "finished"
        ]
        if not unfinished:
            return next(iter(self.parts.values())).scheme.message if self.parts else "not begun"
        name, scheme = unfinished[0]
        return f"{name}: {scheme.message}" if name else scheme.message

    @property
    def shown(self) -> dict[str, PartResult]:
        """The parts whose scheme is not empty."""
        return {name: part for name, part in self.parts.items() if not part.scheme.is_empty}

    def report(self, reading: Reading | None = None) -> Report:
        """The report: the standard sections and those of the study.

        Raises:
            UserError: If the study does not support an option of the reading.
        """
        reading = reading or Reading()
        self.study.check_reading(reading)
        if not self.shown:
            sections = [
                Section(name, opening_findings(part.scheme)) for name, part in self.parts.items()
            ]
            return Report(
                self.study.title(), tuple(sections), values=self._values(), about=self.about
            )
        own = self._values()
        # A run is loaded by the names of its parts, so no study may change them.
        parts = {name: values for name, values in own.items() if name == "parts"}
        return Report(
            title=self.study.title(),
            sections=tuple(self.study.sections(self, reading)),
            values={**own, **self.study.values(self), **parts},
            about=self.about,
        )

    def standard_sections(self, reading: Reading | None = None) -> list[Section]:
        """The standard sections of all parts, with the name of the part in the title."""
        reading = reading or Reading()
        sections: list[Section] = []
        for name, part in self.shown.items():
            found = scheme_sections(
                part.scheme, reading.threshold_bits, reading.measure, part.evidence
            )
            sections += [
                replace(section, title=": ".join(filter(None, (name, section.title))))
                for section in found
            ]
        return sections

    def figures(self, reading: Reading | None = None) -> dict[str, Figure]:
        """All figures, by name: the standard ones and the study's own.

        Raises:
            UserError: If the study does not support an option of the reading.
        """
        reading = reading or Reading()
        self.study.check_reading(reading)
        if not self.shown:
            return {}
        with figure_style():
            drawn: dict[str, Figure] = {}
            if self.study.standard_figures:
                for name, part in self.shown.items():
                    drawn |= standard_figures(
                        part.scheme,
                        threshold_bits=reading.threshold_bits,
                        measure=reading.measure,
                        prefix=f"{name.replace('/', '_')}_" if name else "",
                    )
            own = self.study.figures(self, reading)
        for name in drawn.keys() & own.keys():
            plt.close(drawn[name])
        return {**drawn, **own}

    def _values(self) -> dict[str, Any]:
        values = {
            name: {"status": part.scheme.status, "message": part.scheme.message}
            if part.scheme.is_empty
            else scheme_values(part.scheme, part.evidence)
            for name, part in self.parts.items()
        }
        head = {"study": self.study.name, "status": self.status, "message": self.message}
        return head | values[""] if list(values) == [""] else head | {"parts": values}
