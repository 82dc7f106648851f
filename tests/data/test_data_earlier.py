"""Laws of a base that is an earlier run: its tests are never trained on, its rows are replayed by the seed alone."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest
from data_room import WordsEncoder, tickets, write_csv
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import RecipeError
from tunewright.data.earlier import Earlier, draw_replay, leave_earlier_tests, lineage_of
from tunewright.data.lock import write_lock
from tunewright.data.prepare import Prepared, Request, prepare
from tunewright.data.rows import WORK_SCHEMA
from tunewright.recipe.data import DataSpec, StratifiedSplit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LABELS = ("delivery", "refund")


def prepared(folder: Path, train: str, earlier: Earlier | None = None, *, group: str | None = None) -> Prepared:
    lock = folder / "tunewright.lock"
    spec = DataSpec(train=train, group=group)
    request = Request(spec, StratifiedSplit(), "classification", folder, lock, earlier=earlier)
    return prepare(request, encoder=WordsEncoder())


def earlier_of(
    first: Prepared, *, replay: float = 0.2, seed: int = 13, groups: tuple[str | None, str | None] = (None, None)
) -> Earlier:
    """`groups`: the columns that the earlier recipe and the new one name."""
    splits = first.splits
    lineage = lineage_of("a", list(splits.values()), first.lineage, group=groups[0])
    return Earlier("a", "classification", splits["train"], splits["test"], lineage, LABELS, replay, seed, "", groups[1])


def new_rows(prepared: Prepared) -> pl.DataFrame:
    return prepared.splits["train"].filter(~pl.col("source").str.starts_with("run:"))


def replays(prepared: Prepared) -> pl.DataFrame:
    return prepared.splits["train"].filter(pl.col("source").str.starts_with("run:"))


def first_run(folder: Path, count: int = 60) -> Prepared:
    write_csv(folder / "old.csv", tickets(count))
    return prepared(folder, "old.csv")


def test_no_row_of_an_earlier_test_is_trained_on(tmp_path: Path) -> None:
    first = first_run(tmp_path)
    tested = first.splits["test"]["input"].to_list()
    planted = [{"text": text.upper() + "!", "label": "refund"} for text in tested]  # other signs, the same words
    write_csv(tmp_path / "new.csv", [*tickets(40, start=100), *planted])
    second = prepared(tmp_path, "new.csv", earlier_of(first))
    keys = set(first.splits["test"]["content_key"])
    assert not keys & {key for rows in second.splits.values() for key in rows["content_key"]}
    dropped = second.dropped.filter(pl.col("rule") == "earlier_test")
    assert dropped.height == len(planted) == second.profile.dropped["earlier_test"]
    assert any(finding.kind == "earlier_test" and finding.count == len(planted) for finding in second.profile.findings)


def test_a_row_of_the_group_of_an_earlier_test_row_leaves_with_all_that_hangs_on_it(tmp_path: Path) -> None:
    first = first_run(tmp_path)
    tested = first.splits["test"]["input"][0]
    rows = [{**row, "customer": f"c{n}"} for n, row in enumerate(tickets(40, start=100))]
    rows += [{"text": tested, "label": "refund", "customer": "x"}, {**tickets(1, start=900)[0], "customer": "x"}]
    write_csv(tmp_path / "new.csv", rows, ("text", "label", "customer"))
    second = prepared(tmp_path, "new.csv", earlier_of(first, groups=(None, "customer")), group="customer")
    assert second.dropped.filter(pl.col("rule") == "earlier_test").height == 2


@pytest.mark.parametrize(("column", "linked"), [("customer", True), ("shop", False)])
def test_groups_of_two_runs_are_compared_only_where_both_name_the_same_column(
    tmp_path: Path, column: str, linked: bool
) -> None:
    old = [{**row, "customer": f"{n}"} for n, row in enumerate(tickets(60))]
    write_csv(tmp_path / "old.csv", old, ("text", "label", "customer"))
    first = prepared(tmp_path, "old.csv", group="customer")
    new = [{**row, column: f"{n}"} for n, row in enumerate(tickets(60, start=100))]  # the same numbers
    write_csv(tmp_path / "new.csv", new, ("text", "label", column))
    earlier = earlier_of(first, groups=("customer", column))
    rows = pl.concat(prepared(tmp_path, "new.csv", group=column).splits.values())
    sifted, findings = leave_earlier_tests(rows.with_columns(frozen=pl.lit(value=False)), earlier)
    dropped, told = sifted.dropped, {finding.kind: finding for finding in findings}
    if linked:
        assert set(dropped["group"]) == set(first.splits["test"]["group"])
        assert "rename the column" in told["earlier_test"].remedy
        assert "earlier_groups" not in told
    else:
        assert not dropped.height
        assert "60 groups of earlier runs (of a, data.group 'customer')" in told["earlier_groups"].message
        assert "data.group" in told["earlier_groups"].remedy


def test_rows_of_a_run_before_the_earlier_one_are_kept_out_too(tmp_path: Path) -> None:
    first = first_run(tmp_path)
    write_csv(tmp_path / "middle.csv", tickets(40, start=200))
    second = prepared(tmp_path, "middle.csv", earlier_of(first))
    earlier = replace(
        earlier_of(second), run="b", lineage=lineage_of("b", list(second.splits.values()), second.lineage)
    )
    oldest = first.splits["test"]["input"][0]
    write_csv(tmp_path / "new.csv", [*tickets(40, start=400), {"text": oldest, "label": "refund"}])
    third = prepared(tmp_path, "new.csv", earlier)
    assert third.profile.dropped == {"earlier_test": 1}


@pytest.mark.parametrize("replay", [0.0, 0.1, 0.25, 1.0])
def test_as_many_rows_are_replayed_as_asked_for(tmp_path: Path, replay: float) -> None:
    first = first_run(tmp_path)
    write_csv(tmp_path / "new.csv", tickets(30, start=100))
    second = prepared(tmp_path, "new.csv", earlier_of(first, replay=replay))
    mixed = replays(second)
    assert mixed.height == math.floor(replay * new_rows(second).height + 0.5) == second.profile.replayed
    assert set(mixed["content_key"]) <= set(first.splits["train"]["content_key"])
    assert mixed["row_id"].n_unique() == mixed.height
    assert second.profile.read == second.profile.kept + sum(second.profile.dropped.values())
    assert all(not rows["source"].str.starts_with("run:").any() for n, rows in second.splits.items() if n != "train")


def test_the_seed_alone_decides_which_rows_are_replayed(tmp_path: Path) -> None:
    first = first_run(tmp_path)
    write_csv(tmp_path / "new.csv", tickets(30, start=100))
    draws = [
        set(replays(prepared(tmp_path, "new.csv", earlier))["content_key"])
        for earlier in (
            earlier_of(first),
            replace(earlier_of(first), train=first.splits["train"].sample(fraction=1.0, shuffle=True, seed=1)),
            earlier_of(first, seed=14),
        )
    ]
    assert draws[0] == draws[1] != draws[2]


def test_a_run_with_fewer_rows_than_asked_for_gives_them_all_and_says_so(tmp_path: Path) -> None:
    first = first_run(tmp_path, 20)
    write_csv(tmp_path / "new.csv", tickets(60, start=1000))  # unlike those of the first run: none is held back
    second = prepared(tmp_path, "new.csv", earlier_of(first, replay=2.0))
    assert second.profile.replayed == first.splits["train"].height
    assert [f.severity for f in second.profile.findings if f.kind == "replay"] == ["warning"]


def test_labels_that_the_earlier_head_lacks_are_refused_and_a_part_of_them_is_not(tmp_path: Path) -> None:
    first = first_run(tmp_path)
    write_csv(tmp_path / "other.csv", tickets(30, ("refund", "praise"), start=100))
    with pytest.raises(RecipeError, match="'praise' would need a new head") as told:
        prepared(tmp_path, "other.csv", earlier_of(first))
    assert "tells apart 'delivery', 'refund'" in str(told.value)
    write_csv(tmp_path / "part.csv", tickets(30, ("refund",), start=100))
    second = prepared(tmp_path, "part.csv", earlier_of(first))
    assert second.profile.labels == LABELS


def test_a_row_that_the_base_was_tuned_on_is_never_carved_for_the_test(tmp_path: Path) -> None:
    first = first_run(tmp_path)
    trained = [{"text": t, "label": y} for t, y in first.splits["train"].select("input", "target").iter_rows()]
    write_csv(tmp_path / "new.csv", [*tickets(30, start=100), *trained])
    second = prepared(tmp_path, "new.csv", earlier_of(first))
    assert not set(second.splits["test"]["content_key"]) & set(first.splits["train"]["content_key"])


def test_a_grown_file_keeps_its_test_and_the_second_preparation_agrees_with_the_first(tmp_path: Path) -> None:
    first = first_run(tmp_path)
    write_lock(tmp_path / "tunewright.lock", first.lock)
    write_csv(tmp_path / "old.csv", [*tickets(60), *tickets(20, start=100)])
    second = prepared(tmp_path, "old.csv", earlier_of(first))
    assert set(second.splits["test"]["content_key"]) == set(first.splits["test"]["content_key"])
    assert second.profile.dropped == {}
    write_lock(tmp_path / "tunewright.lock", second.lock)
    again = prepared(tmp_path, "old.csv", earlier_of(first))
    assert all(again.splits[name].equals(second.splits[name]) for name in second.splits)


def work_rows(keys: Sequence[int], groups: Sequence[int | None], splits: Sequence[str]) -> pl.DataFrame:
    n = len(keys)
    columns = {
        "row_id": [f"r{i}" for i in range(n)],
        "content_key": [f"k{key}" for key in keys],
        "source": ["s"] * n,
        "line": range(1, n + 1),
        "group": [None if group is None else f"g{group}" for group in groups],
        "split": splits,
        "input": [f"text {key}" for key in keys],
        "target": ["refund"] * n,
        "meta": ["{}"] * n,
        "role": ["train"] * n,
    }
    frame = pl.DataFrame({name: columns.get(name, [None] * n) for name in WORK_SCHEMA}, schema=WORK_SCHEMA)
    return frame.with_columns(frozen=pl.lit(value=False))


ROW = st.tuples(st.integers(0, 12), st.none() | st.integers(0, 6), st.sampled_from(["train", "validation", "test"]))


@given(old=st.lists(ROW, min_size=1, max_size=12), new=st.lists(ROW, min_size=1, max_size=12), replay=st.floats(0, 3))
def test_nothing_that_stays_or_is_replayed_touches_an_earlier_test(
    old: list[tuple[int, int | None, str]], new: list[tuple[int, int | None, str]], replay: float
) -> None:
    before = work_rows(*zip(*old, strict=True))  # type: ignore[arg-type]  # zip of triples
    train, test = (before.filter(pl.col("split") == name) for name in ("train", "test"))
    lineage = lineage_of("a", [before], None, group="who")
    earlier = Earlier("a", "classification", train, test, lineage, (), replay, 1, "", "who")
    kept = leave_earlier_tests(work_rows(*zip(*new, strict=True)), earlier)[0].kept  # type: ignore[arg-type]
    mixed, _ = draw_replay(kept, earlier, lambda rows: rows)
    held = pl.concat([kept.filter(pl.col("split") != "train"), mixed.clear()])
    for rows, others in ((kept, test), (mixed, test), (mixed, held)):
        assert not set(rows["content_key"]) & set(others["content_key"])
        assert not set(rows["group"].drop_nulls()) & set(others["group"].drop_nulls())
    assert mixed.height <= math.floor(replay * kept.filter(pl.col("split") == "train").height + 0.5)
