from __future__ import annotations

import logging

import pytest

from tunewright.core.training import EvaluationReport, StepReport
from tunewright.tracking.observers import Observers

STEP = StepReport(5, 1.0, 0.5, 1.0, 1e-4, 32, 640, 32, 0.1)
EVALUATION = EvaluationReport(5, 1.0, {"loss": 0.4, "macro_f1": 0.9}, best=True, seconds=0.2)


class Recorder:
    def __init__(self, fails: type[BaseException] | None = None) -> None:
        self.heard: list[object] = []
        self.fails = fails

    def hear(self, event: object) -> None:
        self.heard.append(event)
        if self.fails:
            raise self.fails("broken")

    on_start = on_step = on_evaluation = on_end = hear


def tell_all(observer) -> None:
    observer.on_start({"total_steps": 10, "start_step": 0})
    observer.on_step(STEP)
    observer.on_evaluation(EVALUATION)
    observer.on_end("done")


def test_every_observer_hears_every_event_in_order():
    first, second = Recorder(), Recorder()
    tell_all(Observers([first, second]))
    assert first.heard == second.heard == [{"total_steps": 10, "start_step": 0}, STEP, EVALUATION, "done"]


def test_a_failing_observer_is_logged_once_and_stops_neither_training_nor_the_others(caplog):
    broken, sound = Recorder(fails=RuntimeError), Recorder()
    with caplog.at_level(logging.WARNING):
        tell_all(Observers([broken, sound]))
    assert len(sound.heard) == 4
    assert broken.heard == [{"total_steps": 10, "start_step": 0}, "done"], (
        "it hears the end, to let go of what it holds"
    )
    assert [record.message.split()[0] for record in caplog.records] == ["Recorder"]


def test_an_interrupt_is_no_failure_of_an_observer():
    with pytest.raises(KeyboardInterrupt):
        Observers([Recorder(fails=KeyboardInterrupt)]).on_step(STEP)
