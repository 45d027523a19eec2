"""What a circuit's run looks like on a terminal."""

from distributed_ib.cli._console import print_table, say
from distributed_ib.report.words import frequency_columns, frequency_rows, opening_words
from distributed_ib.scheme.measure import Measure
from distributed_ib.studies.boolean.boolean_report import table_columns, table_rows
from distributed_ib.studies.boolean.boolean_run import CircuitRun


def print_run(run: CircuitRun, threshold_bits: float = 0.1, measure: Measure | None = None) -> None:
    """Print the opening sentences, the final table and the distance to the optimum."""
    measure = measure or run.scheme.measure
    for sentence in opening_words(run.scheme, measure):
        say(sentence)
    repeat = " (first repeat)" if run.scheme.n_seeds > 1 else ""
    print_table(
        f"Circuit {run.circuit.name}: subsets in use along the sweep{repeat}, information in bits",
        table_columns(measure),
        table_rows(run.found(threshold_bits, measure), run.circuit.inputs),
    )
    if run.scheme.n_seeds > 1:
        print_table(
            "Subsets by the number of repeats that found them",
            frequency_columns(measure),
            frequency_rows(run.scheme, threshold_bits, measure),
        )
    for sentence in run.optimality_sentences():
        say(sentence)
