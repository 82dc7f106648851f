"""`tunewright labels`: which labels are in doubt, in the order in which to look at them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tunewright.cli.output import AsJson, Overrides, RecipePath, open_context, put, put_json
from tunewright.core.text import excerpt, plain

if TYPE_CHECKING:
    from tunewright.pipeline.label_issues import LabelIssues

SHOWN = 5
"""Rows that are shown of the list."""


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("labels")(labels)


def labels(  # noqa: PLR0913  # an option each
    recipe: RecipePath,
    overrides: Overrides = None,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the list to review.")] = Path(
        "label_issues.csv"
    ),
    test: Annotated[
        Path | None, typer.Option("--test", help="List the test rows here too; nothing acts on such a list.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="List every row, not only those in doubt.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a list that stands there.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the labels that are most in doubt, the least probable first, for a person to decide on.

    Each row is judged by a model that has not seen it. Write keep, drop or the right label into the column decision,
    then name the file in the recipe's data.label_issues. Labels of the test are never changed.
    """
    from tunewright.pipeline.label_issues import rank_label_issues, require_free, write_issues

    for path in (out, test):
        if path is not None:
            require_free(path, force=force)
    issues = rank_label_issues(open_context(recipe, overrides))
    listed = issues.rows if every else issues.to_review
    write_issues(out, listed)
    if test is not None:
        write_issues(test, issues.test if every else issues.test.filter("in_doubt"))
    if as_json:
        put_json({**issues.as_dict(), "written": str(out)})
    else:
        _show(issues, out, written=listed.height)


def _show(issues: LabelIssues, out: Path, *, written: int) -> None:
    for row in issues.to_show(SHOWN):
        change = f"{plain(row['label'])} → {plain(row['suggested'] or '?')}"
        put(f"{row['source']}:{row['line']}\t{change}\t{excerpt(row['text'])}")
    for given, other, count in issues.pairs[:SHOWN]:
        put(f"  {count:,} × {plain(given)} → {plain(other)}")
    if issues.agreement is not None:
        share = issues.in_doubt / issues.judged
        put(f"{issues.in_doubt:,} of {issues.judged:,} labels ({share:.1%}) are in doubt, by {issues.method}")
        put(f"it agrees with {issues.agreement:.1%} of the labels: the fewer, the more right ones it doubts")
    unjudged = issues.rows.height - issues.judged
    if unjudged:
        put(f"{unjudged:,} rows could not be judged: no other row apart from them bears their label")
    put(f"of {issues.test.height:,} test rows, {int(issues.test['in_doubt'].sum()):,}; these are never changed")
    if issues.to_freeze:
        put("before a review is followed, freeze the test: `tunewright prepare` on this recipe as it is")
    put(f"wrote {written:,} rows to {out}; next: write keep, drop or a label into `decision`, then in the recipe:")
    put(f"  data: {{label_issues: {{kind: relabel, file: {out}}}}}")
