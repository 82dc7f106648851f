from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from data_room import law, prepared, tickets, write_csv
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError
from tunewright.data.freeze import share_of
from tunewright.data.lock import Lock, LockedTest, frozen_rows, lock_text, read_lock, write_lock
from tunewright.recipe.data import DataSpec, StratifiedSplit, TimeSplit

if TYPE_CHECKING:
    from tunewright.data.prepare import Prepared
    from tunewright.recipe.data import SplitSpec

COLUMNS = ("text", "label", "who")


def rows_of(count: int, start: int = 0) -> list[dict[str, str]]:
    return [{**row, "who": f"c{n // 3}"} for n, row in enumerate(tickets(count, start=start), start=start)]


def freeze(folder: Path, spec: DataSpec | None = None, split: SplitSpec | None = None) -> Prepared:
    found = prepared(folder, spec, split)
    write_lock(folder / "tunewright.lock", found.lock)
    return found


def pairs_tested(found: Prepared) -> set[tuple[str, str]]:
    return set(found.splits["test"].select("content_key", "target").iter_rows())


def test_of_equal_rows_as_many_are_frozen_as_were_locked() -> None:
    rows = pl.DataFrame({"content_key": ["a", "b", "a", "a"], "target": ["x", "x", "x", "x"]})
    test = LockedTest("carved", 1, (("r0", "a", "x"), ("r1", "a", "x")), "")
    assert frozen_rows(rows, test).to_list() == [True, False, True, False]


@law(40)
@given(
    st.lists(st.integers(0, 30), max_size=15),
    st.randoms(use_true_random=False),
    st.sampled_from([None, "who"]),
    st.sampled_from(["keep", "drop"]),
    st.sampled_from(["keep_first", "keep_all"]),
)
def test_appended_and_reordered_rows_never_move_a_test_row(
    more: list[int], random: Any, group: str | None, contradictions: Any, duplicates: Any
) -> None:
    """New rows may be new, repeat old ones, contradict them, or belong to their customers."""
    spec = DataSpec(train="train.csv", group=group, contradictions=contradictions, duplicates=duplicates)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old = rows_of(24)
        write_csv(folder / "train.csv", old, COLUMNS)
        before = freeze(folder, spec)
        new = [{"text": old[n]["text"] if n < 24 else f"new {n}", "label": "refund", "who": f"c{n % 10}"} for n in more]
        rows = old + new
        random.shuffle(rows)
        write_csv(folder / "train.csv", rows, COLUMNS)
        after = prepared(folder, spec)
        assert pairs_tested(after) == pairs_tested(before)
        assert after.splits["test"].height == before.splits["test"].height
        assert after.lock == before.lock
        held = set(after.splits["test"]["content_key"])
        for split in ("train", "validation"):
            assert not held & set(after.splits[split]["content_key"])
        if group:
            touched = set(after.splits["test"]["group"])
            assert not touched & set(after.splits["train"]["group"])


def test_new_rows_that_touch_the_test_leave_by_name(tmp_path: Path) -> None:
    old = rows_of(60)
    write_csv(tmp_path / "train.csv", old, COLUMNS)
    spec = DataSpec(train="train.csv", group="who")
    test = freeze(tmp_path, spec).splits["test"].row(0, named=True)
    new = [
        {"text": test["input"].upper(), "label": "another", "who": "z"},
        {"text": "of the same customer", "label": "refund", "who": test["group"]},
        {"text": "of a new customer", "label": "refund", "who": "z"},
    ]
    write_csv(tmp_path / "train.csv", [*old, *new], COLUMNS)
    found = prepared(tmp_path, spec)
    assert found.dropped.select("line", "rule").rows() == [(62, "touches_test"), (63, "touches_test")]


