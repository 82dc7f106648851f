"""`tunewright export`: the tuned model leaves its run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tunewright.cli.output import AsJson, put, put_json, say


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("export")(export)


def export(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run directory, such as runs/recipe.", show_default=False)
    ],
    *,
    to: Annotated[Path, typer.Option("--to", help="A new or empty folder.", show_default=False)],
    merge: Annotated[
        bool, typer.Option("--merge", help="The whole model; an adapter is merged into its base, in fp32.")
    ] = False,
    adapter: Annotated[bool, typer.Option("--adapter", help="The adapter alone, in peft's format.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the tuned model of RUN with its tokenizer, template and card, as plain transformers and peft load it.

    Training rows are encoded again through the files written: they must give the ids that were trained on.
    """
    from tunewright.pipeline.export import export_run

    found = export_run(run, to=to, merge=merge, adapter=adapter)
    if as_json:
        put_json(found.as_dict())
        return
    for note in found.notes:
        say(f"export: {note}")
    width = max(map(len, found.files))
    for name, size in found.files.items():
        put(f"{name:<{width}}  {size:>13,} bytes")
    put(f"wrote {found.what} to {found.folder}")
