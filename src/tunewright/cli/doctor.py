"""`tunewright doctor`: the machine, and what of it lies idle."""

from __future__ import annotations

import typer

from tunewright.cli.output import AsJson, put, put_json


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("doctor")(doctor)


def doctor(*, as_json: AsJson = False) -> None:
    """Show versions, device, precision, memory and extras, and say when an accelerator lies idle, and why."""
    from tunewright.pipeline.doctor import examine

    found = examine()
    if as_json:
        put_json(found.as_dict())
        return
    width = max(len(name) for name in found.facts)
    for name, value in found.facts.items():
        put(f"{name:<{width}}  {value}")
    for advice in found.advice:
        put(f"! {advice}")
