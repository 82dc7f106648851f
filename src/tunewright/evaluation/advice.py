"""What to change after a training that fits its rows too little or too closely, by the settings it was run with."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from tunewright.recipe.schedule import Constant
from tunewright.recipe.train import Lora, TopLayers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tunewright.core.training import EvaluationReport, StepReport
    from tunewright.recipe.train import TrainSpec

STEEP, STEEP_SHARE = 0.1, 0.25
"""Nats and share: a loss that falls evenly to the end loses a third of its whole fall from the third quarter of the
steps to the last, and one that levels off less than a quarter."""

LEAST_STEPS = 5
"""In a quarter: the mean of fewer losses is that of their rows."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A training that has ended: what was asked of it, and how far it came."""

    spec: TrainSpec
    peak_lr: float
    steps: tuple[StepReport, ...]
    """At least one."""
    evaluations: tuple[EvaluationReport, ...]

    @property
    def last(self) -> StepReport:
        """The last step."""
        return self.steps[-1]

    @property
    def cut_short(self) -> bool:
        """Whether it ended before the epochs asked for: at `max_steps`, or by early stopping."""
        return self.last.epoch < 0.99 * self.spec.epochs

    @property
    def cut_by_max_steps(self) -> bool:
        """Whether it was `max_steps` that ended it."""
        return self.cut_short and self.spec.max_steps is not None and self.last.step >= self.spec.max_steps

    @property
    def hardly_began(self) -> bool:
        """Whether `max_steps` ended it before it saw each row once, and half of what was asked for."""
        return self.cut_by_max_steps and self.last.epoch < min(1.0, self.spec.epochs / 2)

    @property
    def still_fell(self) -> float | None:
        """By how much a steep fall of the training loss went on in the last quarter of the steps, in nats a target.

        None where it levelled off: the quarter's mean lies less than `STEEP` below that of the quarter before, or
        less than `STEEP_SHARE` of the whole fall between the first quarter and the last.
        """
        quarter = len(self.steps) // 4
        if quarter < LEAST_STEPS:
            return None
        first, before, last = (
            fmean(report.loss for report in self.steps[place * quarter : (place + 1) * quarter]) for place in (0, 2, 3)
        )
        fall = before - last
        return fall if fall > STEEP and fall > STEEP_SHARE * (first - last) else None

    @property
    def best_step(self) -> int:
        """The step of the checkpoint that was taken."""
        return next((report.step for report in reversed(self.evaluations) if report.best), self.last.step)


def learn_more(trained: Trained, *, texts: bool = False) -> str:
    """What to change so that the training rows are learned better, the surest first; `texts` of rows without labels."""
    return f"What to do: {_alternatives(list(_more(trained, texts=texts)))}."


def learn_less(trained: Trained) -> str:
    """What to change so that the training rows are learned less by heart."""
    best = ""
    if trained.best_step < trained.last.step:
        best = (
            f" The checkpoint taken is the best on validation rows (step {trained.best_step:,} of "
            f"{trained.last.step:,}), so fewer epochs alone would change little."
        )
    return f"What to do: {_alternatives(list(_less(trained)))}.{best}"


def _more(trained: Trained, *, texts: bool) -> Iterator[str]:
    spec, last = trained.spec, trained.last
    if trained.cut_by_max_steps:
        yield (
            f"raise train.max_steps or leave it out (at {spec.max_steps:,} it ended training after "
            f"{rounded(last.epoch)} of the {rounded(spec.epochs)} epochs asked for)"
        )
        if last.epoch < spec.epochs / 2:
            return  # whether anything else is amiss shows only after a training of the length asked for
    elif trained.cut_short and spec.early_stopping is not None:
        yield (
            f"raise train.early_stopping.patience (at {spec.early_stopping.patience} it ended training after "
            f"{rounded(last.epoch)} of the {rounded(spec.epochs)} epochs asked for)"
        )
    elif trained.best_step == last.step:
        yield f"raise train.epochs ({rounded(spec.epochs)} now; the last checkpoint was still the best)"
    if isinstance(spec.method, TopLayers):
        yield f"train more layers ({_trained_layers(spec.method)} now), or all: train.method: {{kind: full}}"
    if isinstance(spec.method, Lora):
        yield f"raise train.method.rank ({spec.method.rank} now), or train all weights: train.method: {{kind: full}}"
    ended = "" if isinstance(spec.schedule, Constant) else f", and {last.lr:.2g} at the last step"
    yield f"raise train.optimizer.lr (its peak was {trained.peak_lr:.2g}{ended})"
    if not isinstance(spec.method, TopLayers):
        yield "take a larger base"
    if not texts:
        yield "look for contradictory labels: the same text under two cannot be learned"


def _less(trained: Trained) -> Iterator[str]:
    method = trained.spec.method
    yield "add training rows"
    yield f"lower train.optimizer.lr (its peak was {trained.peak_lr:.2g})"
    if isinstance(method, Lora):
        yield f"lower train.method.rank ({method.rank} now)"
    elif not isinstance(method, TopLayers):
        yield "train the top layers alone, such as train.method: {kind: top_layers, layers: 2}"
    elif method.layers:
        yield f"train fewer layers ({_trained_layers(method)} now)"
    yield "raise model.dropout"


def _trained_layers(method: TopLayers) -> str:
    if not method.layers:
        return "the head alone"
    return f"the top {method.layers} and the head" if method.layers > 1 else "the top one and the head"


def _alternatives(ways: Sequence[str]) -> str:
    return "; or ".join(ways)


def rounded(epochs: float) -> str:
    """A number of epochs with two decimals at most."""
    return f"{epochs:.2f}".rstrip("0").rstrip(".")
