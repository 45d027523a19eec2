"""A run of several targets, each with its own sweep."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from distributed_ib import _run_files
from distributed_ib._checksums import CHECKSUMS
from distributed_ib.estimators.estimator_files import ESTIMATOR_FILES
from distributed_ib.report.report import Section
from distributed_ib.study.run import Run
from distributed_ib.study.study import Reading

_TAKEN = {
    CHECKSUMS.lower(),
    *ESTIMATOR_FILES,
    *(name for name in vars(_run_files).values() if isinstance(name, str)),
}
_LONGEST = 60


def part_names(targets: Sequence[str]) -> dict[str, str]:
    """Targets by the names of their parts, which are valid names of folders.

    >>> part_names(["dose", "a/b", "figures"])
    {'dose': 'dose', 'a_b': 'a/b', 'target figures': 'figures'}
    """
    found: dict[str, str] = {}
    for target in targets:
        name = re.sub(r"[^\w (),.+=-]", "_", target).strip(" .")[:_LONGEST].strip(" .") or "_"
        if name.lower() in _TAKEN or name.lower().startswith("figures-"):
            name = f"target {name}"
        first, number = name, 2
        while name.lower() in {other.lower() for other in found}:
            name, number = f"{first} {number}", number + 1
        found[name] = target
    return found


def runs_of_targets(run: Run) -> Iterator[tuple[str, Run]]:
    """Each part whose scheme is not empty, as a run of its own, by name."""
    for name, part in run.shown.items():
        folder = None if run.folder is None else run.folder / name
        yield name, Run(part.study, run.seed, {"": part}, folder, run.about, run.on_message)


def export_per_target(run: Run, folder: Path) -> None:
    """Write the fitted estimator of each target into its folder."""
    for name, own in runs_of_targets(run):
        own.study.export(own, folder / name)


def findings_per_target(run: Run, reading: Reading) -> list[Section]:
    """Advice on settings, warnings and notes for each target."""
    return [
        Section(f"{name}: {section.title}", section.findings, section.tables, section.notes)
        for name, own in runs_of_targets(run)
        for section in own.study.findings(own, reading)
    ]


def figures_per_target(run: Run, reading: Reading) -> Mapping[str, Figure]:
    """The figures of each target, by names that begin with the target's."""
    return {
        f"{name}_{figure}": drawn
        for name, own in runs_of_targets(run)
        for figure, drawn in own.study.figures(own, reading).items()
    }
