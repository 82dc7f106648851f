"""The nearest-neighbour baseline looks up, and always the same."""

from __future__ import annotations

import pytest

from tunewright.evaluation import nearest
from tunewright.evaluation.nearest import nearest_neighbour

PROMPTS = ["reset my password", "where is my parcel", "cancel the order", "where is my parcel", "你好吗"]
ANSWERS = ["use the link", "on its way", "done", "it was lost", "我很好"]


def test_a_prompt_gets_the_answer_of_the_most_similar_one() -> None:
    answer = nearest_neighbour(PROMPTS, ANSWERS)
    assert answer(["please cancel my order", "I forgot my pasword", "你好"]) == ["done", "use the link", "我很好"]
    assert answer(PROMPTS)[:3] == ANSWERS[:3]


def test_of_equals_and_of_nothing_alike_the_first_is_taken() -> None:
    answer = nearest_neighbour(PROMPTS, ANSWERS)
    assert answer(["where is my parcel"]) == ["on its way"]
    assert answer(["zzz", ""]) == ["use the link"] * 2
    assert nearest_neighbour(["", " "], ["one", "two"])(["x"]) == ["one"]
    assert answer([]) == []


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [f"{prompt} {extra}" for prompt in PROMPTS for extra in ("now", "please", "")]
    whole = nearest_neighbour(PROMPTS, ANSWERS)(asked)
    monkeypatch.setattr(nearest, "CHUNK_CELLS", 7)
    assert nearest_neighbour(PROMPTS, ANSWERS)(asked) == whole


def test_without_rows_there_is_nothing_to_look_up() -> None:
    with pytest.raises(ValueError, match="at least one"):
        nearest_neighbour([], [])
