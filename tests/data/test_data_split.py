from __future__ import annotations

from collections import Counter, defaultdict

import polars as pl
import pytest
from data_room import law
from hypothesis import assume, given
from hypothesis import strategies as st

from tunewright.core.errors import DataError
from tunewright.data.clusters import cluster_ids
from tunewright.data.split import Carving, assign_splits
from tunewright.data.times import instant
from tunewright.recipe.data import GroupSplit, StratifiedSplit, TimeSplit

BOTH = Carving(test=True, validation=True)
ROWS = st.lists(
    st.tuples(st.integers(0, 25), st.one_of(st.none(), st.integers(0, 8)), st.sampled_from("abc")),
    min_size=1,
    max_size=60,
)


def table(rows: list[tuple[int, int | None, str]]) -> pl.DataFrame:
    """Rows of content key, group and label."""
    return pl.DataFrame(
        {
            "content_key": [f"k{key}" for key, _, _ in rows],
            "group": [None if group is None else f"g{group}" for _, group, _ in rows],
            "target": [label for _, _, label in rows],
            "frozen": [False] * len(rows),
            "source": ["t.csv"] * len(rows),
            "line": list(range(2, len(rows) + 2)),
        },
        schema_overrides={"group": pl.String},
    )


def one_each(counts: dict[str, int]) -> pl.DataFrame:
    """So many rows of each label, all of different texts."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    return table([(number, None, label) for number, label in enumerate(labels)])


def plain_components(frame: pl.DataFrame) -> list[set[int]]:
    """Connected rows by repeated merging: the definition, slowly."""
    parts = [{n} for n in range(frame.height)]
    keys, groups = frame["content_key"].to_list(), frame["group"].to_list()

    def touch(one: set[int], other: set[int]) -> bool:
        return any(keys[a] == keys[b] or (groups[a] is not None and groups[a] == groups[b]) for a in one for b in other)

    merged = True
    while merged:
        merged = False
        for one in parts:
            other = next((p for p in parts if p is not one and touch(one, p)), None)
            if other is not None:
                one.update(other)
                parts.remove(other)
                merged = True
                break
    return parts


@law(60)
@given(ROWS)
def test_clusters_are_the_rows_connected_by_key_or_group(rows: list[tuple[int, int | None, str]]) -> None:
    frame = table(rows[:20])
    found = defaultdict(set)
    for number, cluster in enumerate(cluster_ids(frame)):
        found[cluster].add(number)
    assert sorted(map(sorted, found.values())) == sorted(map(sorted, plain_components(frame)))


@pytest.mark.parametrize("kind", [StratifiedSplit, GroupSplit])
@law()
@given(ROWS, st.integers(0, 5))
def test_no_content_key_and_no_group_stands_in_two_splits(
    kind: type[StratifiedSplit], rows: list[tuple[int, int | None, str]], seed: int
) -> None:
    frame = table(rows)
    split = frame.with_columns(assign_splits(frame, kind(seed=seed), BOTH))
    for column in ("content_key", "group"):
        counts = split.drop_nulls(column).group_by(column).agg(pl.col("split").n_unique())
        assert (counts["split"] == 1).all()


@law()
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_plays_no_part(rows: list[tuple[int, int | None, str]], random: object) -> None:
    frame = table(rows)
    order = list(range(frame.height))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = frame[order]
    first = dict(zip(frame["content_key"], assign_splits(frame, StratifiedSplit(), BOTH), strict=True))
    second = dict(zip(shuffled["content_key"], assign_splits(shuffled, StratifiedSplit(), BOTH), strict=True))
    assert first == second


@law()
@given(ROWS)
def test_each_label_of_two_clusters_or_more_is_trained_on(rows: list[tuple[int, int | None, str]]) -> None:
    frame = table(rows).with_columns(group=pl.lit(None, dtype=pl.String))
    split = frame.with_columns(assign_splits(frame, StratifiedSplit(), BOTH))
    train = set(split.filter(pl.col("split") == "train")["target"])
    for label, keys in frame.group_by("target").agg(pl.col("content_key").n_unique()).iter_rows():
        assert label in train or keys < 2


@law(50)
@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(3, 60), min_size=2), st.integers(0, 3))
def test_shares_are_kept_label_by_label_to_the_nearest_row(counts: dict[str, int], seed: int) -> None:
    frame = one_each(counts)
    spec = StratifiedSplit(seed=seed)
    found = Counter(zip(frame["target"], assign_splits(frame, spec, BOTH), strict=True))
    for label, count in counts.items():
        for name, share in (("test", spec.test), ("validation", spec.validation)):
            assert abs(found[label, name] - share * count) <= 0.5 or found[label, name] == 1


def test_labels_of_few_rows_are_trained_on_first_then_tested_then_validated() -> None:
    frame = one_each({"many": 50, "three": 3, "two": 2, "one": 1})
    found = Counter(zip(frame["target"], assign_splits(frame, StratifiedSplit(), BOTH), strict=True))
    assert [found["three", name] for name in ("train", "validation", "test")] == [1, 1, 1]
    assert [found["two", name] for name in ("train", "validation", "test")] == [1, 0, 1]
    assert [found["one", name] for name in ("train", "validation", "test")] == [1, 0, 0]


def test_another_seed_gives_another_split() -> None:
    frame = one_each({"a": 50, "b": 50})
    splits = {tuple(assign_splits(frame, StratifiedSplit(seed=seed), BOTH)) for seed in range(5)}
    assert len(splits) == 5


def test_mixed_groups_still_come_near_the_shares() -> None:
    rows = [(n, n // 5, "abc"[(n * 7) % 3]) for n in range(600)]
    frame = table(rows)
    found = Counter(assign_splits(frame, StratifiedSplit(), BOTH))
    assert abs(found["test"] - 120) <= 15
    assert abs(found["validation"] - 60) <= 15


def test_a_group_split_keeps_the_share_of_rows() -> None:
    frame = table([(n, n // 5, "a" if n < 300 else "b") for n in range(600)])
    found = Counter(assign_splits(frame, GroupSplit(), BOTH))
    assert found == {"train": 420, "test": 120, "validation": 60}


@law(50)
@given(st.lists(st.integers(0, 1000), min_size=3, max_size=60, unique=True))
def test_a_split_by_time_tests_on_the_latest_rows(days: list[int]) -> None:
    frame = table([(n, None, "a") for n in range(len(days))])
    frame = frame.with_columns(time=pl.Series([str(1_500_000_000 + day * 86_400) for day in days]))
    split = frame.with_columns(assign_splits(frame, TimeSplit(), BOTH), day=pl.Series(days))
    latest = {name: split.filter(pl.col("split") == name)["day"] for name in ("train", "validation", "test")}
    assume(all(series.len() for series in latest.values()))
    assert latest["train"].max() < latest["validation"].min()  # type: ignore[operator]
    assert latest["validation"].max() < latest["test"].min()  # type: ignore[operator]
    assert abs(latest["test"].len() - 0.2 * len(days)) <= 1


def test_rows_that_belong_together_are_as_late_as_the_latest_of_them() -> None:
    frame = table([(n, 0 if n in {0, 9} else None, "a") for n in range(10)])
    frame = frame.with_columns(time=pl.Series([f"2024-01-{1 + n:02}" for n in range(10)]))
    split = assign_splits(frame, TimeSplit(), BOTH)
    # No training row may be later than a row of the test, so the earliest row goes with its group.
    assert [n for n, name in enumerate(split) if name == "test"] == [0, 9]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2024-03-31", "2024-03-31T00:00:00Z"),
        ("2024/3/31", "2024-03-31"),
        ("2024-03-31T02:00:00+02:00", "2024-03-31 00:00:00"),
        ("1711843200", "2024-03-31"),
        ("1711843200000", "2024-03-31"),
    ],
)
def test_times_of_several_spellings_are_one_instant(one: str, other: str) -> None:
    assert instant(one) == instant(other)


def test_times_that_cannot_be_read_are_listed_by_line() -> None:
    frame = table([(n, None, "a") for n in range(4)])
    frame = frame.with_columns(time=pl.Series(["2024-01-01", "03/04/2024", None, "soon"]))
    with pytest.raises(DataError) as caught:
        assign_splits(frame, TimeSplit(), BOTH)
    assert [problem.place for problem in caught.value.problems[1:]] == ["t.csv:3", "t.csv:4", "t.csv:5"]
