"""What a picture's run looks like on a terminal."""

from distributed_ib.cli._console import print_table, say
from distributed_ib.studies.image.image_report import painted_columns, subset_columns
from distributed_ib.studies.image.image_run import PictureRun


def print_run(run: PictureRun, threshold_bits: float = 0.1) -> None:
    """Print the opening sentences and the tables."""
    for sentence in run.opening():
        say(sentence)
    measure = run.measure or run.scheme.measure
    repeat = " (first repeat)" if run.scheme.n_seeds > 1 else ""
    print_table(
        f"Components in use along the sweep{repeat}, in bits",
        subset_columns(measure),
        run.subset_rows(threshold_bits),
    )
    print_table(
        f"Approximations in the sweep figure{repeat}", painted_columns(measure), run.painted_rows()
    )
