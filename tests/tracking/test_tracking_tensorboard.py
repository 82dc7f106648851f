from __future__ import annotations

import logging
import subprocess
import sys
import time

import pytest

from tunewright.core.training import EvaluationReport, StepReport
from tunewright.tracking.tensorboard import tensorboard_observer


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def scalars(folder, tag: str) -> list[tuple[int, float]]:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = accumulators.EventAccumulator(str(folder))
    found.Reload()
    return [(event.step, round(event.value, 4)) for event in found.Scalars(tag)]


def test_a_resumed_run_shows_each_step_once_in_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    clock = Clock()
    for start, stop, loss in ((0, 6, 1.0), (4, 8, 0.5)):
        clock.now += 100
        time.sleep(1.1)  # the files are read in the order of their names, which bear the second and a counter
        observer = tensorboard_observer(tmp_path, clock=clock)
        assert observer is not None
        observer.on_start({"start_step": start})
        for number in range(start + 1, stop + 1):
            observer.on_step(StepReport(number, 1.0, loss, 1.0, 1e-4, 32, 640, 32, 0.1))
        observer.on_evaluation(EvaluationReport(stop, 1.0, {"macro_f1": loss}, best=True, seconds=0.1))
        observer.on_end("stopped")
    assert scalars(tmp_path, "train/loss") == [(n, 1.0 if n <= 4 else 0.5) for n in range(1, 9)]
    assert scalars(tmp_path, "validation/macro_f1") == [(8, 0.5)], "the evaluation at step 6 is from before the resume"


def test_without_tensorboard_there_is_one_log_line_and_no_observer(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.event_file_writer", None)
    with caplog.at_level(logging.INFO):
        assert tensorboard_observer(tmp_path / "tb") is None
    assert [r.getMessage() for r in caplog.records] == ["TensorBoard is not installed: pip install 'tunewright[track]'"]
    assert not (tmp_path / "tb").exists()


def test_tensorboard_events_are_written_without_torch(tmp_path):
    pytest.importorskip("tensorboard")
    code = (
        "import sys; from pathlib import Path; from tunewright.tracking.tensorboard import TensorBoard;"
        "t = TensorBoard(Path(sys.argv[1])); t.on_start({}); t.on_end('');"
        "print(sorted({'torch', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
