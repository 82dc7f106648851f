from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
from data_room import tickets, write_csv, write_jsonl

from tunewright.core.errors import DataError, RecipeError
from tunewright.data import archives
from tunewright.data.sniff import sniff
from tunewright.data.sources import checked_rows, read_sources
from tunewright.recipe.data import DataSpec
from tunewright.recipe.named import Named

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_text_and_label_are_found_by_what_they_hold(tmp_path: Path) -> None:
    rows = [{"v1": row["label"], "v2": row["text"], "n": n} for n, row in enumerate(tickets(60))]
    found = sniff(write_csv(tmp_path / "t.csv", rows, ("v1", "v2", "n")))
    assert (found.input and found.input.column, found.target and found.target.column) == ("v2", "v1")
    assert found.task == "classification"
    assert found.labels == {"delivery": 30, "refund": 30}
    assert (found.format, found.delimiter, found.rows) == ("csv", ",", 60)


def test_ids_dates_regions_and_customers_are_not_taken_for_labels(tmp_path: Path) -> None:
    columns = ("id", "created_at", "region", "language", "customer_id", "template_id", "body", "kind")
    rows = [
        {
            "id": f"T{n}",
            "created_at": f"2024-01-{1 + n % 28:02}T10:00:00",
            "region": ["Cork", "Sligo"][n % 2],
            "language": "en" if n % 5 else "es",
            "customer_id": f"c{n // 4}",
            "template_id": n % 3,
            "body": row["text"],
            "kind": row["label"],
        }
        for n, row in enumerate(tickets(80))
    ]
    found = sniff(write_csv(tmp_path / "t.csv", rows, columns))
    named = [p and p.column for p in (found.input, found.target, found.group, found.time, found.id)]
    assert named == ["body", "kind", "customer_id", "created_at", "id"]


def test_the_finer_of_two_labels_is_proposed_and_the_other_mentioned(tmp_path: Path) -> None:
    rows = [{"utterance": f"some words number {n}", "intent": f"i{n % 6}", "category": f"c{n % 2}"} for n in range(90)]
    found = sniff(write_csv(tmp_path / "t.csv", rows, ("utterance", "intent", "category")))
    assert found.target is not None
    assert found.target.column == "intent"
    assert any("'category' could also be the label" in sentence for sentence in found.alternatives)


def test_a_legacy_encoding_is_found_and_said(tmp_path: Path) -> None:
    text = "text;label\n" + "".join(f"le café numéro {n} est fermé;{'ab'[n % 2]}\n" for n in range(20))
    (tmp_path / "t.csv").write_bytes(text.encode("cp1252"))
    found = sniff(tmp_path / "t.csv")
    assert (found.encoding, found.write_encoding, found.delimiter) == ("cp1252", True, ";")
    assert "was read as cp1252" in found.warnings[0]
    (tmp_path / "u.csv").write_bytes(text.encode("utf-16"))
    assert (sniff(tmp_path / "u.csv").encoding, sniff(tmp_path / "u.csv").write_encoding) == ("utf-16", False)


def test_columns_are_described_with_examples_and_counts(tmp_path: Path) -> None:
    rows = [*tickets(30), {"text": "", "label": "refund"}]
    text, label = sniff(write_csv(tmp_path / "t.csv", rows)).columns
    assert (text.kind, text.distinct, text.missing, text.filled) == ("text", 30, 1, 30)
    assert text.examples[0] == "message number 0 about refund"
    assert (label.kind, label.distinct, label.missing) == ("words", 2, 0)


@pytest.mark.parametrize("name", ["count", "value", "len"])
def test_a_column_may_bear_any_name(name: str, tmp_path: Path) -> None:
    rows = [{**row, name: "ab"[n % 3 == 0]} for n, row in enumerate(tickets(30))]
    *_, column = sniff(write_csv(tmp_path / "t.csv", rows, ("text", "label", name))).columns
    assert (column.name, column.distinct, column.top) == (name, 2, 20)


