"""The model card: a README.md in the hub's own format, with the test results beside their baselines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from tunewright.core.private import counted_kinds
from tunewright.core.titles import metric_title
from tunewright.evaluation.clean_reading import clean_reading
from tunewright.reporting import figures, sections, texts
from tunewright.reporting.svg import clean
from tunewright.reporting.templating import markdown_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from huggingface_hub import EvalResult

    from tunewright.core.results import Estimate
    from tunewright.reporting.story import Story

PIPELINE_TAGS: Final = {
    "classification": "text-classification",
    "regression": "text-classification",
    "multilabel": "text-classification",
    "token_classification": "token-classification",
    "generation": "text-generation",
    "text_to_text": "text2text-generation",
}
"""What the hub calls a task; raw text is continued or filled in, so that task has no one name."""
TEXTS_SHOWN: Final = 3
HUB_METRICS: Final = {
    "accuracy": "accuracy",
    "macro_f1": "f1",
    "micro_f1": "f1",
    "micro_precision": "precision",
    "micro_recall": "recall",
    "macro_precision": "precision",
    "macro_recall": "recall",
    "token_accuracy": "accuracy",
    "rmse": "rmse",
    "mse": "mse",
    "mae": "mae",
    "r2": "r_squared",
    "pearson": "pearsonr",
    "spearman": "spearmanr",
    "perplexity": "perplexity",
    "exact_match": "exact_match",
    "bleu": "bleu",
    "chrf": "chrf",
    "rouge1": "rouge",
    "rouge2": "rouge",
    "rougeL": "rouge",
}
"""Our metrics and the hub's names for them; the average is said beside it."""
LABELS_SHOWN: Final = 100


def model_card(story: Story) -> str:
    """The text of a README.md: front matter that the hub accepts, then the card in Markdown.

    What is unknown (base on the hub, a metric) is left out of the front matter and called unknown in the text.
    """
    environment = markdown_environment(escaped)
    environment.filters.update(
        score=figures.score,
        interval=figures.interval,
        signed=figures.signed,
        p_value=figures.p_value,
        number=figures.count,
        metric=metric_title,
        level=figures.level,
        excerpt=figures.excerpt,
    )
    context = {
        "story": story,
        "metadata": Markup(_metadata(story)),  # noqa: S704  # YAML that its own library wrote
        "tuned": figures.tuned(story.results),
        "scores": sections.scores(story),
        "weak": [entry for entry in sections.classes(story.results) if figures.known(entry.f1.value) is not None][:5],
        "pipeline_tag": PIPELINE_TAGS.get(story.task),
        "verdict": figures.VERDICT_WORDS[story.gate.verdict],
        "outcome_words": figures.OUTCOME_WORDS,
        "estimate": in_words,
        "of_texts": texts.of_texts(story.results),
        "rows_scored": texts.rows_scored(story.results) if texts.of_texts(story.results) else "",
        "comparisons": texts.comparisons(story.results),
        "known": figures.known,
        "forgotten": texts.retention(story.results),
        "clean_part": clean_reading(story.results) if story.results.clean_part else "",
        "earlier_test": texts.earlier_test(story.results),
        "generations": story.generations[:TEXTS_SHOWN],
        "private": private_data(story.profile.private),
        "labels_shown": story.profile.labels[:LABELS_SHOWN],
    }
    return environment.get_template("card.md.j2").render(context)


def in_words(estimate: Estimate | None) -> str:
    """An estimate as `0.912 (0.893–0.928)`, or unknown with its reason."""
    if estimate is None or figures.known(estimate.value) is None:
        return f"unknown ({estimate.reason})" if estimate and estimate.reason else "unknown"
    between = figures.interval(estimate)
    return figures.score(estimate.value) + (f" ({between})" if between else "")


def private_data(counts: Mapping[str, int] | None) -> str:
    """What patterns found in the texts as they were read, in a sentence."""
    if counts is None:
        return "Personal data: unknown, nobody looked for it."
    if not counts:
        return "Patterns found no personal data and no secrets in the texts; they do not know names."
    return f"Personal data and secrets in the texts as they were read, by patterns: {counted_kinds(counts)}."


def escaped(value: Any) -> Any:
    """The value as Markdown text on one line: what would be markup, HTML or a table's bar is escaped."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    text = re.sub(r"\s+", " ", clean(value))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*\[\]|])", r"\\\1", text)


def _metadata(story: Story) -> str:
    # Loaded here: the hub's client takes longer to import than the whole of this room.
    from huggingface_hub import ModelCardData  # noqa: PLC0415

    results = _eval_results(story)
    card = ModelCardData(
        base_model=story.base_model_id,
        datasets=_hub_data(story),
        eval_results=results or None,
        library_name="transformers",
        metrics=sorted({result.metric_type for result in results}) or None,
        model_name=story.name if results else None,
        pipeline_tag=PIPELINE_TAGS.get(story.task),
        tags=["tunewright", "fine-tuned", story.task.replace("_", "-")],
    )
    return card.to_yaml()


def _hub_data(story: Story) -> str | None:
    kind, _, name = story.data.partition("hub:")
    return name if not kind and name else None


def _eval_results(story: Story) -> list[EvalResult]:
    from huggingface_hub import EvalResult  # noqa: PLC0415  # as above

    tuned = figures.tuned(story.results)
    found = [(name, e) for name, e in tuned.metrics.items() if name in HUB_METRICS] if tuned else []
    data = _hub_data(story) or story.data
    slug = data if _hub_data(story) else re.sub(r"[^A-Za-z0-9._-]+", "-", data).strip("-.") or "data"
    return [
        EvalResult(
            task_type=PIPELINE_TAGS.get(story.task, story.task.replace("_", "-")),
            dataset_type=slug,
            dataset_name=data,
            dataset_split="test",
            metric_type=HUB_METRICS[name],
            metric_name=metric_title(name),
            metric_value=round(estimate.value, 6),
        )
        for name, estimate in found
        if figures.known(estimate.value) is not None and estimate.value is not None
    ]
