"""Rows of nearly equal text on their way through `prepare`: tied together, told of, dropped where asked."""

from __future__ import annotations

import json
import random
import tempfile
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from data_room import WordsEncoder, law, prepared, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tunewright.core.errors import DataError
from tunewright.core.rows import SPLITS
from tunewright.data.clusters import cluster_ids
from tunewright.data.earlier import Earlier, lineage_of
from tunewright.data.keys import content_key
from tunewright.data.lock import write_lock
from tunewright.data.near_duplicates import find_near, tied
from tunewright.data.prepare import Request, prepare
from tunewright.data.shingles import WIDTH
from tunewright.recipe.data import DataSpec, NearDuplicates, StratifiedSplit

if TYPE_CHECKING:
    from collections.abc import Iterable

TICKETS = Path(str(files("tunewright.starter") / "tickets"))
KEEP_FIRST = NearDuplicates(kind="keep_first")
FILLER = """
    the courier left a parcel with my neighbour on monday and nobody told us about any of it until somebody from
    number nine rang and asked whether we still wanted two blue mugs or would rather send both back for a refund
""".split()  # noqa: SIM905  # prose reads better


def story(seed: int, changed: int = 0) -> str:
    """A text of 37 words drawn by the seed; of those that only differ in `changed`, one word is another."""
    words = random.Random(seed).sample(FILLER, 36)
    return " ".join([*words[:12], f"variant{changed}" if changed else "plainly", *words[12:]])


def similarity(one: str, other: str) -> float:
    a, b = ({text[at : at + WIDTH] for at in range(len(text) - WIDTH + 1)} for text in (one, other))
    return len(a & b) / len(a | b)


def record(seed: int, changed: int = 0, label: str | None = None) -> dict[str, str]:
    return {"text": story(seed, changed), "label": label or ("refund", "delivery")[seed % 2]}


def close_pairs(frames: Iterable[pl.DataFrame]) -> list[tuple[str, str]]:
    """Texts of different frames that are near-duplicates by the slow measure."""
    texts = [set(frame["input"]) for frame in frames]
    return [(a, b) for one, other in combinations(texts, 2) for a in one for b in other if similarity(a, b) >= 0.8]


def test_the_stories_are_what_these_tests_take_them_for() -> None:
    assert similarity(story(1), story(1, 1)) >= 0.85
    assert max(similarity(story(a), story(b)) for a, b in combinations(range(60), 2)) < 0.6


def test_near_duplicates_never_straddle_carved_splits(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [record(n, v) for n in range(40) for v in range(3)])
    found = prepared(tmp_path)
    assert found.profile.kept == 120
    assert not close_pairs(found.splits.values())
    finding = next(f for f in found.profile.findings if f.kind == "near_duplicate")
    assert finding.count == 120
    assert "40 clusters" in finding.message


def test_detection_can_be_turned_off(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [record(n, v) for n in range(40) for v in range(3)])
    found = prepared(tmp_path, DataSpec(train="train.csv", near_duplicates=None))
    assert close_pairs(found.splits.values())
    assert not [f for f in found.profile.findings if f.kind == "near_duplicate"]


def test_clusters_within_a_test_file_are_known_to_the_statistics_by_what_is_left_of_them(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [record(n, v) for n in range(40) for v in range(2)])
    write_csv(tmp_path / "test.csv", [record(n, v) for n in (*range(35, 40), *range(200, 205)) for v in (7, 8, 9)])
    found = prepared(tmp_path, DataSpec(train="train.csv", test="test.csv"))
    test = found.splits["test"]
    assert test.height == 30
    assert cluster_ids(test).n_unique() == 10
    assert found.profile.dropped == {"leak_test": 10}, "of the names, rows that left decide nothing:"
    assert set(test["near"]) == set(test.group_by("near").agg(pl.col("content_key").min())["content_key"])
    alone = found.splits["train"].filter(pl.col("input") == story(3))
    assert alone["near"].null_count() == 0
    off = prepared(tmp_path, DataSpec(train="train.csv", test="test.csv", near_duplicates=None))
    assert off.splits["test"]["near"].null_count() == cluster_ids(off.splits["test"]).n_unique() == 30


VARIANTS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 3), st.sampled_from(["refund", "delivery"])), max_size=25
)


