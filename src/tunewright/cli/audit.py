"""`tunewright audit`: a file and no recipe: what is in it, what is wrong with it, what to do."""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated

import typer

from tunewright.cli.check import SIGNS, show_finding
from tunewright.cli.output import (
    AsJson,
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

if TYPE_CHECKING:
    from tunewright.core.audit import Audit, TokenFit

SEVERITIES = {"error": "Errors: a run would stop", "warning": "Warnings", "note": "Notes"}
EXAMPLE_CHARS = 32
OUTCOMES = {
    0: "nothing in it would stop a run",
    1: "not fit to run: see the errors",
    2: "cannot be prepared as asked",
    3: "not fit to run: the data is wrong",
}


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("audit")(audit)


def audit(  # noqa: PLR0913  # one argument an option
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="The data file, or a folder of files named by split.", show_default=False),
    ],
    *,
    task: Task = None,
    input_column: InputColumn = None,
    target: TargetColumn = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    records: Records = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the audit as one HTML page that needs nothing else.")
    ] = None,
    export: Annotated[Path | None, typer.Option("--export", help="Write its tables as CSV into this folder.")] = None,
    against: Annotated[
        Path | None, typer.Option("--against", help="A sample of production: does the data look like it?")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="A base whose tokenizer and context are tried; may be repeated."),
    ] = None,
    draw_map: Annotated[
        bool, typer.Option("--map", help="Embed the texts with the starter encoder and draw them on the page.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look at DATA without a recipe: what is in it, what is wrong with it, and what to do; exits 1 on an error."""
    from tunewright.pipeline.audit import AuditRequest
    from tunewright.pipeline.audit import audit as look
    from tunewright.pipeline.audit_files import refuse_overwriting, write_page, write_tables
    from tunewright.recipe.named import Named

    refuse_overwriting(data, against, html)
    named = Named(sheet=sheet, records=records, encoding=encoding, input=input_column, target=target)
    found = look(AuditRequest(data, named_task(task), tuple(model or ()), against, draw_map, named))
    for path in write_tables(found, export) if export is not None else ():
        say(f"wrote {path}")
    if html is not None:
        write_page(found, html)
        say(f"wrote {html}")
    if as_json:
        from tunewright.core.codec import to_data

        put_json({**to_data(found), "exit_code": found.exit_code})
    else:
        _show(found)
    if found.exit_code:
        raise typer.Exit(found.exit_code)


def _show(found: Audit) -> None:
    """The audit for people: what it is, its columns and figures, then the findings by severity."""
    from tunewright.core.text import plain

    encoding = f", {found.encoding}" if found.encoding else ""
    put(f"{found.source}: {found.format}{encoding}, {found.read:,} records")
    put(f"task {found.task or 'unknown'}: {found.task_reason}")
    for other in found.alternatives:
        put(f"  or: {other}")
    _show_columns(found)
    for line in _figures(found):
        put(plain(line))
    for problem in found.faults:
        first, *others = str(problem).splitlines()
        put(f"{SIGNS['error']} {first}")
        for line in others:
            put(f"    {line.strip()}")
    for severity, title in SEVERITIES.items():
        held = found.of(severity)
        if held:
            put(f"\n{title} ({len(held)})")
        for finding in held:
            show_finding(finding)
    counts = ", ".join(f"{len(found.of(s)) + len(found.faults) * (s == 'error')} {s}(s)" for s in SEVERITIES)
    known = found.profile is not None or found.faults
    outcome = OUTCOMES[found.exit_code] if known else "only its columns are known until the task is named"
    put(f"\n{found.source}: {outcome}: {counts}")


def _show_columns(found: Audit) -> None:
    from rich.markup import escape
    from rich.table import Table

    from tunewright.cli.output import console
    from tunewright.core.text import plain

    table = Table("column", "type", "missing", "distinct", "taken for", "examples", box=None, pad_edge=False)
    for column in found.columns:
        trait = column.trait if column.trait not in {None, column.kind} else ""
        kind = f"{column.kind}, {trait.replace('_', ' ')}" if trait else column.kind
        examples = shorten(" · ".join(column.examples), EXAMPLE_CHARS, placeholder="…")
        cells = (column.name, kind, f"{column.missing:,}", f"{column.distinct:,}", column.role, examples)
        table.add_row(*(escape(plain(cell)) for cell in cells))
    console().print(table)


def _figures(found: Audit) -> list[str]:
    """Lengths, labels, words and tokens, one line each; none for what is unknown."""
    lines = []
    for name, shape in (("characters", found.characters), ("words", found.words)):
        if shape is not None:
            lines.append(
                f"{name}: median {shape.p50:,.0f}, 95 % at most {shape.p95:,.0f}, longest {shape.maximum:,.0f}"
            )
    if found.labels is not None:
        shown = list(found.labels.counts.items())
        listed = ", ".join(f"{_readable(label)} {count:,}" for label, count in shown[:6]) + (
            ", …" if len(shown) > 6 else ""
        )
        even = f", {found.labels.evenness:.0%} of the most" if found.labels.evenness is not None else ""
        lines.append(f"labels: {listed}")
        lines.append(
            f"  largest to smallest {found.labels.imbalance_ratio:.1f} to 1; entropy "
            f"{found.labels.entropy_bits:.2f} bits{even}"
        )
    if found.vocabulary is not None:
        held = found.vocabulary
        lines.append(
            f"vocabulary: {held.distinct:,} different of {held.words:,} words ({held.type_token_ratio:.2f}); "
            f"{held.shared_openings:.0%} of {held.rows:,} texts open like another"
        )
    lines += [_fit(fit) for fit in found.tokens]
    return lines + _shift(found)


def _readable(label: str) -> str:
    """The label, in quotation marks where it begins with a digit or sign and could be taken for a count."""
    return f'"{label}"' if label[:1].isdigit() or label[:1] in {"-", "+", "."} else label


def _fit(fit: TokenFit) -> str:
    parts = [f"median {fit.tokens.p50:,.0f} tokens, {fit.overlong_share:.1%} beyond {fit.max_tokens:,}"]
    for value, words in (
        (fit.tokens_per_word, "tokens a word"),
        (fit.bytes_per_token, "bytes a token"),
    ):
        parts += [f"{value:.2f} {words}"] if value is not None else []
    parts += [f"{fit.unknown_share:.2%} unknown"] if fit.unknown_share is not None else []
    parts += [f"{fit.lost_share:.1%} of the target tokens lost"] if fit.lost_share is not None else []
    return f"{fit.model} on {fit.rows:,} rows: {', '.join(parts)}"


def _shift(found: Audit) -> list[str]:
    """Whether the data looks like production; without a sample, unknown."""
    shift = found.shift
    if shift is None:
        return ["like production: unknown (no sample: --against FILE)"] if found.profile is not None else []
    lines = [f"against {shift.against}: {shift.rows:,} rows"]
    for one in shift.compared:
        value = f"{one.value:.2f}" if one.value is not None else f"unknown ({one.reason})"
        p = f", p {one.p_value:.2g}" if one.p_value is not None else ""
        lines.append(f"  {one.what}: {one.statistic}: {value}{p}")
    test = shift.two_sample
    auc = f"{test.auc:.2f} ({test.low:.2f} to {test.high:.2f}), p {test.p_value:.2g}" if test.auc is not None else ""
    lines.append(f"  told apart by a classifier, AUC: {auc or f'unknown ({test.reason})'}")
    share = shift.uncovered_share
    lines.append(f"  like no training row: {'unknown' if share is None else f'{share:.1%} (1 % is expected)'}")
    return lines
