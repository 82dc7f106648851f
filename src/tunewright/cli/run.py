"""`tunewright run`: the whole life-cycle of a recipe."""

from __future__ import annotations

import typer

from tunewright.cli.output import AsJson, DryRun, Overrides, RecipePath, console, open_context, put_json

SHIPS = "ship"


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("run")(run)


def run(recipe: RecipePath, overrides: Overrides = None, *, as_json: AsJson = False, dry_run: DryRun = False) -> None:
    """Prepare, baseline, train, evaluate, gate, report. Unchanged stages are skipped; a killed run resumes."""
    if dry_run:
        from tunewright.cli.check import show_check

        show_check(recipe, overrides, as_json=as_json, with_plan=True)
        return
    from tunewright.pipeline.run import run as run_recipe
    from tunewright.pipeline.run import show

    context = open_context(recipe, overrides)
    outcome = run_recipe(recipe, context=context)
    if as_json:
        put_json(outcome.as_dict())
    else:
        show(outcome, console())
    if outcome.gate.verdict != SHIPS:
        raise typer.Exit(1)