def test_variants_of_labels_come_with_a_map(tmp_path: Path) -> None:
    rows = [*tickets(40), {"text": "one more message", "label": "Refund "}]
    assert sniff(write_csv(tmp_path / "t.csv", rows)).label_map == {"Refund ": "refund"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a fine day it is,good\n" + "a bad day it is,good\na sad day it is,bad\n" * 9, "may be a record"),
        ("text,label,\n" + "a fine day it is,good,\na bad day it is,bad,\n" * 9, "without a name: column_3"),
        ("text,label\n" + "a caf\ufffd is here now,good\na bad day it is,bad\n" * 9, "U+FFFD"),
        ("text,label\n" + "don\x92t you do it now,good\na bad day it is,bad\n" * 9, "cp1252 once read as Latin-1"),
        ("text,label,at\n" + "a fine day it is,good,3/4/2024\na bad day,bad,2024-01-01\n" * 9, "not in ISO 8601"),
        ("text,label,no\n" + "a fine day it is,good,\na bad day it is,bad,\n" * 9, "more than half of the cells"),
    ],
)
def test_what_a_person_should_know_is_said(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    assert any(words in warning for warning in sniff(tmp_path / "t.csv").warnings)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        sniff(tmp_path / "nothing.csv")


ACCENTED = [{**row, "text": f"{row['text']} café é"} for row in tickets(40)]


@pytest.mark.parametrize(("name", "write"), [("t.csv", write_csv), ("t.jsonl", write_jsonl)])
def test_a_packed_file_is_looked_at_as_the_file_in_it(tmp_path: Path, name: str, write: Callable[..., Path]) -> None:
    plain = write(tmp_path / name, ACCENTED)
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    found, bare = sniff(packed), sniff(plain)
    assert (found.encoding, found.write_encoding, found.rows) == ("utf-8", False, 40)
    assert (found.columns, found.delimiter) == (bare.columns, bare.delimiter)


def test_a_packed_file_in_another_encoding_is_named_by_its_text(tmp_path: Path) -> None:
    plain = write_csv(tmp_path / "t.csv", ACCENTED)
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_text(encoding="utf-8").encode("cp1252")))
    found = sniff(packed)
    assert (found.encoding, found.write_encoding) == ("cp1252", True)
    assert "café" in found.columns[0].examples[0]


def test_a_packed_file_is_looked_at_within_the_bounds_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FREE_BYTES", 2**20)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"text,label\n" + b"a,b\n" * 2**20))
    with pytest.raises(DataError, match="bytes unpacked for one packed"):
        sniff(tmp_path / "t.csv.gz")


def test_one_broken_byte_among_sound_utf8_is_told_and_no_encoding_is_guessed(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ACCENTED)
    path.write_bytes(path.read_bytes() + b"one caf\xe9,refund\n")
    with pytest.raises(DataError, match="1 place is broken beside") as caught:
        sniff(path)
    assert caught.value.problems[0].place == f"{path}:42"


def test_a_sheet_list_or_encoding_that_is_named_is_the_one_that_is_read(tmp_path: Path) -> None:
    document = tmp_path / "t.json"
    document.write_text(json.dumps({"a": tickets(30), "b": tickets(40)}))
    with pytest.raises(DataError, match="--records PATH"):
        sniff(document)
    found = sniff(document, named=Named(records="b"))
    assert (found.rows, found.records) == (40, "b")
    plain = write_csv(tmp_path / "t.csv", ACCENTED)
    plain.write_bytes(plain.read_text(encoding="utf-8").encode("cp1252"))
    assert sniff(plain, named=Named(encoding="cp1250")).encoding == "cp1250"
    assert not [f for f in sniff(plain, named=Named(encoding="cp1252")).findings if f.kind == "guessed_encoding"]


def test_columns_that_are_named_go_before_those_that_are_found(tmp_path: Path) -> None:
    rows = [{**row, "kind": "abc"[i % 3], "reply": f"we look into {row['text']}"} for i, row in enumerate(tickets(60))]
    path = write_csv(tmp_path / "t.csv", rows, ("text", "label", "kind", "reply"))
    found = sniff(path, named=Named(target="kind"))
    assert (found.input and found.input.column, found.target and found.target.column) == ("text", "kind")
    assert (found.task, set(found.labels)) == ("classification", {"a", "b", "c"})
    assert sniff(path, named=Named(input="text", target="reply")).task == "generation"
    with pytest.raises(RecipeError, match=r"no column 'kimd' \(did you mean 'kind'"):
        sniff(path, named=Named(target="kimd"))


def test_a_text_that_was_taken_for_the_label_is_no_label_any_more(tmp_path: Path) -> None:
    found = sniff(write_csv(tmp_path / "t.csv", tickets(40)), named=Named(input="label"))
    assert (found.input and found.input.column, found.target, found.task) == ("label", None, None)


def test_conversations_that_a_run_refuses_are_told_at_the_first_look(tmp_path: Path) -> None:
    roles = ["assistant"] * 5 + ["brd", "brd"] + ["assistant"] * 5 + ["brd"]
    turns = [[{"role": "user", "content": f"what is {n}"}, {"role": r, "content": "it"}] for n, r in enumerate(roles)]
    path = tmp_path / "chats.jsonl"
    path.write_text("".join(json.dumps({"messages": each}) + "\n" for each in turns))
    found = [finding for finding in sniff(path).findings if finding.kind == "unfit_conversation"]
    assert [(finding.severity, finding.count) for finding in found] == [("error", 3)]
    assert found[0].rows == tuple(f"{path}:{line}" for line in (6, 7, 13))
    with pytest.raises(DataError) as refused:
        checked_rows(read_sources(DataSpec(train=str(path), messages="messages"), folder=tmp_path, task="generation"))
    assert refused.value.problems[1].given in found[0].message
