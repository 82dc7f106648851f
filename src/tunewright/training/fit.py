"""The loop consumed: evaluation, best checkpoint, early stopping, saving and interruption, in plain ifs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tunewright.core.errors import Interrupted, Problem, RunError, how_stopped
from tunewright.core.metrics import less_is_better
from tunewright.core.titles import metric_title
from tunewright.core.training import EvaluationReport
from tunewright.data.batching import steps_per_epoch
from tunewright.data.loader import LoadPlan, load_steps
from tunewright.training.averaging import evaluated_weights
from tunewright.training.checkpoint import Progress, keep_only, save_checkpoint
from tunewright.training.engine import Duration, train

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.core.generated import Sample
    from tunewright.core.protocols import Observer
    from tunewright.data.tokenize import TokenRows
    from tunewright.recipe.train import TrainSpec
    from tunewright.training.losses import LossSum
    from tunewright.training.step import TrainState

Validate = Callable[[object], Mapping[str, float]]
"""Called with the bare model at each evaluation; gives its metrics on the validation split, `loss` among them."""

SampleAnswers = Callable[[object], "tuple[Sample, ...]"]
"""Called with the bare model after `validate`; gives its answers to a few validation prompts."""

StandardError = Callable[[], "float | None"]
"""Called after `validate`: the standard error of the plan's metric on the validation rows; None where it is unknown."""

LogOffset = Callable[[], int]
"""Called before each checkpoint: makes the log durable and gives the length that resuming cuts it to."""


@dataclass(frozen=True, slots=True)
class FitPlan:
    """What is settled before the first step."""

    spec: TrainSpec
    duration: Duration
    load: LoadPlan
    metric: str
    evaluate_every: int
    checkpoint_every: int
    checkpoints: Path
    key: str


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the loop calls and never looks into."""

    loss: LossSum
    validate: Validate
    observer: Observer
    log_offset: LogOffset
    interrupted: Callable[[], int | None]
    sample: SampleAnswers | None = None
    standard_error: StandardError = lambda: None  # a default, and no function with a name


@dataclass(frozen=True, slots=True)
class FitOutcome:
    """How training ended."""

    steps: int
    reason: str
    best_step: int
    best_value: float


def total_steps(rows: int, spec: TrainSpec) -> int:
    """Optimiser steps of the whole training: `epochs` passes, or `max_steps` where that is fewer."""
    wanted = max(1, round(spec.epochs * steps_per_epoch(rows, spec.batch_size)))
    return min(wanted, spec.max_steps) if spec.max_steps is not None else wanted


def fit(state: TrainState, rows: TokenRows, plan: FitPlan, hooks: Hooks, *, resumed: Progress | None) -> FitOutcome:
    """The model trained to its end, its best checkpoint kept in `plan.checkpoints`.

    Raises Interrupted after SIGINT or SIGTERM, with a checkpoint saved; RunError on a non-finite number, and where
    several processes train together: they would all write the same checkpoints.
    """
    if state.accelerator.num_processes > 1:
        given = f"{state.accelerator.num_processes} processes, whose checkpoints and evaluations are not joined yet"
        raise RunError(Problem("training", given, "one process", "start it without `accelerate launch` or torchrun"))
    progress = resumed or Progress(0, 0.0, plan.key, 0)
    hooks.observer.on_start(
        {
            "total_steps": plan.duration.total_steps,
            "start_step": progress.step,
            "rows": len(rows),
            "metric": plan.metric,
        }
    )
    reason = _stop_reason(plan, progress)
    steps = load_steps(rows, plan.load, after=progress.step)
    for report in train(state, steps, hooks.loss, plan.spec, until=plan.duration) if reason is None else ():
        hooks.observer.on_step(report)
        progress = replace(progress, step=report.step, epoch=report.epoch)
        last = report.step == plan.duration.total_steps
        improved = False
        if last or report.step % plan.evaluate_every == 0:
            progress = _evaluate(state, progress, plan, hooks)
            improved = progress.best_step == report.step
        reason = _stop_reason(plan, progress)
        signal_number = hooks.interrupted()
        due = report.step % plan.checkpoint_every == 0
        if due or improved or reason is not None or signal_number is not None:
            progress = _save(state, progress, plan, hooks)
        if signal_number is not None:
            raise interrupted_after(signal_number, report.step)
        if reason is not None:
            break
    assert reason is not None
    assert progress.best_step is not None
    assert progress.best_value is not None
    hooks.observer.on_end(reason)
    return FitOutcome(progress.step, reason, progress.best_step, progress.best_value)


def _evaluate(state: TrainState, progress: Progress, plan: FitPlan, hooks: Hooks) -> Progress:
    started = time.perf_counter()
    with evaluated_weights(state):
        metrics = hooks.validate(state.bare_model)
        samples = hooks.sample(state.bare_model) if hooks.sample is not None and _finite(metrics) else ()
    if not _finite(metrics):  # which may lack what cannot be told of such numbers
        place = f"evaluation after step {progress.step}"
        raise RunError(Problem(place, f"not finite: {dict(metrics)}", "finite numbers", "lower train.optimizer.lr"))
    value = metrics[plan.metric]
    better = _gain(plan.metric, value, progress.best_value) > 0
    if better:
        progress = replace(progress, best_step=progress.step, best_value=value)
    if _gain(plan.metric, value, progress.reference) > _min_delta(plan, hooks):
        progress = replace(progress, reference=value, stale=0)
    elif less_is_better(plan.metric) or progress.reference:  # a score of 0 has not begun to rise: that is no standstill
        progress = replace(progress, stale=progress.stale + 1)
    seconds = time.perf_counter() - started
    report = EvaluationReport(progress.step, progress.epoch, dict(metrics), better, seconds, samples)
    hooks.observer.on_evaluation(report)
    return progress


def _finite(metrics: Mapping[str, float]) -> bool:
    return all(math.isfinite(number) for number in metrics.values())


def _save(state: TrainState, progress: Progress, plan: FitPlan, hooks: Hooks) -> Progress:
    progress = replace(progress, log_offset=hooks.log_offset())
    save_checkpoint(state, progress, plan.checkpoints)
    keep_only(plan.checkpoints, {progress.step, progress.best_step or progress.step})
    return progress


def _stop_reason(plan: FitPlan, progress: Progress) -> str | None:
    stopping = plan.spec.early_stopping
    if stopping is not None and progress.stale >= stopping.patience:
        return f"early stopping: {progress.stale} evaluations without a better {metric_title(plan.metric)}"
    if progress.step >= plan.duration.total_steps:
        return "all steps done"
    return None


def _gain(metric: str, value: float, best: float | None) -> float:
    if best is None:
        return math.inf
    return best - value if less_is_better(metric) else value - best


def _min_delta(plan: FitPlan, hooks: Hooks) -> float:
    stopping = plan.spec.early_stopping
    if stopping is None:
        return 0.0
    return (hooks.standard_error() or 0.0) if stopping.min_delta == "auto" else stopping.min_delta


def interrupted_after(signal_number: int, step: int) -> Interrupted:
    """The end of a training that was told to stop, with its checkpoint saved."""
    given = f"{how_stopped(signal_number)} after step {step}; a checkpoint is saved"
    return Interrupted(
        signal_number, Problem("training", given, "", "run the same command again: it resumes from there")
    )
