"""The loop consumed: evaluation, the best checkpoint, early stopping, signals; and settings that become numbers."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import torch
from training_room import snapshot, state_of, tiny_bert, token_rows

from tunewright.core.errors import Interrupted, RunError
from tunewright.data.loader import LoadPlan
from tunewright.recipe.schedule import Constant, Linear
from tunewright.recipe.train import AdamW, EarlyStopping, TrainSpec
from tunewright.training import settings
from tunewright.training.checkpoint import load_checkpoint, newest_checkpoint
from tunewright.training.engine import Duration
from tunewright.training.fit import FitPlan, Hooks, fit, total_steps
from tunewright.training.interrupt import interruptions
from tunewright.training.losses import classification_loss
from tunewright.training.settings import resolve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tunewright.core.training import EvaluationReport, StepReport
    from tunewright.training.checkpoint import Progress
    from tunewright.training.fit import FitOutcome

ROWS = token_rows([5, 9, 12, 7, 30, 6, 8, 11, 3, 21, 4, 17, 9, 9, 10, 13])


@dataclass
class Watched:
    """An observer that keeps what it hears."""

    steps: list[StepReport] = field(default_factory=list)
    evaluations: list[EvaluationReport] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)

    def on_start(self, plan: object) -> None:
        pass

    def on_step(self, report: StepReport) -> None:
        self.steps.append(report)

    def on_evaluation(self, report: EvaluationReport) -> None:
        self.evaluations.append(report)

    def on_end(self, reason: str) -> None:
        self.ends.append(reason)


def plan_of(folder: Path, spec: TrainSpec, *, metric: str = "accuracy", steps: int = 12) -> FitPlan:
    return FitPlan(spec, Duration(steps, 1e-3), LoadPlan(4, 64, seed=7, pad_id=0), metric, 2, 3, folder, "key")


def fitted(
    folder: Path,
    spec: TrainSpec,
    values: Callable[[int], float],
    *,
    metric: str = "accuracy",
    interrupted: Callable[[], int | None] = lambda: None,
    resumed: Progress | None = None,
) -> tuple[FitOutcome, Watched, Any]:
    """A training whose n-th evaluation (from 0) finds `values(n)`."""
    folder.mkdir(exist_ok=True)
    state, watched = state_of(tiny_bert(), spec), Watched()
    counted = iter(range(100))

    def validate(_model: object) -> dict[str, float]:
        return {metric: values(next(counted)), "loss": 1.0} if metric != "loss" else {"loss": values(next(counted))}

    hooks = Hooks(classification_loss, validate, watched, lambda: 0, interrupted)
    return fit(state, ROWS, plan_of(folder, spec, metric=metric), hooks, resumed=resumed), watched, state


SPEC = TrainSpec(optimizer=AdamW(lr=1e-3), early_stopping=EarlyStopping(patience=2))


def test_training_stops_early_and_keeps_the_best_and_the_last_checkpoint(tmp_path: Path) -> None:
    outcome, watched, _ = fitted(tmp_path, SPEC, [0.5, 0.7, 0.6, 0.7, 0.9].__getitem__)
    assert (outcome.steps, outcome.best_step, outcome.best_value) == (8, 4, 0.7)
    assert "early stopping" in outcome.reason
    assert watched.ends == [outcome.reason]
    assert [e.best for e in watched.evaluations] == [True, True, False, False]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000004", "step-00000008"]


def test_a_score_of_0_is_no_standstill_and_a_loss_of_0_is_one(tmp_path: Path) -> None:
    outcome, _, _ = fitted(tmp_path / "score", SPEC, [0.0, 0.0, 0.0, 0.4, 0.4, 0.4].__getitem__)
    assert (outcome.best_step, outcome.steps) == (8, 12)
    assert "early stopping" in outcome.reason
    outcome, _, _ = fitted(tmp_path / "loss", SPEC, lambda _: 0.0, metric="loss")
    assert (outcome.best_step, outcome.steps) == (2, 6)


def test_without_early_stopping_every_step_is_done_and_the_best_is_still_kept(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"early_stopping": None})
    outcome, watched, _ = fitted(tmp_path, spec, lambda n: -float(n))
    assert (outcome.steps, outcome.best_step, outcome.reason) == (12, 2, "all steps done")
    assert [s.step for s in watched.steps] == list(range(1, 13))


def test_gains_within_min_delta_add_up_and_every_one_of_them_is_kept(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"early_stopping": EarlyStopping(patience=2, min_delta=0.05)})
    outcome, watched, _ = fitted(tmp_path, spec, lambda n: 0.5 + 0.04 * n)
    assert [e.best for e in watched.evaluations] == [True] * 6
    assert (outcome.best_step, outcome.reason) == (12, "all steps done")


def test_a_gain_within_min_delta_is_kept_as_the_best_and_still_counts_as_none_for_stopping(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"early_stopping": EarlyStopping(patience=3, min_delta=0.05)})
    outcome, _, _ = fitted(tmp_path, spec, [0.80, 0.84, 0.84, 0.84, 0.84, 0.84].__getitem__)
    assert (outcome.best_step, outcome.best_value, outcome.steps) == (4, 0.84, 8)
    assert "early stopping" in outcome.reason


def test_a_gain_within_the_metrics_standard_error_is_no_improvement(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"early_stopping": EarlyStopping(patience=2, min_delta="auto")})
    values, errors = [0.5, 0.6, 0.64, 0.66, 0.9, 0.9], [None, 0.05, 0.05, 0.07, 0.0, 0.0]
    state, watched, seen = state_of(tiny_bert(), spec), Watched(), iter(range(6))
    last: list[int] = []

    def validate(_model: object) -> dict[str, float]:
        last.append(next(seen))
        return {"accuracy": values[last[-1]], "loss": 1.0}

    hooks = Hooks(
        classification_loss, validate, watched, lambda: 0, lambda: None, standard_error=lambda: errors[last[-1]]
    )
    outcome = fit(state, ROWS, plan_of(tmp_path, spec), hooks, resumed=None)
    assert (outcome.steps, outcome.best_step, outcome.best_value) == (8, 8, 0.66)


def test_a_lower_loss_is_better(tmp_path: Path) -> None:
    outcome, _, _ = fitted(tmp_path, SPEC, [3.0, 2.0, 2.5, 2.0].__getitem__, metric="loss")
    assert (outcome.best_step, outcome.best_value, outcome.steps) == (4, 2.0, 8)


def test_a_metric_that_is_not_finite_stops_the_run_with_its_step(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="evaluation after step 4: not finite"):
        fitted(tmp_path, SPEC, [0.5, float("nan")].__getitem__)


@pytest.mark.parametrize("told", [{}, {"micro_f1": 0.4}])
def test_so_does_a_loss_that_is_not_finite_whatever_is_told_beside_it(tmp_path: Path, told: dict[str, float]) -> None:
    """A model of label sets that gives no numbers has no F1 to tell."""
    hooks = Hooks(classification_loss, lambda _m: {"loss": float("nan")} | told, Watched(), lambda: 0, lambda: None)
    with pytest.raises(RunError, match="evaluation after step 2: not finite"):
        fit(state_of(tiny_bert(), SPEC), ROWS, plan_of(tmp_path, SPEC, metric="micro_f1"), hooks, resumed=None)


def test_the_last_step_is_evaluated_and_saved_even_off_the_beat(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"early_stopping": None})
    state, watched = state_of(tiny_bert(), spec), Watched()
    hooks = Hooks(classification_loss, lambda _m: {"accuracy": 0.5, "loss": 1.0}, watched, lambda: 0, lambda: None)
    outcome = fit(state, ROWS, plan_of(tmp_path, spec, steps=7), hooks, resumed=None)
    assert [e.step for e in watched.evaluations] == [2, 4, 6, 7]
    assert outcome.steps == 7
    found = newest_checkpoint(tmp_path, "key")
    assert found is not None
    assert found[1].step == 7


def test_a_checkpoint_says_how_long_the_log_was_before_it(tmp_path: Path) -> None:
    spec, lengths = SPEC.model_copy(update={"early_stopping": None}), iter(range(100, 200))
    hooks = Hooks(
        classification_loss, lambda _m: {"accuracy": 0.5, "loss": 1.0}, Watched(), lengths.__next__, lambda: None
    )
    fit(state_of(tiny_bert(), spec), ROWS, plan_of(tmp_path, spec), hooks, resumed=None)
    found = newest_checkpoint(tmp_path, "key")
    assert found is not None
    assert found[1].log_offset == next(lengths) - 1


def test_a_signal_ends_the_training_after_its_step_with_a_checkpoint(tmp_path: Path) -> None:
    asked = iter([None, None, None, None, 15])
    with pytest.raises(Interrupted) as raised:
        fitted(tmp_path, SPEC, float, interrupted=lambda: next(asked))
    assert raised.value.exit_code == 143
    found = newest_checkpoint(tmp_path, "key")
    assert found is not None
    assert found[1].step == 5


def test_a_signal_in_the_last_step_is_heeded_too(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"early_stopping": None})
    asked = iter([None] * 11 + [15])
    with pytest.raises(Interrupted):
        fitted(tmp_path, spec, float, interrupted=lambda: next(asked))
    found = newest_checkpoint(tmp_path, "key")
    assert found is not None
    assert found[1].step == 12


def test_patience_survives_a_resume(tmp_path: Path) -> None:

    values = [0.5, 0.7, 0.6, 0.6, 0.6, 0.6]
    asked = iter([None] * 6 + [2])
    with pytest.raises(Interrupted):
        fitted(tmp_path, SPEC, values.__getitem__, interrupted=lambda: next(asked))
    found = newest_checkpoint(tmp_path, "key")
    assert found is not None
    assert (found[1].step, found[1].stale, found[1].best_step) == (7, 1, 4)
    state, watched = state_of(tiny_bert(), SPEC), Watched()
    load_checkpoint(state, *found)
    hooks = Hooks(classification_loss, lambda _m: {"accuracy": 0.6, "loss": 1.0}, watched, lambda: 0, lambda: None)
    outcome = fit(state, ROWS, plan_of(tmp_path, SPEC), hooks, resumed=found[1])
    assert (outcome.steps, outcome.best_step) == (8, 4)
    unbroken, _, whole = fitted(tmp_path / "unbroken", SPEC, values.__getitem__)
    assert (unbroken.steps, unbroken.best_step) == (8, 4)
    assert all((snapshot(state)[name] == value).all() for name, value in snapshot(whole).items())


def test_a_signal_is_noted_once_and_the_second_meets_the_former_handler() -> None:
    heard: list[int] = []
    former = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))
    try:
        with interruptions() as interrupted:
            assert interrupted() is None
            os.kill(os.getpid(), signal.SIGTERM)
            assert interrupted() == signal.SIGTERM
            assert not heard
            os.kill(os.getpid(), signal.SIGTERM)
            assert heard == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, former)


@pytest.mark.parametrize(
    ("rows", "spec", "expected"),
    [
        (100, TrainSpec(epochs=2.0, batch_size=10), 20),
        (101, TrainSpec(epochs=2.0, batch_size=10), 22),
        (100, TrainSpec(epochs=0.25, batch_size=10), 2),
        (3, TrainSpec(epochs=0.1, batch_size=10), 1),
        (100, TrainSpec(epochs=9.0, batch_size=10, max_steps=7), 7),
        (100, TrainSpec(epochs=0.5, batch_size=10, max_steps=7), 5),
    ],
)
def test_the_number_of_steps_follows_from_epochs_and_max_steps(rows: int, spec: TrainSpec, expected: int) -> None:
    assert total_steps(rows, spec) == expected


def test_the_schedule_is_fitted_to_the_steps_really_done(tmp_path: Path) -> None:
    for schedule, first, last in ((Linear(warmup=0.25), 1 / 3, 1 / 9), (Constant(), 1.0, 1.0)):
        spec = SPEC.model_copy(update={"schedule": schedule, "early_stopping": None})
        _, watched, _ = fitted(tmp_path / schedule.kind, spec, float)
        rates = [step.lr for step in watched.steps]
        assert rates[0] == pytest.approx(1e-3 * first)
        assert rates[-1] == pytest.approx(1e-3 * last)


def test_settings_that_are_given_are_taken_and_no_probe_is_run(tmp_path: Path) -> None:
    spec = TrainSpec(precision="fp32", threads=1, micro_batch_tokens=99, metric="loss")
    resolved = resolve(spec, lr=3e-4, metric="macro_f1", cache=tmp_path)
    given = (resolved.precision, resolved.threads, resolved.micro_batch_tokens, resolved.metric, resolved.lr)
    assert given == ("fp32", 1, 99, "loss", 3e-4)
    assert resolved.bf16_speedup is None
    assert not list(tmp_path.iterdir())


def test_the_precision_probe_is_asked_once_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("the probe is the CPU's")

    measured = iter([9.0, 0.1])
    monkeypatch.setattr(settings, "measure_bf16_speedup", lambda: next(measured))
    spec = TrainSpec(threads=1)
    first = resolve(spec, lr=1e-3, metric="accuracy", cache=tmp_path)
    assert (first.precision, first.bf16_speedup) == ("bf16", 9.0)
    assert resolve(spec, lr=1e-3, metric="accuracy", cache=tmp_path) == first


def test_several_processes_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = state_of(tiny_bert())
    monkeypatch.setattr(type(state.accelerator), "num_processes", 2)
    hooks = Hooks(classification_loss, lambda _m: {"accuracy": 0.5, "loss": 1.0}, Watched(), lambda: 0, lambda: None)
    with pytest.raises(RunError, match="2 processes"):
        fit(state, ROWS, plan_of(tmp_path, SPEC), hooks, resumed=None)
    with pytest.raises(RunError, match="2 processes"):
        state_of(tiny_bert())
    assert not list(tmp_path.iterdir())
