"""How far a run has come: a printed line now and then, the same in `log.jsonl`, and the time that training took."""

from __future__ import annotations

import contextlib
import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starter_lm.training import Plan, StepReport

LOGGED_STEPS = 200
"""Lines of a log, about: one every `steps / LOGGED_STEPS` steps."""


@dataclass
class Stopwatch:
    """Seconds of training since it was made, validation taken out by `pause`."""

    started: float
    paused: float = 0.0

    @classmethod
    def start(cls) -> Stopwatch:
        """Return a running stopwatch."""
        return cls(started=time.perf_counter())

    @property
    def seconds(self) -> float:
        """Seconds so far, without the pauses."""
        return time.perf_counter() - self.started - self.paused

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Leave what runs inside out of the time."""
        before = time.perf_counter()
        yield
        self.paused += time.perf_counter() - before


class Log:
    """Prints a line now and then and appends the same to `log.jsonl`."""

    def __init__(self, folder: Path, plan: Plan, validations: int) -> None:
        self.file = folder / "log.jsonl"
        self.file.write_text("", encoding="utf-8")
        self.plan = plan
        self.every = max(1, plan.steps // LOGGED_STEPS)
        self.validate_every = max(1, math.ceil(plan.steps / validations)) if validations else plan.steps + 1
        self.watch = Stopwatch.start()
        self.warm: tuple[int, float] | None = None

    def tokens_per_second(self, step: int) -> float | None:
        """Return the speed since the tenth step, before which compilation counts; None until then."""
        if self.warm is None or step <= self.warm[0]:
            return None
        return (step - self.warm[0]) * self.plan.tokens_a_step / (self.watch.seconds - self.warm[1])

    def note(self, report: StepReport) -> None:
        """Write the step down if its turn has come; refuse a loss that is no number."""
        if report.step == min(10, self.plan.steps):
            report.loss.item()  # waits for the device, so that the clock is true
            self.warm = (report.step, self.watch.seconds)
            print(f"first {report.step} steps: {self.watch.seconds:.1f} s", flush=True)
        if report.step % self.every and report.step != self.plan.steps:
            return
        loss = report.loss.item()
        if not math.isfinite(loss):
            raise SystemExit(f"step {report.step}: the loss is {loss}; lower --lr")
        speed = self.tokens_per_second(report.step)
        tokens_left = (self.plan.steps - report.step) * self.plan.tokens_a_step
        pace = "" if speed is None else f", {speed:,.0f} tokens/s, {tokens_left / speed:.0f} s left"
        print(f"step {report.step}/{self.plan.steps}: loss {loss:.4f}, lr {report.lr:.2e}{pace}", flush=True)
        self.write(step=report.step, loss=loss, lr=report.lr, tokens_per_second=speed)

    def validates_at(self, step: int) -> bool:
        """Return whether the model is to be measured after this step; after the last one it is measured as saved."""
        return step % self.validate_every == 0 and step != self.plan.steps

    def validated(self, step: int, bits: float) -> None:
        """Write down plain bits per byte on the unseen books."""
        print(f"step {step}/{self.plan.steps}: validation {bits:.4f} bits per byte (plain)", flush=True)
        self.write(step=step, validation_bits_per_byte=bits)

    def write(self, **entry: float | None) -> None:
        """Append one line to `log.jsonl`."""
        with self.file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({**entry, "seconds": round(self.watch.seconds, 2)}) + "\n")
