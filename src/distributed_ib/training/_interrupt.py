"""Ctrl-C as a request to stop at the next safe moment."""

import signal
import threading
from types import FrameType, TracebackType

# A cluster's scheduler sends SIGTERM some time before it kills a process.
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class InterruptGuard:
    """Within this context, the first Ctrl-C sets `requested`; a second one interrupts at once.

    SIGTERM has the same effect as Ctrl-C. Python handles signals only in the main thread; in other
    threads, the guard does nothing.

    Example:
        >>> with InterruptGuard() as guard:
        ...     guard.requested
        False
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[signal.Signals, object] = {}

    def __enter__(self) -> "InterruptGuard":
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            if handler is not None:  # None: not set by Python, which can't restore it
                signal.signal(number, handler)  # type: ignore[arg-type]

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
