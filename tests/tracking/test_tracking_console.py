from __future__ import annotations

import io
import math
from dataclasses import replace

import pytest
from rich.console import Console

from tunewright.core.generated import Sample
from tunewright.core.training import EvaluationReport, StepReport
from tunewright.tracking.console import ConsoleProgress, duration

STEP = StepReport(5, 1.0, 0.5, 1.0, 1e-4, 32, 640, 32, 0.1)
EVALUATION = EvaluationReport(5, 1.0, {"loss": 0.4, "macro_f1": 0.9}, best=True, seconds=0.2)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def say(*, terminal: bool, width: int = 100) -> tuple[ConsoleProgress, Clock, io.StringIO]:
    out, clock = io.StringIO(), Clock()
    console = Console(file=out, force_terminal=terminal, width=width)
    return ConsoleProgress(console, every_s=10, clock=clock), clock, out


def test_without_a_terminal_there_is_one_plain_line_now_and_then():
    progress, clock, out = say(terminal=False)
    progress.on_start({"total_steps": 100, "start_step": 0})
    for number in range(1, 51):
        clock.now = float(number)
        progress.on_step(StepReport(number, number / 10, 0.5, 1.0, 1e-4, 32, 640, 32, 1.0))
    lines = out.getvalue().splitlines()
    assert [line.split(",")[0] for line in lines] == [f"step {n}/100" for n in (10, 20, 30, 40, 50)]
    assert lines[-1] == "step 50/100, epoch 5.00, loss 0.5000, 32 examples/s, 50 s left"
    assert "\x1b" not in out.getvalue()


def test_an_evaluation_always_has_its_line_and_enters_the_next_ones():
    progress, clock, out = say(terminal=False)
    progress.on_start({"total_steps": 10, "metric": "macro_f1"})
    progress.on_evaluation(EVALUATION)
    clock.now = 60
    progress.on_step(STEP)
    progress.on_end("patience ran out")
    assert out.getvalue().splitlines() == [
        "validation at step 5, epoch 1.00: loss 0.4000, macro F1 0.9000 (best so far)",
        "step 5/10, epoch 1.00, loss 0.5000, validation macro F1 0.9000, 320 examples/s, 1 min 0 s left",
        "training ended: patience ran out",
    ]


def test_the_first_sample_is_shown_on_one_short_line_and_cannot_steer_the_terminal():
    progress, _, out = say(terminal=False)
    samples = (
        Sample("row0", "Why\nis it?", "\x1b[31mso " + "long " * 60 + "ago", "reference"),
        Sample("r", "2", "3", "4"),
    )
    progress.on_start({})
    progress.on_evaluation(replace(EVALUATION, samples=samples))
    line = out.getvalue().splitlines()[1]
    assert line.startswith("  Why is it? → [31mso long long")
    assert line.endswith("long ago")
    assert "…" in line
    assert len(line) < 90
    assert "\x1b" not in out.getvalue()


def test_time_left_counts_the_steps_of_this_process_alone():
    progress, clock, out = say(terminal=False)
    progress.on_start({"total_steps": 100, "start_step": 90})
    clock.now = 20
    progress.on_step(StepReport(91, 1.0, 0.5, 1.0, 1e-4, 32, 640, 32, math.nan))
    assert out.getvalue() == "step 91/100, epoch 1.00, loss 0.5000, 3 min 0 s left\n", "an unknown rate is not shown"


def test_on_a_terminal_a_bar_shows_the_figures():
    progress, clock, out = say(terminal=True, width=120)
    progress.on_start({"total_steps": 10})
    clock.now = 5
    progress.on_step(STEP)
    progress.on_end("done")
    assert "5/10" in out.getvalue()
    assert "loss 0.5000, 320 examples/s, 5 s left" in out.getvalue()


@pytest.mark.parametrize(
    ("seconds", "words"), [(44.6, "45 s"), (200, "3 min 20 s"), (59.6, "1 min 0 s"), (7500, "2 h 5 min")]
)
def test_durations_read_as_people_say_them(seconds, words):
    assert duration(seconds) == words
