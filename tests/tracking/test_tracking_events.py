from __future__ import annotations

import json
import math
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewright.core.errors import RunError
from tunewright.core.generated import Sample
from tunewright.core.training import EvaluationReport, StepReport
from tunewright.tracking.events import EventLog, read_events

if TYPE_CHECKING:
    from pathlib import Path

STEPS = 12
CHECKPOINT_EVERY = 4


def step(number: int, seconds: float = 0.1) -> StepReport:
    return StepReport(number, number / 5, 1 / (number + 2), 0.1 + 0.2, 1e-4 / 3, 32, 640, 32, seconds)


def evaluation(number: int, seconds: float = 0.5) -> EvaluationReport:
    return EvaluationReport(number, number / 5, {"macro_f1": 1 / 3, "loss": 2 / 3}, number == 4, seconds)


def train(log: EventLog, *, start: int, stop: int, seconds: float) -> dict[int, int]:
    """What the pipeline does; gives the offset stored in the checkpoint of each step."""
    offsets = {}
    log.on_start({"total_steps": STEPS, "start_step": start, "batch_size": 32})
    for number in range(start + 1, stop + 1):
        log.on_step(step(number, seconds))
        if number % CHECKPOINT_EVERY == 0:
            log.on_evaluation(evaluation(number, seconds))
            log.sync()
            offsets[number] = log.offset
    return offsets


def unbroken(path: Path) -> bytes:
    with EventLog(path, None) as log:
        train(log, start=0, stop=STEPS, seconds=0.1)
        log.on_end("all steps done")
    return path.read_bytes()


@settings(deadline=None, max_examples=40)  # each example writes and syncs files
@given(kills=st.lists(st.tuples(st.integers(0, STEPS), st.integers(0, 60), st.booleans()), max_size=4))
def test_a_run_killed_anywhere_and_resumed_leaves_the_bytes_of_the_unbroken_one(tmp_path_factory, kills):
    folder = tmp_path_factory.mktemp("events")
    expected = unbroken(folder / "whole" / "events.jsonl")
    path = folder / "broken" / "events.jsonl"
    start, offset = 0, None
    for index, (steps, torn, ended) in enumerate(kills):
        with EventLog(path, offset) as log:
            offsets = train(log, start=start, stop=min(start + steps, STEPS), seconds=float(index))
            if ended:
                log.on_end("interrupted")
        if offsets:
            start, offset = max(offsets.items())
        with path.open("ab") as stream:
            stream.write(b'{"event":"step","step":99,"loss":0.123456789012345678901234567890'[:torn])
    with EventLog(path, offset) as log:
        train(log, start=start, stop=STEPS, seconds=9.0)
        log.on_end("all steps done")
    assert path.read_bytes() == expected
    steps, evaluations = read_events(path)
    assert [s.step for s in steps] == list(range(1, STEPS + 1))
    assert not any(math.isnan(report.seconds) for report in (*steps, *evaluations))


def test_what_was_logged_is_read_back_to_the_last_bit(tmp_path):
    path = tmp_path / "events.jsonl"
    with EventLog(path, None) as log:
        log.on_step(step(1))
        log.on_evaluation(evaluation(1))
    assert read_events(path) == ([step(1)], [evaluation(1)])


@settings(deadline=None, max_examples=40)  # each example writes and syncs files
@given(loss=st.floats(allow_nan=False, allow_infinity=False), lr=st.floats(0, 1))
def test_every_float_survives_the_log(tmp_path_factory, loss, lr):
    path = tmp_path_factory.mktemp("floats") / "events.jsonl"
    report = StepReport(1, 0.5, loss, 1.0, lr, 1, 1, 1, 0.25)
    with EventLog(path, None) as log:
        log.on_step(report)
    assert read_events(path)[0] == [report]


def test_no_wall_time_stands_in_the_events(tmp_path):
    logs = [tmp_path / name / "events.jsonl" for name in ("slow", "quick")]
    for path, seconds in zip(logs, (5.0, 0.001), strict=True):
        with EventLog(path, None) as log:
            train(log, start=0, stop=STEPS, seconds=seconds)
    assert logs[0].read_bytes() == logs[1].read_bytes()
    assert b"seconds" not in logs[0].read_bytes()


