"""The closing words on the console: scores beside baselines, the gap, the verdict with its reasons, the path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tunewright.core.results import Outcome, Verdict
from tunewright.core.text import plain
from tunewright.core.titles import metric_title, name_of_test
from tunewright.evaluation.clean_reading import clean_reading
from tunewright.evaluation.retention import earlier_reading
from tunewright.reporting import figures
from tunewright.reporting.text_table import text_lines, text_scores

if TYPE_CHECKING:
    from rich.console import Console

    from tunewright.core.results import Comparison, Estimate, Gap, GateResult, Results, SystemScores

VERDICT_STYLES: Final = {
    Verdict.SHIP: "bold green",
    Verdict.DONT_SHIP: "bold red",
    Verdict.NOT_ENOUGH_EVIDENCE: "bold yellow",
}
OUTCOME_MARKS: Final = {
    Outcome.PASS: Text("pass", "green"),
    Outcome.FAIL: Text("FAIL", "bold red"),
    Outcome.UNKNOWN: Text("not enough evidence", "yellow"),
}


def print_results(console: Console, results: Results, gate: GateResult, *, report_path: str) -> None:
    """The closing table, the gap, the verdict and the path stand on the console, within its width.

    Nothing but the names given is outside ASCII, and control characters in names are shown escaped: a label cannot
    colour or move anything.
    """
    console.print()
    across = results.task != "classification"
    if across:
        console.print(text_scores(results, width=console.width))
        for line in text_lines(results):
            console.print(line)
    else:
        console.print(_scores(results))
    shown = [c for c in results.comparisons if c.metric == results.headline and c.p_value is not None]
    tests = sorted({c.test for c in shown})
    if tests and not across:
        words = ", ".join(name_of_test(test) for test in tests)
        console.print(Text(plain(f"p: the tuned model against that row, paired, two-sided ({words})"), "dim"))
    if results.gap:
        console.print()
        console.print(_gap(results.gap))
    if results.clean_part:
        console.print(Text(plain(clean_reading(results))))
    if results.earlier_test:
        console.print(Text(plain(earlier_reading(results.earlier_test))))
    for warning in results.warnings:
        console.print(Text(plain(f"warning: {warning}"), "yellow"))
    console.print()
    _print_verdict(console, gate)
    console.print()
    console.print(Text("report: ").append(plain(report_path), "bold"), soft_wrap=True)


def _scores(results: Results) -> Table:
    metrics = figures.headline_metrics(results)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(f"scores on {figures.count(results.n)}\nfrozen test rows", overflow="fold")
    table.add_column("n", justify="right", no_wrap=True)
    for metric in metrics:
        title = plain(metric_title(metric))
        table.add_column(f"{title}\n({figures.level(results.confidence)} interval)", no_wrap=True)
    table.add_column(f"p by\n{plain(metric_title(results.headline))}", no_wrap=True)
    for system in results.systems:
        style = "bold" if system.role == "tuned" else ""
        cells = [_estimate(system.metrics.get(metric)) for metric in metrics]
        p = _p(_compared(results, system), system)
        table.add_row(Text(plain(system.title)), figures.count(_rows(system, results)), *cells, p, style=style)
    return table


def _estimate(estimate: Estimate | None) -> Text:
    if estimate is None or figures.known(estimate.value) is None:
        return Text("unknown", "dim")
    return Text(figures.score(estimate.value)).append(f" {figures.interval(estimate, '-')}", "dim not bold")


def _rows(system: SystemScores, results: Results) -> int:
    return next((estimate.n for estimate in system.metrics.values()), results.n)


def _compared(results: Results, system: SystemScores) -> Comparison | None:
    """The comparison that the column of p is of, by the headline alone: its title names one metric."""
    found = (c for c in results.comparisons if (c.against, c.metric) == (system.name, results.headline))
    return next(found, None)


def _p(comparison: Comparison | None, system: SystemScores) -> Text:
    if system.role == "tuned":
        return Text("")
    if comparison is None:
        return Text("-", "dim")  # a library caller need not compare with every system
    p = figures.known(comparison.p_value)
    return Text("unknown" if p is None else figures.p_value(p))


def _gap(gap: Gap) -> Text:
    splits = {"train": gap.train, "validation": gap.validation, "test": gap.test}
    values = {name: figures.known(estimate.value) for name, estimate in splits.items()}
    words = ", ".join(f"{name} {'unknown' if v is None else f'{v:.3f}'}" for name, v in values.items())
    return Text(plain(f"{metric_title(gap.metric)}: {words}. {gap.reading}"))


def _print_verdict(console: Console, gate: GateResult) -> None:
    words = gate.verdict.value.replace("dont", "don't").replace("_", " ").upper()
    console.print(Text("verdict: ").append(words, VERDICT_STYLES[gate.verdict]))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for outcome in gate.outcomes:
        lines = [outcome.condition, outcome.found, f"advice: {outcome.advice}" if outcome.advice else ""]
        grid.add_row(OUTCOME_MARKS[outcome.outcome], Text("\n".join(plain(line) for line in lines if line)))
    for warning in gate.warnings:
        grid.add_row(Text("warning", "yellow"), Text(plain(warning)))
    console.print(Padding(grid, (0, 0, 0, 2)))
