from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from data_room import law, prepared, tickets, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError, RecipeError
from tunewright.core.rows import DROPPED_COLUMNS, SPLIT_COLUMNS, SPLITS
from tunewright.data.keys import row_id
from tunewright.recipe.clean import CleanSpec
from tunewright.recipe.data import DataSpec, GroupSplit, TimeSplit

if TYPE_CHECKING:
    from tunewright.data.prepare import Prepared

MESSY = st.fixed_dictionaries(
    {
        "text": st.one_of(
            st.none(),
            st.sampled_from(["", "N/A", "  ", "a  b", "A b!", "c\u200bd", "cd", "e", "f g", "?", "!!", "long " * 9]),
            st.integers(0, 40).map(lambda n: f"text {n}"),
        ),
        "label": st.one_of(st.none(), st.sampled_from(["x", "y", "X", "", " "]), st.integers(0, 1)),
        "who": st.one_of(st.none(), st.integers(0, 5)),
    }
)
POLICIES = st.fixed_dictionaries(
    {
        "duplicates": st.sampled_from(["keep_first", "keep_all"]),
        "contradictions": st.sampled_from(["keep", "drop"]),
        "overlength": st.sampled_from(["truncate", "drop"]),
        "group": st.sampled_from([None, "who"]),
        "label_map": st.sampled_from([{}, {"X": "x", "0": "y"}]),
    }
)


def findings(found: Prepared) -> dict[str, Any]:
    return {finding.kind: finding for finding in found.profile.findings}


