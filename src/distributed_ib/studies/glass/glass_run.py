"""A glass run on disk: both protocols analysed by one call, and read again later."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distributed_ib._arrays import load_arrays, save_arrays
from distributed_ib.errors import UserError
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import Measure
from distributed_ib.studies.glass import glass_report as report
from distributed_ib.studies.glass.glass_examples import Examples, prepare_examples
from distributed_ib.studies.glass.glass_figures import Panels, glass_figure
from distributed_ib.studies.glass.glass_findings import GlassFindings, find
from distributed_ib.studies.glass.glass_settings import PRESETS, GlassSettings
from distributed_ib.studies.glass.glass_study import open_glass
from distributed_ib.studies.glass.glass_tables import GlassData
from distributed_ib.studies.glass.linear_svm import SvmResult, fit_svm
from distributed_ib.studies.glass.noise_accuracies import averaged_accuracies
from distributed_ib.studies.glass.shell_places import shells_of
from distributed_ib.studies.glass.structure_functions import N_SHELLS, RadialDistribution
from distributed_ib.study.run_folder import append_log, read_config, start_run, write_summary
from distributed_ib.training.progress import ProgressCallback
from distributed_ib.training.sweep import check_repeats

STUDY = "glass"
EXAMPLES = "examples.npz"


@dataclass(frozen=True)
class Protocol:
    """One analysed glass.

    Attributes:
        examples: What was learned from, and what was held out.
        distribution: g(r).
        svm: The linear SVM.
        scheme: What the sweep found.
        averaged_accuracy: Validation accuracy of each kept model when predictions are averaged
            over its noise, `[seed, snapshot]`.
    """

    examples: Examples
    distribution: RadialDistribution
    svm: SvmResult
    scheme: ApproximationScheme
    averaged_accuracy: NDArray[np.float64]

    def findings(
        self, threshold_bits: float = 0.1, measure: Measure | None = None, *, seed: int = 0
    ) -> GlassFindings:
        """What one repeat of the sweep says."""
        return find(
            self.scheme,
            self.examples,
            self.svm,
            shells_of(self.distribution),
            self.averaged_accuracy,
            threshold_bits=threshold_bits,
            seed=seed,
            measure=measure,
        )


@dataclass(frozen=True)
class GlassRun:
    """The analysed glasses of a run, by protocol.

    Attributes:
        protocols: Those whose sweep came as far as its first record.
        status: How the last sweep ended: "finished", "interrupted" or "diverged".
        unfinished: A sentence on the sweep that did not finish, if there is one.
    """

    protocols: dict[str, Protocol]
    status: str
    unfinished: tuple[str, ...] = ()

    def findings(
        self, threshold_bits: float = 0.1, measure: Measure | None = None
    ) -> dict[str, GlassFindings]:
        """What the first repeat of each sweep says, by protocol."""
        return {
            name: part.findings(threshold_bits, measure) for name, part in self.protocols.items()
        }

    def figures(
        self, threshold_bits: float = 0.1, measure: Measure | None = None
    ) -> dict[str, Figure]:
        """All figures, by name."""
        parts = {
            name: Panels(
                part.scheme,
                part.distribution,
                part.svm.validation_accuracy,
                part.averaged_accuracy,
            )
            for name, part in self.protocols.items()
        }
        return {"glass": glass_figure(parts, threshold_bits=threshold_bits, measure=measure)}

    def n_loci(self) -> dict[str, int]:
        """Loci by protocol, both parts together."""
        return {name: int(p.examples.is_locus.sum()) for name, p in self.protocols.items()}

    def svms(self) -> dict[str, SvmResult]:
        """The SVMs by protocol."""
        return {name: part.svm for name, part in self.protocols.items()}


def analyse_glass(
    glasses: Mapping[str, GlassData],
    settings: GlassSettings = PRESETS["quick"],
    folder: Path | str = "glass",
    *,
    seed: int = 0,
    n_seeds: int = 1,
    progress_of: Callable[[str], AbstractContextManager[ProgressCallback]] | None = None,
    source: str = "packaged",
    command: str = "",
) -> GlassRun:
    """Analyse one or both protocols, and leave all but the figures in a run folder.

    Args:
        glasses: Data by protocol, from `load_glass`.
        settings: How to train.
        folder: New folder for the run.
        seed: Seed of everything random, the split included.
        n_seeds: Independent repeats of the sweep, on the same split.
        progress_of: From a protocol's name to a context whose value is told how its sweep goes
            on, such as a `ProgressBar`.
        source: Where the data are from, for the record.
        command: What to write into the log as the origin of the run.

    Raises:
        UserError: If the data can't be learned from or the folder can't be made; then nothing is
            left behind.
    """
    folder = Path(folder)
    check_repeats(seed, n_seeds)
    examples = {
        name: prepare_examples(data, settings.validation_fraction, seed=seed)
        for name, data in glasses.items()
    }
    svms = {name: fit_svm(part) for name, part in examples.items()}
    loci = {_folder_name(name): data.n_loci for name, data in glasses.items()}
    options = {"seed": seed, "n_seeds": n_seeds, **settings.to_toml()}
    start_run(folder, STUDY, {"training": options, "data": {"source": source, "loci": loci}})
    append_log(folder, f"command: {command}" if command else "started from Python")
    protocols: dict[str, Protocol] = {}
    schemes: dict[str, ApproximationScheme] = {}
    for name, part in examples.items():
        scheme = _sweep(name, part, settings, seed, n_seeds, progress_of)
        seconds = scheme.to_xarray().attrs["seconds"]
        append_log(folder, f"{name}: sweep {scheme.message}, {seconds:.1f} s")
        schemes[name] = scheme
        if scheme.is_empty:
            scheme.save(folder / name)
        else:
            averaged = averaged_accuracies(scheme, part)
            result = Protocol(part, glasses[name].distribution, svms[name], scheme, averaged)
            _save(result, folder / name)
            protocols[name] = result
        if scheme.status != "finished":
            break
    run = _run_of(protocols, schemes)
    repeats = {
        name: [part.findings(seed=repeat) for repeat in range(n_seeds)]
        for name, part in protocols.items()
    }
    first = {name: found[0] for name, found in repeats.items()}
    write_summary(folder, _summary(run, repeats), summary_text(run, first))
    return run


def _run_of(protocols: dict[str, Protocol], schemes: Mapping[str, ApproximationScheme]) -> GlassRun:
    """The run of the analysed protocols, with words on sweeps that did not finish."""
    unfinished = {name: one for name, one in schemes.items() if one.status != "finished"}
    return GlassRun(
        protocols,
        next((one.status for one in unfinished.values()), "finished"),
        tuple(f"{name}: the sweep {one.message}." for name, one in unfinished.items()),
    )


def _folder_name(name: str) -> str:
    """The name of a protocol, which may be a stranger's, as the name of a folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise UserError(f"the data are of a protocol called {name!r}; use letters and digits only.")
    return name


