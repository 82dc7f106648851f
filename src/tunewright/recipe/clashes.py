"""Fields of `train` that contradict each other, or the task: each is refused in words that name both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.recipe.clean import CleanSpec
from tunewright.recipe.optimizer import ScheduleFree
from tunewright.recipe.schedule import Constant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tunewright.recipe.data import DataSpec
    from tunewright.recipe.train import TrainSpec

BY_CLASS = frozenset({"classification"})
BY_CROSS_ENTROPY = BY_CLASS | {"token_classification", "generation", "text_to_text", "language_modelling"}
TASKS = {
    "class_weights": BY_CLASS,
    "focal": BY_CLASS,
    "label_smoothing": BY_CROSS_ENTROPY,
    "r_drop": BY_CLASS,
    "teacher": BY_CLASS,
}
"""Field to the tasks whose loss it has a meaning for."""


def clashes(train: TrainSpec) -> Iterator[str]:
    """What contradicts what within `train`, and what to do about it."""
    if train.focal is not None and train.label_smoothing:
        yield (
            f"focal is {train.focal:g} and label_smoothing is {train.label_smoothing:g}: a softened target has no "
            "probability of its own that the focal loss could look at; remove one of them"
        )
    if train.focal is not None and train.teacher is not None:
        yield (
            f"focal is {train.focal:g} and teacher is {train.teacher.kind!r}: a softened target has no probability of "
            "its own that the focal loss could look at; remove one of them"
        )
    if train.r_drop is not None:
        yield from _of_r_drop(train)
    if train.ema is not None and train.swa is not None:
        yield "ema and swa are two averages of the weights, and only one can be evaluated and saved: remove one of them"
    if train.swa is not None and train.swa.start < train.schedule.warmup:
        yield (
            f"swa.start is {train.swa.start:g} and schedule.warmup is {train.schedule.warmup:g}: the mean would begin "
            "within the warm-up, and the rate would stay where it is there; raise swa.start or lower schedule.warmup"
        )
    if isinstance(train.optimizer, ScheduleFree):
        yield from _of_schedule_free(train)
    if train.penalties.l2_sp is not None:
        yield from _of_frozen(train)


def _of_r_drop(train: TrainSpec) -> Iterator[str]:
    given = f"r_drop is {train.r_drop:g}"
    if train.focal is not None:
        yield f"{given} and focal is {train.focal:g}: one weighs rows down that the other draws together; remove one"
    if train.neftune is not None:
        yield f"{given} and neftune is {train.neftune:g}: noise is not drawn for rows that go through twice; remove one"


def unfit_for_task(train: TrainSpec, task: str) -> Iterator[str]:
    """Fields that ask for what the task has not."""
    for field, tasks in TASKS.items():
        value = getattr(train, field)
        if value and task not in tasks:
            given = getattr(value, "kind", value)
            lacks = _lacking(task) if tasks is BY_CLASS else "is not trained by cross-entropy"
            yield f"train.{field} is {given!r} and task is {task!r}, which {lacks}: remove train.{field}"
    yield from _of_stopping(train, task)


def _lacking(task: str) -> str:
    return "gives classes to words and none to a row" if task == "token_classification" else "has no classes"


def moved_spans(data: DataSpec) -> Iterator[str]:
    """What would change texts whose characters are counted by their spans."""
    why = "and task is 'token_classification', whose spans are counted in the texts as they stand"
    for field, default in CleanSpec():
        value = getattr(data.clean, field)
        if value != default and value not in (False, "off"):
            yield f"data.clean.{field} is {value!r} {why}: remove data.clean.{field}, or clean the texts beforehand"
    masked = data.privacy.kinds("mask")
    if masked:
        yield f"data.privacy masks {masked[0]} {why}: write `flag` or `drop`"


def _of_stopping(train: TrainSpec, task: str) -> Iterator[str]:
    stopping = train.early_stopping
    if stopping is not None and stopping.min_delta == "auto" and task not in BY_CLASS:
        yield (
            f"train.early_stopping.min_delta is 'auto' and task is {task!r}, whose validation gives no standard error "
            "yet: write a number, such as 0.01"
        )


def _of_schedule_free(train: TrainSpec) -> Iterator[str]:
    if not isinstance(train.schedule, Constant):
        yield (
            f"optimizer.kind is 'schedule_free' and schedule.kind is {train.schedule.kind!r}: it averages instead of "
            "letting the rate fall; write `schedule: {kind: constant, warmup: 0.1}`"
        )
    for field in ("ema", "swa"):
        if getattr(train, field) is not None:
            yield f"optimizer.kind is 'schedule_free', which averages the weights itself, and {field} is set: remove it"


def _of_frozen(train: TrainSpec) -> Iterator[str]:
    method = train.method
    if method.kind == "lora":
        yield (
            "penalties.l2_sp is set and method.kind is 'lora', whose adapters have no pretrained weights to go back "
            "to: remove penalties.l2_sp"
        )
    elif method.kind == "top_layers" and method.layers == 0:
        yield (
            "penalties.l2_sp is set and method.layers is 0: the pretrained weights are frozen and cannot leave their "
            "place; remove penalties.l2_sp, or train layers"
        )
