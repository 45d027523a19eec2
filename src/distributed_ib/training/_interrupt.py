"""Ctrl-C as a request to stop at the next good moment, not as a crash."""

import signal
import threading
from types import FrameType, TracebackType

# SIGTERM is what a cluster's scheduler sends some time before it kills.
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class InterruptGuard:
    """Within this context the first Ctrl-C sets `requested`; a second one interrupts at once.

    The polite signal to end, SIGTERM, counts as Ctrl-C. Outside the main thread signals belong to
    somebody else, and the guard does nothing.

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
            if handler is not None:  # None: set by other than Python, and not to be set again
                signal.signal(number, handler)  # type: ignore[arg-type]

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
