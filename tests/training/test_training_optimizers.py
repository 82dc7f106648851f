"""Which weights decay, that every optimiser of the recipe can be built, does what its source says, and resumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest
import torch
from schedulefree import AdamWScheduleFree
from training_room import in_one_pass, same_bits, snapshot, state_of, step_of, tiny_bert, token_rows

from tunewright.core.errors import MissingPackage, RunError
from tunewright.recipe.optimizer import Adafactor, AdamW, Lion, Muon, OptimizerSpec, ScheduleFree
from tunewright.recipe.schedule import Constant
from tunewright.recipe.train import TrainSpec
from tunewright.training import lion
from tunewright.training.averaging import evaluated_weights
from tunewright.training.checkpoint import Progress, load_checkpoint, newest_checkpoint, save_checkpoint
from tunewright.training.losses import classification_loss
from tunewright.training.muon import hidden_matrices
from tunewright.training.optimizers import BUILDERS, build_optimizer, parameter_groups
from tunewright.training.step import optimizer_step

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.training.step import TrainState

KINDS: list[type[Any]] = list(get_args(get_args(OptimizerSpec)[0]))
RATES = {Adafactor: 0.05, AdamW: 2e-3, Lion: 1e-3, Muon: 4e-3, ScheduleFree: 2e-3}
ROWS = token_rows([5, 9, 12, 7, 30, 6, 8, 11])
LR = 1e-3


def spec_of(kind: type[Any], **changes: Any) -> TrainSpec:
    return TrainSpec(optimizer=kind(lr=RATES[kind], **changes), schedule=Constant())


def started(kind: type[Any], **changes: Any) -> TrainState:
    return state_of(tiny_bert(dropout=0.1), spec_of(kind, **changes), lr=RATES[kind])


def go_on(state: TrainState, steps: int, *, lr: float, max_norm: float | None = 1.0) -> list[float]:
    losses = []
    for _ in range(steps):
        batches = step_of(ROWS, batch_size=8, micro_batch_tokens=64, after=state.step)
        losses.append(optimizer_step(state, batches, classification_loss, lr=lr, max_norm=max_norm).loss)
    return losses


def test_every_optimiser_of_the_recipe_has_exactly_one_builder() -> None:
    assert set(BUILDERS) == set(KINDS) == set(RATES)


def test_biases_and_norms_do_not_decay_and_every_trained_weight_stands_in_one_group() -> None:
    model = tiny_bert()
    names = {id(p): name for name, p in model.named_parameters()}
    decayed, bare = parameter_groups(model, 0.3)
    assert (decayed["weight_decay"], bare["weight_decay"]) == (0.3, 0.0)
    found = [names[id(p)] for group in (decayed, bare) for p in group["params"]]
    assert sorted(found) == sorted(names.values())
    expected = {n for n in names.values() if n.endswith(".bias") or "LayerNorm" in n}
    assert {names[id(p)] for p in bare["params"]} == expected


@pytest.mark.parametrize("kind", KINDS)
def test_an_optimiser_holds_the_trained_weights_and_their_decay(kind: type[Any]) -> None:
    model = tiny_bert()
    model.bert.embeddings.requires_grad_(requires_grad=False)
    optimizer = build_optimizer(kind(weight_decay=0.3), model, LR)
    decay = {p: group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert decay.keys() == {p for p in model.parameters() if p.requires_grad}
    assert all(value == (0.3 if p.ndim >= 2 else 0.0) for p, value in decay.items())


@pytest.mark.parametrize("kind", KINDS)
def test_an_optimiser_learns_the_rows(kind: type[Any]) -> None:
    losses = go_on(started(kind), 60, lr=RATES[kind])
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


@pytest.mark.parametrize("kind", KINDS)
def test_training_stopped_and_resumed_equals_the_unbroken_one_bit_for_bit(kind: type[Any], tmp_path: Path) -> None:
    unbroken = started(kind)
    go_on(unbroken, 3, lr=RATES[kind])
    save_checkpoint(unbroken, Progress(3, 0.5, "key", 0), tmp_path)
    resumed = started(kind)
    load_checkpoint(resumed, *newest_checkpoint(tmp_path, "key"))
    for state in (unbroken, resumed):
        go_on(state, 3, lr=RATES[kind] / 2)
    assert same_bits(snapshot(resumed), snapshot(unbroken))
    with evaluated_weights(resumed), evaluated_weights(unbroken):
        assert same_bits(snapshot(resumed), snapshot(unbroken))


@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_that_is_not_finite_moves_nothing(kind: type[Any]) -> None:
    state = started(kind)
    go_on(state, 2, lr=RATES[kind])
    before = snapshot(state)
    with pytest.raises(RunError, match="not finite"):
        optimizer_step(
            state,
            step_of(ROWS, batch_size=8, micro_batch_tokens=64, after=2),
            lambda *arguments: classification_loss(*arguments) * torch.nan,
            lr=LR,
            max_norm=1.0,
        )
    assert same_bits(snapshot(state), before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_takes_the_rate_of_its_schedule(kind: type[Any]) -> None:
    """So that nothing moves at a rate of nothing, whatever rate the optimiser was built with."""
    state = started(kind)
    before = snapshot(state)
    go_on(state, 1, lr=1e-30)
    after = snapshot(state)
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, rtol=0, atol=1e-12, msg=lambda text, n=name: f"{n}: {text}")


@pytest.mark.parametrize("kind", [Lion, Muon])
def test_clipping_to_a_norm_scales_the_whole_gradient(kind: type[Any]) -> None:
    """Seen in the momentum of the first step, which is a share of the gradient."""
    moments = []
    for max_norm in (None, 1e-3):
        state = started(kind)
        report = optimizer_step(
            state,
            step_of(ROWS, batch_size=8, micro_batch_tokens=64),
            classification_loss,
            lr=1e-3,
            max_norm=max_norm,
        )
        states = state.optimizer.optimizer.state
        found = {n: states[p] for n, p in state.bare_model.named_parameters()}
        moments.append({n: s.get("exp_avg", s.get("momentum_buffer")) for n, s in found.items()})
    for name, whole in moments[0].items():
        torch.testing.assert_close(moments[1][name], whole * (1e-3 / report.grad_norm), rtol=1e-4, atol=1e-10)


def test_adamw_takes_the_numbers_of_its_spec() -> None:
    spec = AdamW(lr=1e-3, betas=[0.8, 0.95], eps=1e-6, weight_decay=0.2)
    optimizer = build_optimizer(spec, tiny_bert(), 4e-4)
    assert isinstance(optimizer, torch.optim.AdamW)
    group = optimizer.param_groups[0]
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (4e-4, (0.8, 0.95), 1e-6, 0.2)
    assert group["fused"]


def test_lion_is_the_formula_of_its_paper() -> None:
    """Algorithm 2 of Chen et al. 2023, a number at a time, over three steps."""
    torch.manual_seed(2)
    weight = torch.nn.Parameter(torch.randn(5))
    optimizer = lion.Lion([weight], lr=0.1, betas=(0.8, 0.95), weight_decay=0.3)
    numbers, momentum = weight.tolist(), [0.0] * 5
    for _ in range(3):
        gradient = torch.randn(5)
        weight.grad = gradient.clone()
        optimizer.step()
        for at, slope in enumerate(gradient.tolist()):
            direction = 0.8 * momentum[at] + 0.2 * slope
            numbers[at] -= 0.1 * ((direction > 0) - (direction < 0) + 0.3 * numbers[at])
            momentum[at] = 0.95 * momentum[at] + 0.05 * slope
    assert weight.tolist() == pytest.approx(numbers, rel=1e-5)


def test_muon_moves_hidden_matrices_by_torchs_muon_and_the_rest_by_adamw() -> None:
    model, reference = tiny_bert(), tiny_bert()
    spec = Muon(lr=LR, weight_decay=0.2, momentum=0.9)
    optimizer = build_optimizer(spec, model, LR)
    hidden = [p for p in reference.bert.encoder.parameters() if p.ndim == 2] + [reference.bert.pooler.dense.weight]
    assert len(hidden_matrices(model)) == len(hidden) == 13
    others = [p for p in reference.parameters() if p not in set(hidden)]
    plain = [
        torch.optim.Muon(hidden, LR, weight_decay=0.2, momentum=0.9, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW([p for p in others if p.ndim == 2], LR, weight_decay=0.2, fused=True),
        torch.optim.AdamW([p for p in others if p.ndim < 2], LR, weight_decay=0.0, fused=True),
    ]
    for step in range(3):
        for one, other in zip(model.parameters(), reference.parameters(), strict=True):
            one.grad = torch.full_like(one, 0.1 * (step + 1)) + one.detach()
            other.grad = one.grad.clone()
        for each in (optimizer, *plain):
            each.step()
    for one, other in zip(model.parameters(), reference.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_head_that_predicts_tokens_is_no_hidden_matrix() -> None:
    from text_room import text_model, with_lora  # noqa: PLC0415  # families that one test needs

    model = text_model("llama")
    assert model.lm_head.weight not in hidden_matrices(model)
    assert model.model.embed_tokens.weight not in hidden_matrices(model)
    assert model.model.layers[0].mlp.up_proj.weight in hidden_matrices(model)
    tuned = with_lora(text_model("llama"))
    assert {p for n, p in tuned.named_parameters() if "lora_" in n} <= hidden_matrices(tuned)


def test_schedule_free_trains_and_evaluates_as_its_authors_package_does() -> None:
    """Warm-up by our schedule equals the package's own; what is evaluated equals its evaluation mode to 1e-6."""
    state = state_of(tiny_bert(), spec_of(ScheduleFree, weight_decay=0.1), lr=2e-3)
    reference = tiny_bert()
    groups = parameter_groups(reference, 0.1)
    plain = AdamWScheduleFree(groups, lr=2e-3, betas=(0.9, 0.999), warmup_steps=3)
    plain.train()
    for number in range(6):
        go_on(state, 1, lr=2e-3 * min(1.0, (number + 1) / 3), max_norm=None)
        plain.zero_grad()
        (batch,) = in_one_pass(ROWS, step_of(ROWS, batch_size=8, micro_batch_tokens=64, after=number)).batches
        (classification_loss(reference, batch, torch.device("cpu")) / 8).backward()
        plain.step()
    assert_near(state, reference)
    plain.eval()
    with evaluated_weights(state):
        assert_near(state, reference)


def assert_near(state: TrainState, reference: Any) -> None:
    for (name, ours), theirs in zip(state.bare_model.named_parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5, msg=lambda text, n=name: f"{n}: {text}")


def test_schedule_free_evaluates_other_weights_than_it_trains() -> None:
    state = started(ScheduleFree)
    go_on(state, 3, lr=2e-3)
    moving = snapshot(state)
    with evaluated_weights(state):
        assert not same_bits(snapshot(state), moving)
    assert same_bits(snapshot(state), moving)


def test_schedule_free_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "schedulefree", None)
    with pytest.raises(MissingPackage, match=r"tunewright\[optimizers\]"):
        build_optimizer(ScheduleFree(), tiny_bert(), LR)
