"""The task table: a task for a family of bases is one row of functions. To add one is to add a row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tunewright.core.errors import Problem, RecipeError
from tunewright.core.spans import tag_names
from tunewright.core.tasks import reads
from tunewright.evaluation.counted_tasks import METRICS as COUNTED
from tunewright.evaluation.counted_tasks import number_conditions, set_conditions, set_headline, span_conditions
from tunewright.evaluation.gate import IMBALANCED, default_conditions, default_text_conditions
from tunewright.models.catalogue import unfit
from tunewright.models.encoders import (
    chat_encoder,
    class_encoder,
    label_set_encoder,
    pair_encoder,
    tag_encoder,
    text_encoder,
    value_encoder,
)
from tunewright.models.load import load_causal, load_classifier, load_masked, load_seq2seq
from tunewright.pipeline.answers_label_sets import LABEL_SETS
from tunewright.pipeline.answers_numbers import NUMBERS
from tunewright.pipeline.answers_spans import MARKS
from tunewright.pipeline.judge_classes import CLASSES, CLASSES_BY_LIKELIHOOD, CLASSES_OF_A_RUN
from tunewright.pipeline.judge_texts import TEXTS
from tunewright.pipeline.validate import validate_classes, validate_masked, validate_tokens
from tunewright.pipeline.validate_reading import validate_label_sets, validate_values
from tunewright.pipeline.validate_tags import validate_tags
from tunewright.recipe.judge import Retention
from tunewright.training.losses import LossSum, causal_loss, classification_loss, masked_loss, seq2seq_loss
from tunewright.training.reading_losses import label_set_loss, tag_loss, value_loss

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from transformers import PreTrainedModel

    from tunewright.core.encoded import Layout
    from tunewright.core.protocols import RowEncoder
    from tunewright.data.earlier import Earlier
    from tunewright.models.base import Base, BaseFacts
    from tunewright.models.catalogue import Family
    from tunewright.models.template import ChatTemplate
    from tunewright.models.tokenizer import SettledTokenizer
    from tunewright.pipeline.judge import Judge
    from tunewright.recipe.judge import ConditionSpec


@dataclass(frozen=True, slots=True)
class Task:
    """Everything the stages ask of a task on a family of bases."""

    name: str
    family: Family
    layout: Layout
    chats: bool
    """Whether its rows are conversations, which take a template."""
    encoder: Callable[[SettledTokenizer, ChatTemplate | None, Sequence[str]], RowEncoder]
    """Tokenizer, template of a chat and labels of a classification to what encodes the rows."""
    load: Callable[[Base, SettledTokenizer, Sequence[str], float | None, int], PreTrainedModel]
    """`(base, tokenizer, labels, dropout, seed)` to the base with the head the task needs."""
    loss: LossSum
    validate: Callable[..., Mapping[str, float]]
    """`(model, rows, loss, *, plan, bf16)` to the metrics watched while training, `loss` among them."""
    checkpoint_metric: Callable[[float | None], str]
    """The validation metric that chooses the checkpoint, by the training labels' imbalance ratio."""
    headline: Callable[[float | None], str]
    """The metric people read first, likewise."""
    conditions: Callable[[float | None], list[ConditionSpec]]
    """The gate's conditions where the recipe names none, likewise."""
    judge: Judge
    """How its systems are scored."""

    @property
    def writes(self) -> bool:
        """Whether the tuned model answers in texts."""
        return self.layout == "seq2seq" or self.chats


def classification_headline(imbalance_ratio: float | None) -> str:
    """Macro F1 where classes differ in size or nobody knows, else accuracy."""
    return "accuracy" if imbalance_ratio is not None and imbalance_ratio <= IMBALANCED else "macro_f1"


def _classifies(family: Family, judge: Judge) -> Task:
    return Task(
        name="classification",
        family=family,
        layout="classes",
        chats=False,
        encoder=lambda tokenizer, _template, labels: class_encoder(tokenizer, labels),
        load=_load_classifier,
        loss=classification_loss,
        validate=validate_classes,
        checkpoint_metric=classification_headline,
        headline=classification_headline,
        conditions=default_conditions,
        judge=judge,
    )


