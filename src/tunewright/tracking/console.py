"""Progress for the person who waits: a bar on a terminal, one plain line now and then elsewhere."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from tunewright.core.titles import metric_title

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tunewright.core.training import EvaluationReport, StepReport

RATE_STEPS = 20
"""The rate is taken over this many steps: steady enough to read, quick enough to follow a change."""

SAMPLE_CHARS = 60
"""Of a sample's prompt and of its answer, this many characters are shown."""


class ConsoleProgress:
    """Shows loss, the latest validation metrics, examples a second and time left, on stderr by default."""

    def __init__(
        self,
        console: Console | None = None,
        *,
        every_s: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`every_s` is the least time between two plain lines where there is no terminal."""
        self._console = console or Console(stderr=True)
        self._every_s = every_s
        self._clock = clock
        self._recent: deque[StepReport] = deque(maxlen=RATE_STEPS)
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._total: int | None = None
        self._metric: str | None = None
        self._validation = ""
        self._start_step = 0
        self._started_s = self._said_s = 0.0

    def on_start(self, plan: Mapping[str, object]) -> None:
        """Reads `total_steps`, `start_step` and `metric` (all optional) and shows where training stands."""
        total, start, metric = plan.get("total_steps"), plan.get("start_step", 0), plan.get("metric")
        self._metric = metric if isinstance(metric, str) else None
        self._total = total if isinstance(total, int) else None
        self._start_step = start if isinstance(start, int) else 0
        self._started_s = self._said_s = self._clock()
        if self._console.is_terminal:
            self._bar = progress_bar(self._console)
            self._task = self._bar.add_task("training", total=self._total, completed=self._start_step, figures="")
            self._bar.start()

    def on_step(self, report: StepReport) -> None:
        """Moves the bar, or says a line when the last one is long enough ago."""
        self._recent.append(report)
        if self._bar is not None:
            self._bar.update(self._task, completed=report.step, figures=self._figures(report))
        elif self._clock() - self._said_s >= self._every_s:
            of = f"/{self._total}" if self._total is not None else ""
            self._say(f"step {report.step}{of}, epoch {report.epoch:.2f}, {self._figures(report)}")

    def on_evaluation(self, report: EvaluationReport) -> None:
        """Says the validation metrics in a line of their own, above the bar where there is one."""
        metrics = ", ".join(f"{metric_title(name)} {value:.4f}" for name, value in sorted(report.metrics.items()))
        best = " (best so far)" if report.best else ""
        if self._metric is not None and self._metric in report.metrics:
            self._validation = f", validation {metric_title(self._metric)} {report.metrics[self._metric]:.4f}"
        self._say(f"validation at step {report.step}, epoch {report.epoch:.2f}: {metrics}{best}")
        if report.samples:
            first = report.samples[0]
            self._say(f"  {_short(first.prompt)} → {_short(first.text)}")

    def on_end(self, reason: str) -> None:
        """Takes the bar away and says why training ended."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        self._say(f"training ended: {reason}")

    def _say(self, line: str) -> None:
        self._said_s = self._clock()
        self._console.print(Text(line), soft_wrap=True)

    def _figures(self, report: StepReport) -> str:
        seconds = sum(step.seconds for step in self._recent)
        examples = sum(step.examples for step in self._recent)
        rate = f", {examples / seconds:.0f} examples/s" if math.isfinite(seconds) and seconds > 0 else ""
        return f"loss {report.loss:.4f}{self._validation}{rate}{self._time_left(report.step)}"

    def _time_left(self, step: int) -> str:
        """By the wall clock since this process began, so that evaluations and checkpoints are in it."""
        done = step - self._start_step
        if self._total is None or done <= 0:
            return ""
        remaining_s = (self._clock() - self._started_s) / done * (self._total - step)
        return f", {duration(remaining_s)} left"


def _short(text: str) -> str:
    """The text on one line, its middle left out where it is long; a model may write what would steer a terminal."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= SAMPLE_CHARS else f"{line[: SAMPLE_CHARS // 2]} … {line[-SAMPLE_CHARS // 2 :]}"


def duration(seconds: float) -> str:
    """A span of time as people say it: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest_s = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest_s} s"
    return f"{minutes // 60} h {minutes % 60} min"


def progress_bar(console: Console) -> Progress:
    """A bar with a description, a count and `figures`, which are text and no markup."""
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), MofNCompleteColumn())
    # Markup off: a figure is text, whatever brackets stand in it.
    return Progress(*columns, TextColumn("{task.fields[figures]}", markup=False), console=console, expand=True)
