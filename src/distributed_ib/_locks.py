"""A run folder is kept to one process at a time."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from distributed_ib.errors import UserError, first_line

LOCK = ".lock"


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Keep a folder to this process while it works there, so that no run is resumed twice at once.

    The system lets go when the process ends, however it ends. The empty file `.lock` stays behind.

    Raises:
        UserError: If the folder is held already, here or by another process.

    Warns:
        UserWarning: If the file system knows no locks; then nothing is held.

    Example:
        >>> import tempfile
        >>> with hold_folder(Path(tempfile.mkdtemp())):
        ...     print("no other process works here")
        no other process works here
    """
    if not folder.is_dir():  # whoever works there will say so
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
