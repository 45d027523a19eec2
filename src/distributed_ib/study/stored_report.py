"""Loading the stored report of a run, without JAX and without running a study's code."""

from pathlib import Path

from distributed_ib._checksums import CHECKSUMS
from distributed_ib._run_files import SCHEME, SUMMARY_JSON
from distributed_ib.errors import UserError
from distributed_ib.report.report import Report
from distributed_ib.report.report_files import load_report
from distributed_ib.study.run_folder import check_folder, has_begun, read_config


def stored_report(folder: Path) -> Report:
    """The stored report of a run; needs no JAX and runs no code of a study.

    Raises:
        UserError: If the run is missing, unfinished, damaged, or from an earlier version.
    """
    read_config(folder)
    if not (folder / SUMMARY_JSON).exists() and not (folder / CHECKSUMS).exists():
        rest = "continue it with dib resume" if has_begun(folder) else "run it again"
        raise UserError(f"{folder} contains a run that is not finished; {rest}.")
    check_folder(folder)
    return load_report(folder)


def reported_parts(folder: Path, report: Report) -> tuple[str, ...]:
    """Names of the parts that have a scheme in the run folder and are in its report.

    A part that was still being measured when the run was stopped is not in the report. The single
    part of most runs is named "".
    """
    found = [path.parent.relative_to(folder) for path in sorted(folder.rglob(SCHEME))]
    if Path() in found:
        return ("",)
    known = report.values.get("parts")
    return tuple(
        place.as_posix()
        for place in found
        if not any(name.startswith(".") for name in place.parts)
        and (not isinstance(known, dict) or place.as_posix() in known)
    )
