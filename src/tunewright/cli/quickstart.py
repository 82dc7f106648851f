"""`tunewright quickstart`: the main job on the embedded default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tunewright.cli.output import AsJson, console, open_context, put_json, say


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("quickstart")(quickstart)


def quickstart(
    folder: Annotated[Path, typer.Option("--dir", help="Where recipe, data and run go.")] = Path("quickstart"),
    *,
    as_json: AsJson = False,
) -> None:
    """Tune the starter encoder on the starter tickets; test, gate and report it. Exits 0 once all stages are done."""
    from tunewright.pipeline.quickstart import lay_out
    from tunewright.pipeline.run import run as run_recipe
    from tunewright.pipeline.run import show

    recipe = lay_out(folder)
    say(f"quickstart: the recipe is {recipe}; change it and run `tunewright run {recipe}`")
    outcome = run_recipe(recipe, context=open_context(recipe, None))
    if as_json:
        put_json(outcome.as_dict())
    else:
        show(outcome, console())
