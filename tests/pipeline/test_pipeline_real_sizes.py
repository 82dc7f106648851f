"""Settings that each pass their own law meet on the starter bases, where logits come in chunks and rows are many."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

import pytest

from tunewright.pipeline.context import Context
from tunewright.pipeline.run import run_stages
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from pathlib import Path

STEPS = 4
FROZEN = {"kind": "top_layers", "layers": 2}
TOGETHER: dict[str, tuple[str, dict[str, Any]]] = {
    "frozen layers from the cache": ("starter/lm", {"method": FROZEN, "epochs": 2}),
    "frozen layers, computed again above": ("starter/lm", {"method": FROZEN, "epochs": 2, "recompute": "all"}),
    "noise, one row a step": ("starter/lm", {"neftune": 5, "batch_size": 1}),
    "packed rows, computed again": ("starter/lm", {"packing": True, "recompute": "all"}),
    "adapters, averaged and computed again": (
        "starter/lm",
        {"method": {"kind": "lora"}, "ema": {}, "recompute": "half"},
    ),
    "layers that thaw, computed again": (
        "starter/lm",
        {"method": {"kind": "full", "unfreeze": {"every": 1}}, "recompute": "all"},
    ),
    "a classifier with all of it": (
        "starter/encoder",
        {"r_drop": 1, "ema": {}, "teacher": {"kind": "probe"}, "recompute": "all"},
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", TOGETHER)
def test_settings_meet_at_the_size_of_a_starter(name: str, tmp_path: Path) -> None:
    base, train = TOGETHER[name]
    with as_file(files("tunewright.starter").joinpath("tickets/tickets.csv")) as tickets:
        (tmp_path / "tickets.csv").write_bytes(tickets.read_bytes())
    reads = base == "starter/encoder"
    recipe = {
        "model": base,
        "data": {"train": "tickets.csv", "input": "message", "target": "intent" if reads else "reply"},
        "task": "classification" if reads else "generation",
        "train": {"max_steps": STEPS, "threads": 1, "early_stopping": None, **train},
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    told: list[str] = []
    run_stages(Context(load_recipe(tmp_path / "recipe.yaml"), say=told.append), ["prepare", "train"])
    outcome = json.loads((tmp_path / "runs" / "recipe" / "training" / "outcome.json").read_text())
    assert outcome["steps"] == STEPS
    events = (tmp_path / "runs" / "recipe" / "training" / "events.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in events if json.loads(line)["event"] == "step"]
    assert len(losses) == STEPS
    assert all(0 < loss < 20 for loss in losses)
    if "cache" in name:
        assert any("frozen layers" in line or "prefix" in line for line in told), told
