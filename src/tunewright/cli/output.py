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
    from tunewright.recipe.recipe import TaskName

RecipePath = Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe file.", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Fields to set, such as train.epochs=5.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; all else goes to stderr.")]
Task = Annotated[
    str | None,
    typer.Option("--task", help="The task, where the columns would serve several.", metavar="TASK", show_default=False),
]
InputColumn = Annotated[
    str | None, typer.Option("--input", metavar="COLUMN", help="The column that holds the text.", show_default=False)
]
TargetColumn = Annotated[
    str | None,
    typer.Option(
        "--target", metavar="COLUMN", help="The column that holds the label or the answer.", show_default=False
    ),
]
Encoding = Annotated[
    str | None, typer.Option("--encoding", help="The file's encoding, such as cp1252.", show_default=False)
]
Sheet = Annotated[str | None, typer.Option("--sheet", help="The sheet of a workbook.", show_default=False)]
Records = Annotated[
    str | None,
    typer.Option(
        "--records", metavar="PATH", help="Where the records of a JSON document lie: data.items.", show_default=False
    ),
]
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


def named_task(task: str | None) -> TaskName | None:
    """The task that was named on the command line. Raises RecipeError for one that there is not."""
    from typing import get_args

    from tunewright.core.errors import Problem, RecipeError, did_you_mean
    from tunewright.recipe.recipe import TaskName

    known = get_args(TaskName)
    if task is not None and task not in known:
        given = f"unknown task {task!r}{did_you_mean(task, known)}"
        raise RecipeError(Problem("--task", given, f"one of: {', '.join(known)}", "correct the name"))
    return task  # type: ignore[return-value]  # one of the names


def console() -> Console:
    """Where tables for people go."""
    from rich.console import Console  # 50 ms that --help does without

    return Console()


def open_context(recipe: Path, overrides: list[str] | None) -> Context:
    """The context of a command: it says what it does, and shows progress."""
    from tunewright.pipeline.context import Context
    from tunewright.pipeline.observers import command_observers, command_watch
    from tunewright.recipe.load import load_recipe

    loaded = load_recipe(recipe, overrides or [])
    return Context(loaded, say=say, observers=command_observers(loaded), watch=command_watch(), command=command_line())


def command_line() -> str:
    """The command as it was typed."""
    return shlex.join(["tunewright", *sys.argv[1:]])
