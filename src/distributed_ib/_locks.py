"""Locking a run folder, so that only one process at a time works in it."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from distributed_ib.errors import UserError, first_line

LOCK = ".lock"


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock a folder while this process works in it, so that no run is resumed twice at once.

    The system releases the lock when the process ends, however it ends. The empty file `.lock`
    remains.

    Raises:
        UserError: If the folder is already locked, by this process or another one.

    Warns:
        UserWarning: If the file system does not support locks; then nothing is locked.

    Example:
        >>> import tempfile
        >>> with lock_folder(Path(tempfile.mkdtemp())):
        ...     print("no other process works here")
        no other process works here
    """
    if not folder.is_dir():  # the code that needs the folder raises the error
        yield
        return
    lock = FileLock(folder / LOCK, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            f"{folder} is in use by another process; wait until it has finished, or choose another "
            "folder."
        ) from None
    except (OSError, NotImplementedError) as error:
        warnings.warn(
            f"{folder} can't be locked ({first_line(error)}); make sure that no other process "
            "writes to it.",
            UserWarning,
            stacklevel=3,
        )
    try:
        yield
    finally:
        lock.release()
