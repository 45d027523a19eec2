"""What a fitted table looks like on a terminal."""

from distributed_ib.cli._console import print_table, say
from distributed_ib.estimators import table_report as report
from distributed_ib.estimators.table_run import FittedRun
from distributed_ib.scheme.measure import Measure


def print_run(run: FittedRun, threshold_bits: float = 0.1, measure: Measure | None = None) -> None:
    """Print sentences, the subsets in use, and what each component conveys."""
    estimator = run.estimator
    measure = measure or estimator.scheme_.measure
    for sentence in report.sentences(estimator, measure):
        say(sentence)
    print_table(
        f"{run.title}: ever fewer components, information in bits",
        report.table_columns(estimator, measure),
        report.table_rows(estimator, threshold_bits, measure),
    )
    print_table(
        f"{report.ALLOCATION_TITLES[measure]}, in bits",
        report.ALLOCATION_COLUMNS,
        report.allocation_rows(estimator, threshold_bits, measure),
    )
