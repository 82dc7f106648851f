"""All systems on the frozen test prompts: scores, comparisons and what to beware of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from tunewright.core.results import UNTUNED, Results
from tunewright.evaluation.answer_limit import is_short, limit_warning
from tunewright.evaluation.bootstrap import independent
from tunewright.evaluation.multiplicity import hints
from tunewright.evaluation.outdone import outdone
from tunewright.evaluation.paired_texts import check_same_prompts, compare_texts
from tunewright.evaluation.score_texts import metrics_of, score_texts
from tunewright.evaluation.settings import ScoreSettings
from tunewright.evaluation.texts import Tallied

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tunewright.core.encoded import Layout
    from tunewright.core.predictions import TextPredictions
    from tunewright.core.results import AnswerLimit, Comparison, Gap, Retention, SystemScores
    from tunewright.recipe.judge import EvaluationSpec

COMPARED: Final[Mapping[str, tuple[str, ...]]] = {
    "generation": ("bits_per_byte", "chrf"),
    "text_to_text": ("bits_per_byte", "chrf"),
    "language_modelling": ("bits_per_byte",),
}
"""Metrics on which the tuned model is always compared, as far as they are known."""

PSEUDO_LOSS: Final = (
    "The loss is a pseudo-loss: of the tokens that a seeded draw hides in each text. It compares models on the same "
    "rows, and is not the likelihood of a text; bits per byte and perplexity do not follow from it."
)
"""What is to be said of the scores of a masked model."""

FEW_ROWS = 100
"""Below this many test prompts, or prompts that texts were written for, intervals are too wide for small gains."""

FEW_CLUSTERS = 30
"""Below this many clusters, intervals rest on too few independent pieces to be taken at their word."""

COMMON_ANSWER = 0.2
"""Where one answer is the reference of more of the prompts than this, always writing it looks good."""

SELDOM_STOPS = 0.5
"""A base that ends fewer of its texts than this by itself writes on to the limit, and its texts score low for it."""

OFTEN_EMPTY = 0.05
"""More empty texts than this are worth a word."""


@dataclass(frozen=True, slots=True)
class TextSystem:
    """One system under test, with its predictions on the test prompts."""

    name: str
    title: str
    """How people read it."""
    role: Literal["baseline", "base", "tuned"]
    predictions: TextPredictions


@dataclass(frozen=True, slots=True)
class Beside:
    """What was measured beside the scores, and what these are to be read by."""

    retention: Retention | None = None
    earlier_test: Retention | None = None
    since_first: Retention | None = None
    answer_limit: AnswerLimit | None = None
    base: str = UNTUNED
    """What the tuned model began as, in words."""
    cut: int = 0
    """Prompts whose answers reach beyond the model's context."""


NOTHING_BESIDE = Beside()


def assemble_texts(  # noqa: PLR0913  # `evaluate.assemble`'s arguments, the task and the layout
    systems: Sequence[TextSystem],
    *,
    task: str,
    headline: str,
    spec: EvaluationSpec,
    seed: int,
    gap: Gap | None,
    layout: Layout = "causal",
    compared: Sequence[str] | None = None,
    beside: Beside = NOTHING_BESIDE,
) -> Results:
    """Every system scored on the same prompts, the tuned one compared with each of the others, the base first.

    `compared` names the metrics compared, beside the headline; give those that the gate asks for.
    Raises ValueError for several tuned systems or none, repeated names, unknown metrics, or rows that differ.
    """
    metrics = metrics_of(task, layout)
    asked = tuple(dict.fromkeys([headline, *(usually_compared(task, layout) if compared is None else compared)]))
    tuned = _check(systems, asked, task, metrics)
    settings = ScoreSettings(spec.confidence, spec.resamples, seed)
    tallied = {system.name: Tallied(system.predictions) for system in systems}
    scores = tuple(_scored(system, tallied[system.name], metrics, settings) for system in systems)
    opponents = sorted((system for system in systems if system is not tuned), key=lambda s: s.role != "base")
    comparisons = tuple(
        _compared(tallied, tuned, opponent, metric=metric, settings=settings)
        for opponent in opponents
        for metric in asked
    )
    titles = {system.name: system.title for system in systems}
    return Results(
        task=task,
        n=len(tuned.predictions.row_ids),
        labels=(),
        headline=headline,
        systems=scores,
        comparisons=comparisons,
        gap=gap,
        warnings=(
            *([PSEUDO_LOSS] if layout == "masked" else []),
            *_warnings(tuned.predictions, scores, task, beside),
            *outdone(comparisons, titles),
            *hints(comparisons, titles, alpha=round(1 - spec.confidence, 9)),
        ),
        confidence=spec.confidence,
        retention=beside.retention,
        earlier_test=beside.earlier_test,
        since_first=beside.since_first,
        answer_limit=beside.answer_limit,
        base=beside.base,
    )