def test_a_new_validation_file_gives_way_to_the_frozen_test(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    before = freeze(tmp_path)
    held = before.splits["test"].select(text="input", label="target").to_dicts()
    write_csv(tmp_path / "validation.csv", [*held[:3], *tickets(10, start=90)])
    after = prepared(tmp_path, DataSpec(train="train.csv", validation="validation.csv"))
    assert pairs_tested(after) == pairs_tested(before)
    assert after.splits["validation"].height == 10
    assert after.profile.dropped == {"touches_test": 3}


def test_the_first_and_the_second_run_divide_alike(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(97, labels=["a", "b", "c"]))
    first = freeze(tmp_path)
    second = prepared(tmp_path)
    assert all(first.splits[name].equals(second.splits[name]) for name in ("train", "validation", "test"))


@pytest.mark.parametrize("kind", ["carved", "file"])
def test_a_changed_test_row_is_refused_with_counts_and_examples(tmp_path: Path, kind: str) -> None:
    rows = rows_of(40)
    write_csv(tmp_path / "train.csv", rows_of(40, start=100) if kind == "file" else rows, COLUMNS)
    write_csv(tmp_path / "test.csv", rows, COLUMNS)
    spec = DataSpec(train="train.csv", test="test.csv" if kind == "file" else None)
    found = freeze(tmp_path, spec)
    assert {test.kind for test in found.lock.tests.values()} == {kind}
    name = "test.csv" if kind == "file" else "train.csv"
    first, second = (found.splits["test"]["line"].to_list()[n] - 2 for n in (0, 1))
    changed = [dict(row) for row in rows]
    changed[first]["label"] = "refund" if changed[first]["label"] == "delivery" else "delivery"
    changed[second]["text"] = "something else"
    write_csv(tmp_path / name, changed, COLUMNS)
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, spec)
    assert caught.value.exit_code == 3
    added = ", 1 was added" if kind == "file" else ""
    assert f"1 is gone, 1 has another label{added}" in caught.value.problems[0].given
    assert caught.value.problems[1].place == f"{name}:{first + 2}"


def test_a_row_added_to_an_own_test_file_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    write_csv(tmp_path / "test.csv", tickets(10, start=90))
    spec = DataSpec(train="train.csv", test="test.csv")
    freeze(tmp_path, spec)
    write_csv(tmp_path / "test.csv", tickets(11, start=90))
    with pytest.raises(DataError, match="10 rows changed: 1 was added"):
        prepared(tmp_path, spec)


def test_an_own_test_file_may_be_reordered(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    write_csv(tmp_path / "test.csv", tickets(10, start=90))
    spec = DataSpec(train="train.csv", test="test.csv")
    lock = freeze(tmp_path, spec).lock
    write_csv(tmp_path / "test.csv", tickets(10, start=90)[::-1])
    assert prepared(tmp_path, spec).lock == lock


@pytest.mark.parametrize(
    ("spec", "split", "place"),
    [
        ({}, {"seed": 14}, "split.seed"),
        ({}, {"test": 0.3}, "split.test"),
        ({"target": "other"}, {}, "data.target"),
    ],
)
def test_other_settings_than_the_frozen_ones_are_refused_by_name(
    tmp_path: Path, spec: dict[str, Any], split: dict[str, Any], place: str
) -> None:
    rows = [{**row, "other": row["label"]} for row in tickets(40)]
    write_csv(tmp_path / "train.csv", rows, ("text", "label", "other"))
    freeze(tmp_path, DataSpec(train="train.csv", target="label"))
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, DataSpec(train="train.csv", **({"target": "label"} | spec)), StratifiedSplit(**split))
    assert [problem.place for problem in caught.value.problems] == [place]


