"""The findings of a glass run in words and tables."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from distributed_ib.report.words import markdown_table
from distributed_ib.scheme.measure import COLUMNS, Measure
from distributed_ib.studies.glass.glass_findings import GOOD_ACCURACY, GlassFindings
from distributed_ib.studies.glass.linear_svm import SvmResult
from distributed_ib.studies.glass.shell_places import Shell

LAST_COLUMNS = ("shells left", "shell", "where on g(r)", "g(r) there")
CLAIM_COLUMNS = ("the paper", "here")
_MOST_NAMED = 5
_MEANING: dict[Measure, str] = {
    "information": "the information that all shells convey together, in bits; of each shell it is "
    "the middle between a lower and an upper bound.",
    "kl": "the KL of all shells together, in bits: an upper bound of what they convey.",
}


def sentences(name: str, found: GlassFindings, svm: SvmResult, n_loci: int) -> list[str]:
    """What one sweep found, in plain words."""
    spread = found.diffuseness
    limit = "at most " if found.measure == "kl" else ""
    return [
        f"{name} quench, {n_loci} loci: the best validation accuracy is "
        f"{found.best_averaged:.3f} ± {found.best_error:.3f} when predictions are averaged over "
        f"the channels' noise (beta={found.best_averaged_beta:.2g}) and {found.best_accuracy:.3f} "
        f"from one draw of it (beta={found.best_beta:.2g}); a linear SVM on all shells has "
        f"{svm.validation_accuracy:.3f} (C={svm.c:.2g}).",
        f"The validation error is up to {found.gap_largest_bits:.2f} bits above the training error "
        f"(overfitting), with ten shells in use {found.gap_few_bits:.2f} bits.",
        f"{_shells(found.fewest_near_best_averaged)} in use keep the averaged accuracy within 3 "
        f"points of its best, {found.fewest_near_best} that of one draw.",
        "No approximation has a validation accuracy of 80 %."
        if spread is None
        else f"80 % needs {limit}{spread.total_bits:.2f} bits in all, spread as if over "
        f"{spread.effective_shells:.1f} shells that tell the same; {spread.n_in_use} are above "
        "the threshold.",
    ]


def few_columns(measure: Measure) -> tuple[str, ...]:
    """Headings of `few_rows`."""
    shells = "shells in use, most telling first"
    return ("at most", shells, COLUMNS[measure], "accuracy", "alone", "averaged", "SVM")


def few_rows(found: GlassFindings) -> list[list[str]]:
    """One row for each approximation with few shells."""
    return [
        [
            str(few.asked),
            _listed(few.shells),
            f"{few.total_bits:.2f}",
            f"{few.accuracy:.3f}",
            f"{few.accuracy_alone:.3f}",
            f"{few.averaged:.3f}",
            f"{few.svm_accuracy:.3f}" if np.isfinite(few.svm_accuracy) else "-",
        ]
        for few in found.few
    ]


def last_rows(found: GlassFindings) -> list[list[str]]:
    """The last shells to fall, the very last first; columns are `LAST_COLUMNS`."""
    return [
        [str(left), shell.name, shell.place, f"{shell.usual:.2f}"]
        for left, shell in enumerate(found.last, start=1)
    ]


def claim_rows(
    findings: Mapping[str, GlassFindings], svms: Mapping[str, SvmResult]
) -> list[list[str]]:
    """What the paper found beside what was found here; columns are `CLAIM_COLUMNS`."""
    here = {
        "the best validation accuracy is about that of the SVM": [
            f"{name} {found.best_averaged:.3f} (one draw {found.best_accuracy:.3f}) against "
            f"{svms[name].validation_accuracy:.3f}"
            for name, found in findings.items()
        ],
        "gradual is easier to tell than rapid": [
            f"{name} {found.best_averaged:.3f} ± {found.best_error:.3f}"
            for name, found in findings.items()
        ],
        "small beta overfits, the bottleneck regularises": [
            f"{name} up to {found.gap_largest_bits:.2f} bits between the errors, with ten shells "
            f"{found.gap_few_bits:.2f}"
            for name, found in findings.items()
        ],
        "most shells go at the cost of a few points": [
            f"{name} {_shells(found.fewest_near_best_averaged)} (one draw "
            f"{found.fewest_near_best}) within 3 points of the best"
            for name, found in findings.items()
        ],
        "better than 80 % with a handful of shells, all in troughs": [
            f"{name} {_most_in_troughs(found)}" for name, found in findings.items()
        ],
        "rapid is more diffuse": [f"{name} {_spread(found)}" for name, found in findings.items()],
        "gradual, not rapid: nearly 85 % from one type-B shell in the first trough of g_AB": [
            f"{name} {_one_shell(found)}" for name, found in findings.items()
        ],
    }
    return [[claim, "; ".join(parts)] for claim, parts in here.items()]


def summary_text(
    findings: Mapping[str, GlassFindings],
    svms: Mapping[str, SvmResult],
    n_loci: Mapping[str, int],
    opening: Sequence[str],
) -> str:
    """The summary of a run for people, in Markdown."""
    parts = ["# Structure and rearrangement in a sheared glass", " ".join(opening)]
    if not findings:
        return "\n\n".join(parts) + "\n"
    for name, found in findings.items():
        parts += [
            f"## {name} quench",
            "\n".join(f"- {line}" for line in sentences(name, found, svms[name], n_loci[name])),
            markdown_table(few_columns(found.measure), few_rows(found)),
            "The last shells to fall below 0.1 bit:",
            markdown_table(LAST_COLUMNS, last_rows(found)),
        ]
    parts += ["## Beside the paper", markdown_table(CLAIM_COLUMNS, claim_rows(findings, svms))]
    measure = next(iter(findings.values())).measure
    return "\n\n".join([*parts, _LEGEND.format(column=COLUMNS[measure], meaning=_MEANING[measure])])


_LEGEND = """\
## How to read this