@law(25)
@given(VARIANTS, VARIANTS, st.sampled_from(["report", "keep_first", "keep_longest"]), st.booleans())
def test_no_cluster_straddles_and_no_row_is_lost_whatever_the_files_hold(
    train: list[tuple[int, int, str]], test: list[tuple[int, int, str]], kind: Any, own: bool
) -> None:
    sure = [record(100 + n) for n in range(12)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_csv(folder / "train.csv", [*sure, *(record(*row) for row in train)])
        write_csv(folder / "test.csv", [*(record(200 + n) for n in range(2)), *(record(*row) for row in test)])
        spec = DataSpec(train="train.csv", test="test.csv" if own else None, near_duplicates=NearDuplicates(kind=kind))
        found = prepared(folder, spec)
        left = found.dropped.filter(pl.col("action") == "dropped").height
        kept = sum(rows.height for rows in found.splits.values())
        assert found.profile.read == kept + left == 12 + len(train) + (2 + len(test) if own else 0)
        assert not close_pairs(found.splits.values())
        if own:
            assert found.splits["test"].height == 2 + len(test)
        write_lock(folder / "tunewright.lock", found.lock)
        again = prepared(folder, spec)
        assert all(again.splits[split].equals(found.splits[split]) for split in SPLITS)


@pytest.mark.parametrize("kind", ["keep_first", "keep_longest"])
def test_of_those_with_one_label_one_is_kept_and_each_that_leaves_is_like_it(tmp_path: Path, kind: Any) -> None:
    rows = [record(n, v) for n in range(30) for v in (0, 1, 234567)]
    odd = record(3, 5, label="refund")  # its like are labelled delivery
    write_csv(tmp_path / "train.csv", [*rows, odd])
    found = prepared(tmp_path, DataSpec(train="train.csv", near_duplicates=NearDuplicates(kind=kind)))
    assert found.profile.dropped == {"near_duplicate": 60}
    kept = pl.concat(found.splits.values())
    expected = {story(n, 0 if kind == "keep_first" else 234567) for n in range(30)}
    assert set(kept["input"]) == expected | {odd["text"]}
    for text in found.dropped["input"]:
        assert max(similarity(text, stays) for stays in kept["input"]) >= 0.8


def test_of_a_chain_no_row_leaves_that_is_unlike_all_that_stay(tmp_path: Path) -> None:
    words = random.Random(1).sample(FILLER, 30)
    chain = [" ".join(f"other{i}x" if i < n else word for i, word in enumerate(words)) for n in range(16)]
    assert similarity(chain[0], chain[-1]) < 0.5
    write_csv(tmp_path / "train.csv", [*({"text": t, "label": "refund"} for t in chain), *map(record, range(30))])
    found = prepared(tmp_path, DataSpec(train="train.csv", near_duplicates=KEEP_FIRST))
    left = found.dropped["input"].to_list()
    assert left
    kept = [text for rows in found.splits.values() for text in rows["input"]]
    assert all(max(similarity(text, stays) for stays in kept) >= 0.8 for text in left)
    assert not [pair for pair in combinations([t for t in kept if t in chain], 2) if similarity(*pair) >= 0.8]


def test_near_duplicates_of_the_users_own_test_leave_the_training_file(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [record(n) for n in range(60)])
    write_csv(tmp_path / "test.csv", [*(record(n, 1) for n in range(5)), *(record(900 + n) for n in range(5))])
    spec = DataSpec(train="train.csv", test="test.csv")
    found = prepared(tmp_path, spec)
    assert found.profile.dropped == {"leak_test": 5}
    assert found.splits["test"].height == 10
    finding = next(f for f in found.profile.findings if f.kind == "leak_test")
    assert "5 only by a near-duplicate" in finding.message
    assert prepared(tmp_path, spec.model_copy(update={"leaks": "report"})).profile.dropped == {}
    with pytest.raises(DataError, match="leak_test"):
        prepared(tmp_path, spec.model_copy(update={"leaks": "error"}))


@pytest.mark.parametrize("near", [NearDuplicates(), KEEP_FIRST, NearDuplicates(kind="keep_longest")])
def test_new_rows_that_are_like_the_frozen_test_do_not_enter_training(tmp_path: Path, near: NearDuplicates) -> None:
    rows = [record(n) for n in range(60)]
    write_csv(tmp_path / "train.csv", rows)
    spec = DataSpec(train="train.csv", near_duplicates=near)
    first = prepared(tmp_path, spec)
    write_lock(tmp_path / "tunewright.lock", first.lock)
    write_csv(tmp_path / "train.csv", [*(record(n, 123456) for n in range(60)), *rows])  # longer, and before the old
    second = prepared(tmp_path, spec)
    assert set(second.splits["test"]["input"]) == set(first.splits["test"]["input"])
    assert not close_pairs(second.splits.values())
    tests = first.splits["test"].height
    assert sum(second.profile.dropped.values()) == (tests if near.kind == "report" else 60)


def test_rows_that_are_like_an_earlier_runs_test_leave_and_none_like_its_training_is_a_test(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [record(n) for n in range(60)])
    first = prepared(tmp_path)
    lineage = lineage_of("a", list(first.splits.values()), None)
    labels = ("delivery", "refund")
    earlier = Earlier("a", "classification", first.splits["train"], first.splits["test"], lineage, labels, 1.0, 1, "")
    write_csv(tmp_path / "new.csv", [*(record(n, 1) for n in range(60)), *(record(500 + n) for n in range(40))])
    lock = tmp_path / "new.lock"
    request = Request(DataSpec(train="new.csv"), StratifiedSplit(), "classification", tmp_path, lock, earlier=earlier)
    second = prepare(request, encoder=WordsEncoder())
    assert second.profile.dropped == {"earlier_test": first.splits["test"].height}
    assert not close_pairs([first.splits["test"], second.splits["train"]])
    assert not close_pairs([first.splits["train"], second.splits["test"]])
    assert not close_pairs([second.splits["train"], second.splits["test"]])
    assert second.profile.replayed
    assert second.lineage is not None
    assert second.lineage.equals(lineage)


def test_blocks_of_one_document_stay_in_order_and_those_like_a_held_back_one_leave(tmp_path: Path) -> None:
    draw = random.Random(5)
    blocks = [" ".join(str(draw.random()) for _ in range(110)) for _ in range(40)]  # a line of 2,000 signs is a block
    blocks[3], blocks[4] = (blocks[n].replace("0.1", "0.7") for n in (38, 30))  # like one of test, of validation
    (tmp_path / "play.txt").write_text("\n".join(blocks) + "\n")
    spec = DataSpec(train="play.txt")
    found = prepared(tmp_path, spec, max_tokens=4096, task="language_modelling")
    assert found.profile.dropped == {"touches_test": 1, "near_held_back": 1}
    starts = [found.splits[name]["line"].to_list() for name in SPLITS]
    assert max(starts[0]) < min(starts[1]) < max(starts[1]) < min(starts[2])
    assert not close_pairs(found.splits.values())
    write_lock(tmp_path / "tunewright.lock", found.lock)
    again = prepared(tmp_path, spec, max_tokens=4096, task="language_modelling")
    assert all(again.splits[split].equals(found.splits[split]) for split in SPLITS)


def test_a_system_text_that_all_share_ties_nothing(tmp_path: Path) -> None:
    system = "You are the assistant of a shop for mugs and kettles, kind and brief, and never sure of delivery dates."
    chats = [
        {"messages": [
            {"role": "system", "content": system},
            {"role": "user", "content": story(n)},
            {"role": "assistant", "content": f"answer {n}"},
        ]}
        for n in range(40)
    ]  # fmt: skip
    write_jsonl(tmp_path / "t.jsonl", chats)
    found = prepared(tmp_path, DataSpec(train="t.jsonl"), task="generation", max_tokens=128)
    assert not [f for f in found.profile.findings if f.kind == "near_duplicate"]
    assert found.splits["test"].height == 8


def test_one_large_cluster_is_told_of_and_named_where_nothing_can_be_divided(tmp_path: Path) -> None:
    texts = [f"{story(7)} and its number is {n:06}" for n in range(60)]
    same = [{"text": text, "label": ("refund", "delivery")[n % 2]} for n, text in enumerate(texts)]
    write_csv(tmp_path / "train.csv", same)
    with pytest.raises(DataError, match="60 of them are near-duplicates of one another"):
        prepared(tmp_path)
    write_csv(tmp_path / "train.csv", [*same, *map(record, range(100, 200))])
    found = prepared(tmp_path)
    large = next(f for f in found.profile.findings if f.kind == "near_duplicate_cluster")
    assert (large.severity, large.count) == ("warning", 60)


def test_keeping_all_equal_rows_and_one_of_those_nearly_equal_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"near_duplicates\.kind 'keep_first'.*duplicates 'keep_all'"):
        DataSpec(train="t.csv", duplicates="keep_all", near_duplicates=KEEP_FIRST)