def test_another_share_of_validation_rows_leaves_the_test_alone(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    before = freeze(tmp_path)
    assert pairs_tested(prepared(tmp_path, None, StratifiedSplit(validation=0.3))) == pairs_tested(before)


def test_a_reason_replaces_the_test_once_and_is_kept(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    old = freeze(tmp_path).lock.tests["train.csv"]
    write_csv(tmp_path / "train.csv", tickets(40, start=500))
    split = StratifiedSplit(seed=14, refreeze="new catalogue")
    new = freeze(tmp_path, None, split).lock.tests["train.csv"]
    assert new.digest != old.digest
    assert [(step.reason, step.rows, step.digest) for step in new.history] == [
        ("new catalogue", len(old.rows), old.digest)
    ]
    assert freeze(tmp_path, None, split).lock.tests["train.csv"] == new
    write_csv(tmp_path / "train.csv", tickets(40, start=900))
    with pytest.raises(DataError, match="are gone"):
        prepared(tmp_path, None, split)
    again = freeze(tmp_path, None, StratifiedSplit(seed=14, refreeze="another one"))
    assert [step.reason for step in again.lock.tests["train.csv"].history] == ["new catalogue", "another one"]


def test_a_test_file_does_not_quietly_replace_a_carved_test(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    write_csv(tmp_path / "test.csv", tickets(10, start=90))
    freeze(tmp_path)
    spec = DataSpec(train="train.csv", test="test.csv")
    with pytest.raises(DataError, match="frozen with 'carved'"):
        prepared(tmp_path, spec)
    lock = prepared(tmp_path, spec, StratifiedSplit(refreeze="an official test came")).lock
    assert list(lock.tests) == ["test.csv"]
    assert lock.tests["test.csv"].history[0].reason == "an official test came"


def test_the_spelling_of_a_path_does_not_open_the_lock(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    before = freeze(tmp_path)
    for spelling in ("./train.csv", str(tmp_path / "train.csv"), f"../{tmp_path.name}/train.csv"):
        assert prepared(tmp_path, DataSpec(train=spelling)).lock == before.lock


def test_a_second_source_is_frozen_beside_the_first_with_a_note(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    write_csv(tmp_path / "other.csv", tickets(40, start=90))
    freeze(tmp_path)
    found = freeze(tmp_path, DataSpec(train="other.csv"))
    assert sorted(found.lock.tests) == ["other.csv", "train.csv"]
    assert ("new_test", "note") in {(finding.kind, finding.severity) for finding in found.profile.findings}


def test_a_lock_survives_writing_and_reading(tmp_path: Path) -> None:
    rows = (("ab", "cd", 'a "quoted", label'), ("ef", "01", "b\\"), ("23", "45", "[ ]"))
    lock = Lock(tests={"t.csv": LockedTest("file", None, rows, "", input="a", target="b")})
    assert json.loads(lock_text(lock))["tests"]["t.csv"]["rows"] == [list(row) for row in rows]
    assert lock_text(lock).count("\n") < 30  # a line a row


def test_a_missing_lock_is_an_empty_one(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "tunewright.lock") == Lock()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1, "tests": {"a": 3}}', '{"version": 2, "tests": {}}'])
def test_a_broken_lock_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "tunewright.lock").write_text(text)
    with pytest.raises(DataError):
        read_lock(tmp_path / "tunewright.lock")


def test_a_misspelt_key_of_a_frozen_test_is_refused(tmp_path: Path) -> None:
    """As `{}` it would say that the texts were never masked, so that none of the rows is found again."""
    write_csv(tmp_path / "train.csv", tickets(40))
    freeze(tmp_path)
    path = tmp_path / "tunewright.lock"
    path.write_text(path.read_text().replace('"masks"', '"mask"', 1))
    with pytest.raises(DataError, match="mask: "):
        read_lock(path)


def test_an_edited_lock_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    freeze(tmp_path)
    path = tmp_path / "tunewright.lock"
    path.write_text(path.read_text().replace('"refund"', '"delivery"', 1))
    with pytest.raises(DataError, match="was edited"):
        read_lock(path)


def test_writing_the_same_lock_again_touches_nothing(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    found = freeze(tmp_path)
    path = tmp_path / "tunewright.lock"
    before = path.stat()
    write_lock(path, found.lock)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def with_own_test(folder: Path) -> DataSpec:
    """A training file and a test file of its own, whose test is frozen."""
    write_csv(folder / "train.csv", tickets(40))
    write_csv(folder / "test.csv", tickets(10, start=90))
    spec = DataSpec(train="train.csv", test="test.csv")
    freeze(folder, spec)
    return spec


@pytest.mark.parametrize("test", [None, "easier.csv"])
def test_a_frozen_test_file_is_not_replaced_without_a_reason(tmp_path: Path, test: str | None) -> None:
    with_own_test(tmp_path)
    write_csv(tmp_path / "easier.csv", tickets(10, start=200))
    spec = DataSpec(train="train.csv", test=test)
    with pytest.raises(DataError, match=r"tested on the test 'test\.csv'") as caught:
        prepared(tmp_path, spec)
    assert caught.value.exit_code == 3
    assert caught.value.problems[0].place == "data.test"
    assert "split.refreeze" in caught.value.problems[0].remedy
    new = freeze(tmp_path, spec, StratifiedSplit(refreeze="the old one was too easy")).lock
    assert list(new.tests) == [test or "train.csv"]
    assert [(step.reason, step.rows) for step in new.tests[test or "train.csv"].history] == [
        ("the old one was too easy", 10)
    ]
    assert prepared(tmp_path, spec).lock == new
    with pytest.raises(DataError, match="tested on"):
        prepared(tmp_path, DataSpec(train="train.csv", test="test.csv"))


def test_two_training_files_may_share_a_test_and_one_may_leave_it(tmp_path: Path) -> None:
    first = with_own_test(tmp_path)
    write_csv(tmp_path / "more.csv", tickets(60, start=300))
    second = DataSpec(train="more.csv", test="test.csv")
    shared = freeze(tmp_path, second).lock
    assert shared.uses == {"train.csv": "test.csv", "more.csv": "test.csv"}
    lock = freeze(tmp_path, DataSpec(train="more.csv"), StratifiedSplit(refreeze="a test of its own")).lock
    assert sorted(lock.tests) == ["more.csv", "test.csv"]
    assert lock.tests["more.csv"].history[0].digest == shared.tests["test.csv"].digest
    assert prepared(tmp_path, first).lock == lock


def test_a_lock_written_before_training_sources_were_kept_is_honoured_and_completed(tmp_path: Path) -> None:
    spec = with_own_test(tmp_path)
    path = tmp_path / "tunewright.lock"
    old = json.loads(path.read_text())
    del old["uses"]
    path.write_text(json.dumps(old))
    assert prepared(tmp_path, spec).lock.uses == {"train.csv": "test.csv"}


def test_the_share_of_a_recipe_does_not_change_with_the_tests_of_others(tmp_path: Path) -> None:
    with_own_test(tmp_path)
    before = read_lock(tmp_path / "tunewright.lock")
    write_csv(tmp_path / "other.csv", tickets(40, start=500))
    after = freeze(tmp_path, DataSpec(train="other.csv")).lock
    assert len(after.tests) == 2
    assert share_of(after, train="train.csv", test="test.csv") == before
    assert share_of(after, train="train.csv", test=None) == before
    assert share_of(after, train="new.csv", test=None) == Lock()


@law(60)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.none() | st.integers(0, 9)), min_size=12, max_size=40),
    st.lists(st.tuples(st.integers(0, 25), st.none() | st.integers(0, 9)), min_size=1, max_size=12),
    st.sampled_from(["report", "drop_from_train"]),
    st.sampled_from(["keep_first", "keep_all"]),
)
def test_the_first_and_the_second_run_agree_beside_a_validation_file(
    own: list[Any], given_rows: list[Any], leaks: Any, duplicates: Any
) -> None:
    spec = DataSpec(train="train.csv", validation="validation.csv", group="who", leaks=leaks, duplicates=duplicates)

    def records(pairs: list[Any]) -> list[dict[str, str]]:
        return [{"text": f"text {n}", "label": "ab"[n % 2], "who": "" if g is None else f"g{g}"} for n, g in pairs]

    sure = [{"text": f"sure {n}", "label": "ab"[n % 2], "who": ""} for n in range(30)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_csv(folder / "train.csv", records(own) + sure, COLUMNS)
        write_csv(folder / "validation.csv", [*records(given_rows), {**sure[0], "text": "sure validation"}], COLUMNS)
        first = freeze(folder, spec)
        second = prepared(folder, spec)
        assert all(first.splits[part].equals(second.splits[part]) for part in first.splits)
        assert first.dropped.equals(second.dropped)
        assert first.profile == second.profile
        assert first.lock == second.lock
        held, validation = first.splits["test"], first.splits["validation"]
        assert not set(held["content_key"]) & set(validation["content_key"])
        assert not set(held["group"].drop_nulls()) & set(validation["group"].drop_nulls())


def test_a_validation_text_of_the_carved_test_leaves_in_the_first_run(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    write_csv(tmp_path / "validation.csv", [*tickets(40), *tickets(10, start=90)])
    spec = DataSpec(train="train.csv", validation="validation.csv", leaks="report")
    first = freeze(tmp_path, spec)
    assert first.profile.dropped == {"touches_test": first.splits["test"].height}
    assert prepared(tmp_path, spec).profile == first.profile


def test_rows_later_than_the_frozen_test_are_counted_with_a_remedy(tmp_path: Path) -> None:
    def dated(count: int) -> list[dict[str, str]]:
        return [{**row, "at": f"2024-01-01T{n:02}:00:00"} for n, row in enumerate(tickets(count))]

    columns = ("text", "label", "at")
    spec = DataSpec(train="train.csv", time="at")
    write_csv(tmp_path / "train.csv", dated(20), columns)
    first = freeze(tmp_path, spec, TimeSplit())
    same = prepared(tmp_path, spec, TimeSplit())
    assert first.splits["test"].height == 4
    for found in (first, same):
        assert "later_than_test" not in {finding.kind for finding in found.profile.findings}
    write_csv(tmp_path / "train.csv", dated(24), columns)
    grown = prepared(tmp_path, spec, TimeSplit())
    finding = next(finding for finding in grown.profile.findings if finding.kind == "later_than_test")
    assert (finding.severity, finding.count) == ("warning", 4)
    assert "split.refreeze" in finding.remedy
    assert finding.rows == ("train.csv:22", "train.csv:23", "train.csv:24", "train.csv:25")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"not a lock", "is not JSON (line 1, column 1)"),
        (b'{"version": 1,\n "tests"', "is not JSON (line 2, column 9)"),
        (b'{\n<<<<<<< HEAD\n "version": 1\n=======\n', "merge conflict (line 2)"),
        (b"\xff\xfe", "is not UTF-8"),
        (b'{"version": 1, "tests": 3, "uses": {}}', "is JSON, and no lock: tests"),
        (b"{}", "is JSON, and no lock: without 'version', 'tests'"),
        (b'{"tests": {}, "uses": {}}', "without 'version'"),
        (b'{"version": 1, "test": {}, "uses": {}}', "without 'tests'"),
        (b'{"version": 1, "tests": {}, "used": {}}', "is JSON, and no lock: used"),
        (b'{"version": 1, "tests": {}, "uses": {}, "test": {}}', "is JSON, and no lock: test"),
        (b'{"version": 2, "frozen": {}}', "another version of tunewright (lock version 2)"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_lock_is_told_so_with_a_remedy(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "tunewright.lock"
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        read_lock(path)
    (problem,) = raised.value.problems
    assert problem.place == str(path)
    assert words in problem.given
    assert "Expecting" not in problem.given
    assert problem.expected
    assert problem.remedy