def _load_classifier(
    base: Base, tokenizer: SettledTokenizer, labels: Sequence[str], dropout: float | None, seed: int
) -> PreTrainedModel:
    return load_classifier(
        base.folder, labels, dropout=dropout, seed=seed, pad_id=tokenizer.special.pad, adapter=base.adapter
    )


def _numbers() -> Task:
    return Task(
        name="regression",
        family="encoder",
        layout="values",
        chats=False,
        encoder=lambda tokenizer, _template, _labels: value_encoder(tokenizer),
        load=lambda base, _tokenizer, _labels, dropout, seed: load_classifier(
            base.folder, ["value"], dropout=dropout, seed=seed, adapter=base.adapter, problem="regression"
        ),
        loss=value_loss,
        validate=validate_values,
        checkpoint_metric=lambda _imbalance: "loss",
        headline=lambda _imbalance: "rmse",
        conditions=lambda _imbalance: number_conditions(),
        judge=NUMBERS,
    )


def _label_sets(family: Family) -> Task:
    return Task(
        name="multilabel",
        family=family,
        layout="label_sets",
        chats=False,
        encoder=lambda tokenizer, _template, labels: label_set_encoder(tokenizer, labels),
        load=lambda base, tokenizer, labels, dropout, seed: load_classifier(
            base.folder,
            labels,
            dropout=dropout,
            seed=seed,
            pad_id=tokenizer.special.pad,
            adapter=base.adapter,
            problem="multi_label_classification",
        ),
        loss=label_set_loss,
        validate=validate_label_sets,
        checkpoint_metric=lambda _imbalance: "loss",
        headline=set_headline,
        conditions=set_conditions,
        judge=LABEL_SETS,
    )


def _tags() -> Task:
    return Task(
        name="token_classification",
        family="encoder",
        layout="tags",
        chats=False,
        encoder=lambda tokenizer, _template, labels: tag_encoder(tokenizer, labels),
        load=lambda base, _tokenizer, labels, dropout, seed: load_classifier(
            base.folder,
            tag_names(labels),
            dropout=dropout,
            seed=seed,
            adapter=base.adapter,
            problem=None,
            layout="tags",
        ),
        loss=tag_loss,
        validate=validate_tags,
        checkpoint_metric=lambda _imbalance: "micro_f1",  # of few rows the loss rises long before spans are found best
        headline=lambda _imbalance: "micro_f1",
        conditions=lambda _imbalance: span_conditions(),
        judge=MARKS,
    )


def _texts(  # noqa: PLR0913  # what differs between the tasks that predict tokens
    name: str,
    family: Family,
    layout: Layout,
    *,
    encoder: Callable[[SettledTokenizer, ChatTemplate | None, Sequence[str]], RowEncoder],
    load: Callable[..., PreTrainedModel],
    loss: LossSum,
    chats: bool = False,
) -> Task:
    headline = "loss" if layout == "masked" else "bits_per_byte"
    return Task(
        name=name,
        family=family,
        layout=layout,
        chats=chats,
        encoder=encoder,
        load=lambda base, _tokenizer, _labels, dropout, _seed: load(base.folder, dropout=dropout, adapter=base.adapter),
        loss=loss,
        validate=validate_masked if layout == "masked" else validate_tokens,
        checkpoint_metric=lambda _imbalance: "loss",
        headline=lambda _imbalance: headline,
        conditions=lambda _imbalance: default_text_conditions(name, layout),
        judge=TEXTS,
    )


def _chat_encoder(tokenizer: SettledTokenizer, template: ChatTemplate | None, _labels: Sequence[str]) -> RowEncoder:
    assert template is not None, "a task whose rows are conversations has a template"
    return chat_encoder(tokenizer, template)


