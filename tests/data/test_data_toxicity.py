"""Laws of toxic rows: what a scorer says is counted or leaves, in texts and answers; a test file is not edited."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from data_room import WordsEncoder, law, tickets, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tunewright.core.errors import DataError
from tunewright.data.prepare import Prepared, Request, prepare
from tunewright.data.toxicity import WordList, read_terms
from tunewright.recipe.data import DataSpec, StratifiedSplit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tunewright.core.protocols import ToxicityScorer

MODEL = {"kind": "model", "model": "run:hate", "label": "hate"}
WORDS = {"kind": "words", "file": "terms.txt"}


class ByLength:
    """Longer texts are likelier toxic; it remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        self.asked += texts
        return np.array([min(len(text) / 100, 1.0) for text in texts])


def prepared(
    folder: Path, scorer: ToxicityScorer | None, toxicity: dict[str, Any], task: str = "classification", **spec: Any
) -> Prepared:
    data = DataSpec.model_validate({"train": "train.csv", "toxicity": toxicity, **spec})
    lock = folder / "tunewright.lock"
    request = Request(data, StratifiedSplit(), task, folder, lock, toxicity=scorer)
    return prepare(request, encoder=WordsEncoder(256))


def told(found: Prepared) -> Any:
    (finding,) = (one for one in found.profile.findings if one.kind == "toxic")
    return finding


@pytest.mark.parametrize(
    ("terms", "text", "toxic"),
    [
        (["oaf"], "You OAF!", True),
        (["oaf"], "a loaf of bread", False),
        (["oaf"], "oafish", False),
        (["daft oaf"], "such a daft   oaf", True),
        (["ｏａｆ"], "oaf", True),
        (["Straße"], "STRASSE", True),
        (["c++"], "learn c++ now", True),
        (["oaf", "daft oaf"], "a daft one", False),
    ],
)
def test_terms_are_whole_words_in_any_case(terms: list[str], text: str, toxic: bool) -> None:
    assert WordList(terms).scores([text, "kind words"]).tolist() == [float(toxic), 0.0]


@given(text=st.text(st.characters(codec="utf-8"), max_size=40))
@law(200)
def test_a_text_is_as_toxic_in_capitals_and_between_blanks(text: str) -> None:
    words = WordList(["oaf", "ox and ass"])
    for each in (text, f"{text} oaf"):
        scores = words.scores([each, f" {each} ", each.casefold()])
        assert len(set(scores.tolist())) == 1
    assert words.scores([f"{text} oaf"])[0] == 1.0


def test_thousands_of_terms_cost_no_more_than_few() -> None:
    """100,000 words against 200 texts of 2,000 words: were each looked for in turn, this would take minutes."""
    words = WordList([f"term{n}" for n in range(100_000)])
    texts = [" ".join(f"word{n * m % 997}" for m in range(2_000)) for n in range(200)]
    started = time.perf_counter()
    assert words.scores([*texts, "a Term99999!"]).tolist() == [0.0] * 200 + [1.0]
    assert time.perf_counter() - started < 10


def test_a_file_of_terms_has_remarks_and_a_mark_of_its_order(tmp_path: Path) -> None:
    (tmp_path / "terms.txt").write_bytes("\ufeff# of the desk\noaf  # mild\n\n daft oaf \n".encode())
    assert read_terms("terms.txt", tmp_path) == ["oaf", "daft oaf"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read"), (b"\xff\xfe\xff", "cannot be read"), (b"# none\n", "names no term")],
)
def test_a_list_that_says_nothing_is_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "terms.txt").write_bytes(content)
    with pytest.raises(DataError, match=words) as raised:
        read_terms("terms.txt", tmp_path)
    assert raised.value.problems[0].place == "data.toxicity.file"


