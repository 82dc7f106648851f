"""The data room on public data as people bring it; skipped where TUNEWRIGHT_DATASETS names no folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from data_room import WordsEncoder, public_data

from tunewright.core.errors import DataError
from tunewright.data.prepare import Request, prepare
from tunewright.data.read import read_table
from tunewright.data.sniff import sniff
from tunewright.recipe.data import DataSpec, StratifiedSplit

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.datasets


def prepared_public(lock: Path, **spec: Any) -> Any:
    request = Request(DataSpec(**spec), StratifiedSplit(), "classification", public_data(), lock / "tunewright.lock")
    return prepare(request, encoder=WordsEncoder(512))


def test_banking77_leaks_25_texts_and_repeats_31(tmp_path: Path) -> None:
    found = prepared_public(tmp_path, train="banking77/train.jsonl", test="banking77/test.jsonl")
    assert found.profile.dropped == {"exact_duplicate": 30, "leak_test": 115}
    leaked = found.dropped.filter(found.dropped["rule"] == "leak_test")
    equal = leaked.filter(leaked["content_key"].is_in(found.splits["test"]["content_key"].implode()))
    assert equal["content_key"].n_unique() == 25  # the other 90 nearly say what a test row says
    plain = prepared_public(tmp_path, train="banking77/train.jsonl", test="banking77/test.jsonl", near_duplicates=None)
    assert plain.profile.dropped == {"exact_duplicate": 30, "leak_test": 25}
    assert found.splits["test"].height == 3080
    # The 31st repeated text bears two labels: a contradiction, not a duplicate.
    contradiction = next(f for f in found.profile.findings if f.kind == "contradiction")
    assert sum(place.startswith("banking77/train") for place in contradiction.rows) == 2
    assert len(found.profile.labels) == 77


def test_the_messy_spam_file_gives_nearly_the_rows_of_its_clean_copy(tmp_path: Path) -> None:
    messy = prepared_public(tmp_path, train="sms_spam/spam.csv", input="v2", target="v1")
    clean = prepared_public(tmp_path, train="sms_spam/spam_clean.jsonl")
    assert (messy.profile.read, clean.profile.read) == (5572, 5574)
    assert abs(messy.profile.kept - clean.profile.kept) <= 10
    assert messy.profile.labels == clean.profile.labels == ("ham", "spam")


def test_tweets_of_several_lines_are_read_as_records() -> None:
    folder = public_data()
    spec = DataSpec(train="davidson_hate_offensive/labeled_data.csv")
    table = read_table(spec.train, folder=folder, spec=spec)
    clean = read_table("davidson_hate_offensive/davidson.jsonl", folder=folder, spec=spec)
    assert table.frame.height == clean.frame.height == 24_783
    lines = (folder / spec.train).read_bytes().split(b"\n")
    for line, index in table.frame.select("__line__", "column_1").iter_rows():
        assert lines[line - 1].startswith(f"{index},".encode())


@pytest.mark.parametrize("side", ["pos", "neg"])
def test_latin1_reviews_are_refused_with_their_encoding(side: str) -> None:
    name = f"rotten_tomatoes_polarity/rt-polarity.{side}.latin1.txt"
    with pytest.raises(DataError, match=r"data.encoding: cp1252") as caught:
        read_table(name, folder=public_data(), spec=DataSpec(train=name))
    line = int(caught.value.problems[0].place.rpartition(":")[2])
    lines = (public_data() / name).read_bytes().split(b"\n")
    assert not lines[line - 1].isascii()
    assert all(before.isascii() for before in lines[: line - 1])


@pytest.mark.parametrize(
    ("name", "text", "label", "classes"),
    [
        ("banking77/train.jsonl", "text", "label", 77),
        ("sms_spam/spam.csv", "v2", "v1", 2),
        ("sms_spam/spam_clean.jsonl", "text", "label", 2),
        ("bitext_customer_support/train.csv", "utterance", "intent", 27),
        ("rotten_tomatoes_polarity/rt_polarity.jsonl", "text", "label", 2),
        ("davidson_hate_offensive/labeled_data.csv", "tweet", "class", 3),
        ("davidson_hate_offensive/davidson.jsonl", "text", "label", 3),
        ("nusax_sentiment/english_train.jsonl", "text", "label", 3),
        ("nusax_sentiment/javanese_valid.jsonl", "text", "label", 3),
    ],
)
def test_the_columns_of_public_data_are_found(name: str, text: str, label: str, classes: int) -> None:
    found = sniff(public_data() / name)
    assert found.input is not None
    assert found.target is not None
    assert (found.input.column, found.target.column, found.task) == (text, label, "classification")
    assert len(found.labels) == classes
    assert found.label_map == {}


def test_texts_with_spans_are_data_for_token_classification() -> None:
    found = sniff(public_data() / "presidio_synthetic_pii/pii_spans.jsonl")
    assert found.input is not None
    assert found.target is not None
    assert (found.task, found.input.column, found.target.column) == ("token_classification", "text", "spans")


def test_a_folder_with_three_splits_is_used_as_it_is(tmp_path: Path) -> None:
    found = prepared_public(tmp_path, train="bitext_customer_support", target="intent")
    assert found.splits["test"].height == 810
    assert set(found.profile.dropped) == {"exact_duplicate", "leak_test", "leak_validation"}
