"""Scalars for TensorBoard, written with its own package: no torch is loaded for it."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from tunewright.core.errors import MissingPackage
from tunewright.core.optional import import_optional

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tunewright.core.training import EvaluationReport, StepReport

logger = logging.getLogger(__name__)


def tensorboard_observer(folder: Path, *, clock: Callable[[], float] = time.time) -> TensorBoard | None:
    """An observer that writes event files into `folder`; None, with a log line, where TensorBoard is not installed."""
    try:
        return TensorBoard(folder, clock=clock)
    except MissingPackage:
        logger.info("TensorBoard is not installed: pip install 'tunewright[track]'")
        return None


class TensorBoard:
    """Writes training and validation scalars. A resumed run adds a file that retires the steps it repeats."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Opens no file before `on_start`. Raises MissingPackage where TensorBoard is not installed."""
        self._folder = folder
        self._clock = clock
        self._writers = _load("tensorboard.summary.writer.event_file_writer")
        self._events = _load("tensorboard.compat.proto.event_pb2")
        self._summaries = _load("tensorboard.compat.proto.summary_pb2")
        self._writer: Any = None

    def on_start(self, plan: Mapping[str, object]) -> None:
        """Opens a file whose first event makes TensorBoard forget every step after the plan's `start_step`."""
        done = plan.get("start_step", 0)
        assert isinstance(done, int)
        self._writer = self._writers.EventFileWriter(str(self._folder))
        session = self._events.SessionLog(status=self._events.SessionLog.START)
        self._writer.add_event(self._events.Event(wall_time=self._clock(), step=done + 1, session_log=session))

    def on_step(self, report: StepReport) -> None:
        """Writes the step's loss, gradient norm, learning rate and epoch."""
        scalars = {"loss": report.loss, "grad_norm": report.grad_norm, "lr": report.lr, "epoch": report.epoch}
        self._write("train", scalars, report.step)

    def on_evaluation(self, report: EvaluationReport) -> None:
        """Writes every validation metric and flushes."""
        self._write("validation", report.metrics, report.step)
        self._writer.flush()

    def on_end(self, reason: str) -> None:  # noqa: ARG002  # TensorBoard has no place for it
        """Closes the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, group: str, scalars: Mapping[str, float], step: int) -> None:
        value = self._summaries.Summary.Value
        values = [value(tag=f"{group}/{name}", simple_value=scalars[name]) for name in sorted(scalars)]
        summary = self._summaries.Summary(value=values)
        self._writer.add_event(self._events.Event(wall_time=self._clock(), step=step, summary=summary))


def _load(name: str) -> Any:
    return import_optional(name, extra="track", purpose="TensorBoard events")
