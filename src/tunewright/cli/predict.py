"""`tunewright predict`: use a tuned model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tunewright.cli.output import AsJson, put, put_json
from tunewright.core.text import plain


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("predict")(predict)


def predict(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run directory, such as runs/recipe.", show_default=False)
    ],
    *,
    text: Annotated[list[str] | None, typer.Option("--text", "-t", help="A text; may be given many times.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="A data file with a text column.")] = None,
    column: Annotated[
        str | None, typer.Option("--column", help="The text column, if not that of the training.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write one JSON line a row here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Classify texts with the tuned model of RUN: one line a text, with the label and its probability."""
    from tunewright.pipeline.predict import predict_rows, write_rows

    rows = predict_rows(run, texts=text or [], file=file, column=column)
    if out is not None:
        write_rows(out, rows)
    if as_json:
        put_json({"run": str(run), "predictions": [row.as_dict() for row in rows]})
    elif out is None:
        for row in rows:
            excerpt = plain(" ".join(row.text.split()))
            put(f"{plain(row.label)}\t{row.probability:.3f}\t{excerpt if len(excerpt) <= 100 else excerpt[:99] + '…'}")
    else:
        put(f"wrote {len(rows)} predictions to {out}")
