"""What a circuit's run looks like on a terminal."""

from distributed_ib.cli.console import print_table, say
from distributed_ib.scheme.words import opening_words
from distributed_ib.studies.boolean.report import COLUMNS, table_rows
from distributed_ib.studies.boolean.run import CircuitRun


def print_run(run: CircuitRun, threshold_bits: float = 0.1) -> None:
    """Print the opening sentences, the final table and the distance to the optimum."""
    for sentence in opening_words(run.scheme):
        say(sentence)
    repeat = " (first repeat)" if run.scheme.n_seeds > 1 else ""
    print_table(
        f"Circuit {run.circuit.name}: subsets in use along the sweep{repeat}, information in bits",
        COLUMNS,
        table_rows(run.found(threshold_bits), run.circuit.inputs),
    )
    for sentence in run.optimality_sentences():
        say(sentence)