@law(80)
@given(st.lists(MESSY, max_size=40), st.lists(MESSY, max_size=12), POLICIES, st.booleans())
def test_a_row_is_never_lost_without_a_reason(
    messy: list[dict[str, Any]], test: list[dict[str, Any]], policies: dict[str, Any], own_test: bool
) -> None:
    sure = [{"text": f"sure {n}", "label": "xy"[n % 2], "who": None} for n in range(12)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_jsonl(folder / "train.jsonl", messy + sure)
        write_jsonl(folder / "test.jsonl", [*test, {"text": "sure test", "label": "x", "who": None}])
        spec = DataSpec(train="train.jsonl", test="test.jsonl" if own_test else None, **policies)
        try:
            found = prepared(folder, spec, max_tokens=8)
        except DataError as fault:
            if "no training row has" not in str(fault):  # the one error that such data can be refused for
                raise
            return
    sources = {"train.jsonl": len(messy) + 12} | ({"test.jsonl": len(test) + 1} if own_test else {})
    every = Counter(row_id(source, n) for source, count in sources.items() for n in range(1, count + 1))
    kept = Counter(i for split in found.splits.values() for i in split["row_id"])
    dropped = found.dropped.filter(pl.col("action") == "dropped")
    assert kept + Counter(dropped["row_id"]) == every
    assert found.profile.read == found.profile.kept + sum(found.profile.dropped.values()) == sum(sources.values())
    _assert_disjoint(found)


def _assert_disjoint(found: Prepared) -> None:
    rows = pl.concat(list(found.splits.values()))
    for column in ("content_key", "group"):
        assert (rows.drop_nulls(column).group_by(column).agg(pl.col("split").n_unique())["split"] == 1).all()


def test_tables_have_the_agreed_columns_and_the_order_of_the_file(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [*tickets(40), {"text": "", "label": "refund"}])
    found = prepared(tmp_path)
    for name in SPLITS:
        assert tuple(found.splits[name].columns) == SPLIT_COLUMNS
        assert found.splits[name]["line"].is_sorted()
        assert set(found.splits[name]["split"]) == {name}
    assert tuple(found.dropped.columns) == DROPPED_COLUMNS
    assert found.dropped.row(0, named=True)["rule"] == "missing_text"


def test_nothing_is_written(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    prepared(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["train.csv"]


def test_the_same_data_gives_the_same_bytes(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(60))
    one, other = prepared(tmp_path), prepared(tmp_path)
    assert all(one.splits[name].equals(other.splits[name]) for name in SPLITS)
    assert one.profile == other.profile
    assert one.lock == other.lock


def test_changed_rows_are_kept_as_they_were(tmp_path: Path) -> None:
    rows = [*tickets(40), {"text": " two  blanks\x07", "label": "Refund"}]
    write_csv(tmp_path / "train.csv", rows)
    found = prepared(tmp_path, DataSpec(train="train.csv", label_map={"Refund": "refund"}))
    changes = found.dropped.filter(pl.col("line") == 42)
    assert changes["rule"].to_list() == ["control_character", "whitespace", "label_map"]
    assert set(changes["action"]) == {"changed"}
    before = [json.loads(text) for text in changes["before"]]
    assert before == [{"input": " two  blanks\x07"}, {"input": " two  blanks"}, {"target": "Refund"}]
    assert found.profile.changed == {"control_character": 1, "label_map": 1, "whitespace": 1}


def test_texts_stay_as_they_are_where_cleaning_is_off(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [*tickets(40), {"text": " two  blanks\x07", "label": "refund"}])
    off = CleanSpec(whitespace=False, control_characters=False)
    found = prepared(tmp_path, DataSpec(train="train.csv", clean=off))
    assert found.dropped.height == 0
    assert " two  blanks\x07" in pl.concat(list(found.splits.values()))["input"].to_list()


def test_duplicates_leave_and_the_first_stays(tmp_path: Path) -> None:
    write_csv(
        tmp_path / "train.csv", [*tickets(40), {"text": "MESSAGE number 3, about delivery!", "label": "delivery"}]
    )
    assert prepared(tmp_path).dropped.select("line", "rule").rows() == [(42, "exact_duplicate")]
    assert prepared(tmp_path, DataSpec(train="train.csv", duplicates="keep_all")).profile.dropped == {}


def test_contradictions_are_kept_together_dropped_or_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [*tickets(40), {"text": "Message number 3 about delivery", "label": "refund"}])
    kept = prepared(tmp_path)
    assert findings(kept)["contradiction"].rows == ("train.csv:5", "train.csv:42")
    _assert_disjoint(kept)
    dropped = prepared(tmp_path, DataSpec(train="train.csv", contradictions="drop")).dropped
    assert dropped["line"].to_list() == [5, 42]
    with pytest.raises(DataError, match="contradictions") as caught:
        prepared(tmp_path, DataSpec(train="train.csv", contradictions="error"))
    assert [problem.place for problem in caught.value.problems[1:]] == ["train.csv:5", "train.csv:42"]


def test_missing_values_are_dropped_or_refused(tmp_path: Path) -> None:
    rows = [*tickets(40), {"text": "N/A", "label": "refund"}, {"text": "no label", "label": " "}]
    write_csv(tmp_path / "train.csv", rows)
    assert prepared(tmp_path).profile.dropped == {"missing_label": 1, "missing_text": 1}
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, DataSpec(train="train.csv", missing="error"))
    assert [problem.given for problem in caught.value.problems[1:]] == ["has no text", "has no label"]


@pytest.fixture
def leaking(tmp_path: Path) -> Path:
    """A training file that shares two texts with its test file, and a validation file that shares one."""
    test = tickets(10, start=100)
    write_csv(tmp_path / "train.csv", [*tickets(40), test[0], {**test[1], "text": test[1]["text"].upper()}])
    write_csv(tmp_path / "validation.csv", [*tickets(5, start=200), test[2]])
    write_csv(tmp_path / "test.csv", [*test, test[0]])
    return tmp_path


def own(**more: Any) -> DataSpec:
    return DataSpec(train="train.csv", validation="validation.csv", test="test.csv", **more)


def test_leaking_rows_leave_training_and_validation_never_the_test(leaking: Path) -> None:
    found = prepared(leaking, own())
    assert found.splits["test"].height == 11
    places = found.dropped.select("source", "line", "rule").rows()
    assert places == [
        ("train.csv", 42, "leak_test"),
        ("train.csv", 43, "leak_test"),
        ("validation.csv", 7, "leak_test"),
    ]
    _assert_disjoint(found)


def test_leaks_are_reported_or_refused_where_the_recipe_says_so(leaking: Path) -> None:
    found = prepared(leaking, own(leaks="report"))
    assert found.profile.dropped == {}
    warned = [f for f in found.profile.findings if f.kind == "leak_test"]
    assert [(f.severity, f.count) for f in warned] == [("warning", 2), ("warning", 1)]
    with pytest.raises(DataError, match=r"data.leaks") as caught:
        prepared(leaking, own(leaks="error"))
    assert [p.place for p in caught.value.problems[1:]] == ["train.csv:42", "train.csv:43", "validation.csv:7"]


def test_a_training_text_that_stands_in_the_validation_file_leaves(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    write_csv(tmp_path / "validation.csv", tickets(10))
    found = prepared(tmp_path, DataSpec(train="train.csv", validation="validation.csv"))
    assert found.profile.dropped == {"leak_validation": 10}
    assert found.splits["validation"].height == 10


def test_a_group_of_the_test_file_leaves_training(tmp_path: Path) -> None:
    rows = [{**row, "who": str(n % 10)} for n, row in enumerate(tickets(40))]
    write_csv(tmp_path / "train.csv", rows, ("text", "label", "who"))
    write_csv(tmp_path / "test.csv", [{**r, "who": "3"} for r in tickets(4, start=90)], ("text", "label", "who"))
    found = prepared(tmp_path, DataSpec(train="train.csv", test="test.csv", group="who"))
    assert found.profile.dropped == {"leak_test": 4}
    _assert_disjoint(found)


def test_overlong_rows_are_counted_exactly_and_their_text_stays(tmp_path: Path) -> None:
    rows = [*tickets(40), {"text": "word " * 20, "label": "refund"}, {"text": "other " * 30, "label": "refund"}]
    write_csv(tmp_path / "train.csv", rows)
    found = prepared(tmp_path, max_tokens=10)
    assert sum(split.overlength for split in found.profile.splits.values()) == 2
    assert "2 rows longer than 10 tokens are cut to fit; 34 of" in findings(found)["overlength"].message
    texts = pl.concat(list(found.splits.values()))["input"].to_list()
    assert ("word " * 20).strip() in texts
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, DataSpec(train="train.csv", overlength="error"), max_tokens=10)
    assert [p.given for p in caught.value.problems[1:]] == [
        "22 tokens, 12 beyond the context",
        "32 tokens, 22 beyond the context",
    ]


def test_overlong_rows_leave_training_but_never_the_test(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [*tickets(40), {"text": "word " * 20, "label": "refund"}])
    write_csv(tmp_path / "test.csv", [*tickets(9, start=90), {"text": "other " * 20, "label": "refund"}])
    found = prepared(tmp_path, DataSpec(train="train.csv", test="test.csv", overlength="drop"), max_tokens=10)
    assert found.profile.dropped == {"overlength": 1}
    assert found.splits["test"].height == 10


def test_one_class_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40, labels=["refund"]))
    with pytest.raises(DataError, match="bear the label 'refund'"):
        prepared(tmp_path)


