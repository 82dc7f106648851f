"""Signals become a question the loop asks after each step."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interruptions() -> Iterator[Callable[[], int | None]]:
    """Yields a function that tells which of SIGINT and SIGTERM has come; a second one ends the process as usual."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None  # only the main thread may listen; elsewhere the caller's own handlers stand
        return
    former = {number: signal.getsignal(number) for number in SIGNALS}

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the signature of a handler
        came.append(number)
        for each, handler in former.items():
            signal.signal(each, handler)

    for number in SIGNALS:
        signal.signal(number, note)
    try:
        yield lambda: came[0] if came else None
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
