"""One step: clipping and update equal torch's own; a number that is not finite never reaches the weights."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch
from training_room import in_one_pass, same_bits, snapshot, state_of, step_of, tiny_bert, token_rows

from tunewright.core.errors import RunError
from tunewright.data.loader import IGNORED
from tunewright.recipe.train import AdamW, TrainSpec
from tunewright.training.losses import classification_loss
from tunewright.training.optimizers import parameter_groups
from tunewright.training.step import gradients, optimizer_step

ROWS = token_rows([5, 9, 12, 7, 30, 6, 8, 11, 3, 21, 4, 17, 9, 9, 10, 13])


@pytest.fixture(autouse=True, params=["in the fused kernel", "before it"])
def _guard(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every law holds where the kernel clips and guards, and where both happen before it, as on Apple's GPUs."""
    if request.param == "before it":
        monkeypatch.setattr("tunewright.training.step.GUARDED_KERNELS", frozenset())


def test_the_environment_of_a_launcher_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    accelerator = state_of(tiny_bert()).accelerator
    assert (accelerator.gradient_accumulation_steps, accelerator.mixed_precision) == (1, "no")


@pytest.mark.parametrize("max_norm", [None, 0.05, 1.0, 1e6])
def test_steps_equal_torchs_own_clipping_and_adamw(max_norm: float | None) -> None:
    """Over five steps, to 1e-6 in fp32: torch's unfused AdamW on the mean loss of the whole batch."""
    spec = TrainSpec(optimizer=AdamW(lr=1e-3, weight_decay=0.1))
    state, reference = state_of(tiny_bert(), spec), tiny_bert()
    plain = torch.optim.AdamW(parameter_groups(reference, 0.1), lr=1e-3, fused=False, foreach=False)
    for after in range(5):
        lr = 1e-3 / (after + 1)
        cut = step_of(ROWS, batch_size=8, micro_batch_tokens=40, after=after)
        whole = in_one_pass(ROWS, cut)
        report = optimizer_step(state, cut, classification_loss, lr=lr, max_norm=max_norm)
        plain.zero_grad()
        (classification_loss(reference, whole.batches[0], torch.device("cpu")) / 8).backward()
        norm = torch.nn.utils.clip_grad_norm_(reference.parameters(), max_norm or torch.inf)
        for group in plain.param_groups:
            group["lr"] = lr
        plain.step()
        assert report.grad_norm == pytest.approx(float(norm), rel=1e-4)
    for (name, ours), theirs in zip(state.bare_model.named_parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6, msg=lambda text, n=name: f"{n}: {text}")


def test_a_step_moves_the_weights_by_its_own_rate() -> None:
    moves = []
    for lr in (1e-3, 2e-3):
        model = tiny_bert()
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
        state = state_of(model, TrainSpec(optimizer=AdamW(lr=0.9, weight_decay=0.0)), lr=0.9)
        batches = step_of(ROWS, batch_size=8, micro_batch_tokens=10**6)
        report = optimizer_step(state, batches, classification_loss, lr=lr, max_norm=None)
        assert report.lr == lr
        moves.append(sum(float((p.detach() - before[n]).abs().sum()) for n, p in model.named_parameters()))
    assert moves[1] == pytest.approx(2 * moves[0], rel=1e-3)


def poisoned_loss(model, batch, device):
    loss = classification_loss(model, batch, device)
    return loss * float("nan") if "row4" in batch.row_ids else loss


def poisoned_gradient(model, batch, device):
    loss = classification_loss(model, batch, device)
    if "row4" in batch.row_ids:
        next(p for p in model.parameters()).register_hook(lambda grad: grad * torch.inf)
    return loss


def poisoned_sum(model, batch, device):
    """The loss alone is infinite: its gradient is sound."""
    return classification_loss(model, batch, device) + (torch.inf if "row4" in batch.row_ids else 0.0)


