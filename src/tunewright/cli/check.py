"""`tunewright check`: everything that can be found wrong without loading weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tunewright.cli.output import AsJson, Overrides, RecipePath, console, put, put_json

if TYPE_CHECKING:
    from tunewright.core.rows import Finding
    from tunewright.pipeline.checked import Checked, Fault
    from tunewright.pipeline.show import ShownRow

SHOWN = 5
"""Places of a finding that people are shown; `--json` has more."""
SIGNS = {"error": "✗", "warning": "!", "note": "·"}
MEANINGS = {2: "the recipe or the command is wrong", 3: "the data is wrong", 4: "it would break"}
"""What a run's exit code says."""


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("check")(check)


def check(
    recipe: RecipePath,
    overrides: Overrides = None,
    *,
    show: Annotated[int, typer.Option("--show", min=0, help="Show so many rows as the model will see them.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Check a recipe, its data and its base without loading weights; exits 1 on an error.

    With --show, training rows stand there token by token: what is trained is marked, and so are template and stop.
    """
    show_check(recipe, overrides, as_json=as_json, with_plan=False, show=show)


def show_check(recipe: Path, overrides: list[str] | None, *, as_json: bool, with_plan: bool, show: int = 0) -> None:
    """The findings, and with `with_plan` what a run would do; ends the command with 1 on an error."""
    from tunewright.pipeline.check import check_recipe

    checked = check_recipe(recipe, overrides or [], show=show)
    if as_json:
        put_json(checked.as_dict())
    else:
        _show(checked, recipe, with_plan=with_plan)
    if checked.errors:
        raise typer.Exit(1)


def _show(checked: Checked, recipe: Path, *, with_plan: bool) -> None:
    for fault in checked.faults:
        _show_fault(fault)
    for finding in checked.findings:
        show_finding(finding)
    for row in checked.shown:
        _show_row(row)
    for line in checked.plan if with_plan else ():
        put(f"  {line}")
    counts = ", ".join(f"{checked.count(kind)} {kind}(s)" for kind in SIGNS)
    put(f"{recipe}: {_outcome(checked)}: {counts}")


def _outcome(checked: Checked) -> str:
    """Fit, not fit, or what nobody can tell yet."""
    if checked.fit_to_run is False:
        return f"not fit to run (a run would exit {checked.run_exit_code})"
    unseen = " and ".join(checked.not_looked_at)
    return f"nothing found against a run, but {unseen} could not be looked at" if unseen else "fit to run"


def _show_row(row: ShownRow) -> None:
    """One row: trained text in bold green on a terminal, between ⟦ and ⟧ everywhere."""
    from rich.markup import escape

    cut = f", cut to {row.kept}" if row.kept < row.tokens else ""
    ends = f"ends in {row.stop!r}" if row.stop else "no stop token is trained"
    what = f"label {row.target!r}" if row.target is not None else f"{row.trained} trained, {ends}"
    put(f"── {row.place}: {row.tokens} tokens{cut}; {what}")
    marked = (f"[bold green]⟦{escape(p.text)}⟧[/]" if p.trained else escape(p.text) for p in row.pieces)
    console().print("".join(marked), highlight=False, soft_wrap=True)


def _show_fault(fault: Fault) -> None:
    first, *others = str(fault.problem).splitlines()
    put(f"{SIGNS['error']} {first}")
    for line in others:
        put(f"    {line.strip()}")
    put(f"    a run would exit {fault.exit_code}: {MEANINGS.get(fault.exit_code, fault.kind)}")


def show_finding(finding: Finding) -> None:
    """What was found, where, and what to do."""
    rows = f" [{_places(finding.rows)}]" if finding.rows else ""
    put(f"{SIGNS[finding.severity]} {finding.kind}: {finding.message}{rows}")
    if finding.remedy:
        put(f"    remedy: {finding.remedy}")


def _places(rows: Sequence[str]) -> str:
    """The first places, the file named once for all lines of it in a row: `tickets.csv:17, 20, 31, …`."""
    shown: list[str] = []
    before = None
    for place in rows[:SHOWN]:
        source, _, line = place.rpartition(":")
        shown.append(line if source == before else place)
        before = source
    return ", ".join([*shown, *(["…"] if len(rows) > SHOWN else [])])