def _sweep(
    name: str,
    examples: Examples,
    settings: GlassSettings,
    seed: int,
    n_seeds: int,
    progress_of: Callable[[str], AbstractContextManager[ProgressCallback]] | None,
) -> ApproximationScheme:
    if progress_of is None:
        return open_glass(examples, settings, seed=seed, n_seeds=n_seeds)
    with progress_of(name) as progress:
        return open_glass(examples, settings, seed=seed, n_seeds=n_seeds, progress=progress)


def summary_text(run: GlassRun, findings: Mapping[str, GlassFindings]) -> str:
    """The findings for people, in Markdown."""
    opening = [
        f"{name}: the sweep {part.scheme.message}, "
        f"{part.scheme.to_xarray().attrs['seconds']:.0f} s."
        for name, part in run.protocols.items()
        if part.scheme.status == "finished"
    ]
    opening += run.unfinished
    return report.summary_text(findings, run.svms(), run.n_loci(), opening)


def _summary(run: GlassRun, repeats: Mapping[str, list[GlassFindings]]) -> dict[str, object]:
    return {
        name: {
            "status": part.scheme.status,
            "message": part.scheme.message,
            "n_loci": int(part.examples.is_locus.sum()),
            "n_training_examples": int((~part.examples.held_out).sum()),
            "n_validation_examples": int(part.examples.held_out.sum()),
            "svm": {
                "c": part.svm.c,
                "training_accuracy": part.svm.training_accuracy,
                "validation_accuracy": part.svm.validation_accuracy,
            },
            "repeats": [report.plain(found) for found in repeats[name]],
        }
        for name, part in run.protocols.items()
    }


def _save(part: Protocol, folder: Path) -> None:
    """Write what is needed to show, plot and use one protocol again."""
    part.scheme.save(folder)
    save_arrays(
        folder / EXAMPLES,
        {
            **{name: getattr(part.examples, name) for name in _EXAMPLE_ARRAYS},
            **{f"g_r_{name}": getattr(part.distribution, name) for name in _G_ARRAYS},
            "averaged_accuracy": part.averaged_accuracy,
            **{f"svm_{name}": np.asarray(value) for name, value in vars(part.svm).items()},
        },
    )


_EXAMPLE_ARRAYS = ("densities", "is_locus", "group", "held_out", "mean", "scale")
_G_ARRAYS = ("edges", "g_aa", "g_ab", "g_bb")


def load_run(folder: Path) -> GlassRun:
    """Read a run folder again.

    Raises:
        UserError: If something is missing or damaged, or no sweep came to its first record.
    """
    try:
        names = [_folder_name(name) for name in read_config(folder)["data"]["loci"]]
    except (KeyError, TypeError):
        raise UserError(f"{folder}: its configuration names no data; run it again.") from None
    schemes = {
        name: ApproximationScheme.load(folder / name) for name in names if (folder / name).is_dir()
    }
    run = _run_of(
        {
            name: _load(folder / name, scheme)
            for name, scheme in schemes.items()
            if not scheme.is_empty
        },
        schemes,
    )
    if not run.protocols:
        why = " ".join(run.unfinished) or "its first sweep was never finished."
        raise UserError(f"{folder} holds no analysed glass: {why}")
    return run


def _load(folder: Path, scheme: ApproximationScheme) -> Protocol:
    path = folder / EXAMPLES
    stored = load_arrays(path)
    try:
        averaged = stored["averaged_accuracy"]
        examples = Examples(**{name: stored[name] for name in _EXAMPLE_ARRAYS})
        distribution = RadialDistribution(**{name: stored[f"g_r_{name}"] for name in _G_ARRAYS})
        svm = SvmResult(
            c=float(stored["svm_c"]),
            c_grid=stored["svm_c_grid"],
            fold_accuracy=stored["svm_fold_accuracy"],
            training_accuracy=float(stored["svm_training_accuracy"]),
            validation_accuracy=float(stored["svm_validation_accuracy"]),
            weights=stored["svm_weights"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged ({error}); run the analysis again.") from None
    n = len(examples.is_locus)
    fit = (
        examples.densities.shape == (n, 2 * N_SHELLS)
        and examples.held_out.shape == (n,)
        and averaged.shape == (scheme.n_seeds, len(scheme.snapshots.record))
    )
    if not fit:
        raise UserError(f"{path} is damaged: its arrays do not fit; run the analysis again.")
    return Protocol(examples, distribution, svm, scheme, averaged)
