"""Stories of models that write texts, with results as the evaluation makes them."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from reporting_stories import HOSTILE, make_story

from tunewright.core.generated import Sample
from tunewright.core.predictions import TextPredictions
from tunewright.core.results import Gap, Results
from tunewright.evaluation.evaluate_texts import Beside, TextSystem, assemble_texts
from tunewright.evaluation.gate import default_text_conditions, judge
from tunewright.evaluation.retention import retention
from tunewright.evaluation.settings import ScoreSettings
from tunewright.evaluation.text_mistakes import side_by_side, worst_texts
from tunewright.recipe.judge import EvaluationSpec
from tunewright.reporting.story import Generation, Story, WorstRow

if TYPE_CHECKING:
    from tunewright.core.rows import Profile

ANSWERS = (
    "Your parcel left our warehouse this morning and should be with you within two days.",
    "I am sorry to hear that. Please send us a photo of the damage, and we will replace it at no cost.",
    "You can change the address until the order is packed: open the order, then choose “Edit”.",
    "Refunds take five working days to reach your account once we have received the item.",
)
SPEC = EvaluationSpec(resamples=200)


def predictions(n: int, *, quality: float, seed: int, written: int, likelihood: bool = True) -> TextPredictions:
    """Answers of which the share `quality` of words is right; texts for the first `written` prompts."""
    own, shared = random.Random(seed), random.Random(1)
    references = [(" ".join(shared.sample(ANSWERS, 1)[0].split()) + f" (case {row})",) for row in range(n)]
    words = sorted({word for answer in ANSWERS for word in answer.split()})
    written_texts = [
        " ".join(word if own.random() < quality else own.choice(words) for word in reference.split())
        for (reference,) in references
    ]
    tokens = np.array([len(reference.split()) + 1 for (reference,) in references], dtype=np.int64)
    noise = np.array([own.uniform(0.8, 1.2) for _ in range(n)])
    return TextPredictions(
        row_ids=tuple(f"row{row}" for row in range(n)),
        prompts=tuple(f"Where is order {row}?\nI have waited for a week." for row in range(n)),
        references=tuple(references),
        texts=tuple(text if row < written else None for row, text in enumerate(written_texts)),
        stopped=tuple(own.random() < quality + 0.1 if row < written and likelihood else None for row in range(n)),
        new_tokens=tuple(20 if row < written else None for row in range(n)),
        nats_N=tokens * (4 - 3 * quality) * noise if likelihood else np.full(n, np.nan),
        target_tokens_N=tokens,
        target_bytes_N=np.array([len(reference.encode()) for (reference,) in references], dtype=np.int64),
        clusters=tuple(str(row) for row in range(n)),
    )


def text_story(*, n: int = 300, written: int = 200, task: str = "generation") -> Story:
    """A run over `n` test prompts that went well, with texts for `written` of them."""
    writes = {"tuned": 0.93, "base": 0.35}
    rows = {name: predictions(n, quality=q, seed=i, written=written) for i, (name, q) in enumerate(writes.items())}
    neighbour = predictions(n, quality=0.6, seed=9, written=written, likelihood=False)
    systems = [
        TextSystem("base", "starter/lm, untuned", "base", rows["base"]),
        TextSystem("nearest_neighbour", "answer of the nearest training row", "baseline", neighbour),
        TextSystem("tuned", "starter/lm, tuned", "tuned", rows["tuned"]),
    ]
    general = [predictions(60, quality=q, seed=5, written=0) for q in (0.5, 0.48)]
    kept = retention(*general, settings=ScoreSettings(resamples=200))
    results = assemble_texts(
        systems if task != "language_modelling" else [systems[0], systems[2]],
        task=task,
        headline="bits_per_byte",
        spec=SPEC,
        seed=13,
        gap=None,
        beside=Beside(retention=kept),
    )
    loss = results.systems[-1].metrics["loss"]
    gap = Gap("loss", replace(loss, value=1.1, low=1.05, high=1.15), loss, loss, "Fits well: a gap of at most 0.14.")
    pairs = side_by_side(rows["base"], rows["tuned"], 6)
    story = make_story(2)
    return replace(
        story,
        name="replies",
        task=task,
        model="starter/lm",
        data="dialogues.jsonl",
        results=replace(results, gap=gap),
        gate=judge(default_text_conditions(task), results, imbalance_ratio=None),
        profile=_without_labels(story.profile),
        evaluations=tuple(
            replace(report, metrics={"loss": report.metrics["loss"]}, samples=_samples(report.step))
            for report in story.evaluations
        ),
        errors=(),
        generations=tuple(
            Generation("dialogues.jsonl:7", p.prompt, p.reference, p.base, p.tuned, p.base_score, p.tuned_score, p.why)
            for p in pairs
        ),
        worst=tuple(
            WorstRow("dialogues.jsonl:9", w.prompt, w.reference, w.text, w.score, w.metric)
            for w in worst_texts(rows["tuned"], 4)
        ),
    )


def hostile_text_story() -> Story:
    """Every text that a data set or a model can reach holds markup and control characters."""
    story, bad = text_story(n=30, written=30), "".join(HOSTILE)
    systems = tuple(replace(system, title=system.title + bad) for system in story.results.systems)
    sample = Sample("row", bad, bad, bad)
    return replace(
        story,
        results=replace(story.results, systems=systems),
        generations=(Generation(bad, bad, bad, bad, bad, 1.0, 2.0), Generation("", "", "", None, "")),
        worst=(WorstRow(bad, bad, bad, bad, 1.0, "chrf"), WorstRow("", "", "", None, 0.0, "chrf")),
        evaluations=tuple(replace(report, samples=(sample,)) for report in story.evaluations),
    )


def bare_text_story() -> Story:
    """Raw text, no texts written, nothing scored beside the loss."""
    story = text_story(n=30, written=0, task="language_modelling")
    results: Results = replace(story.results, retention=None, gap=None, comparisons=())
    return replace(story, results=results, generations=(), worst=(), evaluations=(), steps=())


def _without_labels(profile: Profile) -> Profile:
    splits = {
        name: replace(split, labels={}, trained_tokens=12_345, trained_share=0.41, lost_tokens=0)
        for name, split in profile.splits.items()
    }
    return replace(profile, labels=(), imbalance_ratio=None, splits=splits)


def _samples(step: int) -> tuple[Sample, ...]:
    word = "the the the the" if step < 200 else ANSWERS[0]
    return (
        Sample("row1", "Where is my parcel?", word, ANSWERS[0]),
        Sample("row2", "It came broken.", f"I am sorry. {word}", ANSWERS[1]),
    )
