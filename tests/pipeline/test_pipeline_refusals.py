"""What a run is refused for, a check tells: they ask one list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pipeline_room import run_stage

from tiny_room import ticket_rows
from tunewright.core.errors import RecipeError
from tunewright.pipeline.check import check_recipe
from tunewright.pipeline.refusals import REFUSALS

if TYPE_CHECKING:
    from pathlib import Path

REFUSED = {
    "_layers": ("train.method={kind: top_layers, layers: 99}", "train.method.layers"),
    "_modules": ("train.method={kind: lora, targets: [nowhere]}", "train.method.targets"),
    "_reading": ("model.reads=mean train.method={kind: lora}", "model.reads"),
    "_cache": ("train.method={kind: full, freeze: [LayerNorm]} train.prefix_cache=true", "train.prefix_cache"),
    "_packing": ("train.packing=true", "train.packing"),
    "_general_text": (
        "data={train: tickets.csv, general_text: {texts: tickets.csv, column: label}}",
        "data.general_text",
    ),
    "_baselines": ("evaluation.baselines=[nearest_neighbour, probe]", "evaluation.baselines"),
    "_gate": ("gate.conditions=[{kind: floor, metric: chrf, at_least: 1}]", "gate.conditions"),
}
"""Each refusal with overrides that it refuses, and the place that it names."""


def test_every_refusal_is_tried() -> None:
    elsewhere = {
        "_teacher",
        "_head",
        "_penalties",
        "_words",
        "_recompute",
    }  # they need another base or task: where teacher, numbers, runs and spans are tested
    assert {refusal.__name__ for refusal in REFUSALS} == REFUSED.keys() | elsewhere


@pytest.mark.parametrize("refusal", REFUSED)
def test_a_check_tells_what_a_run_refuses_before_it_writes_anything(prepared_project: Path, refusal: str) -> None:
    words, place = REFUSED[refusal]
    overrides = [word if n == 0 else f"train.{word}" for n, word in enumerate(words.split(" train."))]
    with pytest.raises(RecipeError) as raised:
        run_stage(prepared_project, ["prepare"], overrides)
    (told,) = check_recipe(prepared_project / "recipe.yaml", overrides).faults
    assert told.problem == raised.value.problems[0]
    assert told.problem.place == place
    assert told.exit_code == RecipeError.exit_code


def test_a_gate_that_clustered_test_rows_make_impossible_is_refused_once_they_are_known(prepared_project: Path) -> None:
    gate = ["gate.conditions=[{kind: better_than, metric: accuracy, alpha: 0.001}]", "evaluation.resamples=100"]
    assert check_recipe(prepared_project / "recipe.yaml", gate).faults == ()
    assert run_stage(prepared_project, ["prepare"], gate)["prepare"].skipped
    gate += ["data={train: grouped.csv, group: who}", "split.kind=group"]
    rows = [row | {"who": f"c{n // 4}"} for n, row in enumerate(ticket_rows(120, seed=8))]
    lines = ["text,label,who", *(",".join(row.values()) for row in rows)]
    (prepared_project / "grouped.csv").write_text("\n".join(lines) + "\n")
    (told,) = check_recipe(prepared_project / "recipe.yaml", gate).faults
    assert "gives no p-value below" in told.problem.given
    with pytest.raises(RecipeError, match="gives no p-value below"):
        run_stage(prepared_project, ["prepare"], gate)
