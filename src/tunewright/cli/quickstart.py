"""`tunewright quickstart`: the main job on the embedded default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tunewright.cli.output import AsJson, console, open_context, put_json, say

Folder = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        help="Where recipe, data and run go.",
        show_default="quickstart; quickstart-generation for that task",
    ),
]
Task = Annotated[
    Literal["classification", "generation"],
    typer.Option("--task", help="Route the tickets with the starter encoder, or answer them with the starter LM."),
]


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("quickstart")(quickstart)


def quickstart(folder: Folder = None, task: Task = "classification", *, as_json: AsJson = False) -> None:
    """Tune a starter model on the starter tickets; test, gate and report it. Exits 0 once all stages are done."""
    from tunewright.pipeline.quickstart import ABOUT, lay_out, next_step
    from tunewright.pipeline.run import run as run_recipe
    from tunewright.pipeline.run import show

    recipe = lay_out(folder, task)
    say(f"quickstart: {ABOUT[task]}")
    say(f"quickstart: the recipe is {recipe}; change it and run `tunewright run {recipe}`")
    outcome = run_recipe(recipe, context=open_context(recipe, None))
    if as_json:
        put_json(outcome.as_dict())
    else:
        show(outcome, console())
        say(f"next: {next_step(task, outcome.folder)}")
