"""The closing table of all tasks but classification: a row a metric, a column a system, what the tuned model gained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from tunewright.core.text import plain
from tunewright.core.titles import metric_title, name_of_test
from tunewright.evaluation.retention import chain_reading, reading
from tunewright.reporting import figures, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tunewright.core.results import Comparison, Estimate, Results

WIDE = 78
"""From so many columns on, three systems with their intervals stand side by side."""


def text_scores(results: Results, *, width: int) -> Table:
    """All metrics of all systems; on a narrow console, or beside more than three, intervals stand below the scores."""
    between = " " if width >= WIDE and len(results.systems) <= 3 else "\n"
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(f"scores, {figures.level(results.confidence)}\nintervals", overflow="fold")
    for system in results.systems:
        style = "bold" if system.role == "tuned" else ""
        table.add_column(plain(system.title), overflow="fold", style=style)
    for metric in figures.headline_metrics(results):
        cells = [_cell(system.metrics.get(metric), between) for system in results.systems]
        mark = " *" if texts.side(metric) else ""
        table.add_row(plain(metric_title(metric)) + mark, *cells)
    return table


def text_lines(results: Results) -> Iterator[Text]:
    """What the table rests on, each known comparison with its p, and what became of general text."""
    starred = any(texts.side(metric) for metric in figures.headline_metrics(results))
    yield Text(f"{'* less is better. ' if starred else ''}{_rows_scored(results)}", "dim")
    known = [c for c in results.comparisons if figures.known(c.p_value) is not None]
    titles = {system.name: system.title for system in results.systems}
    for against in dict.fromkeys(c.against for c in known):
        differences = ", ".join(_difference(c) for c in known if c.against == against)
        yield Text(plain(f"tuned minus {titles.get(against, against)}: {differences}"))
    tests = ", ".join(sorted({name_of_test(c.test) for c in known}))
    if tests:
        yield Text(f"p: paired, two-sided ({tests})", "dim")
    if results.retention:
        yield Text(plain(reading(results.retention)))
    if results.since_first:
        yield Text(plain(chain_reading(results.since_first)))


def _rows_scored(results: Results) -> str:
    if texts.of_texts(results):
        return texts.rows_scored(results)
    return f"Scores are of all {figures.count(results.n)} frozen test rows."


def _cell(estimate: Estimate | None, between: str) -> Text:
    if estimate is None or figures.known(estimate.value) is None:
        return Text("unknown", "dim not bold")
    return Text(figures.score(estimate.value)).append(f"{between}{figures.interval(estimate, '-')}", "dim not bold")


def _difference(comparison: Comparison) -> str:
    value = figures.signed(comparison.difference.value).replace("\N{MINUS SIGN}", "-")
    p = figures.p_value(comparison.p_value)
    return f"{metric_title(comparison.metric)} {value} ({'p ' if p.startswith('<') else 'p = '}{p})"
