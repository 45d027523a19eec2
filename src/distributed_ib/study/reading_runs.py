"""Loading of a run from its folder, with its schemes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from distributed_ib._run_files import CONFIG
from distributed_ib.errors import UserError
from distributed_ib.evidence.evidence_files import load_evidence
from distributed_ib.readable.readable_approximation import ReadableApproximation
from distributed_ib.report.report import Finding, Section
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.choice import Choice
from distributed_ib.study.loading import find_study
from distributed_ib.study.run import PartResult, Run
from distributed_ib.study.run_folder import load_results, read_config
from distributed_ib.study.stored_report import reported_parts, stored_report
from distributed_ib.study.study import Reading, Study


def load_run(folder: str | Path, study_class: type[Study] | None = None) -> Run:
    """Load a run from its folder, with its schemes, and with its study if that is installed.

    Args:
        folder: The run folder.
        study_class: Class of a study that is defined in a file. Without it, only the schemes of
            such a run are loaded, and no code of the file is run.

    Raises:
        UserError: If the run is missing, unfinished, damaged, or from an earlier version.
    """
    folder = Path(folder)
    report = stored_report(folder)
    names = reported_parts(folder, report)
    config = read_config(folder)
    head, options = config["run"], config["options"]
    seed = int(head.get("seed", 0))
    if study_class is None and "file" not in head:
        study_class = find_study(head["study"])
    study: Study
    if study_class is None:
        study = StoredStudy(report.title, head["study"], names)
    else:
        study = study_class.reopened(folder, options)
    parts = {
        name: PartResult(
            part,
            ApproximationScheme.load(folder / name),
            load_results(folder / name),
            seed,
            load_evidence(folder / name),
        )
        for name, part in study.parts().items()
        if name in names
    }
    if not parts:
        raise UserError(f"{folder} contains no sweep; check that its {CONFIG} belongs to this run.")
    return Run(study, seed, parts, folder, report.about)


@dataclass(frozen=True)
class StoredStudy(Study):
    """Substitute for a study whose code is not run, with the standard sections and figures.

    Attributes:
        heading: Title of its report.
        study_name: Name of the study.
        part_names: Names of its parts.
    """

    name: ClassVar[str] = "stored"
    heading: str
    study_name: str
    part_names: tuple[str, ...] = ("",)

    def parts(self) -> Mapping[str, Study]:
        """All parts."""
        return dict.fromkeys(self.part_names, self)

    def findings(self, run: Run, reading: Reading) -> Sequence[Section]:
        """A note that the study's own findings are not computed again."""
        note = (
            f"Only the standard findings are computed again, because the code of {self.study_name} "
            "is not run. To print all findings as they were stored, use dib show without "
            "--threshold and --kl."
        )
        return [Section(findings=(Finding(note, kind="note"),))]

    def readable(self, run: Run, choice: Choice) -> ReadableApproximation:
        """Raise an error that asks for the file, whose code makes the rows."""
        raise UserError(
            f"the rows of {self.study_name} are made by the file that defines it; give it with "
            "--study FILE.py."
        )

    def check_reading(self, reading: Reading) -> None:
        """Raise an error if beta is given, which only a study's own figures use."""
        if reading.beta is not None:
            raise UserError(
                f"--beta does not apply to runs of {self.study_name}, because the code of its file "
                "is not run; leave it out."
            )

    def title(self) -> str:
        """Title of its report."""
        return self.heading
