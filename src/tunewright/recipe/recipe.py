"""The recipe: one file for all verbs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from tunewright.recipe.clashes import moved_spans, unfit_for_task
from tunewright.recipe.data import DataSpec, GroupSplit, SplitSpec, StratifiedSplit, TimeSplit
from tunewright.recipe.judge import EvaluationSpec, GateSpec, Retention
from tunewright.recipe.model import ModelSpec
from tunewright.recipe.rights import RightsSpec
from tunewright.recipe.spec import Spec
from tunewright.recipe.train import TrainSpec

TaskName = Literal[
    "classification",
    "regression",
    "multilabel",
    "token_classification",
    "generation",
    "text_to_text",
    "language_modelling",
]


WATCHED = {
    "classification": {"accuracy", "macro_f1"},
    "multilabel": {"macro_f1", "micro_f1"},
    "token_classification": {"macro_f1", "micro_f1"},
}
"""Task to the metrics, beside the loss, that are watched while it is trained."""


class Recipe(Spec):
    """Everything a run needs to know. Three keys suffice: `model`, `data`, `task`."""

    model: ModelSpec
    """The base: a name, or a mapping with more detail."""
    data: DataSpec
    """The data: a path, or a mapping with more detail."""
    task: TaskName
    """What the tuned model does."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] | None = None
    """Name of the run directory; the recipe's file name where absent."""
    seed: Annotated[int, Field(ge=0)] = 13
    """Root of all randomness but the split's."""
    split: SplitSpec = StratifiedSplit()
    """How rows are divided where no file is given for a split."""
    train: TrainSpec = TrainSpec()
    """Which weights are trained, for how long, at which rates."""
    evaluation: EvaluationSpec = EvaluationSpec()
    """How the tuned model is tested."""
    gate: GateSpec = GateSpec()
    """When the tuned model may ship."""
    rights: RightsSpec = RightsSpec()
    """Under which terms data and base may be used."""

    @field_validator("model", mode="before")
    @classmethod
    def _model_by_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("data", mode="before")
    @classmethod
    def _data_by_path(cls, value: Any) -> Any:
        return {"train": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _split_has_its_column(self) -> Recipe:
        if isinstance(self.split, GroupSplit) and self.data.group is None:
            raise ValueError("split.kind is 'group' and data.group is absent: name the column whose rows stay together")
        if isinstance(self.split, TimeSplit) and self.data.time is None:
            raise ValueError("split.kind is 'time' and data.time is absent: name the column that holds the date")
        return self

    @model_validator(mode="after")
    def _task_has_the_loss(self) -> Recipe:
        for fault in unfit_for_task(self.train, self.task):
            raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _spans_stay_where_they_are(self) -> Recipe:
        if self.task == "token_classification":
            for fault in moved_spans(self.data):
                raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _augmented_texts_are_classified(self) -> Recipe:
        if self.data.augment is not None and self.task != "classification":
            raise ValueError(
                f"data.augment is given and task is {self.task!r}: rows are made of texts that are classified alone: "
                "remove data.augment"
            )
        return self

    @model_validator(mode="after")
    def _smoothed_targets_are_there(self) -> Recipe:
        if self.train.label_smoothing and self.task in {"regression", "multilabel"}:
            raise ValueError(
                f"train.label_smoothing is {self.train.label_smoothing:g} and task is {self.task!r}, whose targets are "
                "not one of several: remove train.label_smoothing"
            )
        return self

    @model_validator(mode="after")
    def _answers_differ(self) -> Recipe:
        if self.train.r_drop is not None and self.model.dropout == 0:
            raise ValueError(
                f"train.r_drop is {self.train.r_drop:g} and model.dropout is 0: the two answers of a row would be the "
                "same; remove one of them"
            )
        return self

    @model_validator(mode="after")
    def _labels_are_divided(self) -> Recipe:
        if self.data.label_delimiter is not None and self.task != "multilabel":
            raise ValueError(
                f"data.label_delimiter is {self.data.label_delimiter!r} and task is {self.task!r}, whose rows bear no "
                "several labels: remove data.label_delimiter, or write `task: multilabel`"
            )
        if self.evaluation.threshold != 0.5 and self.task != "multilabel":
            raise ValueError(
                f"evaluation.threshold is {self.evaluation.threshold!r} and task is {self.task!r}, whose labels are "
                "not held against one: remove evaluation.threshold"
            )
        return self

    @model_validator(mode="after")
    def _watched_metric_is_there(self) -> Recipe:
        known = WATCHED.get(self.task, set())
        if self.train.metric not in {"auto", "loss", *known}:
            raise ValueError(
                f"train.metric is {self.train.metric!r} and task is {self.task!r}, which does not watch it: "
                "remove train.metric"
            )
        return self

    @model_validator(mode="after")
    def _earlier_run_is_named(self) -> Recipe:
        if self.model.run is not None:
            return self
        base = f"model.name is {self.model.name!r}, which is no earlier run"
        if self.data.replay is not None:
            raise ValueError(f"data.replay is {self.data.replay:g} and {base}: remove it, or write `model: run:NAME`")
        conditions = self.gate.conditions or []
        if any(isinstance(condition, Retention) and condition.on == "earlier_test" for condition in conditions):
            raise ValueError(
                f"gate.conditions asks for retention on the earlier_test and {base}: remove it, or write "
                "`model: run:NAME`"
            )
        return self
