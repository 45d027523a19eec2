"""The findings of a glass run as sentences and tables."""

from collections.abc import Mapping, Sequence

from distributed_ib.report.quantity import Quantity, Rows
from distributed_ib.report.report import Finding, Section, Table
from distributed_ib.scheme.measure import COLUMNS, Measure
from distributed_ib.studies.glass.glass_findings import GOOD_ACCURACY, GlassFindings
from distributed_ib.studies.glass.linear_svm import SvmResult
from distributed_ib.studies.glass.shell_places import Shell

HELD_OUT: Rows = "held-out rows"
LAST_COLUMNS = ("shells left", "shell", "position on g(r)", "value of g(r)")
ONE_STANDARD_ERROR = 0.683  # coverage of an interval of one standard error on either side
_MOST_NAMED = 5
_MEANING: dict[Measure, str] = {
    "information": "the information that all shells together convey, in bits; for each shell it is "
    "the midpoint of a lower and an upper bound.",
    "kl": "the KL divergence of all shells together, in bits: an upper bound of what they convey.",
}


def protocol_section(
    name: str, found: GlassFindings, svm: SvmResult, n_loci: int, threshold_bits: float = 0.1
) -> Section:
    """Report section on one sweep of one glass.

    Args:
        name: The quench protocol.
        found: The findings.
        svm: The SVM to compare with.
        n_loci: Number of loci in both parts together.
        threshold_bits: A shell is in use if it conveys more.
    """
    last = Table(
        f"{name}_last_shells",
        f"The last shells to fall below {threshold_bits:g} bit",
        LAST_COLUMNS,
        tuple(
            (left, shell.name, shell.place, Quantity(shell.usual, digits=2))
            for left, shell in enumerate(found.last, start=1)
        ),
    )
    return Section(
        f"{name} quench",
        protocol_findings(name, found, svm, n_loci),
        (few_shells_table(name, found), last),
    )


def protocol_findings(
    name: str, found: GlassFindings, svm: SvmResult, n_loci: int
) -> tuple[Finding, ...]:
    """The findings of one sweep as sentences."""
    averaged = _with_error(found.best_averaged, found.best_error)
    one_draw = _with_error(found.best_accuracy, found.best_error)
    of_svm = Quantity(svm.test_accuracy, rows=HELD_OUT)
    gap, gap_few = _bits(found.gap_largest_bits), _bits(found.gap_few_bits)
    return (
        Finding(
            f"{name} quench, {n_loci} loci: the best held-out accuracy is {averaged.number()} ± "
            f"{found.best_error:.3f} when predictions are averaged over the channels' noise "
            f"(beta={found.best_averaged_beta:.2g}) and {one_draw.number()} with a single draw of "
            f"it (beta={found.best_beta:.2g}); a linear SVM on all shells reaches "
            f"{of_svm.number()} (C={svm.c:.2g}).",
            {"averaged_accuracy": averaged, "accuracy": one_draw, "svm_accuracy": of_svm},
        ),
        Finding(
            f"The held-out error is up to {gap.text()} above the training error (overfitting); "
            f"with ten shells in use, it is {gap_few.text()} above.",
            {"gap_largest_bits": gap, "gap_few_bits": gap_few},
        ),
        Finding(
            f"{_shells(found.fewest_near_best_averaged)} in use are enough for an averaged "
            "accuracy within 3 percentage points of its best; for that of a single draw, "
            f"{_shells(found.fewest_near_best)}."
        ),
        _diffuseness_finding(found),
    )


def few_shells_table(name: str, found: GlassFindings) -> Table:
    """Table with one row for each approximation with few shells."""
    shells = "shells in use, most informative first"
    columns = ("at most", shells, COLUMNS[found.measure], "accuracy", "alone", "averaged", "SVM")
    rows = tuple(
        (
            few.asked,
            _listed(few.shells),
            Quantity(few.total_bits, "bits", rows="training rows", digits=2),
            Quantity(few.accuracy, rows=HELD_OUT),
            Quantity(few.accuracy_alone, rows=HELD_OUT),
            Quantity(few.averaged, rows=HELD_OUT),
            Quantity(few.svm_accuracy, rows=HELD_OUT),
        )
        for few in found.few
    )
    title = "Approximations with few shells, information in bits"
    return Table(f"{name}_few_shells", title, columns, rows)


