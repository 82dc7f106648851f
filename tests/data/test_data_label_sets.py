"""Targets that are sets of labels: nothing is guessed, shares are kept as far as they can be, the rest is said."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from data_room import prepared, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError
from tunewright.data.label_sets import label_set_reader, labels_of, written
from tunewright.data.unfit import Unfit
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LABELS = ("billing", "delivery", "refund")
READ: tuple[tuple[Any, str | None, tuple[str, ...] | None], ...] = (
    (["b", "a"], None, ("a", "b")),
    (["a", "a", None, " "], None, ("a",)),
    ([], None, ()),
    ([3, True], None, ("3", "true")),
    ('["a", "b"]', None, ("a", "b")),
    ("a;b", ";", ("a", "b")),
    (" a ; b ;", ";", ("a", "b")),
    ("a, b", ";", ("a, b",)),
    ("  ", ";", None),
    (None, None, None),
)


@pytest.mark.parametrize(("value", "delimiter", "labels"), READ)
def test_labels_are_read_as_they_are_meant(value: Any, delimiter: str | None, labels: tuple[str, ...] | None) -> None:
    found = label_set_reader(delimiter)(value)
    assert (None if found is None else labels_of(found)) == labels


@pytest.mark.parametrize("value", ["a;b", "a", "['a', 'b']", {"a": 1}, [["a"]], 0.5])
def test_what_could_be_one_label_or_several_is_refused(value: Any) -> None:
    with pytest.raises(Unfit):
        label_set_reader(None)(value)


@given(st.lists(st.text(min_size=1, max_size=6).filter(lambda t: t.strip())), st.randoms())
def test_the_same_set_is_the_same_text(labels: list[str], draw: random.Random) -> None:
    again = draw.sample(labels, len(labels)) + labels[:1]
    assert written(labels) == written(again)
    assert set(labels_of(written(labels))) == {label.strip() for label in labels}


def rows(count: int = 240, shares: Sequence[float] = (0.5, 0.3, 0.1)) -> list[dict[str, Any]]:
    draw = random.Random(7)
    words = [f"word{n}" for n in range(300)]
    return [
        {
            "text": " ".join(draw.choices(words, k=12)),
            "labels": [label for label, share in zip(LABELS, shares, strict=True) if draw.random() < share],
        }
        for _ in range(count)
    ]


def test_shares_of_labels_are_kept_and_rows_may_bear_none(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", rows())
    found = prepared(tmp_path, DataSpec(train="train.jsonl"), task="multilabel")
    profile = found.profile
    assert profile.labels == LABELS
    assert profile.read == profile.kept == 240
    for label in LABELS:
        shares = [split.labels[label] / split.rows for split in profile.splits.values()]
        assert max(shares) - min(shares) < 0.08, (label, shares)
    assert any(finding.kind == "no_labels" for finding in profile.findings)


def test_a_split_that_comes_out_uneven_is_said(tmp_path: Path) -> None:
    held = rows(240)
    write_jsonl(tmp_path / "train.jsonl", held[:200])
    write_jsonl(tmp_path / "test.jsonl", [{**row, "labels": ["billing"]} for row in held[200:]])
    spec = DataSpec(train="train.jsonl", test="test.jsonl")
    findings = {f.kind: f for f in prepared(tmp_path, spec, task="multilabel").profile.findings}
    assert "'billing' stands in 100.0% of the test rows" in findings["uneven_split"].message
    assert findings["untested_class"].count == 2


def test_delimited_labels_take_a_map_and_lose_no_row_in_silence(tmp_path: Path) -> None:
    held = [{"text": row["text"], "labels": ";".join(row["labels"])} for row in rows()]
    held[0]["labels"] = "Billing;refund"
    write_csv(tmp_path / "train.csv", held, ("text", "labels"))
    spec = DataSpec(train="train.csv", label_delimiter=";", label_map={"Billing": "billing"})
    found = prepared(tmp_path, spec, task="multilabel")
    assert found.profile.labels == LABELS
    blank = sum(not row["labels"] for row in held)
    assert found.profile.dropped == {"missing_labels": blank}
    assert found.profile.changed == {"label_map": 1}
    assert found.profile.read == found.profile.kept + blank


def test_texts_of_labels_need_a_delimiter(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [{"text": r["text"], "labels": "a;b"} for r in rows(40)], ("text", "labels"))
    with pytest.raises(DataError, match="label_delimiter"):
        prepared(tmp_path, task="multilabel")


def test_a_label_that_training_rows_lack_is_refused(tmp_path: Path) -> None:
    held = rows(120)
    write_jsonl(tmp_path / "train.jsonl", held[:100])
    write_jsonl(tmp_path / "test.jsonl", [{**row, "labels": ["biling"]} for row in held[100:]])
    with pytest.raises(DataError, match="'biling', which no training row has"):
        prepared(tmp_path, DataSpec(train="train.jsonl", test="test.jsonl"), task="multilabel")


def test_labels_that_tell_nothing_apart_are_refused(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", [{**row, "labels": ["billing"]} for row in rows(60)])
    with pytest.raises(DataError, match="in all training rows or in none"):
        prepared(tmp_path, DataSpec(train="train.jsonl"), task="multilabel")


def test_equal_texts_with_other_labels_are_contradictions(tmp_path: Path) -> None:
    held = rows()
    held.append({"text": held[5]["text"], "labels": [*LABELS]})
    write_jsonl(tmp_path / "train.jsonl", held)
    kept = prepared(tmp_path, DataSpec(train="train.jsonl"), task="multilabel")
    assert next(f for f in kept.profile.findings if f.kind == "contradiction").count == 2
    (tmp_path / "tunewright.lock").unlink(missing_ok=True)
    gone = prepared(tmp_path, DataSpec(train="train.jsonl", contradictions="drop"), task="multilabel")
    assert gone.profile.dropped == {"contradiction": 2}
    assert json.loads(gone.splits["train"]["target"][0]) is not None
