"""General text: which paragraphs are passages, in scripts with blanks between words and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tunewright.core.errors import DataError
from tunewright.pipeline.context import Context
from tunewright.pipeline.general import general_passages, left_out
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from pathlib import Path

PASSAGES = {
    "English": "A river runs down to the sea.",
    "Chinese": "长江是中国最长的河流,发源于青藏高原。",
    "Japanese": "長い川がゆっくりと海へ流れてゆく。",
    "Thai": "แม่น้ำสายยาวไหลลงสู่ทะเล",
    "Korean": "긴 강이 천천히 바다로 흘러 간다.",
}


def context_of(tmp_path: Path, text: str) -> Context:
    (tmp_path / "general.txt").write_text(text, encoding="utf-8")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("model: starter/lm\ndata: d.jsonl\ntask: generation\nevaluation: {general_text: general.txt}\n")
    return Context(load_recipe(recipe))


@pytest.mark.parametrize("language", PASSAGES)
def test_a_passage_counts_by_its_words_in_every_script(tmp_path: Path, language: str) -> None:
    passage = PASSAGES[language]
    found = context_of(tmp_path, f"{passage}\n\n# 1\n\n\n{passage}\n")
    assert general_passages(found) == [passage, passage]
    assert left_out(found) == (
        "1 paragraph of 3 of the general text has fewer than 5 words: headings, which are not scored"
    )
    assert left_out(context_of(tmp_path, passage)) is None


def test_a_text_of_headings_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no passage of 5 words"):
        general_passages(context_of(tmp_path, "One\n\n长江\n"))
