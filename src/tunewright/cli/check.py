"""`tunewright check`: everything that can be found wrong without loading weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from tunewright.cli.output import AsJson, Overrides, RecipePath, put, put_json

SHOWN = 5
"""Places of a finding that people are shown; `--json` has more."""
SIGNS = {"error": "✗", "warning": "!", "note": "·"}


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("check")(check)


def check(recipe: RecipePath, overrides: Overrides = None, *, as_json: AsJson = False) -> None:
    """Check a recipe, its data and its base without loading weights; exits 1 on an error."""
    show_check(recipe, overrides, as_json=as_json, with_plan=False)


def show_check(recipe: Path, overrides: list[str] | None, *, as_json: bool, with_plan: bool) -> None:
    """The findings, and with `with_plan` what a run would do; ends the command with 1 on an error."""
    from tunewright.pipeline.check import check_recipe

    checked = check_recipe(recipe, overrides or [])
    if as_json:
        put_json(checked.as_dict())
    else:
        for finding in checked.findings:
            rows = f" [{_places(finding.rows)}]" if finding.rows else ""
            put(f"{SIGNS[finding.severity]} {finding.kind}: {finding.message}{rows}")
            if finding.remedy:
                put(f"    remedy: {finding.remedy}")
        for line in checked.plan if with_plan and not checked.errors else ():
            put(f"  {line}")
        counts = ", ".join(f"{checked.count(kind)} {kind}(s)" for kind in SIGNS)
        put(f"{recipe}: {'not fit to run' if checked.errors else 'fit to run'}: {counts}")
    if checked.errors:
        raise typer.Exit(1)


def _places(rows: Sequence[str]) -> str:
    """The first places, the file named once for all lines of it in a row: `tickets.csv:17, 20, 31, …`."""
    shown: list[str] = []
    before = None
    for place in rows[:SHOWN]:
        source, _, line = place.rpartition(":")
        shown.append(line if source == before else place)
        before = source
    return ", ".join([*shown, *(["…"] if len(rows) > SHOWN else [])])
