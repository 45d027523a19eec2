"""The page of a run: its content, stored when the run ends, and the HTML made from the folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distributed_ib._checksums import record_checksums
from distributed_ib._files import write_text
from distributed_ib._run_files import PAGE, PAGE_CONTENT
from distributed_ib.errors import UserError
from distributed_ib.report.page.packed_data import load_packed, save_packed
from distributed_ib.report.page.page_content import VERSION
from distributed_ib.report.page.page_writer import PagePart, page_html
from distributed_ib.report.report import Report
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.study.run import Run
from distributed_ib.study.stored_report import reported_parts, stored_report


def save_page_content(run: Run) -> None:
    """Store what the page shows beyond report and scheme, for every part of a run."""
    assert run.folder is not None  # this run is kept
    for name, part in run.shown.items():
        place = run.folder / name
        own = Run(part.study, run.seed, {"": part}, place, run.about, run.on_message)
        content = part.study.page(own)
        if content is not None:
            save_packed(place / PAGE_CONTENT, content)
            record_checksums(place, [PAGE_CONTENT])


def write_page(run: Run, report: Report) -> None:
    """Write `report.html` of a run that has just ended."""
    assert run.folder is not None
    schemes = {name: part.scheme for name, part in run.shown.items()}
    write_text(run.folder / PAGE, page_html(report, _parts(run.folder, schemes)))


def page_of_folder(folder: Path, *, with_rows: bool = True) -> str:
    """The page of a run from its folder. No code of a study is run.

    Args:
        folder: The run folder.
        with_rows: See `page_html`.

    Raises:
        UserError: If the run is unfinished, damaged, or from an earlier version.
    """
    report = stored_report(folder)
    schemes = {}
    for name in reported_parts(folder, report):
        scheme = ApproximationScheme.load(folder / name)
        if not scheme.is_empty:
            schemes[name] = scheme
    return page_html(report, _parts(folder, schemes), with_rows=with_rows)


def _parts(folder: Path, schemes: Mapping[str, ApproximationScheme]) -> list[PagePart]:
    return [PagePart(name, scheme, _content(folder / name)) for name, scheme in schemes.items()]


def _content(place: Path) -> dict[str, Any] | None:
    path = place / PAGE_CONTENT
    if not path.is_file():
        return None
    content = load_packed(path)
    if content.get("version") != VERSION:
        raise UserError(
            f"{path} was made by another version of distributed-ib; run the study again to get a "
            "page."
        )
    return content
