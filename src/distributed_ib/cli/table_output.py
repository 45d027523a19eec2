"""What a fitted table looks like on a terminal."""

from distributed_ib.cli.console import print_table, say
from distributed_ib.estimators import report
from distributed_ib.estimators.run import FittedRun


def print_run(run: FittedRun, threshold_bits: float = 0.1) -> None:
    """Print sentences, the subsets in use, and what each component conveys."""
    estimator = run.estimator
    for sentence in report.sentences(estimator):
        say(sentence)
    print_table(
        f"{run.title}: ever fewer components, information in bits",
        report.table_columns(estimator),
        report.table_rows(estimator, threshold_bits),
    )
    print_table(
        "KL of each component: at most what it conveys, in bits",
        report.ALLOCATION_COLUMNS,
        report.allocation_rows(estimator, threshold_bits),
    )
