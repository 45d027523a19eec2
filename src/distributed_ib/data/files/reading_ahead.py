"""Reading of the next stretch of a table while another is processed."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def read_ahead(source: Iterable[T], n_ahead: int = 2) -> Iterator[T]:
    """The items of `source`, which a second thread reads up to `n_ahead` items in advance.

    Decoding of files lets other threads run, so that reading and computing use two cores. An
    exception of `source` is raised here, after the items before it.

    Example:
        >>> list(read_ahead(iter([1, 2, 3])))
        [1, 2, 3]
    """
    items: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(n_ahead)
    stopped = threading.Event()

    def put(item: tuple[bool, T | BaseException | None]) -> bool:
        while not stopped.is_set():
            try:
                items.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def read() -> None:
        try:
            for one in source:
                if not put((True, one)):
                    return
            put((False, None))
        except BaseException as error:
            put((False, error))

    thread = threading.Thread(target=read, name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            is_item, found = items.get()
            if is_item:
                yield found  # type: ignore[misc]
            elif isinstance(found, BaseException):
                raise found
            else:
                return
    finally:
        stopped.set()
        thread.join()
