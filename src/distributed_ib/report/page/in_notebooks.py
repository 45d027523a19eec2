"""Pages in the output of a notebook cell."""

from distributed_ib.report.page.page_writer import PagePart, in_frame, page_html
from distributed_ib.report.report import Report
from distributed_ib.report.scheme_sections import scheme_sections
from distributed_ib.scheme.approximation_scheme import ApproximationScheme


def scheme_in_notebook(scheme: ApproximationScheme) -> str:
    """The findings and curves of a scheme, in a frame."""
    report = Report("Scheme of approximations", tuple(scheme_sections(scheme)))
    return in_frame(page_html(report, [PagePart("", scheme)]))
