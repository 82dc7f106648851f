"""What the page shows of a model that writes or continues texts, drawn from the story."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tunewright.core.metrics import less_is_better
from tunewright.core.titles import metric_title
from tunewright.evaluation.counted_tasks import METRICS as COUNTED
from tunewright.evaluation.retention import chain_reading, earlier_reading, reading, relative_rise
from tunewright.evaluation.texts import METRICS, TASK_METRICS
from tunewright.reporting import figures, plots

if TYPE_CHECKING:
    from tunewright.core.results import Comparison, Results
    from tunewright.reporting.story import Story

DRAWN: Final = ("chrf", "bleu", "rougeL")
"""Metrics that have an interval plot beside the headline's, where texts were written."""

WHY: Final = {
    "sample": "drawn at random",
    "gain": "most gained against the base",
    "loss": "most lost against the base",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """One validation prompt with the answers to it at each evaluation of the training."""

    prompt: str
    reference: str
    answers: tuple[tuple[int, str], ...]
    """Step and text, in order."""


def of_texts(results: Results) -> bool:
    """Whether the task's systems write or continue texts."""
    return results.task in TASK_METRICS


def drawn_metrics(results: Results) -> tuple[str, ...]:
    """The headline and the metrics that are drawn beside it, as far as the tuned model has them."""
    tuned = figures.tuned(results)
    found = [m for m in DRAWN if tuned and m in tuned.metrics and figures.known(tuned.metrics[m].value) is not None]
    return tuple(dict.fromkeys([results.headline, *found[:2]]))


def rows_scored(results: Results) -> str:
    """On how many rows likelihoods rest, and on how many written texts."""
    tuned = figures.tuned(results)
    written = (
        max((e.n for name, e in tuned.metrics.items() if METRICS[name].needs == "texts"), default=0) if tuned else 0
    )
    n = figures.count(results.n)
    if not written:
        return f"Likelihoods are of all {n} frozen test rows; no texts were written."
    if written == results.n:
        return f"Likelihoods and written texts are of all {n} frozen test prompts."
    return f"Likelihoods are of all {n} frozen test prompts; texts were written for {figures.count(written)} of them."


def meanings(results: Results) -> list[tuple[str, str]]:
    """Each metric of the table in words, with the side that is better."""
    if results.task in COUNTED:
        return _counted_meanings(results)
    shown = [(name, METRICS[name]) for name in figures.headline_metrics(results) if name in METRICS]
    side = {"more": "More is better.", "less": "Less is better.", "neither": "Best near 1."}
    return [
        (metric_title(name), f"{metric.meaning[0].upper()}{metric.meaning[1:]}. {side[metric.better]}")
        for name, metric in shown
    ]


def _counted_meanings(results: Results) -> list[tuple[str, str]]:
    return [
        (
            metric_title(name),
            f"{metric.meaning[0].upper()}{metric.meaning[1:]}. {side(name).capitalize() or 'More is better'}.",
        )
        for name, metric in COUNTED[results.task].items()
    ]


def comparisons(results: Results) -> list[tuple[str, Comparison]]:
    """Each comparison with the title of the system that the tuned one is compared with."""
    titles = {system.name: system.title for system in results.systems}
    return [(titles.get(found.against, found.against), found) for found in results.comparisons]


def side(metric: str) -> str:
    """`less is better` where that is so, else nothing."""
    return "less is better" if less_is_better(metric) else ""


def retention(results: Results) -> dict[str, Any] | None:
    """General text before and after tuning; None where nothing was scored."""
    found = results.retention
    if found is None:
        return None
    rows = [plots.Interval("before, the base", found.before, False), plots.Interval("after, tuned", found.after, True)]  # noqa: FBT003
    title, said = f"{found.title[0].upper()}{found.title[1:]}", reading(found)
    if results.since_first is not None:
        rows.insert(0, plots.Interval("the first base", results.since_first.before, False))  # noqa: FBT003
        said = f"{said} {chain_reading(results.since_first)}"
    return {"drawing": plots.intervals("retention", title, rows), "title": title, "reading": said}


def earlier_test(results: Results) -> dict[str, Any] | None:
    """The test of the earlier run before and after tuning; None where the base is no such run."""
    found = results.earlier_test
    if found is None:
        return None
    rows = [
        plots.Interval("before, the earlier run", found.before, False),  # noqa: FBT003
        plots.Interval("after, tuned", found.after, True),  # noqa: FBT003
    ]
    title = f"{found.title[0].upper()}{found.title[1:]}"
    better = "less is better" if found.less_is_better else "more is better"
    drawing = plots.intervals("earlier-test", title, rows)
    return {"drawing": drawing, "title": f"{title}; {better}", "reading": earlier_reading(found)}


def retention_fact(results: Results) -> tuple[str, str, str] | None:
    """Title, figure and detail of what became of general text, for the top of the page."""
    found = results.retention
    if found is None:
        return None
    rise = relative_rise(found)
    if rise is None:
        return found.title, figures.UNKNOWN, found.difference.reason
    value, (low, high) = rise
    detail = f"{_percent(low)} to {_percent(high)}; more is forgotten"
    return f"change of the {found.title}", _percent(value), detail


def _percent(share: float) -> str:
    return f"{100 * share:+.1f} %".replace("-", "\N{MINUS SIGN}")


def progress(story: Story) -> list[Progress]:
    """Each validation prompt that was asked while the model was trained, with its answers by step."""
    samples = [(report.step, sample) for report in story.evaluations for sample in report.samples]
    first = {sample.row_id: sample for _, sample in reversed(samples)}
    ids = dict.fromkeys(sample.row_id for _, sample in samples)
    return [
        Progress(
            first[row_id].prompt,
            first[row_id].reference,
            tuple((step, sample.text) for step, sample in samples if sample.row_id == row_id),
        )
        for row_id in ids
    ]