@pytest.mark.parametrize("loss", [poisoned_loss, poisoned_gradient, poisoned_sum])
@pytest.mark.parametrize("max_norm", [1.0, None])
def test_a_number_that_is_not_finite_stops_the_run_before_it_touches_the_weights(loss, max_norm) -> None:
    state = state_of(tiny_bert())
    for after in range(2):  # an epoch of two steps, so that there are moments
        batches = step_of(ROWS, batch_size=8, micro_batch_tokens=40, after=after)
        optimizer_step(state, batches, classification_loss, lr=1e-3, max_norm=max_norm)
    steps = [step_of(ROWS, batch_size=8, micro_batch_tokens=40, after=after) for after in (2, 3)]
    sound, poisoned = sorted(steps, key=lambda step: any("row4" in batch.row_ids for batch in step.batches))
    optimizer_step(state, sound, loss, lr=1e-3, max_norm=max_norm)
    before, done = snapshot(state), state.step
    with pytest.raises(RunError) as raised:
        optimizer_step(state, poisoned, loss, lr=1e-3, max_norm=max_norm)
    assert same_bits(snapshot(state), before)
    problem = raised.value.problems[0]
    assert problem.place == f"training step {poisoned.step}"
    assert "not finite" in problem.given or "nan" in problem.given or "inf" in problem.given
    assert raised.value.exit_code == 4
    named = set(re.findall(r"row\d+", problem.given))
    assert named <= {row for batch in poisoned.batches for row in batch.row_ids}
    if loss is not poisoned_gradient:
        assert "row4" in named
        assert named == {row for batch in poisoned.batches if "row4" in batch.row_ids for row in batch.row_ids}
    assert state.step == done


def test_poisoned_weights_stop_the_run_and_stay_as_they_were() -> None:
    state = state_of(tiny_bert())
    optimizer_step(state, step_of(ROWS, batch_size=8, micro_batch_tokens=99), classification_loss, lr=1e-3, max_norm=1)
    with torch.no_grad():
        state.bare_model.classifier.weight[0, 0] = torch.nan
    before = snapshot(state)
    with pytest.raises(RunError, match="training step 2: the loss is not finite"):
        optimizer_step(
            state, step_of(ROWS, batch_size=8, micro_batch_tokens=99, after=1), classification_loss, lr=1, max_norm=1
        )
    assert same_bits(snapshot(state), before)


def test_a_step_without_a_target_is_refused() -> None:
    bare = replace(ROWS, targets_N=ROWS.targets_N * 0 + IGNORED)
    state = state_of(tiny_bert())
    before = snapshot(state)
    with pytest.raises(RunError, match="no row has a target") as raised:
        optimizer_step(
            state, step_of(bare, batch_size=8, micro_batch_tokens=99), classification_loss, lr=1e-3, max_norm=1
        )
    assert "row" in raised.value.problems[0].remedy
    assert same_bits(snapshot(state), before)


def test_dropout_depends_on_the_step_and_not_on_what_was_drawn_before() -> None:
    losses = []
    for disturbance in range(2):
        torch.manual_seed(disturbance)
        torch.rand(disturbance + 1)
        state = state_of(tiny_bert(dropout=0.3))
        batches = step_of(ROWS, batch_size=8, micro_batch_tokens=40)
        losses.append(optimizer_step(state, batches, classification_loss, lr=1e-3, max_norm=1.0).loss)
    assert losses[0] == losses[1]
    other = optimizer_step(state_of(tiny_bert(dropout=0.3), seed=8), batches, classification_loss, lr=1e-3, max_norm=1)
    assert other.loss != losses[0]


def test_each_pass_of_each_step_has_draws_of_its_own() -> None:
    def drawn(after: int, seed: int = 7) -> list[float]:
        step = step_of(ROWS, batch_size=8, micro_batch_tokens=40, after=after)
        sums = gradients(state_of(tiny_bert(), seed=seed), step, lambda *_: torch.rand((), requires_grad=True))
        return [float(each) for each in sums]

    found = [drawn(0), drawn(1), drawn(0, seed=8)]
    assert all(len(passes) > 1 for passes in found)
    every = [value for passes in found for value in passes]
    assert len(set(every)) == len(every)
    assert drawn(1) == found[1]