def test_a_label_that_training_lacks_is_named_with_its_count(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    write_csv(tmp_path / "test.csv", [*tickets(4, start=90), {"text": "new", "label": "refunds"}])
    with pytest.raises(DataError, match="1 row with the label 'refunds', which no training row has") as caught:
        prepared(tmp_path, DataSpec(train="train.csv", test="test.csv"))
    assert "did you mean 'refund'" in str(caught.value)
    assert caught.value.problems[0].source == "test.csv:6"


def test_when_no_row_is_left_the_rules_that_took_them_are_named(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(10))
    write_csv(tmp_path / "test.csv", tickets(10))
    with pytest.raises(DataError, match="rows were dropped by leak_test 10"):
        prepared(tmp_path, DataSpec(train="train.csv", test="test.csv"))
    write_csv(tmp_path / "train.csv", [{"text": "-", "label": "a"}] * 3)
    with pytest.raises(DataError, match="missing_text 3"):
        prepared(tmp_path)


def test_too_few_rows_to_divide_are_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(3))
    with pytest.raises(DataError, match="validation split: has no rows"):
        prepared(tmp_path)


def test_an_unused_entry_of_the_label_map_is_found_with_a_near_name(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    found = prepared(tmp_path, DataSpec(train="train.csv", label_map={"refnd": "refund"}))
    assert "did you mean 'refund'" in findings(found)["label_map_unused"].message


def test_variants_imbalance_and_tiny_classes_are_found(tmp_path: Path) -> None:
    labels = ["delivery"] * 200 + ["refund"] * 9
    rows = [{"text": f"some message number {n}", "label": label} for n, label in enumerate(labels)]
    rows += [{"text": "one more of these", "label": "Delivery"}]
    write_csv(tmp_path / "train.csv", rows)
    found = findings(prepared(tmp_path))
    assert found["label_variant"].rows == ("train.csv:211",)
    assert '{"Delivery": "delivery"}' in found["label_variant"].remedy
    assert found["imbalance"].severity == "warning"
    assert "'Delivery' (1), 'refund'" in found["tiny_class"].message
    assert found["untested_class"].message.endswith("'Delivery'")


def test_the_profile_counts_what_the_splits_hold(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(50))
    found = prepared(tmp_path)
    for name, rows in found.splits.items():
        profile = found.profile.splits[name]
        lengths = [len(text.split()) + 2 for text in rows["input"]]
        assert profile.rows == rows.height
        assert profile.labels == Counter(rows["target"])
        assert profile.tokens is not None
        assert (profile.tokens.n, profile.tokens.maximum) == (rows.height, max(lengths))
        assert sum(profile.tokens.counts) == rows.height
    assert found.profile.labels == ("delivery", "refund")


def test_one_file_cannot_be_training_and_test(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(20))
    with pytest.raises(RecipeError, match="which another split is read from"):
        prepared(tmp_path, DataSpec(train="train.csv", test="train.csv"))


def test_a_test_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(20))
    write_csv(tmp_path / "test.csv", [{"txt": "a", "label": "refund"}], ("txt", "label"))
    with pytest.raises(RecipeError, match=r"test.csv has no column 'text'"):
        prepared(tmp_path, DataSpec(train="train.csv", test="test.csv"))


