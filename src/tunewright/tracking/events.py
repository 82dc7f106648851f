"""The record of a run: `events.jsonl`, the same bytes for the same run however often it was killed and resumed.

Nothing that differs between two runs of one recipe may stand in it: no clock, date, process number, rate or mark of
a resume. What the wall clock says goes to `timings.jsonl` beside it, and no equality is promised for that file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewright.core.codec import from_data
from tunewright.core.errors import Problem, RunError
from tunewright.core.files import canonical_json, disk_faults
from tunewright.core.training import EvaluationReport, StepReport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

TIMINGS = "timings.jsonl"
UNKNOWN_SECONDS = float("nan")
"""What `read_events` puts where no timing is known: an unknown is never zero, and `seconds` is a float."""


class EventLog:
    """An Observer that appends one JSON line an event, and truncates to a checkpoint's offset when a run resumes.

    It is part of the run's state, so the caller calls it directly and lets its errors stop the run; it does not
    belong into `Observers`, which swallows them.
    """

    def __init__(self, path: Path, offset: int | None) -> None:
        """Opens the log: emptied where `offset` is None (training starts anew), else cut to that many bytes.

        Raises RunError when the file is shorter than `offset`, or when a line does not end there.
        """
        self.path = Path(path)
        with disk_faults(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._events = self.path.open("ab")
            self._timings = self.path.with_name(TIMINGS).open("ab")
            try:
                self._truncate(offset or 0)
            except BaseException:
                self.close()
                raise

    @property
    def offset(self) -> int:
        """Bytes written so far, all flushed: what a checkpoint stores."""
        return self._events.tell()

    def on_start(self, plan: Mapping[str, object]) -> None:
        """Writes the plan once in a run's life: a resumed run finds it written. `start_step` is left out of it."""
        if self.offset == 0:
            self._append({"event": "start", "plan": {k: plan[k] for k in sorted(plan) if k != "start_step"}})

    def on_step(self, report: StepReport) -> None:
        """Appends the step, and its wall time to the timings."""
        self._append_report("step", report)

    def on_evaluation(self, report: EvaluationReport) -> None:
        """Appends the evaluation, and its wall time to the timings."""
        self._append_report("evaluation", report)

    def on_end(self, reason: str) -> None:
        """Appends the end and syncs; a resume from an earlier checkpoint cuts it off again."""
        self._append({"event": "end", "reason": reason})
        self.sync()

    def sync(self) -> None:
        """Everything written so far survives a power cut."""
        with disk_faults(self.path):
            os.fsync(self._events.fileno())
            os.fsync(self._timings.fileno())

    def close(self) -> None:
        """Closes both files; closing twice is allowed."""
        self._events.close()
        self._timings.close()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _append_report(self, event: str, report: StepReport | EvaluationReport) -> None:
        facts = {field.name: getattr(report, field.name) for field in fields(report)}
        seconds, samples = facts.pop("seconds"), facts.pop("samples", ())
        if samples:
            facts["samples"] = [asdict(sample) for sample in samples]
        self._append({"event": event, **facts})
        with disk_faults(self.path):
            timing = {"event": event, "step": report.step, "seconds": seconds}
            self._timings.write(_line(timing, self.path.with_name(TIMINGS)))
            self._timings.flush()

    def _append(self, event: Mapping[str, Any]) -> None:
        with disk_faults(self.path):
            self._events.write(_line(event, self.path))
            self._events.flush()

    def _truncate(self, offset: int) -> None:
        size = self.path.stat().st_size
        kept = self.path.read_bytes()[:offset]
        if offset > size or (offset and not kept.endswith(b"\n")):
            given = f"has {size} bytes and no line that ends at byte {offset}"
            expected = "the file as it was when the checkpoint was saved"
            raise RunError(Problem(str(self.path), given, expected, "restore it, or delete the run and start anew"))
        self._events.truncate(offset)
        self._events.seek(offset)
        self._timings.truncate(_kept_timings(self.path, kept))
        self._timings.seek(0, os.SEEK_END)


def read_events(path: Path) -> tuple[list[StepReport], list[EvaluationReport]]:
    """All steps and evaluations of an event log, in order, with `seconds` from the timings beside it.

    Where a timing is missing, `seconds` is NaN: unknown, never zero. A last line without its line break was torn by a
    kill and is left out; any other line that cannot be read raises RunError with its number.
    """
    path = Path(path)
    with disk_faults(path):
        seconds = {(t["event"], t["step"]): t["seconds"] for t in _records(path.with_name(TIMINGS))}
        steps: list[StepReport] = []
        evaluations: list[EvaluationReport] = []
        for number, record in enumerate(_records(path), start=1):
            event = record.pop("event", None)
            place = f"{path}, line {number}"
            timed = {**record, "seconds": seconds.get((event, record.get("step")), UNKNOWN_SECONDS)}
            if event == "step":
                steps.append(from_data(StepReport, timed, place=place))
            elif event == "evaluation":
                evaluations.append(from_data(EvaluationReport, timed, place=place))
    return steps, evaluations


def _line(record: Mapping[str, Any], path: Path) -> bytes:
    """The record as one line, the event's name first, floats in the shortest text that reads back to the same bits."""
    event = {"event": record["event"]}
    rest = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in record.items() if key != "event"
    }
    try:
        return f"{canonical_json(event)[:-1]},{canonical_json(rest)[1:]}\n".encode()
    except ValueError as fault:
        given = f"the event {record['event']!r} holds a number that is not finite: {record}"
        raise RunError(Problem(str(path), given, "finite numbers", "look at the step named")) from fault


def _records(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    whole, _, _torn = path.read_bytes().rpartition(b"\n")
    for number, line in enumerate(whole.split(b"\n") if whole else [], start=1):
        try:
            record = json.loads(line)
        except ValueError as fault:
            raise _unreadable(path, number, f"is not JSON: {fault}") from fault
        if not isinstance(record, dict):
            raise _unreadable(path, number, "is not a JSON object")
        yield record


def _unreadable(path: Path, number: int, given: str) -> RunError:
    expected = "a line that tunewright wrote"
    return RunError(Problem(f"{path}, line {number}", given, expected, "restore the file, or start the run anew"))


def _kept_timings(path: Path, kept_events: bytes) -> int:
    """Bytes of the timings that belong to the events kept: the rest was timed after the checkpoint."""
    events = (json.loads(line) for line in kept_events.splitlines())
    kept = {(event["event"], event.get("step")) for event in events}
    timings = path.with_name(TIMINGS)
    length = 0
    for line, record in zip(timings.read_bytes().splitlines(keepends=True), _records(timings), strict=False):
        if (record["event"], record["step"]) not in kept:
            break
        length += len(line)
    return length
