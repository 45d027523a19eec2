"""Checkpoints of a running sweep, from which it continues as if it had never been stopped."""

import contextlib
import math
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax

from distributed_ib._locks import LOCK
from distributed_ib._version import __version__
from distributed_ib.errors import UserError
from distributed_ib.training._checkpoint_files import (
    DamagedError,
    Manifest,
    checkpoint_numbers,
    read_data,
    read_manifest,
    remove_all_but,
    sync_folder,
    write_data,
    write_manifest,
)
from distributed_ib.training._fingerprint import differences
from distributed_ib.training._sweep_state import (
    MismatchError,
    SweepState,
    pack,
    pack_models,
    unpack,
)

N_KEPT = 2
N_DIFFERENCES_SHOWN = 3


@dataclass(frozen=True)
class Checkpoints:
    """Where a sweep writes its checkpoints, and how often.

    The first is written after the first step, so that a folder without write permission is noticed
    at once; the next ones whenever `seconds` have passed, and one at Ctrl-C. The last two are kept.
    They remain when the sweep is finished, because its result still has to be saved: call `remove`
    after that. At most about `seconds` of work are lost.

    Attributes:
        folder: A folder for checkpoints only; made if it does not exist.
        seconds: Time between checkpoints in seconds; 60 by default, 0 for as often as possible.

    Raises:
        UserError: If `seconds` is negative or not finite.

    Example:
        >>> import tempfile
        >>> Checkpoints(Path(tempfile.mkdtemp()), seconds=10).exist()
        False
    """

    folder: Path
    seconds: float = 60.0

    def __post_init__(self) -> None:
        """Check the settings."""
        object.__setattr__(self, "folder", Path(self.folder))
        if not (self.seconds >= 0 and math.isfinite(self.seconds)):
            raise UserError(
                f"the seconds between checkpoints must be 0 or more, got {self.seconds}."
            )

    def exist(self) -> bool:
        """Whether there is anything to resume, damaged or not."""
        return bool(checkpoint_numbers(self.folder))

    def make_folder(self) -> None:
        """Make the folder, parents included, unless it exists.

        Raises:
            UserError: If it can't be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            sync_folder(self.folder.parent)
        except OSError as error:
            raise UserError(
                f"can't create the folder {self.folder}: {error.strerror or error}."
            ) from None

    def remove(self) -> None:
        """Remove the checkpoints, and the folder if it holds nothing else.

        Raises:
            UserError: If they can't be removed.
        """
        try:
            remove_all_but(self.folder)
            (self.folder / LOCK).unlink(missing_ok=True)
            if self.folder.is_dir() and not any(self.folder.iterdir()):
                self.folder.rmdir()
        except OSError as error:
            raise UserError(
                f"can't remove the checkpoints in {self.folder}: {error.strerror or error}."
            ) from None


class CheckpointKeeper:
    """Writes and reads the checkpoints of one sweep.

    Args:
        checkpoints: Where to write them, and how often.
        sweep: Description of the sweep, plain JSON; checkpoints of another sweep are an error.

    Example:
        >>> import tempfile
        >>> keeper = CheckpointKeeper(Checkpoints(Path(tempfile.mkdtemp())), {"seed": 0})
        >>> keeper.begin()  # an empty folder: nothing is in the way
    """

    def __init__(self, checkpoints: Checkpoints, sweep: dict[str, Any]) -> None:
        self._folder, self._seconds, self._sweep = checkpoints.folder, checkpoints.seconds, sweep
        self._kept: tuple[Manifest, ...] = ()
        self._n_models = 0  # models of the album that are already in files
        self._next_number = 1 + max(checkpoint_numbers(self._folder), default=0)
        self._due = 0.0

    def begin(self) -> None:
        """Make sure that a new sweep overwrites nothing.

        Raises:
            UserError: If the folder already contains checkpoints.
        """
        if checkpoint_numbers(self._folder):
            raise UserError(
                f"{self._folder} contains the checkpoints of an earlier sweep, which will not be "
                "overwritten; resume that sweep, or choose another folder."
            )

    def resume(self, fresh: SweepState) -> SweepState:
        """The state in the newest undamaged checkpoint; `fresh` if there are no checkpoints.

        Damaged checkpoints are skipped with a warning. If all are damaged, that is an error: only
        the user can decide whether to start again.

        Raises:
            UserError: If the checkpoints belong to another sweep, or all of them are damaged.
        """
        numbers = checkpoint_numbers(self._folder)
        for number in numbers:
            try:
                manifest = read_manifest(self._folder, number)
                self._check_same_sweep(manifest)
                state = self._read(manifest, fresh)
            except (DamagedError, MismatchError) as error:
                _warn(f"skipped checkpoint {number} in {self._folder}: {error}.")
                continue
            self._kept, self._n_models = (manifest,), len(state.album.record)
            self._due = time.monotonic() + self._seconds
            return state
        if numbers:
            raise UserError(
                f"none of the checkpoints in {self._folder} can be used; remove that folder to "
                "start from the beginning."
            )
        _warn(f"{self._folder} contains no checkpoint; the sweep starts from the beginning.")
        return fresh

    def save_if_due(self, state: SweepState) -> None:
        """Write a checkpoint if one is due."""
        if time.monotonic() >= self._due:
            self.save(state)

    def save(self, state: SweepState) -> None:
        """Write a checkpoint now.

        If that fails, the sweep continues with a warning, unless it was the first checkpoint.

        Raises:
            UserError: If the first checkpoint can't be written.
        """
        number, self._next_number = self._next_number, self._next_number + 1
        try:
            self._write(state, number)
        except (UserError, OSError) as error:
            if not self._kept:
                raise UserError(f"no checkpoint could be written: {error}") from None
            _warn(f"no checkpoint could be written at step {state.step:,}: {error}")
            with contextlib.suppress(OSError):
                remove_all_but(self._folder, self._kept)  # room for the next attempt
        self._due = time.monotonic() + self._seconds

    def _write(self, state: SweepState, number: int) -> None:
        models = self._kept[-1].models if self._kept else ()
        new = state.album.params[self._n_models :]
        if new:
            models = (*models, write_data(self._folder, number, "models", pack_models(new)))
        manifest = Manifest(
            number=number,
            sweep=self._sweep,
            made_with=_made_with(),
            step=state.step,
            seconds=state.seconds,
            state=write_data(self._folder, number, "state", pack(state)),
            models=models,
        )
        write_manifest(self._folder, manifest)
        self._kept = (*self._kept, manifest)[-N_KEPT:]
        self._n_models = len(state.album.params)
        remove_all_but(self._folder, self._kept)

    def _read(self, manifest: Manifest, fresh: SweepState) -> SweepState:
        state = unpack(
            read_data(self._folder, manifest.state),
            [read_data(self._folder, file) for file in manifest.models],
            fresh,
        )
        state.seconds = float(manifest.seconds)
        return state

    def _check_same_sweep(self, manifest: Manifest) -> None:
        found = differences(manifest.sweep, self._sweep)
        if found:
            more = len(found) - N_DIFFERENCES_SHOWN
            shown = [*found[:N_DIFFERENCES_SHOWN], *([f"{more} more"] if more > 0 else [])]
            raise UserError(
                f"the checkpoints in {self._folder} belong to another sweep: {'; '.join(shown)}. "
                "Resume with the options of that sweep, or choose another folder."
            )
        others = differences(manifest.made_with, _made_with())
        if others:
            _warn(
                f"the checkpoint was made with a different setup ({'; '.join(others)}), so the "
                "last digits may differ from those of an uninterrupted sweep."
            )


def _made_with() -> dict[str, str]:
    device = jax.devices()[0]
    return {
        "distributed_ib": __version__,
        "jax": jax.__version__,
        "device": f"{device.platform} {device.device_kind}",
    }


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=2)
