"""Penalties of the weights: their gradients are autograd's own, added once a step, and clipping by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from text_room import text_model
from training_room import gradients_of, same_bits, snapshot, state_of, step_of, tiny_bert, token_rows

from tunewright.core.errors import RunError
from tunewright.recipe.optimizer import AdamW, Lion
from tunewright.recipe.regularise import L2SP, Penalties
from tunewright.recipe.train import TrainSpec
from tunewright.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from tunewright.training.losses import classification_loss
from tunewright.training.penalties import new_head
from tunewright.training.step import gradients, optimizer_step

if TYPE_CHECKING:
    from tunewright.core.training import StepReport

ROWS = token_rows([5, 9, 12, 7, 30, 6, 8, 11])
CASES = {
    "l1": Penalties(l1=0.02),
    "l2": Penalties(l2=0.3),
    "l2_sp": Penalties(l2_sp=L2SP(alpha=0.4, beta=0.05)),
    "l1 beside l2_sp": Penalties(l1=0.02, l2_sp=L2SP()),
}


def spec_of(penalties: Penalties, **changes: Any) -> TrainSpec:
    return TrainSpec(optimizer=AdamW(lr=1e-3), penalties=penalties, **changes)


def moved(spec: TrainSpec, *, steps: int = 2) -> Any:
    """A state some steps away from its start."""
    state = state_of(tiny_bert(), spec)
    for _ in range(steps):
        batches = step_of(ROWS, batch_size=8, micro_batch_tokens=40, after=state.step)
        optimizer_step(state, batches, classification_loss, lr=1e-2, max_norm=None)
    return state


def penalty_by_hand(model: Any, spec: Penalties) -> torch.Tensor:
    """The formula of the documentation, over a model and where it began."""
    total = torch.zeros(())
    for (name, p), start in zip(model.named_parameters(), tiny_bert().parameters(), strict=True):
        if p.ndim >= 2:
            total = total + spec.l1 * p.abs().sum() + spec.l2 / 2 * p.square().sum()
        if spec.l2_sp is not None and name.startswith("classifier."):
            total = total + spec.l2_sp.beta / 2 * p.square().sum()
        elif spec.l2_sp is not None:
            total = total + spec.l2_sp.alpha / 2 * (p - start).square().sum()
    return total


@pytest.mark.parametrize("budget", [40, 10**6], ids=["cut", "whole"])
@pytest.mark.parametrize("case", CASES)
def test_the_gradient_is_that_of_the_mean_loss_plus_the_penalty(case: str, budget: int) -> None:
    state = moved(spec_of(CASES[case]))
    batches = step_of(ROWS, batch_size=8, micro_batch_tokens=budget, after=2)
    gradients(state, batches, classification_loss)
    plain = gradients_of(state.bare_model)
    state.penalty.add_gradient()
    found = gradients_of(state.bare_model)
    state.bare_model.zero_grad()
    penalty_by_hand(state.bare_model, CASES[case]).backward()
    for name, parameter in state.bare_model.named_parameters():
        expected = plain[name] + (parameter.grad if parameter.grad is not None else 0)
        torch.testing.assert_close(found[name], expected, rtol=1e-5, atol=1e-7, msg=lambda t, n=name: f"{n}: {t}")
    assert any(not torch.equal(found[name], plain[name]) for name in found)


def test_a_penalty_changes_the_step_and_not_the_loss_that_is_reported() -> None:
    states = [moved(spec_of(penalties), steps=0) for penalties in (Penalties(), Penalties(l2=0.5))]
    batches = step_of(ROWS, batch_size=8, micro_batch_tokens=40)
    reports = [optimizer_step(state, batches, classification_loss, lr=1e-2, max_norm=None) for state in states]
    assert reports[0].loss == reports[1].loss
    assert reports[0].grad_norm != reports[1].grad_norm
    assert not same_bits(snapshot(states[0]), snapshot(states[1]))


def test_a_penalty_is_no_weight_decay() -> None:
    """Under AdamW: both draw to zero, and come elsewhere."""
    decayed = moved(TrainSpec(optimizer=AdamW(lr=1e-3, weight_decay=0.3)))
    penalised = moved(TrainSpec(optimizer=AdamW(lr=1e-3, weight_decay=0.0), penalties=Penalties(l2=0.3)))
    assert not same_bits(snapshot(decayed), snapshot(penalised))


def test_l2_sp_holds_the_trunk_near_its_start() -> None:
    def distance(penalties: Penalties) -> float:
        model = moved(spec_of(penalties), steps=30).bare_model
        pairs = zip(model.bert.parameters(), tiny_bert().bert.parameters(), strict=True)
        return sum(float((p - start).detach().square().sum()) for p, start in pairs)

    assert distance(Penalties(l2_sp=L2SP(alpha=1.0))) < 0.5 * distance(Penalties())


def test_a_resumed_training_is_drawn_to_the_base_and_not_to_the_checkpoint(tmp_path: Any) -> None:
    spec = spec_of(Penalties(l2_sp=L2SP(alpha=1.0)))
    unbroken = moved(spec, steps=3)
    folder = save_checkpoint(unbroken, Progress(3, 1.0, "key", 0), tmp_path)
    resumed = state_of(tiny_bert(), spec)
    load_checkpoint(resumed, folder, Progress(3, 1.0, "key", 0))
    for state in (unbroken, resumed):
        batches = step_of(ROWS, batch_size=8, micro_batch_tokens=40, after=3)
        optimizer_step(state, batches, classification_loss, lr=1e-2, max_norm=1.0)
    assert same_bits(snapshot(resumed), snapshot(unbroken))


def test_only_a_classifiers_head_is_new() -> None:
    model = tiny_bert()
    assert new_head(model) == set(model.classifier.parameters())
    assert all(not new_head(text_model(family)) for family in ("llama", "t5", "bert"))


def test_a_frozen_weight_has_no_penalty() -> None:
    model = tiny_bert()
    model.bert.embeddings.requires_grad_(requires_grad=False)
    state = state_of(model, spec_of(Penalties(l1=0.1, l2_sp=L2SP())))
    before = model.bert.embeddings.word_embeddings.weight.clone()
    batches = step_of(ROWS, batch_size=8, micro_batch_tokens=40)
    optimizer_step(state, batches, classification_loss, lr=1e-2, max_norm=None)
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, before)
    assert model.bert.embeddings.word_embeddings.weight.grad is None


def test_weights_that_are_not_thawed_yet_part_no_other_from_its_own_start() -> None:
    model = tiny_bert()
    state = state_of(model, spec_of(Penalties(l2_sp=L2SP(alpha=0.4, beta=0.05))))
    model.bert.embeddings.requires_grad_(requires_grad=False)
    head = new_head(model)
    for parameter in model.parameters():
        parameter.data += 1.0
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    state.penalty.add_gradient()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            pull = 0.05 * parameter.detach() if parameter in head else torch.full_like(parameter, 0.4)
            torch.testing.assert_close(parameter.grad, pull, msg=lambda text, n=name: f"{n}: {text}")


def stepped(spec: TrainSpec, *, max_norm: float | None, max_value: float | None) -> tuple[Any, StepReport]:
    state = state_of(tiny_bert(), spec)
    batches = step_of(ROWS, batch_size=8, micro_batch_tokens=40)
    return state, optimizer_step(state, batches, classification_loss, lr=1e-3, max_norm=max_norm, max_value=max_value)


@pytest.mark.parametrize("max_norm", [None, 0.01])
@pytest.mark.parametrize("kind", [AdamW, Lion])
def test_clipping_by_value_and_then_by_norm_equals_torchs_own(kind: type[Any], max_norm: float | None) -> None:
    """Seen in the first moment, which is a tenth of the gradient that the optimiser took. The norm that is reported is
    the one before either.
    """
    spec = TrainSpec(optimizer=kind(lr=1e-3, betas=[0.9, 0.9]))
    state, report = stepped(spec, max_norm=max_norm, max_value=0.002)
    model = tiny_bert()
    gradients(state_of(model), step_of(ROWS, batch_size=8, micro_batch_tokens=40), classification_loss)
    whole = torch.nn.utils.get_total_norm([p.grad for p in model.parameters()])
    assert report.grad_norm == pytest.approx(float(whole), rel=1e-5)
    torch.nn.utils.clip_grad_value_(model.parameters(), 0.002)
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm or torch.inf)
    for ours, theirs in zip(state.bare_model.parameters(), model.parameters(), strict=True):
        moment = state.optimizer.optimizer.state[ours]["exp_avg"]
        torch.testing.assert_close(moment, 0.1 * theirs.grad, rtol=1e-4, atol=1e-9)


def test_an_infinite_gradient_is_no_large_one_that_could_be_cut() -> None:
    state = moved(TrainSpec(optimizer=AdamW(lr=1e-3)), steps=1)

    def poisoned(model: Any, batch: Any, device: Any) -> torch.Tensor:
        next(iter(model.parameters())).register_hook(lambda grad: grad * torch.inf)
        return classification_loss(model, batch, device)

    before = snapshot(state)
    batches = step_of(ROWS, batch_size=8, micro_batch_tokens=10**6, after=1)
    with pytest.raises(RunError, match="the gradient norm is"):
        optimizer_step(state, batches, poisoned, lr=1e-3, max_norm=1.0, max_value=0.1)
    assert same_bits(snapshot(state), before)
