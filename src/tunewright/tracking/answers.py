"""Progress while a model writes answers: a bar on a terminal, one plain line now and then elsewhere."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tunewright.tracking.console import duration, progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tunewright.core.generated import Wrote


class ConsoleAnswers:
    """Shows answers written, answers and tokens a second, and time left, on stderr by default.

    Implements `core.protocols.Watch`. What ends before the first line is due leaves none.
    """

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

    @contextlib.contextmanager
    def __call__(self, what: str, total: int) -> Iterator[Wrote]:
        """Within it, what is told of `total` answers is shown behind `what`."""
        started_s = self._clock()
        if not self._console.is_terminal:
            yield self._lines(what, total, started_s)
            return
        with progress_bar(self._console) as bar:
            task = bar.add_task(what, total=total, figures="")

            def show(done: int, tokens: int) -> None:
                bar.update(task, completed=done, figures=self._figures(done, tokens, total, started_s))

            yield show

    def _lines(self, what: str, total: int, started_s: float) -> Wrote:
        said_s = started_s

        def say(done: int, tokens: int) -> None:
            nonlocal said_s
            if self._clock() - said_s >= self._every_s:
                said_s = self._clock()
                line = f"{what}: {done:,}/{total:,} answers, {self._figures(done, tokens, total, started_s)}"
                self._console.print(Text(line), soft_wrap=True)

        return say

    def _figures(self, done: int, tokens: int, total: int, started_s: float) -> str:
        """Rates by the wall clock; the time left is unknown until an answer has ended."""
        seconds = self._clock() - started_s
        if seconds <= 0:
            return f"{tokens:,} tokens"
        rates = f"{done / seconds:.1f} answers/s, {tokens / seconds:.0f} tokens/s"
        return f"{rates}, {duration(seconds / done * (total - done))} left" if done else rates
