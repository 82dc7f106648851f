"""Texts that a model is judged by and that stand in its training rows, against the slow way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from data_room import law, prepared, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError
from tunewright.data.contamination import SHARE, WORDS, contaminated
from tunewright.data.store import read_contamination, write_prepared
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path

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
    found = contaminated(framed(judged, "test"), framed(train, "train"))
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
    assert "1 with fewer than 8 words nothing can be said" in finding.message
    write_prepared(found, tmp_path)
    stored = read_contamination(tmp_path)
    assert stored is not None
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