def test_toxic_rows_are_counted_or_leave_each_with_its_reason(tmp_path: Path) -> None:
    rows = tickets(40)
    for number in (3, 8, 21):
        rows[number]["text"] += " you oaf"
    write_csv(tmp_path / "train.csv", rows)
    counted = prepared(tmp_path, WordList(["oaf"]), WORDS)
    assert told(counted).count == 3
    assert told(counted).severity == "warning"
    assert told(counted).rows == ("train.csv:5", "train.csv:10", "train.csv:23")
    assert counted.profile.dropped == {}
    (tmp_path / "tunewright.lock").unlink(missing_ok=True)
    left = prepared(tmp_path, WordList(["oaf"]), WORDS | {"policy": "drop"})
    assert left.profile.dropped == {"toxic": 3}
    assert left.dropped["line"].to_list() == [5, 10, 23]
    assert left.profile.kept == 37


def test_answers_are_looked_at_where_the_model_learns_them(tmp_path: Path) -> None:
    rows = [{"prompt": f"what of matter {n}?", "completion": f"it is so {n}"} for n in range(30)]
    rows[4]["completion"] += ", you oaf"
    rows[9]["prompt"] += " you oaf"
    write_csv(tmp_path / "train.csv", rows, ("prompt", "completion"))
    found = prepared(tmp_path, WordList(["oaf"]), WORDS | {"policy": "drop"}, "generation")
    assert found.dropped["line"].to_list() == [6, 11]
    assert "1 of them in the answer" in told(found).message


def test_a_row_of_the_users_own_test_stays_and_is_told(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    own = [{"text": "you oaf of a refund", "label": "refund"}, {"text": "where is it", "label": "delivery"}]
    write_csv(tmp_path / "test.csv", own)
    found = prepared(tmp_path, WordList(["oaf"]), WORDS | {"policy": "drop"}, test="test.csv")
    assert found.splits["test"].height == 2
    assert "1 of the test file, which is never edited" in told(found).message


@given(level=st.floats(0.05, 1.0))
@law(10)
def test_a_probability_is_held_against_the_level_asked_for(
    tmp_path_factory: pytest.TempPathFactory, level: float
) -> None:
    folder = tmp_path_factory.mktemp("level")
    texts = [f"{'word ' * n}and refund {n}" for n in range(1, 19)] + [
        f"{'term ' * n}delivery {n}" for n in range(1, 19)
    ]
    labels = ["refund"] * 18 + ["delivery"] * 18
    write_csv(folder / "train.csv", [{"text": t, "label": one} for t, one in zip(texts, labels, strict=True)])
    scorer = ByLength()
    spec = {"toxicity": MODEL | {"at_least": level}, "near_duplicates": None}
    found = prepared(folder, scorer, **spec)
    expected = sum(min(len(text) / 100, 1.0) >= level - 1e-9 for text in texts)
    findings = [one for one in found.profile.findings if one.kind == "toxic"]
    assert sum(one.count for one in findings) == expected
    assert len(scorer.asked) == len(set(scorer.asked)) == len(texts)


def test_equal_texts_are_asked_for_once(tmp_path: Path) -> None:
    rows = [{"prompt": f"what of matter {n}?", "completion": "always this"} for n in range(30)]
    write_jsonl(tmp_path / "train.jsonl", rows)
    scorer = ByLength()
    prepared(tmp_path, scorer, MODEL, "generation", train="train.jsonl")
    assert scorer.asked.count("always this") == 1
    assert len(scorer.asked) == 31


def test_without_a_scorer_nobody_looks(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    found = prepared(tmp_path, None, MODEL)
    assert "toxic" not in {one.kind for one in found.profile.findings}
    assert pl.concat(list(found.splits.values())).height == 40


@pytest.mark.parametrize("wrong", [{"kind": "model"}, WORDS | {"label": "x"}, {"file": "a"}, MODEL | {"at_least": 0}])
def test_half_a_wish_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DataSpec.model_validate({"train": "a.csv", "toxicity": wrong})
