"""What a classifier reads: the recipe's word, the base's own word, and what is refused."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch

from tiny_room import lay_out, tiny_recipe
from tunewright.core.errors import RecipeError
from tunewright.models.base import find_local, read_facts
from tunewright.models.load import load_tuned
from tunewright.pipeline.check import check_recipe
from tunewright.pipeline.context import Context
from tunewright.pipeline.reads import reads_mean
from tunewright.pipeline.run import run_stages
from tunewright.recipe.load import load_recipe
from tunewright.recipe.model import ModelSpec
from tunewright.recipe.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POOLING = "1_Pooling/config.json"


@pytest.fixture(scope="module")
def sentences(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny BERT with the file by which sentence-transformers says that the mean is read."""
    folder = shutil.copytree(bert, tmp_path_factory.mktemp("sentences") / "base")
    (folder / POOLING).parent.mkdir()
    (folder / POOLING).write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    return folder


def reads(base: Path, *, wanted: str = "auto", **train: Any) -> bool:
    recipe = tiny_recipe(base, **train)
    recipe["model"]["reads"] = wanted
    local = find_local(ModelSpec(name=str(base)), base)
    return reads_mean(Recipe.model_validate(recipe), read_facts(local, str(base)))


def test_auto_goes_by_the_files_of_the_base(bert: Path, sentences: Path) -> None:
    assert not reads(bert)
    assert reads(sentences)
    assert not reads(sentences, method={"kind": "lora"}), "an adapter's files hold no layer of a head"
    assert reads(bert, wanted="mean")
    assert not reads(sentences, wanted="own")


def said(bert: Path, folder: Path, content: str) -> bool:
    base = shutil.copytree(bert, folder / "base")
    (base / POOLING).parent.mkdir()
    (base / POOLING).write_text(content)
    return reads(base)


@pytest.mark.parametrize("told", [{"pooling_mode": "mean"}, {"pooling_mode_mean_tokens": True, "word": 384}])
def test_both_ways_to_say_mean_are_understood(bert: Path, tmp_path: Path, told: dict[str, Any]) -> None:
    assert said(bert, tmp_path, json.dumps(told))


TWO = {"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}


@pytest.mark.parametrize(
    "content", ["{broken", "[]", *map(json.dumps, ({"pooling_mode_cls_token": True}, {"pooling_mode": "cls"}, TWO))]
)
def test_a_file_that_does_not_say_mean_alone_says_nothing(bert: Path, tmp_path: Path, content: str) -> None:
    assert not said(bert, tmp_path, content)


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("distilbert", [], "architecture 'distilbert'"),
        ("bert", ["train.method={kind: lora}"], "train.method.kind is 'lora'"),
    ],
)
def test_a_mean_that_cannot_be_had_is_refused_by_check_and_by_the_run(
    bases: Callable[[str], Path], tmp_path: Path, kind: str, changes: list[str], words: str
) -> None:
    path = lay_out(tmp_path, bases(kind))
    overrides = ["model.reads=mean", *changes]
    (fault,) = [fault for fault in check_recipe(path, overrides).faults if fault.problem.place == "model.reads"]
    assert words in fault.problem.given
    assert fault.problem.remedy == "write model.reads: own"
    with pytest.raises(RecipeError, match=r"model\.reads"):
        run_stages(Context(load_recipe(path, overrides)), ["prepare", "train"])


def test_what_is_read_is_part_of_what_makes_two_trainings_equal(sentences: Path, tmp_path: Path) -> None:
    path = lay_out(tmp_path, sentences)

    def trained(*overrides: str) -> tuple[int, bool]:
        context = Context(load_recipe(path, ["train.max_steps=4", *overrides]))
        done = run_stages(context, ["prepare", "train"])
        tuned = load_tuned(context.run.path / "model")
        assert torch.isfinite(tuned(torch.tensor([[2, 9, 3]])).logits).all()
        return tuned.config.num_hidden_layers, done["train"].skipped

    assert trained() == (3, False)
    assert trained("model.reads=mean") == (3, False), "the recipe's own words are part of the key"
    assert trained("model.reads=own") == (2, False)