def test_the_kinds_of_events_come_in_the_order_they_happened(tmp_path):
    unbroken(tmp_path / "events.jsonl")
    kinds = [json.loads(line)["event"] for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    part = ["step"] * 4 + ["evaluation"]
    assert kinds == ["start", *part, *part, *part, "end"]


def test_a_new_training_empties_the_log_of_the_old_one(tmp_path):
    path = tmp_path / "events.jsonl"
    whole = unbroken(path)
    assert unbroken(path) == whole


def test_a_missing_timing_is_unknown_and_never_zero(tmp_path):
    path = tmp_path / "events.jsonl"
    with EventLog(path, None) as log:
        log.on_step(step(1))
        log.on_step(step(2))
    lines = (tmp_path / "timings.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "timings.jsonl").write_bytes(lines[0] + lines[1][:9])
    assert [math.isnan(s.seconds) for s in read_events(path)[0]] == [False, True]
    (tmp_path / "timings.jsonl").unlink()
    assert all(math.isnan(s.seconds) for s in read_events(path)[0])


def test_a_torn_last_line_is_left_out_and_any_other_bad_line_is_refused_with_its_number(tmp_path):
    path = tmp_path / "events.jsonl"
    unbroken(path)
    with path.open("ab") as stream:
        stream.write(b'{"event":"step","st')
    assert len(read_events(path)[0]) == STEPS
    with path.open("ab") as stream:
        stream.write(b"\n")
    with pytest.raises(RunError, match=r"events\.jsonl, line 18: is not JSON"):
        read_events(path)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("[1]", "is not a JSON object"),
        ('{"event":"step","step":"one"}', "step"),
        ('{"event":"evaluation"}', "required"),
    ],
)
def test_a_line_that_is_no_event_of_ours_is_refused(tmp_path, line, fault):
    path = tmp_path / "events.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(RunError, match=fault):
        read_events(path)


@pytest.mark.parametrize("change", [1, -1])
def test_an_offset_that_no_line_ends_at_is_refused(tmp_path, change):
    path = tmp_path / "events.jsonl"
    size = len(unbroken(path))
    with pytest.raises(RunError, match="no line that ends at byte"):
        EventLog(path, size + change)
    assert path.stat().st_size == size


def test_a_number_that_is_not_finite_is_refused_and_leaves_no_line(tmp_path):
    path = tmp_path / "events.jsonl"
    with EventLog(path, None) as log, pytest.raises(RunError, match="not finite"):
        log.on_step(StepReport(1, 0.1, math.nan, 1.0, 1e-4, 1, 1, 1, 0.1))
    assert path.read_bytes() == b""


def test_any_mapping_of_metrics_is_written_in_key_order(tmp_path):
    path = tmp_path / "events.jsonl"
    with EventLog(path, None) as log:
        log.on_evaluation(EvaluationReport(1, 1.0, MappingProxyType({"z": 1.0, "a": 2.0}), best=True, seconds=0.1))
    assert '"metrics":{"a":2.0,"z":1.0}' in path.read_text()


def test_each_event_is_on_the_disk_before_the_next(tmp_path):
    path = tmp_path / "events.jsonl"
    with EventLog(path, None) as log:
        for number in range(1, 4):
            log.on_step(step(number))
            assert len(read_events(path)[0]) == number
            assert log.offset == path.stat().st_size


def test_samples_are_written_and_read_back_and_a_log_without_them_is_as_it_always_was(tmp_path):
    path = tmp_path / "events.jsonl"
    samples = (Sample("row0", "Was ist das?", "Ein „Ding“\n", "ein Ding"), Sample("row1", "", "", ""))
    with EventLog(path, None) as log:
        log.on_evaluation(evaluation(4))
        log.on_evaluation(replace(evaluation(8), samples=samples))
    bare, told = path.read_text().splitlines()
    assert "samples" not in bare
    assert "samples" in told
    _, read = read_events(path)
    assert [each.samples for each in read] == [(), samples]
