"""An average of the weights: its formula, who sees it, and that a checkpoint holds it beside the weights that move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file
from training_room import same_bits, snapshot, state_of, step_of, tiny_bert, token_rows

from tunewright.core.errors import Interrupted
from tunewright.data.loader import LoadPlan
from tunewright.recipe.regularise import Ema, Swa
from tunewright.recipe.train import AdamW, TrainSpec
from tunewright.training.averaging import ema_share, evaluated_weights
from tunewright.training.checkpoint import (
    MOVING,
    WEIGHTS,
    Progress,
    folder_of,
    load_checkpoint,
    load_weights,
    newest_checkpoint,
    read_progress,
    save_checkpoint,
)
from tunewright.training.engine import Duration
from tunewright.training.fit import FitPlan, Hooks, fit
from tunewright.training.losses import classification_loss
from tunewright.training.step import optimizer_step

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.training.step import TrainState

ROWS = token_rows([5, 9, 12, 7, 30, 6, 8, 11])
AVERAGED = TrainSpec(optimizer=AdamW(lr=1e-3), ema=Ema(decay=0.7, warmup=False), early_stopping=None)


MEAN = AVERAGED.model_copy(update={"ema": None, "swa": Swa(start=0.5)})


def fresh(spec: TrainSpec = AVERAGED) -> TrainState:
    return state_of(tiny_bert(dropout=0.1), spec, total_steps=6)


def go_on(state: TrainState, steps: int) -> None:
    for _ in range(steps):
        batches = step_of(ROWS, batch_size=4, micro_batch_tokens=64, after=state.step)
        optimizer_step(state, batches, classification_loss, lr=1e-3, max_norm=1.0)


def weights_of(state: TrainState) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in state.bare_model.named_parameters()}


def everything(state: TrainState) -> dict[str, torch.Tensor]:
    """What moves, its moments, and what is evaluated."""
    with evaluated_weights(state):
        averaged = {f"average {name}": value for name, value in weights_of(state).items()}
    return snapshot(state) | averaged


def test_the_average_is_that_of_all_steps_by_their_decay() -> None:
    state = fresh()
    expected = weights_of(state)
    for _ in range(4):
        go_on(state, 1)
        expected = {name: 0.7 * expected[name] + 0.3 * value for name, value in weights_of(state).items()}
    with evaluated_weights(state):
        for name, value in weights_of(state).items():
            torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-7)


def test_a_plain_mean_is_that_of_the_steps_since_it_began_and_before_that_the_weights_themselves() -> None:
    state = fresh(MEAN)
    after = []
    for step in range(1, 7):
        go_on(state, 1)
        after.append(weights_of(state))
        since = after[min(step, 4) - 1 :]
        with evaluated_weights(state):
            for name, value in weights_of(state).items():
                expected = sum(weights[name] for weights in since) / len(since)
                torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-7)
            assert step > 4 or same_bits(weights_of(state), after[-1])


def test_in_warm_up_the_average_reaches_back_over_a_tenth_of_the_steps() -> None:
    share = ema_share(Ema(decay=0.99))
    assert [1 - share(step) for step in (1, 10, 100)] == pytest.approx([2 / 11, 11 / 20, 101 / 110])
    assert 1 - share(10_000) == pytest.approx(0.99)
    assert [1 - ema_share(Ema(decay=0.99, warmup=False))(step) for step in (1, 10_000)] == pytest.approx([0.99] * 2)


def test_averaging_does_not_disturb_training() -> None:
    plain, averaged = fresh(AVERAGED.model_copy(update={"ema": None})), fresh()
    for _ in range(3):
        go_on(plain, 1)
        go_on(averaged, 1)
        with evaluated_weights(averaged):
            assert not same_bits(weights_of(plain), weights_of(averaged))
    assert same_bits(snapshot(plain), snapshot(averaged))


@pytest.mark.parametrize("spec", [AVERAGED, MEAN], ids=["ema", "swa"])
@pytest.mark.parametrize("at", [2, 4])
def test_a_checkpoint_holds_both_and_resuming_is_exact(tmp_path: Path, spec: TrainSpec, at: int) -> None:
    state = fresh(spec)
    go_on(state, at)
    save_checkpoint(state, Progress(at, 1.5, "key", 0), tmp_path)
    resumed = fresh(spec)
    load_checkpoint(resumed, *newest_checkpoint(tmp_path, "key"))
    assert same_bits(everything(resumed), everything(state))
    go_on(resumed, 6 - at)
    go_on(state, 6 - at)
    assert same_bits(everything(resumed), everything(state))


@pytest.mark.parametrize("damage", ["torn", "gone"])
def test_damaged_moving_weights_make_a_checkpoint_none(tmp_path: Path, damage: str) -> None:
    state = fresh()
    go_on(state, 1)
    folder = save_checkpoint(state, Progress(1, 0.5, "key", 0), tmp_path)
    assert read_progress(folder) is not None
    content = (folder / MOVING).read_bytes()
    (folder / MOVING).write_bytes(content[:-1]) if damage == "torn" else (folder / MOVING).unlink()
    assert read_progress(folder) is None


def test_without_an_average_a_checkpoint_has_the_weights_once(tmp_path: Path) -> None:
    state = fresh(AVERAGED.model_copy(update={"ema": None}))
    go_on(state, 1)
    folder = save_checkpoint(state, Progress(1, 0.5, "key", 0), tmp_path)
    assert not (folder / MOVING).exists()


class Quiet:
    def on_start(self, plan: object) -> None: ...
    def on_step(self, report: object) -> None: ...
    def on_evaluation(self, report: object) -> None: ...
    def on_end(self, reason: str) -> None: ...


def fitted(folder: Path, state: TrainState, *, stop_at: int | None = None, resumed: Any = None) -> list[Any]:
    """Trains six steps, evaluated after every second; gives the weights that evaluations saw."""
    seen: list[Any] = []

    def validate(model: Any) -> dict[str, float]:
        seen.append({name: p.detach().clone() for name, p in model.named_parameters()})
        return {"loss": 1.0 / len(seen)}

    plan = FitPlan(AVERAGED, Duration(6, 1e-3), LoadPlan(4, 64, seed=7, pad_id=0), "loss", 2, 3, folder, "key")
    interrupted = (lambda: 15 if state.step == stop_at else None) if stop_at else (lambda: None)
    folder.mkdir(exist_ok=True)
    fit(state, ROWS, plan, Hooks(classification_loss, validate, Quiet(), lambda: 0, interrupted), resumed=resumed)
    return seen


def test_evaluations_and_the_kept_model_have_the_averaged_weights(tmp_path: Path) -> None:
    state = fresh()
    seen = fitted(tmp_path, state)
    moving = weights_of(state)
    with evaluated_weights(state):
        assert same_bits(seen[-1], weights_of(state))
    assert not same_bits(seen[-1], moving)
    best = folder_of(tmp_path, 6)
    assert same_bits(load_file(best / WEIGHTS), seen[-1])
    assert same_bits(load_file(best / MOVING), moving)
    kept = tiny_bert()
    load_weights(kept, best)
    assert same_bits({name: p.detach() for name, p in kept.named_parameters()}, seen[-1])


def test_a_training_that_was_stopped_and_resumed_evaluates_the_same_weights(tmp_path: Path) -> None:
    whole = fresh()
    unbroken = fitted(tmp_path / "unbroken", whole)
    with pytest.raises(Interrupted):
        fitted(tmp_path / "stopped", fresh(), stop_at=3)
    resumed = fresh()
    found = newest_checkpoint(tmp_path / "stopped", "key")
    load_checkpoint(resumed, *found)
    seen = fitted(tmp_path / "stopped", resumed, resumed=found[1])
    assert same_bits(seen[-1], unbroken[-1])
    assert same_bits(everything(resumed), everything(whole))
