"""Fields against overfitting, optimisers and schedules: written, read, and refused where they contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from recipe_room import SMALLEST, loaded, only, refused

from tunewright.pipeline.recipes import recipe_text
from tunewright.recipe.optimizer import Adafactor, AdamW, Lion, Muon, ScheduleFree
from tunewright.recipe.regularise import L2SP, Ema, Penalties, Swa
from tunewright.recipe.schedule import Constant, InverseSqrt, WarmupStableDecay

if TYPE_CHECKING:
    from pathlib import Path

SCHEDULE_FREE = ["train.optimizer.kind=schedule_free", "train.schedule.kind=constant"]
L2_SP = "train.penalties={l2_sp: {}}"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["train.focal=2", "train.label_smoothing=0.1"], ["focal is 2", "label_smoothing is 0.1"]),
        (["train.focal=2", "train.teacher={}"], ["focal is 2", "teacher is 'probe'"]),
        (["train.r_drop=1", "train.focal=2"], ["r_drop is 1", "focal is 2"]),
        (["train.r_drop=1", "train.neftune=5"], ["r_drop is 1", "neftune is 5"]),
        (["train.r_drop=1", "train.prefix_cache=true"], ["r_drop is 1", "prefix_cache is true"]),
        (["train.r_drop=1", "task=regression"], ["train.r_drop is 1", "task is 'regression'"]),
        (["train.r_drop=1", "model.dropout=0"], ["train.r_drop is 1", "model.dropout is 0"]),
        (["train.ema={}", "train.swa={}"], ["ema and swa"]),
        (["train.penalties={l2: 0.1, l2_sp: {}}"], ["l2 is 0.1", "l2_sp"]),
        ([L2_SP, "train.method.kind=lora"], ["penalties.l2_sp", "method.kind is 'lora'"]),
        ([L2_SP, "train.method={kind: top_layers, layers: 0}"], ["penalties.l2_sp", "method.layers is 0"]),
        (["train.optimizer.kind=schedule_free"], ["optimizer.kind is 'schedule_free'", "schedule.kind is 'linear'"]),
        ([*SCHEDULE_FREE, "train.ema={}"], ["schedule_free", "ema is set"]),
        ([*SCHEDULE_FREE, "train.swa={}"], ["schedule_free", "swa is set"]),
        (["train.swa.start=0.1", "train.schedule.warmup=0.3"], ["swa.start is 0.1", "schedule.warmup is 0.3"]),
        (
            ["train.neftune=5", "train.prefix_cache=true", "train.method={kind: top_layers, layers: 1}"],
            ["prefix_cache is true", "neftune is 5"],
        ),
        (["train.schedule={kind: warmup_stable_decay, warmup: 0.6, decay: 0.5}"], ["warmup (0.6)", "decay (0.5)"]),
        (["train.focal=2", "task=generation"], ["train.focal is 2", "task is 'generation'"]),
        (
            ["train.early_stopping.min_delta=auto", "task=generation"],
            ["train.early_stopping.min_delta is 'auto'", "task is 'generation'"],
        ),
    ],
)
def test_a_contradiction_names_both_fields(tmp_path: Path, overrides: list[str], words: list[str]) -> None:
    problem = only(refused(tmp_path, SMALLEST, *overrides))
    for word in words:
        assert word in str(problem)
    assert problem.source.startswith("override")


@pytest.mark.parametrize(
    ("override", "place"),
    [
        ("train.label_smoothing=1", "train.label_smoothing"),
        ("train.label_smoothing=-0.1", "train.label_smoothing"),
        ("train.ema.decay=1", "train.ema.decay"),
        ("train.swa.start=0", "train.swa.start"),
        ("train.neftune=0", "train.neftune"),
        ("train.focal=0", "train.focal"),
        ("train.r_drop=0", "train.r_drop"),
        ("train.penalties.l1=-1", "train.penalties.l1"),
        ("train.schedule={kind: inverse_sqrt, warmup: 0}", "train.schedule.warmup"),
        ("train.max_grad_value=0", "train.max_grad_value"),
        ("train.early_stopping.min_delta=much", "train.early_stopping.min_delta"),
    ],
)
def test_a_number_out_of_its_range_is_refused_at_its_place(tmp_path: Path, override: str, place: str) -> None:
    assert only(refused(tmp_path, SMALLEST, override)).place == place


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["train.label_smoothing=0.1"], {"label_smoothing": 0.1}),
        (["train.ema={}"], {"ema": Ema(decay=0.999, warmup=True)}),
        (["train.ema.decay=0.99"], {"ema": Ema(decay=0.99)}),
        (["train.swa.start=0.5"], {"swa": Swa(start=0.5)}),
        (["train.penalties.l1=0.001"], {"penalties": Penalties(l1=0.001)}),
        ([L2_SP], {"penalties": Penalties(l2_sp=L2SP(alpha=0.01, beta=0.01))}),
        (["train.neftune=5"], {"neftune": 5.0}),
        (["train.focal=2", "train.class_weights.kind=inverse"], {"focal": 2.0}),
        (["train.max_grad_value=0.5"], {"max_grad_value": 0.5, "max_grad_norm": 1.0}),
        (["train.optimizer.weight_decay=0.1"], {"optimizer": AdamW(weight_decay=0.1)}),
        (["train.optimizer.kind=adafactor"], {"optimizer": Adafactor()}),
        (["train.optimizer.kind=lion"], {"optimizer": Lion()}),
        (["train.optimizer={kind: muon, momentum: 0.9}"], {"optimizer": Muon(momentum=0.9)}),
        (
            [*SCHEDULE_FREE, "train.schedule.warmup=0.1"],
            {"optimizer": ScheduleFree(), "schedule": Constant(warmup=0.1)},
        ),
        (["train.schedule.kind=inverse_sqrt"], {"schedule": InverseSqrt(warmup=0.1)}),
        (["train.schedule.kind=warmup_stable_decay"], {"schedule": WarmupStableDecay()}),
        ([L2_SP, "train.method={kind: top_layers, layers: 1}"], {"penalties": Penalties(l2_sp=L2SP())}),
    ],
)
def test_what_an_override_sets_is_written_out_and_read_again(
    tmp_path: Path, overrides: list[str], expected: dict[str, Any]
) -> None:
    found = loaded(tmp_path, SMALLEST, *overrides)
    assert {name: getattr(found.recipe.train, name) for name in expected} == expected
    (tmp_path / "written").mkdir()
    assert loaded(tmp_path / "written", recipe_text(found)).recipe == found.recipe
