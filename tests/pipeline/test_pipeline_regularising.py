"""What `check` says of optimisers, averages and penalties."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tunewright.models.catalogue import rate_range
from tunewright.pipeline.check import check_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.core.rows import Finding

SCHEDULE_FREE = ["train.optimizer={kind: schedule_free}", "train.schedule={kind: constant, warmup: 0.1}"]


def findings(project: Path, kind: str, *overrides: str) -> list[Finding]:
    return [f for f in check_recipe(project / "recipe.yaml", overrides).findings if f.kind == kind]


@pytest.mark.parametrize("kind", ["adafactor", "lion"])
def test_a_rate_is_judged_by_what_is_known_of_its_optimiser(prepared_project: Path, kind: str) -> None:
    known = rate_range("full", 30_000, "encoder", optimizer=kind)

    def told(lr: float) -> list[Finding]:
        return findings(prepared_project, "learning_rate", f"train.optimizer={{kind: {kind}, lr: {lr}}}")

    assert not told(known.default)
    for lr in (known.low / 20, min(0.99, known.high * 20)):
        (found,) = told(lr)
        assert kind in found.message
        assert f"{known.default:g}" in found.remedy


def test_the_rates_of_adamw_are_not_those_of_lion() -> None:
    by_kind = {kind: rate_range("full", 22_000_000, optimizer=kind) for kind in ("adamw", "lion", "adafactor", "muon")}
    assert by_kind["lion"].default < by_kind["adamw"].default < by_kind["adafactor"].default
    assert by_kind["muon"] == by_kind["adamw"]


def test_two_pulls_on_one_weight_are_a_warning(prepared_project: Path) -> None:
    (found,) = findings(prepared_project, "two_pulls", "train.penalties={l2_sp: {}}")
    assert found.severity == "warning"
    assert "weight_decay" in found.remedy
    alone = ["train.penalties={l2_sp: {}}", "train.optimizer={lr: 2e-3, weight_decay: 0}"]
    assert not findings(prepared_project, "two_pulls", *alone)


def test_an_average_that_is_still_the_base_is_a_warning(prepared_project: Path) -> None:
    (found,) = findings(prepared_project, "average_of_the_base", "train.ema={warmup: false}")
    assert "22 steps" in found.message
    assert not findings(prepared_project, "average_of_the_base", "train.ema={}")
    assert not findings(prepared_project, "average_of_the_base", "train.ema={warmup: false, decay: 0.8}")


def test_an_optimiser_whose_package_is_missing_is_told_before_a_run(
    prepared_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not check_recipe(prepared_project / "recipe.yaml", SCHEDULE_FREE).faults
    monkeypatch.delitem(sys.modules, "schedulefree", raising=False)
    monkeypatch.setattr("tunewright.pipeline.regularising.find_spec", lambda _name: None)
    (fault,) = check_recipe(prepared_project / "recipe.yaml", SCHEDULE_FREE).faults
    assert "tunewright[optimizers]" in fault.problem.remedy
