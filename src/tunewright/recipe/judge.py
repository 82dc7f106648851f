"""What the user says about evaluation and the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, ValidationInfo, field_validator

from tunewright.recipe.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Mapping

ClassMetricName = Literal["accuracy", "macro_f1", "micro_f1", "macro_precision", "macro_recall"]
TextMetricName = Literal[
    "bits_per_byte",
    "loss",
    "perplexity",
    "exact_match",
    "token_f1",
    "bleu",
    "chrf",
    "rouge1",
    "rouge2",
    "rougeL",
    "stop_rate",
    "length_ratio",
]
SetMetricName = Literal["micro_f1", "macro_f1", "micro_precision", "micro_recall", "subset_accuracy"]
SpanMetricName = Literal[SetMetricName, "token_accuracy"]
NumberMetricName = Literal["rmse", "mse", "mae", "r2", "pearson", "spearman"]
MetricName = Literal[ClassMetricName, TextMetricName, NumberMetricName, SetMetricName, SpanMetricName]
BaselineName = Literal["majority", "mean", "dictionary", "tfidf_linear", "probe", "base", "nearest_neighbour"]
Alpha = Annotated[float, Field(gt=0, lt=0.5)]


class EvaluationSpec(Spec):
    """How the tuned model is tested on the frozen test rows."""

    baselines: Annotated[list[BaselineName], Field(min_length=1)] | None = None
    """Systems scored on the same rows; the task's own where absent. For labels: `majority`, `tfidf_linear`, `probe`
    (the untuned base with a linear head on its embeddings). For numbers: `mean`, `tfidf_linear`, `probe`. For
    spans: `majority` (none), `dictionary` (mentions seen in training), `probe`. For texts:
    `base` (untuned), `nearest_neighbour` (the answer of the training row whose prompt is most alike)."""
    threshold: Annotated[float, Field(gt=0, lt=1)] | Literal["tuned"] = 0.5
    """From which probability on a label of the task `multilabel` is given. `tuned` takes the one with the highest micro
    F1 on the validation rows, of each system its own; `predict` takes that of the tuned model."""
    generate: Annotated[int, Field(ge=0)] = 200
    """Most test prompts to write answers for, drawn by the seed; the likelihood is taken of all test rows."""
    max_new_tokens: PositiveInt = 256
    """Most tokens of a written answer."""
    temperature: NonNegativeFloat = 0.0
    """How answers are drawn: 0 is greedy, the likeliest token each time. Small models go round in circles then, and
    draw better ones at 0.7 or so; the draw follows from the seed."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """With a temperature, tokens are drawn from the likeliest that hold this share of the probability."""
    general_text: str | None = "starter/general"
    """Texts the data does not teach, on which forgetting is measured: `starter/general` or a file (relative to the
    recipe) with passages of at least five words, parted by blank lines; `null` measures none. For causal bases."""
    slices: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    """Columns of the data, such as a region or a language, by whose values the test is parted: the tuned model and its
    base are scored on each part, and parts on which tuning did harm are warned of."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Level of every interval."""
    resamples: Annotated[int, Field(ge=100)] = 10_000
    """Resamples of the bootstrap intervals and draws of the randomisation tests."""


class BetterThan(Spec):
    """The tuned model must beat another system by a paired test."""

    kind: Literal["better_than"] = "better_than"
    system: Literal["base", "best_baseline"] = "base"
    """What it must beat: the untuned base, or the best of the simple baselines by `metric`."""
    metric: MetricName = "macro_f1"
    """The metric compared."""
    alpha: Alpha = 0.05
    """A gain counts when the two-sided paired p-value is below this."""


MOST: Mapping[str, float | None] = {
    **dict.fromkeys(("bleu", "chrf"), 100.0),
    **dict.fromkeys(("bits_per_byte", "loss", "perplexity", "length_ratio", "rmse", "mse", "mae"), None),
}
"""The most a metric can be: 1 where it does not stand here, None where there is no most."""


class Floor(Spec):
    """A metric must reach a level: the interval decides, not the value."""

    kind: Literal["floor"] = "floor"
    metric: MetricName
    """The metric compared."""
    at_least: Annotated[float, Field(ge=0)]
    """The level, in the metric's own unit; it fails when the interval lies below, passes when the interval lies above.
    For a metric of which less is better (loss, perplexity, bits per byte, RMSE, MSE, MAE) it is the most allowed."""

    @field_validator("at_least")
    @classmethod
    def _within_the_scale(cls, value: float, info: ValidationInfo) -> float:
        if "metric" not in info.data:  # no known one: that alone is the fault
            return value
        most = MOST.get(info.data["metric"], 1.0)
        if most is not None and value > most:
            raise ValueError(f"{value} is more than the metric can be: at most {most:g}")
        return value


class ClassFloor(Spec):
    """Every class must reach a level: no class may be given up for the sake of the mean."""

    kind: Literal["class_floor"] = "class_floor"
    metric: Literal["recall", "precision", "f1"] = "recall"
    """The per-class metric compared."""
    at_least: Annotated[float, Field(ge=0, le=1)] = 0.2
    """The level, decided per class as for `floor`."""
    min_support: PositiveInt = 1
    """Classes with fewer test rows than this are listed and not judged."""


class Retention(Spec):
    """The tuned model may not forget: what the base could do may not become much worse."""

    kind: Literal["retention"] = "retention"
    on: Literal["general", "earlier_test"] = "general"
    """What is scored before and after: the bits per byte of general text, or the frozen test of the run that
    `model: run:NAME` goes on from. In a chain of such runs, general text is held against the first base as well."""
    at_most: Annotated[float, Field(ge=0)] = 0.1
    """Most relative worsening (0.05: 5 % of the score before); fails when its whole interval lies above, passes when it
    lies nowhere above, and else there is not enough evidence."""


class PartsKept(Spec):
    """On no part of the test (`evaluation.slices`) may the tuned model be worse than its base."""

    kind: Literal["parts_kept"] = "parts_kept"
    at_most: Annotated[float, Field(ge=0)] = 0.05
    """The most that a part may lose by the metric read first, in its own unit. It fails where a part surely lost more
    (by its whole interval, and by the paired test corrected for all parts), passes where no part's interval reaches a
    larger loss, and else there is not enough evidence."""


ConditionSpec = Annotated[BetterThan | Floor | ClassFloor | Retention | PartsKept, Field(discriminator="kind")]


class GateSpec(Spec):
    """When the tuned model may ship: all conditions must pass."""

    conditions: Annotated[list[ConditionSpec], Field(min_length=1)] | None = None
    """The conditions; absent, the task's own. For labels: better than the base (by macro F1 where they are imbalanced,
    else by accuracy; for sets of labels, by macro or micro F1) and a floor per class. For numbers: an RMSE below the
    base's, and an R squared above 0. For spans: a micro F1 better than the base's and than that of any simple system,
    and a floor per label. For texts: better than the base by bits per byte, and by task a stop rate of at least 0.9, a
    better chrF, or general text at most 10 % worse."""
