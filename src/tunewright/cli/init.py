"""`tunewright init`: look at a data file and write a commented recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tunewright.cli.output import (
    AsJson,
    DryRun,
    Encoding,
    InputColumn,
    Records,
    Sheet,
    TargetColumn,
    Task,
    named_task,
    put,
    put_json,
    say,
)


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("init")(init)


def init(  # noqa: PLR0913  # one argument an option
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="The data file, or a folder of files named by split.", show_default=False),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Where to write the recipe; relative paths in it start from there.")
    ] = Path("recipe.yaml"),
    *,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="The base to tune: a local folder or a hub name; by default the starter of the task.",
        ),
    ] = None,
    task: Task = None,
    input_column: InputColumn = None,
    target: TargetColumn = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    records: Records = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a recipe that stands there.")] = False,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Look at DATA, find format, columns and task, and write a recipe of about ten keys that says why."""
    from tunewright.pipeline.init import propose, write_recipe
    from tunewright.recipe.named import Named

    named = Named(sheet=sheet, records=records, encoding=encoding, input=input_column, target=target)
    proposal = propose(data, out, model=model, task=named_task(task), named=named)
    if not dry_run:
        write_recipe(proposal, force=force)
    if as_json:
        put_json(proposal.as_dict(written=not dry_run))
        return
    for line in proposal.reasons:
        say(line)
    if dry_run:
        put(proposal.text)
    else:
        put(f"wrote {out}; next: tunewright check {out}, then: tunewright run {out}")