def test_splits_by_group_and_by_time_are_prepared(tmp_path: Path) -> None:
    rows = [{**r, "who": str(n // 4), "at": f"2024-01-{1 + n // 4:02}"} for n, r in enumerate(tickets(80))]
    write_csv(tmp_path / "train.csv", rows, ("text", "label", "who", "at"))
    by_group = prepared(tmp_path, DataSpec(train="train.csv", group="who"), GroupSplit())
    assert {name: by_group.splits[name].height for name in SPLITS} == {"train": 56, "validation": 8, "test": 16}
    by_time = prepared(tmp_path, DataSpec(train="train.csv", time="at"), TimeSplit())
    assert by_time.splits["test"]["line"].to_list() == list(range(66, 82))


def test_a_label_that_only_came_up_late_is_refused_by_a_split_by_time(tmp_path: Path) -> None:
    rows = [{**r, "at": f"2024-01-{1 + n // 4:02}"} for n, r in enumerate(tickets(80))]
    rows[79]["label"] = "new"
    write_csv(tmp_path / "train.csv", rows, ("text", "label", "at"))
    with pytest.raises(DataError, match="1 row with the label 'new', which no training row has"):
        prepared(tmp_path, DataSpec(train="train.csv", time="at"), TimeSplit())


def test_an_encoder_that_holds_nothing_measures_nothing(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    found = prepared(tmp_path, max_tokens=0)
    assert {name: profile.tokens for name, profile in found.profile.splits.items()} == dict.fromkeys(SPLITS)
    assert found.splits["train"].equals(prepared(tmp_path).splits["train"])


def test_settings_about_labels_are_refused_where_there_are_none(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(20))
    for about in ({"label_map": {"a": "b"}}, {"contradictions": "drop"}):
        with pytest.raises(RecipeError, match="is about labels, and the task is generation"):
            prepared(tmp_path, DataSpec(train="train.csv", input="text", target="label", **about), task="generation")
