"""Texts that a model is judged by and that stand in its training rows, against the slow way."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import polars as pl
import pytest
from data_room import law, prepared, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError
from tunewright.data import contamination as contamination_module
from tunewright.data.contamination import LISTED, SHARE, contaminated
from tunewright.data.store import CONTAMINATION, write_prepared
from tunewright.data.word_sequences import WORDS, Held, holders
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

ASKED = "why does the kettle hum so loudly when nobody in the kitchen has even touched its switch"
LONG = " ".join(f"filler{n}" for n in range(60))


def framed(texts: list[str], source: str) -> pl.DataFrame:
    lines = list(range(1, len(texts) + 1))
    columns = {"row_id": [f"{source}{n}" for n in lines], "source": [source] * len(texts), "line": lines}
    return pl.DataFrame(
        {**columns, "input": texts, "target": [None] * len(texts)}, schema_overrides={"target": pl.String}
    )


def sequences(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[at : at + WORDS]) for at in range(len(words) - WORDS + 1)}


TEXTS = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=14).map(" ".join), min_size=1, max_size=6)


@law(80)
@given(TEXTS, TEXTS)
def test_a_text_is_contaminated_if_so_many_of_its_sequences_stand_in_training_rows(
    judged: list[str], train: list[str]
) -> None:
    found = contaminated(framed(judged, "test"), framed(train, "train")).found
    known = {sequence for text in train for sequence in sequences(text)}
    expected = {}
    for line, text in enumerate(judged, start=1):
        own = sequences(text)
        share = len(own & known) / len(own) if own else 0.0
        if share >= SHARE:
            holders = [f"train:{n}" for n, held in enumerate(train, start=1) if sequences(held) & own]
            expected[line] = (pytest.approx(share), holders)
    assert {
        line: (share, holders) for line, share, holders in found.select("line", "share", "holders").iter_rows()
    } == (expected)


VOCABULARY = [f"word{n}" for n in range(400)]


def chats(count: int, seed: int, *, prompts: int = 1, opening: str = "") -> list[str]:
    """Unrelated questions of 4 to 30 words of their own, each after one of the prompts."""
    draw = random.Random(seed)
    asked = [" ".join(draw.choices(VOCABULARY, k=draw.randint(4, 30))) for _ in range(count)]
    return [f"{prompt(n % prompts)} {opening}{text}" for n, text in enumerate(asked)]


def prompt(number: int) -> str:
    return " ".join(f"rule{number}x{n}" for n in range(100))


@pytest.mark.parametrize("opening", ["", "how do i find out "])
@pytest.mark.parametrize(
    ("tests", "rows", "prompts"), [(5, 40, 1), (24, 96, 1), (100, 400, 1), (100, 400, 4), (4, 2500, 25)]
)
def test_what_many_texts_share_is_no_evidence_and_a_copied_text_among_them_is(
    tests: int, rows: int, prompts: int, opening: str
) -> None:
    judged, train = (chats(count, seed, prompts=prompts, opening=opening) for seed, count in enumerate((tests, rows)))
    seen = contaminated(framed(judged, "test"), framed(train, "train"))
    assert seen.found.height == 0
    assert seen.unknown < tests / 2
    train[7] = f"{train[7]} {ASKED} {LONG}"
    judged[2] = f"{prompt(0)} {ASKED}"
    found = contaminated(framed(judged, "test"), framed(train, "train")).found
    assert found.select("line", "share").rows() == [(3, 1.0)]
    assert found["holders"].to_list() == [["train:8"]]


def test_a_prompt_of_the_judged_texts_that_one_training_row_holds_is_no_evidence() -> None:
    seen = contaminated(framed(chats(60, 1), "test"), framed([f"{prompt(0)} {LONG}"], "train"))
    assert seen.found.height == 0


def test_what_is_remembered_of_training_rows_grows_with_the_judged_texts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered = []

    def counting(texts: pl.Series, wanted: NDArray[np.uint64], *, listed: int) -> Held:
        held = holders(texts, wanted, listed=listed)
        remembered.append((held.rows.height, wanted.size, int(held.texts.max())))
        return held

    monkeypatch.setattr(contamination_module, "holders", counting)
    judged = framed(chats(50, 1), "test")
    for rows in (400, 4000):
        contaminated(judged, framed(chats(rows, 2), "train"))
    assert [held for _, _, held in remembered] == [400, 4000]  # training rows that hold the prompt
    assert all(rows <= LISTED * wanted for rows, wanted, _ in remembered)
    assert remembered[1][0] < 1.5 * remembered[0][0]


def test_a_short_test_text_within_a_long_training_row_is_found_and_stored(tmp_path: Path) -> None:
    rows = [{"text": f"{n} {LONG.replace('filler', f'w{n}x')}", "label": ("a", "b")[n % 2]} for n in range(30)]
    rows[4]["text"] = f"{LONG} {ASKED} {LONG}"
    write_csv(tmp_path / "train.csv", rows)
    tests = [{"text": ASKED, "label": "a"}, {"text": f"another {LONG[:40]} question about mugs", "label": "b"}]
    write_csv(tmp_path / "test.csv", [*tests, {"text": "two words", "label": "a"}])
    found = prepared(tmp_path, DataSpec(train="train.csv", test="test.csv"), max_tokens=512)
    finding = next(f for f in found.profile.findings if f.kind == "contamination")
    assert (finding.count, finding.rows) == (1, ("test.csv:2",))
    assert "train.csv:6" in finding.message
    assert "1 with fewer than 8 words of their own nothing can be said" in finding.message
    write_prepared(found, tmp_path)
    stored = pl.read_parquet(tmp_path / CONTAMINATION)
    assert stored["row_id"].to_list() == [found.splits["test"]["row_id"][0]]


def test_benchmark_files_are_looked_up_in_the_training_rows_alone(tmp_path: Path) -> None:
    rows = [{"text": f"{n} {LONG.replace('filler', f'w{n}x')}", "label": ("a", "b")[n % 2]} for n in range(30)]
    write_csv(tmp_path / "train.csv", rows)
    clean = prepared(tmp_path, max_tokens=512)
    trained, tested = (clean.splits[name]["input"][0] for name in ("train", "test"))
    asked = [{"q": trained, "n": 1}, {"q": tested, "n": 2}, {"q": ASKED, "n": 3}]
    write_jsonl(tmp_path / "bench.jsonl", asked)
    found = prepared(tmp_path, DataSpec(train="train.csv", benchmarks=["bench.jsonl"]), max_tokens=512)
    finding = next(f for f in found.profile.findings if f.kind == "contamination")
    assert (finding.count, finding.rows) == (1, ("bench.jsonl:1",))
    assert not [f for f in clean.profile.findings if f.kind == "contamination"]
    with pytest.raises(DataError, match=r"absent\.jsonl"):
        prepared(tmp_path, DataSpec(train="train.csv", benchmarks=["absent.jsonl"]), max_tokens=512)
