"""Whatever stands behind an override's =, `check` has an answer for it: a finding or a fault in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli_room import Ran

FIT = (
    "train.epochs=1e300",
    "train.batch_size=999999999999",
    "train.method={kind: top_layers, layers: 0}",
    "model.max_tokens=8",
    "evaluation.baselines=[probe, probe]",
    "split={kind: stratified, seed: 99999999999999999999999}",
    "data.train=.",
    "split.seed=7",
    "data.label_map={1: a}",
    "split.test=0.3",
    "train.schedule.warmup=0.2",
)
"""Odd, and within what the recipe allows."""
UNFIT = (
    "train=",
    "model=",
    "data=",
    "train.epochs=",
    "train.epochs=[",
    "train.epochs=!!python/name:os.system",
    "train.betas=1",
    "train.optimizer.lr=.nan",
    "train.optimizer.lr=.inf",
    "train.max_steps=-1",
    "train.method={kind: top_layers, layers: -1}",
    "gate.conditions=[]",
    "gate.conditions=[{kind: x}]",
    "gate.conditions=[1]",
    "split=time",
    "split={kind: time}",
    "split.test=0.99",
    "seed=-1",
    "seed=1e400",
    "name=..",
    "model.name=",
    "model.name=/",
    "model.name=.",
    "model.name=a\x00b",
    "model.max_tokens=0",
    "data.train=",
    "data.train=\x00",
    "data.train=train.csv/x",
    "data.train=hub:",
    "data.train=hub:x",
    "data.group=label",
    "train.method.layers=1",
    "data.encoding=rot13",
    "data.encoding=hex",
    "data.encoding=",
    "data.format=parquet",
    "data.format=dataset",
    "data.input=label",
    "data.input=__line__",
    "data.id=label",
    "data.test=train.csv",
    "data.label_map=[]",
    "data.clean=false",
    "evaluation.confidence=1",
    "a.b.c=1",
    "=1",
    "x",
)


def checked(tunewright: Callable[..., Ran], override: str) -> Ran:
    shown = tunewright("check", "recipe.yaml", override, "--json")
    assert "internal error" not in shown.said
    assert "Traceback" not in shown.err
    assert isinstance(json.loads(shown.out), dict)
    return shown


@pytest.mark.parametrize("override", FIT)
def test_an_odd_override_that_the_recipe_allows_is_fit_to_run(
    override: str, project: Path, tunewright: Callable[..., Ran]
) -> None:
    assert checked(tunewright, override).code == 0


@pytest.mark.parametrize("override", UNFIT, ids=lambda text: text[:40])
def test_an_override_that_makes_no_sense_is_refused_in_words(
    override: str, project: Path, tunewright: Callable[..., Ran]
) -> None:
    shown = checked(tunewright, override)
    assert shown.code in {1, 2}
    told = shown.json
    words = told["problems"] if shown.code == 2 else [f for f in told["findings"] if f["severity"] == "error"]
    assert words


def test_a_choice_without_its_kind_is_told_which_kinds_there_are(project: Path, tunewright: Callable[..., Ran]) -> None:
    (fault,) = checked(tunewright, "train.method.layers=1").json["problems"]
    assert "full, top_layers" in fault["expected"]
    assert "train.method.kind=top_layers" in fault["remedy"]
    assert tunewright("check", "recipe.yaml", "train.method.layers=1", "train.method.kind=top_layers").code == 0
