"""Rows of token classification: both shapes are read, what is not valid is refused by line, and nothing is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from data_room import prepared, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError, RecipeError
from tunewright.core.spans import Span, from_json
from tunewright.data.span_values import as_text_or_words, joined, marked_spans
from tunewright.data.tag_forms import labels_by_word
from tunewright.data.unfit import Unfit
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path

TASK = "token_classification"
TEXT = "Ann Lee met Bo in Rome."
MARKED = [Span(0, 7, "PER"), Span(12, 14, "PER"), Span(18, 22, "LOC")]
WORDS = tuple(TEXT.replace(".", " .").split())


@pytest.mark.parametrize(
    "value",
    [
        [{"start": s.start, "end": s.end, "label": s.label} for s in MARKED],
        [{"start_offset": s.start, "end_offset": s.end, "entity_type": s.label, "score": 1} for s in MARKED],
        [{"Begin": s.start, "stop": s.end, "type": s.label, "value": TEXT[s.start : s.end]} for s in MARKED],
        [[s.start, s.end, s.label] for s in reversed(MARKED)],
        json.dumps([list(s) for s in MARKED]),
    ],
)
def test_spans_are_read_in_the_forms_that_people_write(value: Any) -> None:
    assert from_json(marked_spans(TEXT, value) or "") == tuple(MARKED)


@pytest.mark.parametrize(
    "tags",
    [
        "B-PER I-PER O B-PER O B-LOC O",
        "B-PER E-PER O S-PER O S-LOC O",
        "B-PER L-PER O U-PER O U-LOC O",
    ],
)
def test_tags_of_all_forms_say_the_same_spans(tags: str) -> None:
    text = joined(WORDS)
    found = from_json(marked_spans(WORDS, tags.split()) or "")
    assert [(text[s.start : s.end], s.label) for s in found] == [("Ann Lee", "PER"), ("Bo", "PER"), ("Rome", "LOC")]


@pytest.mark.parametrize("value", [None, "", float("nan")])
def test_no_marks_are_missing_and_an_empty_list_marks_nothing(value: Any) -> None:
    assert marked_spans(TEXT, value) is None
    assert marked_spans(TEXT, []) == "[]"


UNFIT: dict[str, tuple[Any, Any, str]] = {
    "an end before its start": (TEXT, [[7, 0, "PER"]], "goes from 7 to 0"),
    "an end beyond the text": (TEXT, [[18, 99, "LOC"]], "the text has 23 characters"),
    "offsets that are no numbers": (TEXT, [["0", "7", "PER"]], "no whole numbers"),
    "no label": (TEXT, [{"start": 0, "end": 7}], "has no label"),
    "two keys for one thing": (TEXT, [{"start": 0, "begin": 0, "end": 7, "label": "X"}], "more than one start"),
    "another text than it says": (TEXT, [{"start": 1, "end": 8, "label": "PER", "text": "Ann Lee"}], "write 0 and 7"),
    "a blank at its end": (TEXT, [[0, 8, "PER"]], "write 0 and 7"),
    "no word": ("a  b", [[0, 1, "X"], [1, 3, "X"]], "begins or ends with a blank"),
    "one object": (TEXT, {"start": 0}, "neither tags nor spans"),
    "too few tags": (WORDS, ["O"], "holds 1 tags for 7 words"),
    "numbers for tags": (WORDS, [0] * 7, "by their names"),
    "an unknown form": (WORDS, ["PER", *"OOOOOO"], "write 'B-PER'"),
    "a small letter": (WORDS, ["b-PER", *"OOOOOO"], "write 'B-PER'"),
    "a small o": (WORDS, ["o", *"OOOOOO"], "write 'O'"),
    "a span that nothing begins": (WORDS, ["I-PER", *"OOOOOO"], "write 'B-PER'"),
    "a span that goes on as another": (WORDS, ["B-PER", "I-LOC", *"OOOOO"], "write 'B-LOC'"),
    "an end without a beginning": (WORDS, ["E-PER", *"OOOOOO"], "write 'S-PER'"),
    "a beginning without an end": (WORDS, ["B-PER", "O", "S-PER", *"OOOO"], "write 'S-PER'"),
    "an end that never comes": (WORDS, ["S-PER", *"OOOO", "B-PER", "I-PER"], "write 'E-PER'"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_what_is_not_valid_is_refused_with_the_nearest_form_that_is(case: str) -> None:
    text, value, words = UNFIT[case]
    with pytest.raises(Unfit) as raised:
        marked_spans(text, value)
    assert words in " ".join(map(str, raised.value.args))


@pytest.mark.parametrize("value", [["a", ""], ["a", 3], 5, {"a": 1}])
def test_words_are_texts_and_none_is_blank(value: Any) -> None:
    with pytest.raises(Unfit):
        as_text_or_words(value)


@given(st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"]), max_size=8))
def test_tags_are_taken_as_they_are_or_refused(tags: list[str]) -> None:
    valid = all(
        tag[0] != "I" or (before[0] != "O" and before[2:] == tag[2:])
        for before, tag in zip(["O", *tags], tags, strict=False)
    )
    if valid:
        assert labels_by_word(tags) == [("", "") if tag == "O" else (tag[0], tag[2:]) for tag in tags]
    else:
        with pytest.raises(Unfit):
            labels_by_word(tags)


def rows(count: int = 80) -> list[dict[str, Any]]:
    """Different texts; two in three hold a span."""
    return [
        {
            "text": f"parcel {n} for Ann{n} in Town{n % 9} is late",
            "spans": [[len(f"parcel {n} for "), len(f"parcel {n} for Ann{n}"), "PER"]] if n % 3 else [],
        }
        for n in range(count)
    ]


def test_rows_of_spans_are_prepared_and_accounted_for(tmp_path: Path) -> None:
    held = rows()
    held[4]["spans"] = [[0, 8, "PER"], [7, 12, "ORG"]]
    held[5]["spans"] = None
    write_jsonl(tmp_path / "train.jsonl", held)
    found = prepared(tmp_path, DataSpec(train="train.jsonl"), task=TASK)
    assert found.profile.labels == ("PER",)
    assert found.profile.dropped == {"missing_spans": 1, "overlapping_spans": 1}
    assert found.profile.read == found.profile.kept + 2
    assert found.profile.changed == {}
    shares = [split.labels["PER"] / split.rows for split in found.profile.splits.values()]
    assert max(shares) - min(shares) < 0.1
    assert {"overlapping_spans", "no_spans"} <= {finding.kind for finding in found.profile.findings}


def test_texts_keep_every_character_so_that_offsets_hold(tmp_path: Path) -> None:
    held = [row | {"text": f"  <b>{row['text']}</b>  don\u00e2\u20ac\u2122t\u200b"} for row in rows()]
    held = [row | {"spans": [[s + 5, e + 5, label] for s, e, label in row["spans"]]} for row in held]
    write_jsonl(tmp_path / "train.jsonl", held)
    found = prepared(tmp_path, DataSpec(train="train.jsonl"), task=TASK)
    kept = [row for frame in found.splits.values() for row in frame.select("input", "target").iter_rows()]
    assert {text for text, _ in kept} == {row["text"] for row in held}
    assert all(text[s.start : s.end].startswith("Ann") for text, target in kept for s in from_json(target))
    told = {finding.kind: finding for finding in found.profile.findings}
    assert "count their spans anew" in told["html"].remedy


def test_words_and_tags_are_recognised_by_their_names(tmp_path: Path) -> None:
    held = [{"tokens": ["Ann", f"Lee{n}", "sat"], "ner_tags": ["B-PER", "I-PER", "O"]} for n in range(30)]
    write_jsonl(tmp_path / "train.jsonl", held)
    found = prepared(tmp_path, DataSpec(train="train.jsonl"), task=TASK)
    text, target = found.splits["train"].select("input", "target").row(0)
    assert [text[s.start : s.end] for s in from_json(target)] == [text.removesuffix(" sat")]


def test_lists_may_be_written_as_json_in_a_csv(tmp_path: Path) -> None:
    held = [{"tokens": json.dumps(["Ann", f"sat{n}"]), "tags": json.dumps(["B-PER", "O"])} for n in range(30)]
    write_csv(tmp_path / "train.csv", held, ("tokens", "tags"))
    assert prepared(tmp_path, task=TASK).profile.kept == 30


def test_faults_are_told_together_with_their_lines(tmp_path: Path) -> None:
    held = rows(40)
    held[2]["spans"], held[7]["spans"] = [[0, 999, "PER"]], [[3, 3, "PER"]]
    write_jsonl(tmp_path / "train.jsonl", held)
    with pytest.raises(DataError) as raised:
        prepared(tmp_path, DataSpec(train="train.jsonl"), task=TASK)
    places = [problem.place for problem in raised.value.problems]
    assert {"train.jsonl:3", "train.jsonl:8"} <= set(places)


def test_a_test_file_with_overlaps_is_refused_and_never_edited(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", rows(40))
    overlapping = {"text": "Ann Lee sat", "spans": [[0, 7, "PER"], [4, 7, "PER"]]}
    write_jsonl(tmp_path / "test.jsonl", [overlapping, {"text": "Bo Lee stood", "spans": [[0, 6, "PER"]]}])
    with pytest.raises(DataError, match=r"test\.jsonl:1: holds spans that overlap"):
        prepared(tmp_path, DataSpec(train="train.jsonl", test="test.jsonl"), task=TASK)


def test_labels_take_a_map_and_spans_inside_words_are_told(tmp_path: Path) -> None:
    held = rows(40)
    held[1]["spans"] = [[0, 6, "Person"]]
    held[2]["spans"] = [[0, 3, "PER"]]
    write_jsonl(tmp_path / "train.jsonl", held)
    found = prepared(tmp_path, DataSpec(train="train.jsonl", label_map={"Person": "PER"}), task=TASK)
    assert found.profile.labels == ("PER",)
    assert found.profile.changed == {"label_map": 1}
    (told,) = (finding for finding in found.profile.findings if finding.kind == "span_inside_word")
    assert (told.count, told.rows) == (1, ("train.jsonl:3",))


def test_equal_texts_agree_whatever_stands_between_their_words(tmp_path: Path) -> None:
    held = rows(40)
    text = held[1]["text"]
    held.append({"text": text.replace(" ", "  "), "spans": [[s + 3, e + 3, x] for s, e, x in held[1]["spans"]]})
    write_jsonl(tmp_path / "train.jsonl", held)
    kinds = {f.kind for f in prepared(tmp_path, DataSpec(train="train.jsonl"), task=TASK).profile.findings}
    assert "contradiction" not in kinds
    held.append({"text": held[2]["text"], "spans": []})
    write_jsonl(tmp_path / "train.jsonl", held)
    (tmp_path / "tunewright.lock").unlink(missing_ok=True)
    gone = prepared(tmp_path, DataSpec(train="train.jsonl", contradictions="drop"), task=TASK).profile
    assert gone.dropped == {"contradiction": 2}


def test_a_label_that_training_rows_lack_and_rows_without_any_span_are_refused(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", rows(40))
    write_jsonl(tmp_path / "test.jsonl", [{"text": "Ann sat here", "spans": [[0, 3, "PERS"]]}])
    with pytest.raises(DataError, match="'PERS', which no training row has"):
        prepared(tmp_path, DataSpec(train="train.jsonl", test="test.jsonl"), task=TASK)
    write_jsonl(tmp_path / "bare.jsonl", [row | {"spans": []} for row in rows(40)])
    with pytest.raises(DataError, match="holds a span"):
        prepared(tmp_path, DataSpec(train="bare.jsonl"), task=TASK)


def test_spans_are_counted_in_one_text(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", [row | {"title": "late"} for row in rows(30)])
    with pytest.raises(RecipeError, match="one column"):
        prepared(tmp_path, DataSpec(train="train.jsonl", input=["title", "text"], target="spans"), task=TASK)