TASKS: tuple[Task, ...] = (
    _classifies("encoder", CLASSES),
    _classifies("causal", CLASSES_BY_LIKELIHOOD),
    _numbers(),
    _label_sets("encoder"),
    _label_sets("causal"),
    _tags(),
    _texts("generation", "causal", "causal", encoder=_chat_encoder, load=load_causal, loss=causal_loss, chats=True),
    _texts(
        "text_to_text",
        "seq2seq",
        "seq2seq",
        encoder=lambda tokenizer, _template, _labels: pair_encoder(tokenizer),
        load=load_seq2seq,
        loss=seq2seq_loss,
    ),
    _texts(
        "language_modelling",
        "causal",
        "causal",
        encoder=lambda tokenizer, _template, _labels: text_encoder(tokenizer, "causal"),
        load=load_causal,
        loss=causal_loss,
    ),
    _texts(
        "language_modelling",
        "encoder",
        "masked",
        encoder=lambda tokenizer, _template, _labels: text_encoder(tokenizer, "masked"),
        load=load_masked,
        loss=masked_loss,
    ),
)

EARLIER_MARGIN = 0.05
"""Share of its score that a run that goes on may lose on the earlier test, by default: less than that must be shown."""

FITTING = {"encoder": "starter/encoder", "causal": "starter/lm", "seq2seq": "google-t5/t5-small"}
"""A base of each family, for those who chose one of another."""


def task_names(tasks: Sequence[Task] = TASKS) -> tuple[str, ...]:
    """The tasks there are, each once."""
    return tuple(dict.fromkeys(task.name for task in tasks))


def require_task(name: str, *, tasks: Sequence[Task] = TASKS) -> None:
    """Raises RecipeError where this version lacks the task."""
    if name not in task_names(tasks):
        given = f"{name!r} is not built yet in this version"
        raise RecipeError(Problem("task", given, f"one of: {', '.join(task_names(tasks))}", "choose one of these"))


def conditions_of(name: str, imbalance_ratio: float | None, *, tasks: Sequence[Task] = TASKS) -> list[ConditionSpec]:
    """The gate's conditions of a task whose base is not known, where the recipe names none."""
    return next((task.conditions(imbalance_ratio) for task in tasks if task.name == name), [])


def task_of(name: str, facts: BaseFacts, model: str, *, tasks: Sequence[Task] = TASKS) -> Task:
    """The task's row for the base. Raises RecipeError where this version lacks the task, or the base cannot do it."""
    require_task(name, tasks=tasks)
    rows = [task for task in tasks if task.name == name]
    fitting = [task for task in rows if facts.family is None or task.family == facts.family]
    if not fitting:
        families = [task.family for task in rows]
        given = f"{model!r} is of the family {facts.family!r} ({facts.model_type or 'by its name'})"
        expected = f"a base of the family {' or '.join(families)} for {name}"
        remedy = f"choose another base, such as {FITTING[families[0]]}{_other_task(facts, tasks)}"
        raise RecipeError(Problem("model.name", given, expected, remedy))
    reason = unfit(facts.model_type) if facts.model_type is not None else None
    if reason is not None:
        given = f"{model!r} is a {facts.model_type}: {reason}"
        expected = "a base that scores a row alike in any company"
        raise RecipeError(Problem("model.name", given, expected, "choose another base, such as starter/encoder"))
    return fitting[0]


def require_free_head(task: Task, earlier: Earlier | None) -> None:
    """Raises RecipeError where a task that is scored by counts is to go on from a run whose model has a head, and where
    a text is to have one label after its words had one each.
    """
    other = task.name in COUNTED or (
        reads(task.name) and earlier is not None and earlier.task == "token_classification"
    )
    if earlier is not None and other and reads(earlier.task):
        given = (
            f"run:{earlier.run} was tuned for the task {earlier.task}, and the task {task.name} begins with a new head"
        )
        expected = "a base without a head, or a run of language_modelling"
        raise RecipeError(Problem("model.name", given, expected, "tune from the base of that run, on the data of both"))


def going_on(task: Task) -> Task:
    """The task for a base that an earlier run tuned for it: that one's test is scored too, and little may be lost."""
    return replace(
        task,
        judge=CLASSES_OF_A_RUN if task.layout == "classes" else task.judge,
        conditions=lambda imbalance: [
            *task.conditions(imbalance),
            Retention(on="earlier_test", at_most=EARLIER_MARGIN),
        ],
    )


def _other_task(facts: BaseFacts, tasks: Sequence[Task]) -> str:
    able = [task.name for task in tasks if task.family == facts.family]
    return f"; or a task that this base can do: {', '.join(able)}" if able else ""
