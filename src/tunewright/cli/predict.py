"""`tunewright predict`: use a tuned model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tunewright.cli.output import AsJson, put, put_json, say
from tunewright.core.text import excerpt, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.pipeline.predict import Answer, Prediction
    from tunewright.pipeline.predict_read import Read


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("predict")(predict)


def predict(  # noqa: PLR0913  # an option each
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
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, help="Most tokens of a written answer; 256 if not given.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0.0, help="Of a written answer; 0, the default, takes the most probable token.")
    ] = None,
    top_p: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Share of probability to draw from; all if not given.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the draws, where the temperature is not 0.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of --out that stands there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Use the tuned model of RUN: a line a text, with its label and probability, its number or labels, or what was
    written as JSON.

    Of a file, every answer bears the line of its row, and its id where a column holds one.
    """
    from tunewright.pipeline.decoding import chosen_decoding
    from tunewright.pipeline.predict import predict_rows, require_free, write_rows

    if out is not None:
        require_free(out, file=file, force=force)
    decoding = chosen_decoding(max_new_tokens=max_new_tokens, temperature=temperature, top_p=top_p, seed=seed)
    rows = predict_rows(
        run,
        texts=text or [],
        file=file,
        column=column,
        decoding=decoding,
        warn=lambda line: say(f"predict: warning: {line}"),
    )
    if out is not None:
        write_rows(out, rows)
    if as_json:
        put_json({"run": str(run), "predictions": [row.as_dict() for row in rows]})
    elif out is not None:
        put(f"wrote {len(rows)} predictions to {out}")
    else:
        _show(rows)


def _show(rows: Sequence[Prediction] | Sequence[Read] | Sequence[Answer]) -> None:
    from tunewright.pipeline.predict import Answer, json_line

    places = [name for name in ("line", "id") if any(getattr(row, name) is not None for row in rows)]
    for row in rows:
        if isinstance(row, Answer):
            put(json_line(row))
        else:
            put("\t".join([*_place(row, places), *map(plain, row.cells), excerpt(row.text)]))


def _place(row: Prediction | Read, names: Sequence[str]) -> list[str]:
    """What to join by, as far as any row has it; a dash where this one has not."""
    found = [getattr(row, name) for name in names]
    return ["-" if part is None else plain(str(part)) for part in found]
