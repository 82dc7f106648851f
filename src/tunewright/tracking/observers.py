"""Many observers as one, none of which can stop the training it watches."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tunewright.core.protocols import Observer
    from tunewright.core.training import EvaluationReport, StepReport

logger = logging.getLogger(__name__)


class Observers:
    """Passes every event on to each observer. One that fails is logged once and hears nothing more but the end."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = tuple(observers)
        self._failed: set[int] = set()

    def on_start(self, plan: Mapping[str, object]) -> None:
        """Passes the plan on."""
        self._tell(lambda observer: observer.on_start(plan))

    def on_step(self, report: StepReport) -> None:
        """Passes the step on."""
        self._tell(lambda observer: observer.on_step(report))

    def on_evaluation(self, report: EvaluationReport) -> None:
        """Passes the evaluation on."""
        self._tell(lambda observer: observer.on_evaluation(report))

    def on_end(self, reason: str) -> None:
        """Passes the end on, to failed observers too: they may hold a file or the terminal."""
        self._tell(lambda observer: observer.on_end(reason), failed_too=True)

    def _tell(self, call: Callable[[Observer], None], *, failed_too: bool = False) -> None:
        for index, observer in enumerate(self._observers):
            if index in self._failed and not failed_too:
                continue
            try:
                call(observer)
            except Exception:  # a tracker is third-party code: its fault must not cost a training run
                if index not in self._failed:
                    name = type(observer).__name__
                    logger.warning("%s failed and is left out from here on; training continues", name, exc_info=True)
                self._failed.add(index)
