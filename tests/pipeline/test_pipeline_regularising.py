"""What `check` says of optimisers, averages and penalties."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tunewright.models.catalogue import rate_range
from tunewright.pipeline.check import check_recipe
from tunewright.pipeline.regularising import regularising_findings
from tunewright.recipe.train import TrainSpec

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SCHEDULE_FREE = ["train.optimizer={kind: schedule_free}", "train.schedule={kind: constant, warmup: 0.1}"]


def kinds(steps: int, **train: Any) -> list[str]:
    return [finding.kind for finding in regularising_findings(TrainSpec.model_validate(train), steps)]


def test_check_judges_a_rate_by_its_optimiser_and_tells_what_is_unwise(prepared_project: Path) -> None:
    """2e-3, the rate of this recipe, is within reach of AdamW's range for a model of this size, and not of Lion's."""
    overrides = ["train.optimizer={kind: lion, lr: 2e-3}", "train.penalties={l2_sp: {}}", "train.ema={warmup: false}"]
    found = {f.kind: f for f in check_recipe(prepared_project / "recipe.yaml", overrides).findings}
    assert "by lion" in found["learning_rate"].message
    assert f"{rate_range('full', 30_000, 'encoder', optimizer='lion').default:g}" in found["learning_rate"].remedy
    assert "22 steps" in found["average_of_the_base"].message
    assert "weight_decay" in found["two_pulls"].remedy
    sound = check_recipe(prepared_project / "recipe.yaml").findings
    assert not found.keys() & {"learning_rate", "average_of_the_base", "two_pulls"} & {f.kind for f in sound}


def test_every_optimiser_has_rates_of_its_own_order() -> None:
    of = {
        kind: rate_range("full", 22_000_000, optimizer=kind)
        for kind in ("adamw", "lion", "adafactor", "muon", "schedule_free")
    }
    assert of["lion"].default < of["adamw"].default < of["schedule_free"].default < of["adafactor"].default
    assert of["muon"] == of["adamw"]
    assert all(0 < rates.low <= rates.default <= rates.high < 1 for rates in of.values())


def test_two_pulls_on_one_weight_are_a_warning() -> None:
    assert kinds(22, penalties={"l2_sp": {}}) == ["two_pulls"]
    assert not kinds(22, penalties={"l2_sp": {}}, optimizer={"weight_decay": 0.0})
    assert not kinds(22, penalties={"l1": 0.1})


def test_an_average_that_is_still_the_base_is_a_warning() -> None:
    assert kinds(22, ema={"warmup": False}) == ["average_of_the_base"]
    assert not kinds(22, ema={})
    assert not kinds(22, ema={"warmup": False, "decay": 0.8})
    assert not kinds(10_000, ema={"warmup": False})


def test_an_optimiser_whose_package_is_missing_is_told_before_a_run(
    prepared_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "schedulefree", raising=False)
    monkeypatch.setattr("tunewright.pipeline.regularising.find_spec", lambda _name: None)
    (fault,) = check_recipe(prepared_project / "recipe.yaml", SCHEDULE_FREE).faults
    assert "tunewright[optimizers]" in fault.problem.remedy
