"""Errors by who can act. Each message has four parts: place, given, expected, remedy."""

from __future__ import annotations

import signal
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: where it is, what stands there, what was expected, what to do about it."""

    place: str
    given: str
    expected: str = ""
    remedy: str = ""
    source: str = ""
    """The file, and the line where known, such as `recipe.yaml, line 14`."""
    count: int = 1
    """How many faults it tells of: none, where it only sums up those that stand beside it."""

    def __str__(self) -> str:
        lines = [f"{self.place}: {self.given}" if self.place else self.given]
        if self.expected:
            lines.append(f"  expected {self.expected}")
        if self.remedy:
            lines.append(f"  remedy: {self.remedy}")
        if self.source:
            lines.append(f"  in: {self.source}")
        return "\n".join(lines)


class TunewrightError(Exception):
    """A fault a user can act on; it carries one or more problems and the exit code of the command line."""

    exit_code: int = 4
    kind: ClassVar[str] = "error"

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)

    def as_dict(self) -> dict[str, object]:
        """The error as JSON data, for `--json`."""
        return {"error": self.kind, "exit_code": self.exit_code, "problems": [asdict(p) for p in self.problems]}


class RecipeError(TunewrightError):
    """The recipe or the command is wrong: edit it."""

    exit_code = 2
    kind = "recipe"


class DataError(TunewrightError):
    """The data is wrong: look at the rows named."""

    exit_code = 3
    kind = "data"


class RunError(TunewrightError):
    """The run broke here."""

    exit_code = 4
    kind = "run"


class MissingPackage(TunewrightError):
    """A package or an extra must be installed first."""

    exit_code = 2
    kind = "missing_package"


class Interrupted(TunewrightError):
    """The run was stopped by a signal, with its state saved; `exit_code` is 128 plus the signal's number."""

    exit_code = 130
    kind = "interrupted"

    def __init__(self, signal_number: int, *problems: Problem) -> None:
        super().__init__(*problems)
        self.exit_code = 128 + signal_number


def how_stopped(signal_number: int) -> str:
    """What a signal is to the one who sent it, such as `interrupted from the keyboard (Ctrl-C)`."""
    if signal_number == signal.SIGINT:
        return "interrupted from the keyboard (Ctrl-C)"
    return f"told to end by the signal {signal.Signals(signal_number).name}"


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """A ` (did you mean 'x'?)` suffix, or nothing where no known name is near; capitals and hyphens do not matter."""
    near = nearest(given, known)
    return f" (did you mean {near!r}?)" if near is not None else ""


def nearest(given: str, known: Iterable[str]) -> str | None:
    """The known name that is nearest, None where none is near; capitals and hyphens do not matter."""
    folded = {_folded(name): name for name in reversed(list(known))}
    near = get_close_matches(_folded(given), list(folded), n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_")
