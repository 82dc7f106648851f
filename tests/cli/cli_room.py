"""What the command line's tests share: a small sound project, and a command run in this process."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tunewright.cli.app import exit_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import pytest

POSITIONS = 40
"""Longest sequence of the tiny base, which has two layers."""
QUICK = ("train.epochs=2", "train.precision=fp32", "train.tensorboard=false", "evaluation.resamples=200")
"""Overrides under which a run of the sound project takes a second or two."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object of stdout; anything else there fails the test."""
        assert self.out.count("\n") == 1, f"stdout holds more than one line: {self.out!r}"
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


def runner(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """A function that carries out a command line in this process."""

    def ran(*arguments: object) -> Ran:
        capsys.readouterr()
        code = exit_code([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return ran


def records(count: int, labels: Sequence[str] = ("billing", "delivery"), start: int = 0) -> list[tuple[str, str]]:
    """Different texts of words that the tiny base knows; one of them gives the label away."""
    named = [(n, labels[n % len(labels)]) for n in range(start, start + count)]
    return [(f"message {n} word{n % 150} {label}{n % 6}", label) for n, label in named]


def write_csv(path: Path, rows: Iterable[Sequence[object]], header: Sequence[str] = ("text", "label")) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def write_recipe(path: Path, base: Path, data: str = "train.csv", more: str = "") -> Path:
    path.write_text(f"model: {base}\ndata: {data}\ntask: classification\n{more}", encoding="utf-8")
    return path


def sound_project(folder: Path, base: Path) -> Path:
    """Sixty rows of two labels and a recipe for them; every broken input is this project with one fault."""
    write_csv(folder / "train.csv", records(60))
    return write_recipe(folder / "recipe.yaml", base)
