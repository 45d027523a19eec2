"""What a glass run looks like on a terminal."""

from distributed_ib.cli._console import print_table, say
from distributed_ib.scheme.measure import Measure
from distributed_ib.studies.glass import glass_report as report
from distributed_ib.studies.glass.glass_run import GlassRun


def print_run(run: GlassRun, threshold_bits: float = 0.1, measure: Measure | None = None) -> None:
    """Print for each protocol sentences and the approximations with few shells."""
    findings = run.findings(threshold_bits, measure)
    svms, n_loci = run.svms(), run.n_loci()
    for name, found in findings.items():
        for sentence in report.sentences(name, found, svms[name], n_loci[name]):
            say(sentence)
        print_table(
            f"{name} quench: approximations with few shells, information in bits",
            report.few_columns(found.measure),
            report.few_rows(found),
        )
        print_table(
            f"{name} quench: the last shells to fall below {threshold_bits:g} bit",
            report.LAST_COLUMNS,
            report.last_rows(found),
        )
    for sentence in run.unfinished:
        say(sentence)
    say("Beside the paper:")
    for claim, here in report.claim_rows(findings, svms):
        say(f"  {claim}: {here}.")