def test_the_planted_pairs_of_the_starter_tickets_are_found_and_the_distractors_are_not() -> None:
    """Prints recall and precision by threshold; the defects file gives 0.7 as the threshold of its pairs."""
    planted = json.loads((TICKETS / "defects.json").read_text(encoding="utf-8"))["defects"]
    rows = pl.read_csv(TICKETS / "tickets.csv", infer_schema=False).filter(pl.col("message").is_not_null())
    keyed = content_keyed(rows)
    wanted, forbidden = (
        {tuple(sorted(d["rows"])) for d in planted[kind]} for kind in ("near_duplicate", "near_duplicate_distractor")
    )
    same = {pair for kind in ("exact_duplicate", "contradiction") for d in planted[kind]
            for pair in combinations(sorted(d["rows"]), 2)}  # fmt: skip
    print(f"\n{'threshold':>9} {'planted':>8} {'recall':>7} {'precision':>10} {'distractors':>12}")
    for threshold in (0.7, 0.8):
        held = tied(keyed, find_near([keyed], NearDuplicates(threshold=threshold))).drop_nulls("near")
        clusters = held.group_by("near").agg("id")["id"].to_list()
        found = {pair for cluster in clusters for pair in combinations(sorted(cluster), 2)}
        recall = len(found & wanted) / len(wanted)
        precision = len(found & (wanted | same)) / len(found)
        print(f"{threshold:>9} {len(wanted):>8} {recall:>7.3f} {precision:>10.3f} {len(found & forbidden):>12}")
        assert recall >= 0.95
        assert precision >= 0.9
        assert not found & forbidden


def content_keyed(rows: pl.DataFrame) -> pl.DataFrame:
    keys = [content_key(text) for text in rows["message"]]
    return rows.select("id", pl.col("message").alias("input"), pl.Series("content_key", keys))
