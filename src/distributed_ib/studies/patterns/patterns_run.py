"""A run over several patterns on disk: made by two sweeps each, and read again later."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from matplotlib.figure import Figure

from distributed_ib.errors import UserError
from distributed_ib.plots._style import figure_style
from distributed_ib.scheme._storage import DATASET
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.patterns.pattern_library import PATTERNS, pattern_named
from distributed_ib.studies.patterns.patterns_figures import pattern_figures
from distributed_ib.studies.patterns.patterns_findings import PatternSweep
from distributed_ib.studies.patterns.patterns_report import summary, summary_text
from distributed_ib.studies.patterns.patterns_study import Method, PatternSettings, sweep_pattern
from distributed_ib.study.run_folder import (
    CONFIG,
    append_log,
    read_config,
    start_run,
    write_summary,
)
from distributed_ib.training.progress import ProgressBar
from distributed_ib.training.sweep import check_repeats

STUDY = "patterns"


@dataclass(frozen=True)
class PatternsRun:
    """Patterns swept over by both methods.

    Attributes:
        sweeps: Of one pattern after the other, the distributed before the standard bottleneck. A
            run that was interrupted holds those that were begun, and a sweep that has not come
            as far as its first model is left out.
        status: "finished", or how the first sweep ended that did not finish.
        unfinished: A sentence on each sweep that did not finish.
    """

    sweeps: tuple[PatternSweep, ...]
    status: str
    unfinished: tuple[str, ...] = ()

    def figures(self) -> dict[str, Figure]:
        """All figures, by name: one for each pattern, one of them all, one of all errors."""
        with figure_style():
            return pattern_figures(self.sweeps)

    def summary_text(self) -> str:
        """The findings for people, in Markdown."""
        return summary_text(self.sweeps, self.unfinished)


def run_patterns(
    names: Sequence[str],
    settings: PatternSettings,
    folder: Path,
    *,
    seed: int = 0,
    progress: Callable[[str], ProgressBar] | None = None,
    command: str = "",
) -> PatternsRun:
    """Sweep over patterns with both methods, and leave all but the figures in a folder.

    Args:
        names: Names out of `PATTERNS`; a name given twice counts once, none means all.
        settings: How to train.
        folder: New folder for the run; the schemes go into `PATTERN/METHOD/`.
        seed: Seed of everything random.
        progress: Makes a progress bar out of what to call it; it is used for one sweep.
        command: What to write into the log as the origin of the run.

    Raises:
        UserError: If a name is unknown or the folder can't be made; then nothing is left behind.
    """
    patterns = [pattern_named(name) for name in dict.fromkeys(names or PATTERNS)]
    check_repeats(seed, 1)
    options = {"seed": seed, **asdict(settings), "hidden": list(settings.hidden)}
    chosen = {"names": [pattern.name for pattern in patterns]}
    start_run(folder, STUDY, {"patterns": chosen, "training": options})
    append_log(folder, f"command: {command}" if command else "started from Python")
    sweeps: list[PatternSweep] = []
    for pattern, method in ((pattern, method) for pattern in patterns for method in Method):
        name = f"{pattern.name}, {method}"
        if progress is None:
            scheme = sweep_pattern(pattern, method, settings, seed=seed)
        else:
            with progress(name) as bar:
                scheme = sweep_pattern(pattern, method, settings, seed=seed, progress=bar)
        scheme.save(folder / pattern.name / method)
        seconds = scheme.to_xarray().attrs["seconds"]
        append_log(folder, f"{name}: sweep {scheme.message}, {seconds:.1f} s")
        sweeps.append(PatternSweep(pattern, method, scheme))
        if scheme.status == "interrupted":
            break
    run = _run_of(sweeps)
    write_summary(folder, summary(run.sweeps), run.summary_text())
    return run


def load_run(folder: Path) -> PatternsRun:
    """Read a run folder again.

    Raises:
        UserError: If something is missing or damaged, or all sweeps ended before the first record.
    """
    try:
        names = list(map(str, read_config(folder)["patterns"]["names"]))
    except (KeyError, TypeError):
        raise UserError(f"{folder / CONFIG} does not say which patterns the run holds.") from None
    sweeps = []
    for pattern, method in ((pattern_named(name), method) for name in names for method in Method):
        place = folder / pattern.name / method
        if (place / DATASET).exists():  # those after an interruption are missing
            sweeps.append(PatternSweep(pattern, method, ApproximationScheme.load(place)))
    run = _run_of(sweeps)
    if not run.sweeps:
        why = " ".join(run.unfinished) or "its first sweep was never finished."
        raise UserError(f"{folder} holds nothing to show: {why}")
    return run


def _run_of(sweeps: Sequence[PatternSweep]) -> PatternsRun:
    """Of a sweep that ended before its first model there is nothing to say but how it ended."""
    unfinished = [one for one in sweeps if one.scheme.status != "finished"]
    return PatternsRun(
        sweeps=tuple(one for one in sweeps if not one.scheme.is_empty),
        status=unfinished[0].scheme.status if unfinished else "finished",
        unfinished=tuple(
            f"{one.pattern.name}, {one.method}: the sweep {one.scheme.message}."
            for one in unfinished
        ),
    )
