"""A tokenizer is settled once: it neither truncates nor pads, and its limit is the model's own or less."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
import torch

from tiny_room import ENCODERS, LABELS, save_base, word_tokenizer
from tunewright.core.errors import RecipeError
from tunewright.models.base import Base, read_facts
from tunewright.models.load import load_classifier
from tunewright.models.tokenizer import SettledTokenizer, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def settled(folder: Path, max_tokens: int | None = None) -> SettledTokenizer:
    base = Base("tiny", "folder", folder, "")
    return load_tokenizer(base, read_facts(base, "tiny"), max_tokens=max_tokens)


def test_nothing_is_truncated_or_padded_whatever_the_file_says(tmp_path: Path) -> None:
    tokenizer = word_tokenizer()
    tokenizer.backend_tokenizer.enable_truncation(4)
    tokenizer.backend_tokenizer.enable_padding(length=9)
    rows = SettledTokenizer(tokenizer, 40).encode(["word1", "word1 " * 50])
    assert [len(row) for row in rows] == [3, 52]


@pytest.mark.parametrize("kind", sorted(ENCODERS))
def test_the_limit_is_the_longest_row_the_model_really_takes(bases: Callable[[str], Path], kind: str) -> None:
    """Some architectures count positions from behind the padding index: 40 positions, and 39 or 38 tokens."""
    folder = bases(kind)
    limit = settled(folder).max_tokens
    assert 32 <= limit <= 40
    model = load_classifier(folder, LABELS, dropout=None, seed=1).eval()
    with torch.inference_mode():
        assert torch.isfinite(model(torch.full((1, limit), 7)).logits).all()


def test_the_recipes_limit_may_be_lower_and_not_higher(bert: Path) -> None:
    assert settled(bert, 16).max_tokens == 16
    with pytest.raises(RecipeError, match=r"model\.max_tokens: 41") as raised:
        settled(bert, 41)
    assert "at most 40" in raised.value.problems[0].expected


def test_the_limit_travels_with_the_saved_tokenizer(bert: Path, tmp_path: Path) -> None:
    settled(bert, 16).save(tmp_path)
    assert json.loads((tmp_path / "tokenizer_config.json").read_text())["model_max_length"] == 16


def test_the_fingerprint_changes_with_the_definition(tmp_path: Path) -> None:
    one, other = word_tokenizer(), word_tokenizer()
    same = SettledTokenizer(one, 40).fingerprint
    assert SettledTokenizer(word_tokenizer(), 16).fingerprint == same
    other.backend_tokenizer.add_tokens(["newword"])
    assert SettledTokenizer(other, 40).fingerprint != same


@pytest.mark.parametrize("stop", [9999, -1, "</s>"])
def test_a_stop_that_the_tokenizer_lacks_is_refused_by_its_id(bert: Path, tmp_path: Path, stop: object) -> None:
    folder = shutil.copytree(bert, tmp_path / "base")
    settings = folder / "generation_config.json"
    for stops in (stop, [2, stop]):
        settings.write_text(json.dumps({"eos_token_id": stops}))
        with pytest.raises(RecipeError, match=f"names {stop!r}, and the tokenizer has no such token") as refused:
            settled(folder)
        assert refused.value.problems[0].place == str(settings)
    settings.write_text(json.dumps({"eos_token_id": [2, 3]}))
    assert {2, 3} <= settled(folder).special.stops


def test_a_base_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = save_base(tmp_path / "bare")
    for path in folder.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(RecipeError, match="tokenizer"):
        settled(folder)
