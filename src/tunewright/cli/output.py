"""What goes where: one JSON object or the result on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path  # typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from tunewright.pipeline.context import Context

RecipePath = Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe file.", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Fields to set, such as train.epochs=5.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; all else goes to stderr.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")]


def say(message: str) -> None:
    """One line on stderr."""
    print(message, file=sys.stderr, flush=True)  # noqa: T201


def put(text: str) -> None:
    """The result, on stdout. A reader that went away, as `| head` does, stops nothing and changes no exit code."""
    try:
        print(text, flush=True)  # noqa: T201
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def put_json(value: Any) -> None:
    """One JSON object on stdout; an unknown number is null."""
    put(json.dumps(value, ensure_ascii=False, allow_nan=False))


def console() -> Console:
    """Where tables for people go."""
    from rich.console import Console  # 50 ms that --help does without

    return Console()


def open_context(recipe: Path, overrides: list[str] | None) -> Context:
    """The context of a command: it says what it does, and shows progress."""
    from tunewright.pipeline.context import Context
    from tunewright.pipeline.observers import command_observers
    from tunewright.recipe.load import load_recipe

    loaded = load_recipe(recipe, overrides or [])
    return Context(loaded, say=say, observers=command_observers(loaded), command=command_line())


def command_line() -> str:
    """The command as it was typed."""
    return shlex.join(["tunewright", *sys.argv[1:]])
