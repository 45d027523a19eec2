"""The parts of a run side by side, in other processes."""

import contextlib
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distributed_ib._run_files import SCHEME
from distributed_ib.errors import UserError
from distributed_ib.study.finished_files import files_in, write_files
from distributed_ib.study.loading import FILE_MODULE, place_of
from distributed_ib.study.one_part import PartPlace, run_part, stored_part
from distributed_ib.study.run import PartResult
from distributed_ib.study.study import Study
from distributed_ib.study.workers import Workers, results_of

OnFinished = Callable[[int, int], None]


@dataclass(frozen=True)
class Shared:
    """What all parts of a run share.

    Attributes:
        study: The study, with the data that it has read.
        seed: Seed of the run.
        folder: The run folder; None if workers can't access it.
        about: How the run was made.
        file: The file that defines the study, if it is not an installed one.
    """

    study: Study
    seed: int
    folder: Path | None
    about: Mapping[str, Any] = field(default_factory=dict)
    file: Path | None = None


@dataclass(frozen=True)
class Done:
    """What a worker reports about a unit.

    Attributes:
        status: How its sweep ended.
        log: Lines for the run's log.
        warning_texts: Warnings, to be shown by the client.
        files: Its files, if the worker shares no folder with the client; otherwise empty.
    """

    status: str
    log: tuple[str, ...]
    warning_texts: tuple[str, ...]
    files: Mapping[str, bytes]


def run_parts(
    shared: Shared,
    folder: Path,
    names: list[str],
    workers: Workers,
    log: Callable[[str], None],
    on_finished: OnFinished | None,
    found: dict[str, PartResult],
) -> None:
    """Run parts on workers; finished parts stay in the run folder, even if this is interrupted.

    Args:
        shared: Study, seed and everything else that all parts share.
        folder: The run folder.
        names: Names of the parts.
        workers: Where the parts run.
        log: Called with lines for the run's log.
        on_finished: Called with the number of finished parts and of all parts.
        found: Filled with the results of each part, by name, as soon as it is finished.

    Raises:
        UserError: As for `results_of`, and any error that a part raises.
    """
    parts, n_all = shared.study.parts(), len(shared.study.parts())
    n_finished = n_all - len(names)
    if on_finished:
        on_finished(n_finished, n_all)
    by_value = module_of(shared.study)
    with contextlib.closing(results_of(workers, _work, shared, names, by_value)) as results:
        for name, done in results:
            write_files(folder / name, done.files, last=SCHEME)
            for line in done.log:
                log(line)
            show_warnings(done.warning_texts)
            found[name] = stored_part(parts[name], shared.seed, folder / name)
            n_finished += 1
            if on_finished:
                on_finished(n_finished, n_all)


def module_of(study: Study) -> str | None:
    """The module of a study from a user's file, which workers can't import; None for others."""
    module = type(study).__module__
    return module if module.startswith(FILE_MODULE) else None


def show_warnings(warning_texts: tuple[str, ...]) -> None:
    """Show the warnings of a worker."""
    for text in warning_texts:
        warnings.warn(text, UserWarning, stacklevel=2)


def cancellation_callback(folder: Path | None) -> Any:
    """Progress callback that ends a unit on a cluster when its client has disconnected."""
    if folder is not None:
        return None
    from distributed_ib.study.cluster import stop_if_cancelled

    return stop_if_cancelled


@contextlib.contextmanager
def place_for(folder: Path | None, name: str) -> Any:
    """The folder of a unit: inside the client's folder, or a temporary one if `folder` is None."""
    if folder is not None:
        yield folder / name
        return
    with tempfile.TemporaryDirectory(prefix="dib-") as own:
        yield Path(own)


def _work(shared: Shared, name: str) -> Done:
    """Run a part in a worker's process."""
    log: list[str] = []
    with (
        place_for(shared.folder, name) as folder,
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("default")
        place = PartPlace(
            folder,
            True,  # continue what a worker left that was lost in this run or an earlier one
            shared.about,
            log=log.append,
            progress=cancellation_callback(shared.folder),
        )
        try:
            result = run_part(shared.study.parts()[name], name, shared.seed, place)
        except UserError:
            raise
        except Exception as error:
            if shared.file is None:
                raise
            raise UserError(f"{place_of(error, shared.file)}.") from None
        if result.scheme.status == "interrupted":
            raise KeyboardInterrupt
        files = {} if shared.folder is not None else files_in(folder)
    warning_texts = tuple(
        str(one.message) for one in caught if issubclass(one.category, UserWarning)
    )
    return Done(result.scheme.status, tuple(log), warning_texts, files)