def paper_section(
    findings: Mapping[str, GlassFindings], svms: Mapping[str, SvmResult], measure: Measure
) -> Section:
    """The paper's findings and those of the run, with explanations."""
    compared = tuple(
        Finding(f"{claim[:1].upper()}{claim[1:]}: {'; '.join(here)}.")
        for claim, here in claims(findings, svms).items()
    )
    notes = _LEGEND.format(column=COLUMNS[measure], meaning=_MEANING[measure])
    return Section("Comparison with the paper", compared, notes=notes)


def claims(
    findings: Mapping[str, GlassFindings], svms: Mapping[str, SvmResult]
) -> dict[str, list[str]]:
    """Table of the paper's findings and those for each glass."""
    return {
        "the best held-out accuracy is about that of the SVM": [
            f"{name} {found.best_averaged:.3f} (one draw {found.best_accuracy:.3f}) against "
            f"{svms[name].test_accuracy:.3f}"
            for name, found in findings.items()
        ],
        "gradual is easier to predict than rapid": [
            f"{name} {found.best_averaged:.3f} ± {found.best_error:.3f}"
            for name, found in findings.items()
        ],
        "small beta overfits, the bottleneck regularises": [
            f"{name} held-out error up to {_bits(found.gap_largest_bits).text()} above the "
            f"training error, {_bits(found.gap_few_bits).number()} with ten shells"
            for name, found in findings.items()
        ],
        "most shells can be dropped at the cost of a few percentage points": [
            f"{name} within 3 points of the best with {_shells(found.fewest_near_best_averaged)} "
            f"(one draw {found.fewest_near_best})"
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


_LEGEND = """\
**How to read this**

- A **shell** is a structure function: the density of particles of type A (small) or B (large) at a
  distance r from a particle of type A, in units of sigma_AB. On a *peak* of g(r), particles are
  more frequent than on average, in a *trough* less frequent.
- **{column}**: {meaning}
- **accuracy**: accuracy on held-out samples, with a single draw of the channels' noise.
- **averaged**: the same for predictions averaged over 16 draws, which convey more bits than one.
- **alone**: with a single draw, after shells below the threshold were permuted between examples.
- **SVM**: a linear support vector machine on these shells only, without compression.
- A "best" accuracy is a mean over five neighbouring records. These records, and all approximations,
  are selected on one half of the held-out samples; all accuracies are measured on the other half,
  which was not used for any selection. ± is the standard error from the number of its examples.
"""


def _with_error(accuracy: float, error: float) -> Quantity:
    low, high = accuracy - error, accuracy + error
    return Quantity(accuracy, low=low, high=high, level=ONE_STANDARD_ERROR, rows=HELD_OUT)


def _bits(bits: float) -> Quantity:
    return Quantity(bits, "bits", rows=HELD_OUT, digits=2)


def _diffuseness_finding(found: GlassFindings) -> Finding:
    spread = found.diffuseness
    if spread is None:
        return Finding("No approximation reaches an accuracy of 80 %.")
    limit = "at most " if found.measure == "kl" else ""
    total = Quantity(spread.total_bits, "bits", rows="training rows", digits=2)
    return Finding(
        f"An accuracy of 80 % needs {limit}{total.text()} in total, spread over an effective "
        f"number of {spread.effective_shells:.1f} shells; {_shells(spread.n_in_use)} are above the "
        "threshold.",
        {"conveyed_bits_at_80_percent": total},
    )


def _shells(count: int) -> str:
    return f"{count} shell" if count == 1 else f"{count} shells"


def _with_place(shell: Shell) -> str:
    return f"{shell.name} ({shell.place})"


def _listed(shells: Sequence[Shell]) -> str:
    """The first few shells, the number of others, and how many of all are in troughs.

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
    """Fewest shells with an accuracy of 0.8, and how many of them are in troughs."""
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
        "the best rule on a single shell gives "
        f"{found.single_accuracy:.3f} ({_with_place(found.single)})"
    )
    single = [few for few in found.few if len(few.shells) == 1]
    if not single:
        return f"at no beta is a single shell in use; {by_itself}"
    few = single[-1]
    return (
        f"{few.averaged:.3f} (one draw {few.accuracy:.3f}) from {_with_place(few.shells[0])}, "
        f"over {found.one_shell_decades:.2f} decades of beta; {by_itself}"
    )