- A **shell** is a structure function: how densely particles of type A (small) or B (large) lie at
  a distance r from a particle of type A, in units of sigma_AB. On a *peak* of g(r) particles are
  more frequent than on average, in a *trough* less.
- **{column}**: {meaning}
- **accuracy**: on samples held out, one draw of the channels' noise.
- **averaged**: each prediction a mean over 16 draws; it sees more than one draw's bits.
- **alone**: from one draw, when all shells below the threshold are swapped between examples.
- **SVM**: a linear support vector machine that sees only these shells, uncompressed.
- A "best" accuracy is the highest mean of five neighbouring records on the validation part, so it
  flatters a little; ± is the standard error from the number of validation examples.
"""


def plain(found: GlassFindings) -> dict[str, Any]:
    """The findings as JSON values; what is not a number becomes null."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: clean(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [clean(part) for part in value]
        if isinstance(value, float) and not np.isfinite(value):
            return None
        return value

    cleaned: dict[str, Any] = clean(asdict(found))
    return cleaned


def _shells(count: int) -> str:
    return f"{count} shell" if count == 1 else f"{count} shells"


def _with_place(shell: Shell) -> str:
    return f"{shell.name} ({shell.place})"


def _listed(shells: Sequence[Shell]) -> str:
    """The first few shells, how many more there are, and how many lie in troughs.

    >>> _listed([Shell("B r=1.32", "B", 1.32, 0.1, "first trough")])
    'B 1.32 (1 in troughs)'
    """
    if not shells:
        return "none"
    named = ", ".join(f"{shell.kind} {shell.radius:.2f}" for shell in shells[:_MOST_NAMED])
    rest = len(shells) - _MOST_NAMED
    more = f" + {rest} more" if rest > 0 else ""
    return f"{named}{more} ({sum(shell.in_trough for shell in shells)} in troughs)"


def _most_in_troughs(found: GlassFindings) -> str:
    """How few shells have an accuracy of 0.8, and how many of them lie in troughs."""
    good = [few for few in found.few if few.accuracy >= GOOD_ACCURACY]
    if not good:
        return f"never with {found.few[0].asked} shells or fewer" if found.few else "never"
    fewest = min(good, key=lambda few: len(few.shells))
    in_trough = sum(shell.in_trough for shell in fewest.shells)
    return (
        f"{fewest.accuracy:.3f} with {_shells(len(fewest.shells))}, {in_trough} in troughs and "
        f"{sum(shell.on_peak for shell in fewest.shells)} on peaks"
    )


def _spread(found: GlassFindings) -> str:
    spread = found.diffuseness
    if spread is None:
        return "never 80 %"
    return (
        f"80 % at {spread.total_bits:.2f} bits, spread over {spread.effective_shells:.1f} "
        "effective shells"
    )


def _one_shell(found: GlassFindings) -> str:
    by_itself = (
        f"any rule on one shell gives {found.single_accuracy:.3f} ({_with_place(found.single)})"
    )
    single = [few for few in found.few if len(few.shells) == 1]
    if not single:
        return f"no stretch with one shell; {by_itself}"
    few = single[-1]
    return (
        f"{few.averaged:.3f} (one draw {few.accuracy:.3f}) from {_with_place(few.shells[0])}, "
        f"over {found.one_shell_decades:.2f} decades of beta; {by_itself}"
    )
