"""What each section of the page shows, drawn from the story: rows and drawings ready for the templates."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tunewright.core.titles import metric_title, name_of_test
from tunewright.evaluation.evaluate import best_baseline
from tunewright.reporting import figures, plots, texts

if TYPE_CHECKING:
    from markupsafe import Markup

    from tunewright.core.results import ClassScore, Comparison, Estimate, Results, Slice, SystemScores
    from tunewright.core.rows import Distribution, Profile
    from tunewright.reporting.story import Story

NAMED_LABELS: Final = 20
"""Up to so many labels the confusion matrix carries their names; above, the pairs table does."""
PAIRS: Final = 12
SMOOTHED_SHARE: Final = 1 / 40
"""The loss is averaged over about this share of all steps, and over 50 at most."""
LABEL_ROWS: Final = 100
"""Above so many labels, the bars by label are folded."""


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One system in the table of scores."""

    system: SystemScores
    n: int
    comparison: Comparison | None
    emphasised: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure at the top of the page."""

    title: str
    value: str
    detail: str


@dataclass(frozen=True, slots=True)
class LabelBar:
    """Rows of one label by split, with each split's width as a share of the longest bar."""

    label: str
    total: int
    parts: tuple[tuple[str, int, float], ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A true class and the class it was most taken for."""

    true: str
    predicted: str
    count: int
    share: float


def facts(story: Story) -> list[Fact]:
    """The tuned score, what it gained over the base and the best baseline, and on how many rows."""
    results = story.results
    tuned = figures.tuned(results)
    estimate = tuned.metrics.get(results.headline) if tuned else None
    shown = []
    if estimate:
        detail = f"{figures.level(story.results.confidence)} interval {_interval(estimate)}"
        title = f"{metric_title(results.headline)}, tuned"
        shown.append(Fact(title, figures.score(estimate.value), detail))
    for system in _rivals(results):
        found = figures.comparison(results, system)
        if found:
            title = f"{metric_title(found.metric)} against {system.title}"
            detail = f"{_interval(found.difference)}, {_p(found.p_value)}"
            shown.append(Fact(title, figures.signed(found.difference.value), detail))
    forgotten = texts.retention_fact(results)
    if forgotten is not None:
        shown.append(Fact(*forgotten))
    kept = f"{figures.count(story.profile.kept)} of {figures.count(story.profile.read)} rows read were kept"
    return [*shown, Fact("frozen test rows", figures.count(results.n), kept)]


def _interval(estimate: Estimate) -> str:
    return figures.interval(estimate) or f"unknown{f' ({estimate.reason})' if estimate.reason else ''}"


def _p(p_value: float | None) -> str:
    words = figures.p_value(p_value)
    return f"p {words.replace('<', '< ')}" if words.startswith("<") else f"p = {words}"


def _rivals(results: Results) -> list[SystemScores]:
    """The base, and the best baseline that is not the base, by the headline or the first metric that it has."""
    base = [system for system in results.systems if system.role == "base"]
    metrics = [results.headline, *(c.metric for c in results.comparisons)]
    found = (best_baseline(results.systems, metric) for metric in metrics)
    best = next((system for system in found if system is not None), None)
    return [*base, *([best] if best else [])]


def scores(story: Story) -> dict[str, Any]:
    """The rows of the table of scores, and one interval plot a metric."""
    results = story.results
    metrics = figures.headline_metrics(results)
    rows = [
        ScoreRow(
            s, next((e.n for e in s.metrics.values()), results.n), figures.comparison(results, s), s.role == "tuned"
        )
        for s in results.systems
    ]
    drawn = texts.drawn_metrics(results) if texts.of_texts(results) else metrics
    drawings = [(_with_side(metric), _interval_plot(story, metric)) for metric in drawn]
    tests = sorted({c.test for c in results.comparisons if c.p_value is not None})
    words = [name_of_test(test) for test in tests]
    by_method: dict[str, list[str]] = {}
    for metric in metrics:
        by_method.setdefault(_methods(results, metric), []).append(metric_title(metric))
    methods = [(", ".join(titles), found) for found, titles in by_method.items() if found]
    return {"rows": rows, "metrics": metrics, "drawings": drawings, "tests": words, "methods": methods}


def slices(results: Results) -> list[tuple[str, list[Slice]]]:
    """Each column with the parts of the test by it."""
    found: dict[str, list[Slice]] = {}
    for part in results.slices:
        found.setdefault(part.column, []).append(part)
    return list(found.items())


def _with_side(metric: str) -> str:
    side = texts.side(metric)
    return f"{metric_title(metric)}; {side}" if side else metric_title(metric)


def _methods(results: Results, metric: str) -> str:
    return figures.method_words(
        s.metrics[metric].method for s in results.systems if metric in s.metrics and s.metrics[metric].method
    )


def _interval_plot(story: Story, metric: str) -> Markup:
    systems = [s for s in story.results.systems if metric in s.metrics]
    rows = [plots.Interval(s.title, s.metrics[metric], s.role == "tuned") for s in systems]
    title = f"{metric_title(metric)} with {figures.level(story.results.confidence)} intervals"
    return plots.intervals(f"scores-{metric}", title, rows)


def gap(story: Story) -> Markup | None:
    """The tuned model on what it saw, on what chose the checkpoint, and on what it never saw."""
    found = story.results.gap
    if found is None:
        return None
    splits: tuple[tuple[str, Estimate], ...] = (
        ("train", found.train),
        ("validation", found.validation),
        ("test", found.test),
    )
    rows = [plots.Interval(f"{name}, {figures.count(e.n)} rows", e, name == "test") for name, e in splits]
    return plots.intervals("gap", f"{metric_title(found.metric)} of the tuned model by split", rows)


def training(story: Story) -> list[tuple[str, Markup]]:
    """Captions and drawings of loss, validation metrics and learning rate; none where no step was recorded."""
    if not story.steps and not story.evaluations:
        return []
    best = next((report.step for report in reversed(story.evaluations) if report.best), None)
    raw = tuple((float(s.step), figures.known(s.loss)) for s in story.steps)
    held = [(x, y) for x, y in raw if y is not None]
    weight = 1 - 1 / min(max(len(held) * SMOOTHED_SHARE, 1), 50)
    validation = tuple((float(e.step), e.metrics.get("loss")) for e in story.evaluations)
    drawn = [
        plots.Curve("", raw, "raw"),
        plots.Curve("train (smoothed)", tuple(plots.smooth(held, weight)), "smooth"),
        plots.Curve("validation", validation, "validation", dots=True),
    ]
    names = sorted(
        {name for e in story.evaluations for name in e.metrics} - {"loss"}, key=lambda n: n != story.results.headline
    )
    metrics = [
        plots.Curve(
            metric_title(name),
            tuple((float(e.step), e.metrics.get(name)) for e in story.evaluations),
            f"metric-{index}",
            dots=True,
        )
        for index, name in enumerate(names[:3])
    ]
    rate = plots.Curve("learning rate", tuple((float(s.step), s.lr) for s in story.steps), "lr")
    shown = [("Loss; each step faint", plots.curves("loss", "Loss by step", drawn, best=best, zero=True))]
    if metrics:
        drawing = plots.curves("validation-metric", "Validation metrics by step", metrics, best=best)
        shown.append(("On the validation split", drawing))
    return [*shown, ("Learning rate", plots.curves("lr", "Learning rate by step", [rate], best=best, zero=True))]


def data(profile: Profile) -> dict[str, Any]:
    """Bars by label and histograms by split."""
    totals = {label: sum(s.labels.get(label, 0) for s in profile.splits.values()) for label in profile.labels}
    longest = max(totals.values(), default=0) or 1
    bars = [_bar(profile, label, totals[label], longest) for label in sorted(totals, key=lambda name: -totals[name])]
    lengths = [(name, _histogram(name, split.tokens)) for name, split in profile.splits.items() if split.tokens]
    return {"bars": bars, "lengths": lengths, "folded": len(bars) > LABEL_ROWS}


def _bar(profile: Profile, label: str, total: int, longest: int) -> LabelBar:
    counts = ((name, split.labels.get(label, 0)) for name, split in profile.splits.items())
    return LabelBar(label, total, tuple((name, n, 100 * n / longest) for name, n in counts))


def _histogram(name: str, shape: Distribution) -> Markup:
    return plots.histogram(f"tokens-{name}", f"Tokens a row, {name}", shape)


def confusion(results: Results) -> dict[str, Any] | None:
    """The matrix of the tuned model and its most confused pairs; None where nothing was counted."""
    system = figures.tuned(results)
    if system is None or not any(map(sum, system.confusion)):
        return None
    labels = [entry.label for entry in system.per_class]
    named = len(labels) <= NAMED_LABELS
    drawing = plots.confusion("confusion", "Confusion matrix of the tuned model", labels, system.confusion, named=named)
    return {"drawing": drawing, "pairs": _pairs(labels, system), "named": named}


def _pairs(labels: list[str], system: SystemScores) -> list[Pair]:
    cells = ((i, j, n) for i, row in enumerate(system.confusion) for j, n in enumerate(row) if n and i != j)
    worst = sorted(cells, key=lambda cell: (-cell[2], cell[0], cell[1]))[:PAIRS]
    return [Pair(labels[i], labels[j], n, n / sum(system.confusion[i])) for i, j, n in worst]


def classes(results: Results) -> list[ClassScore]:
    """The tuned model's classes, the weakest F1 first; classes without a known F1 come last."""
    system = figures.tuned(results)
    found = system.per_class if system else ()
    weakest = [(figures.known(entry.f1.value), entry) for entry in found]
    return [entry for _, entry in sorted(weakest, key=lambda pair: (pair[0] is None, pair[0] or 0.0))]


def resolved(story: Story) -> str:
    """What every `auto` became, as indented JSON text."""
    return json.dumps(dict(story.resolved), indent=2, ensure_ascii=False, default=str) if story.resolved else ""
