"""Gradual unfreezing and rates by depth: what each step trains, and that a resumed training equals an unbroken one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from test_training_rates import rates_by_name
from training_room import VOCABULARY, same_bits, snapshot, state_of, tiny_bert, token_rows
from transformers import T5Config, T5ForConditionalGeneration

from tunewright.core.errors import Interrupted
from tunewright.data.loader import LoadPlan, load_steps
from tunewright.models.freeze import apply_method, train_mode
from tunewright.recipe.train import AdamW, Full, TrainSpec, Unfreezing
from tunewright.training.checkpoint import folder_of, load_checkpoint, load_weights, newest_checkpoint
from tunewright.training.engine import Duration, train
from tunewright.training.fit import FitPlan, Hooks, fit
from tunewright.training.losses import classification_loss
from tunewright.training.optimizers import parameter_groups
from tunewright.training.rates import by_rate, rate_factors
from tunewright.training.unfreezing import layers_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tunewright.training.checkpoint import Progress

ROWS = token_rows([5, 9, 12, 7, 30, 6, 8, 11, 3, 21, 4, 17, 9])
PLAN = LoadPlan(4, 64, seed=7, pad_id=0)
PER_EPOCH = 4
LAYER = "bert.encoder.layer."


def spec_of(every: Any, *, first: int = 0, decay: float = 0.5) -> TrainSpec:
    method = Full(unfreeze=Unfreezing(every=every, first=first), layer_decay=decay)
    return TrainSpec(method=method, optimizer=AdamW(lr=1e-3), early_stopping=None)


def fresh(spec: TrainSpec, dropout: float = 0.1) -> Any:
    return state_of(apply_method(tiny_bert(dropout=dropout), spec.method), spec)


@pytest.mark.parametrize(
    ("every", "expected"),
    [("epoch", [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]), (3, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]), (1, list(range(10)))],
)
def test_the_layers_of_a_step_follow_from_the_step_alone(every: Any, expected: list[int]) -> None:
    spec = Unfreezing(every=every, first=0)
    steps = load_steps(ROWS, PLAN, after=0)
    assert [layers_at(spec, next(steps)) for _ in expected] == expected
    for after in (3, 4, 5):
        assert layers_at(spec, next(load_steps(ROWS, PLAN, after=after))) == expected[after]


def test_each_weight_moves_from_the_step_on_that_unfreezes_it_and_rests_in_eval_mode_before() -> None:
    spec = spec_of(2)
    state = fresh(spec)
    begun: dict[str, int] = {}
    before = {name: p.detach().clone() for name, p in state.bare_model.named_parameters()}
    modes = []
    for report in train(state, load_steps(ROWS, PLAN, after=0), classification_loss, spec, until=Duration(8, 1e-3)):
        modes.append([layer.training for layer in state.bare_model.bert.encoder.layer])
        for name, p in state.bare_model.named_parameters():
            if name not in begun and not torch.equal(p, before[name]):
                begun[name] = report.step
    starts = {"classifier.": 1, f"{LAYER}1.": 3, f"{LAYER}0.": 5, "bert.embeddings.": 7}
    for start, step in starts.items():
        found = [begun[name] for name in begun if name.startswith(start)]
        assert found, start
        assert min(found) == step, start
    assert modes == [[False, False]] * 2 + [[False, True]] * 2 + [[True, True]] * 4


def fitted(
    folder: Path, spec: TrainSpec, *, stop: Callable[[int], int | None], resumed: bool = False, best_at: int = 12
) -> tuple[Any, Any]:
    folder.mkdir(exist_ok=True)
    state = fresh(spec)
    progress: Progress | None = None
    if resumed:
        found = newest_checkpoint(folder, "key")
        assert found is not None
        load_checkpoint(state, *found)
        progress = found[1]
    done = iter(range((progress.step if progress else 0) + 1, 99))

    def validate(model: Any) -> dict[str, float]:
        model.eval()
        train_mode(model)
        return {"accuracy": 1.0 if state.step == best_at else 0.5, "loss": 1.0}

    hooks = Hooks(classification_loss, validate, _Deaf(), lambda: 0, lambda: stop(next(done)))
    plan = FitPlan(spec, Duration(14, 1e-3), PLAN, "accuracy", 2, 2, folder, "key")
    return state, fit(state, ROWS, plan, hooks, resumed=progress)


class _Deaf:
    def on_start(self, plan: object) -> None: ...
    def on_step(self, report: object) -> None: ...
    def on_evaluation(self, report: object) -> None: ...
    def on_end(self, reason: str) -> None: ...


@pytest.mark.parametrize("every", ["epoch", 3])
@pytest.mark.parametrize("at", [1, 3, 4, 5, 9, 13])
def test_a_training_resumed_across_an_unfreezing_step_equals_the_unbroken_one(
    tmp_path: Path, every: Any, at: int
) -> None:
    spec = spec_of(every)
    unbroken, _ = fitted(tmp_path / "unbroken", spec, stop=lambda _: None)
    with pytest.raises(Interrupted):
        fitted(tmp_path / "broken", spec, stop=lambda step: 15 if step == at else None)
    resumed, _ = fitted(tmp_path / "broken", spec, stop=lambda _: None, resumed=True)
    assert same_bits(snapshot(resumed), snapshot(unbroken))


def test_the_best_checkpoint_gives_back_weights_that_were_not_trained_yet(tmp_path: Path) -> None:
    spec = spec_of(3)
    state, outcome = fitted(tmp_path, spec, stop=lambda _: None, best_at=2)
    assert outcome.best_step == 2
    base = tiny_bert()
    assert not torch.equal(
        state.bare_model.bert.embeddings.word_embeddings.weight, base.bert.embeddings.word_embeddings.weight
    )
    load_weights(state.bare_model, folder_of(tmp_path, 2))
    for name, p in state.bare_model.bert.named_parameters():
        if not name.startswith("pooler"):
            assert torch.equal(p, base.bert.get_parameter(name)), name


def test_rates_fall_from_the_head_to_the_embeddings() -> None:
    model = tiny_bert()
    rates = rates_by_name(model, by_rate(parameter_groups(model, 0.1), rate_factors(model, Full(layer_decay=0.5))))
    by_start = {
        "classifier.": 1.0,
        "bert.pooler.": 1.0,
        f"{LAYER}1.": 0.5,
        f"{LAYER}0.": 0.25,
        "bert.embeddings": 0.125,
    }
    for start, rate in by_start.items():
        assert {rates[name] for name in rates if name.startswith(start)} == {rate}, start
    assert rate_factors(model, Full()) == {}


def test_a_decoder_stands_above_its_encoder() -> None:
    sizes = {"d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 2, "num_heads": 2, "vocab_size": VOCABULARY}
    model = T5ForConditionalGeneration(T5Config(**sizes))
    rates = rates_by_name(model, by_rate(parameter_groups(model, 0.1), rate_factors(model, Full(layer_decay=0.5))))
    stacks = [
        ("decoder.block.1.", 0.5),
        ("decoder.block.0.", 0.25),
        ("encoder.block.1.", 0.125),
        ("encoder.block.0.", 0.0625),
    ]
    for start, rate in [*stacks, ("shared", 0.03125)]:
        assert {rates[name] for name in rates if name.startswith(start)} == {rate}, start