def _compared(
    tallied: Mapping[str, Tallied], tuned: TextSystem, opponent: TextSystem, *, metric: str, settings: ScoreSettings
) -> Comparison:
    first, second = tallied[tuned.name], tallied[opponent.name]
    return compare_texts(first, second, metric=metric, system=tuned.name, against=opponent.name, settings=settings)


def _scored(system: TextSystem, tallied: Tallied, metrics: Sequence[str], settings: ScoreSettings) -> SystemScores:
    return score_texts(
        tallied, name=system.name, title=system.title, role=system.role, settings=settings, metrics=metrics
    )


def usually_compared(task: str, layout: Layout) -> tuple[str, ...]:
    """What is always compared, as far as a base of this layout has it."""
    return tuple(metric for metric in COMPARED[task] if metric in metrics_of(task, layout))


def _check(systems: Sequence[TextSystem], asked: Sequence[str], task: str, metrics: Sequence[str]) -> TextSystem:
    tuned = [system for system in systems if system.role == "tuned"]
    repeated = [name for name, count in Counter(system.name for system in systems).items() if count > 1]
    unknown = [metric for metric in asked if metric not in metrics]
    if len(tuned) != 1 or sum(system.role == "base" for system in systems) > 1:
        raise ValueError(f"one tuned system and at most one base, not {[(s.name, s.role) for s in systems]}")
    if repeated:
        raise ValueError(f"systems of the same name: {repeated}")
    if unknown:
        raise ValueError(f"unknown metrics {unknown}: {task} has {', '.join(metrics)}")
    for system in systems:
        check_same_prompts(tuned[0].predictions, system.predictions)
    return tuned[0]


def _warnings(rows: TextPredictions, systems: Sequence[SystemScores], task: str, beside: Beside) -> Iterator[str]:
    n, written = len(rows.row_ids), sum(text is not None for text in rows.texts)
    if n < FEW_ROWS:
        yield (
            f"The test split has only {n} {'prompts' if written else 'texts'}: intervals are wide, and a small gain "
            "cannot be shown; add test rows before trusting a verdict."
        )
    if not independent(rows.clusters) and (clusters := len(set(rows.clusters))) < FEW_CLUSTERS:
        yield (
            f"The {n} test rows form only {clusters} clusters: intervals rest on those, and are wide; test on rows of "
            "more groups."
        )
    if task != "language_modelling":
        yield from _about_texts(rows, n, written)
        yield from _about_stopping(systems, beside.base)
    if beside.answer_limit is not None and is_short(beside.answer_limit):
        yield limit_warning(beside.answer_limit)
    if beside.cut:
        yield _about_cuts(beside.cut, n)


def _why_empty(rows: TextPredictions) -> str:
    """What to look at; the test rows are drawn as the training rows are, or by the same hands."""
    if any(not answer.strip() for references in rows.references for answer in references):
        return "look at empty answers in the data"
    return "no answer of the test is empty, so train it further, or look at its training loss"


def _about_texts(rows: TextPredictions, n: int, written: int) -> Iterator[str]:
    if not written:
        yield "No texts were written, so only likelihoods are scored; raise evaluation.generate to see what it writes."
    elif written < min(n, FEW_ROWS):
        yield (
            f"Texts were written for {written} of {n} test prompts: their scores have wide intervals; raise "
            "evaluation.generate."
        )
    empty = sum(text is not None and not text.strip() for text in rows.texts)
    if written and empty / written > OFTEN_EMPTY:
        yield f"The tuned model wrote nothing for {empty} of {written} prompts; {_why_empty(rows)}."
    answers = Counter(answer for references in rows.references for answer in references)
    if n and (most := max(answers.values(), default=0)) / n > COMMON_ANSWER and n > 1:
        answer = next(text for text, count in answers.items() if count == most)
        yield (
            f"One answer, {_shortened(answer)!r}, is a reference of {most / n:.0%} of the test prompts: always writing "
            "it would look good; read the scores beside those of the baselines."
        )


def _about_stopping(systems: Sequence[SystemScores], base: str) -> Iterator[str]:
    found = next((system for system in systems if system.role == "base"), None)
    rate = found.metrics["stop_rate"].value if found is not None else None
    if rate is not None and rate < SELDOM_STOPS:
        ended, others = (f"only {rate:.0%}", " in the others") if rate else ("none", "")
        yield (
            f"{base[0].upper()}{base[1:]} ended {ended} of its texts by itself and wrote on to the limit{others}, "
            "which lowers the scores of its texts: part of the gain in these is having learned to stop. Bits per byte "
            "do not depend on it."
        )


def _about_cuts(cut: int, n: int) -> str:
    return (
        f"The answers of {cut:,} of {n:,} test prompts reach beyond the model's context: what fits of them is scored, "
        "of every system alike. Raise model.max_tokens, or choose a base with a longer context, to test on all of them."
    )


def _shortened(text: str, most: int = 60) -> str:
    from tunewright.data.private.redact import without_secrets  # noqa: PLC0415  # brings polars in

    words = without_secrets(" ".join(text.split()))
    return words if len(words) <= most else f"{words[: most - 1]}…"
