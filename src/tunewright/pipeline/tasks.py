"""The task table: a task is one row of functions over core types. To add a task is to add a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.core.errors import Problem, RecipeError
from tunewright.evaluation.gate import IMBALANCED, default_conditions
from tunewright.evaluation.tallies import PROBABILITY_FLOOR, accuracy, macro_f1, row_tallies
from tunewright.inference.classify import TunedClassifier
from tunewright.inference.score import logits, score, softmax
from tunewright.models.catalogue import unfit
from tunewright.models.load import load_classifier, load_tuned
from tunewright.training.losses import LossSum, classification_loss

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from transformers import PreTrainedModel

    from tunewright.core.protocols import Classifier
    from tunewright.data.tokenize import TokenRows
    from tunewright.models.base import BaseFacts
    from tunewright.models.catalogue import Family
    from tunewright.recipe.judge import ConditionSpec


@dataclass(frozen=True, slots=True)
class Task:
    """Everything the stages ask of a task."""

    name: str
    families: tuple[Family, ...]
    """Families of bases that can do it."""
    load: Callable[..., PreTrainedModel]
    """`(folder, labels, *, dropout, seed)` to the base with the head the task needs."""
    load_tuned: Callable[[Path], PreTrainedModel]
    """The tuned model of a folder."""
    loss: LossSum
    validate: Callable[..., Mapping[str, float]]
    """`(model, rows, *, pad_id, bf16)` to the metrics watched while training, `loss` among them."""
    predictor: Callable[..., Classifier]
    """`(model, tokenizer, *, device)` to what classifies texts on that device."""
    headline: Callable[[float | None], str]
    """The metric people read first, and that chooses the checkpoint, by the training labels' imbalance ratio."""
    conditions: Callable[[float | None], list[ConditionSpec]]
    """The gate's conditions where the recipe names none."""


def validate_classification(model: Any, rows: TokenRows, *, pad_id: int, bf16: bool) -> dict[str, float]:
    """Mean loss, accuracy and macro F1 of the rows; the model is left in eval mode."""
    model.eval()
    ids: Sequence[Sequence[int]] = [rows.ids(index) for index in range(len(rows))]  # type: ignore[misc]  # an array is a sequence of ids
    probabilities_NK = softmax(score(model, ids, logits, pad_id=pad_id, bf16=bf16))
    classes = probabilities_NK.shape[1]
    predicted_N = np.asarray(np.argmax(probabilities_NK, axis=1), dtype=np.int64)
    tallies_13K = row_tallies(rows.targets_N, predicted_N, classes).sum(axis=0).reshape(1, 3, classes)
    true_N = probabilities_NK[np.arange(len(rows)), rows.targets_N]
    return {
        "loss": float(-np.log(np.maximum(true_N, PROBABILITY_FLOOR)).mean()),
        "accuracy": float(accuracy(tallies_13K)[0]),
        "macro_f1": float(macro_f1(tallies_13K)[0]),
    }


def classification_headline(imbalance_ratio: float | None) -> str:
    """Macro F1 where classes differ in size or nobody knows, else accuracy."""
    return "accuracy" if imbalance_ratio is not None and imbalance_ratio <= IMBALANCED else "macro_f1"


TASKS: Mapping[str, Task] = {
    "classification": Task(
        name="classification",
        families=("encoder",),
        load=load_classifier,
        load_tuned=load_tuned,
        loss=classification_loss,
        validate=validate_classification,
        predictor=TunedClassifier,
        headline=classification_headline,
        conditions=default_conditions,
    ),
}


def task_of(name: str, facts: BaseFacts, model: str, *, tasks: Mapping[str, Task] = TASKS) -> Task:
    """The task's row. Raises RecipeError where this version lacks the task, or the base cannot do it."""
    if name not in tasks:
        given = f"{name!r} is not built yet in this version"
        raise RecipeError(Problem("task", given, f"one of: {', '.join(tasks)}", "choose one of these"))
    task = tasks[name]
    if facts.family is not None and facts.family not in task.families:
        given = f"{model!r} is of the family {facts.family!r} ({facts.model_type or 'by its name'})"
        expected = f"a base of the family {' or '.join(task.families)} for {name}"
        raise RecipeError(Problem("model.name", given, expected, "choose another base, such as starter/encoder"))
    reason = unfit(facts.model_type) if facts.model_type is not None else None
    if reason is not None:
        given = f"{model!r} is a {facts.model_type}: {reason}"
        expected = "a base that scores a row alike in any company"
        raise RecipeError(Problem("model.name", given, expected, "choose another base, such as starter/encoder"))
    return task
