"""Models of many families learn to write: the loss falls; with adapters, a resumed training equals an unbroken one."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors import safe_open
from text_room import LAYOUTS, LOSSES, plan_for, text_model, text_rows, with_lora
from training_room import same_bits, snapshot

from tunewright.core.generated import Sample
from tunewright.data.loader import load_steps
from tunewright.models.freeze import train_mode
from tunewright.recipe.train import AdamW, TrainSpec
from tunewright.training.checkpoint import WEIGHTS, Progress, load_checkpoint, newest_checkpoint, save_checkpoint
from tunewright.training.engine import Duration, start
from tunewright.training.fit import FitPlan, Hooks, fit
from tunewright.training.losses import causal_loss
from tunewright.training.step import optimizer_step

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.core.training import EvaluationReport
    from tunewright.training.step import TrainState

SPEC = TrainSpec(optimizer=AdamW(lr=3e-3))


def state_of(model: Any) -> TrainState:
    return start(model, SPEC, lr=3e-3, bf16=False, seed=7, cpu=True)


def go_on(state: TrainState, family: str, steps: int) -> list[float]:
    """The losses of the next steps, of six rows each in passes of at most 45 tokens."""
    layout = LAYOUTS[family]
    source = load_steps(text_rows(layout), plan_for(layout, tokens=45), after=state.step)
    return [optimizer_step(state, step, LOSSES[layout], lr=3e-3, max_norm=1.0).loss for step in islice(source, steps)]


@pytest.mark.parametrize("family", ["gpt2", "llama", "qwen2", "gemma2", "mistral", "phi3", "t5", "bart"])
def test_the_loss_falls(family: str) -> None:
    losses = go_on(state_of(text_model(family)), family, 10)
    assert losses[-1] < 0.85 * losses[0], losses


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_adapters_alone_are_trained_and_saved_and_resuming_them_equals_an_unbroken_training(
    tmp_path: Path, family: str
) -> None:
    def fresh() -> TrainState:
        model = with_lora(text_model(family), dropout=0.2)
        train_mode(model)
        return state_of(model)

    unbroken, first = fresh(), fresh()
    base = {n: p.clone() for n, p in first.bare_model.named_parameters() if not p.requires_grad}
    losses = go_on(unbroken, family, 6)
    assert go_on(first, family, 3) == losses[:3]
    folder = save_checkpoint(first, Progress(3, 1.0, "key", 0), tmp_path)
    with safe_open(folder / WEIGHTS, framework="numpy") as tensors:
        assert all("lora_" in name for name in tensors.keys())  # noqa: SIM118  # a safetensors file is no mapping
    resumed = fresh()
    found = newest_checkpoint(tmp_path, "key")
    assert found is not None
    load_checkpoint(resumed, *found)
    assert go_on(resumed, family, 3) == losses[3:]
    assert same_bits(snapshot(resumed), snapshot(unbroken))
    trained = dict(resumed.bare_model.named_parameters())
    assert all(torch.equal(trained[name], value) for name, value in base.items())


class Watched:
    """An observer that keeps the evaluations."""

    def __init__(self) -> None:
        self.evaluations: list[EvaluationReport] = []

    def on_start(self, plan: object) -> None:
        pass

    def on_step(self, report: object) -> None:
        pass

    def on_evaluation(self, report: EvaluationReport) -> None:
        self.evaluations.append(report)

    def on_end(self, reason: str) -> None:
        pass


@pytest.mark.parametrize("metric", ["loss", "perplexity", "bits_per_byte"])
def test_samples_stand_in_each_evaluation_and_the_lowest_value_is_the_best(tmp_path: Path, metric: str) -> None:
    values, watched, asked = iter([3.0, 2.0, 2.5]), Watched(), []

    def validate(_model: object) -> dict[str, float]:
        asked.append("validate")
        return {"loss": 1.0} | {metric: next(values)}

    def sample(model: Any) -> tuple[Sample, ...]:
        asked.append("sample")
        assert model.get_output_embeddings() is not None, "the bare model is handed over"
        return (Sample("row0", "What is it?", f"answer {len(asked)}", "It is that."),)

    plan = FitPlan(SPEC, Duration(6, 1e-3), plan_for("causal", batch_size=3), metric, 2, 3, tmp_path, "key")
    hooks = Hooks(causal_loss, validate, watched, lambda: 0, lambda: None, sample)
    outcome = fit(state_of(text_model("llama")), text_rows("causal"), plan, hooks, resumed=None)
    assert asked == ["validate", "sample"] * 3
    assert [e.samples[0].text for e in watched.evaluations] == ["answer 2", "answer 4", "answer 6"]
    assert (outcome.best_step, outcome.best_value) == (4, 2.0)
