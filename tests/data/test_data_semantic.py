"""Laws of texts that say the same in other words: every pair is found, clusters are tied, nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from data_room import WordsEncoder, law, tickets, write_csv
from hypothesis import given
from hypothesis import strategies as st

import tunewright.data.semantic as semantic_room
from tunewright.data.links import NEAR
from tunewright.data.near_duplicates import NEAR_TEXT, Near
from tunewright.data.prepare import Prepared, Request, prepare
from tunewright.data.semantic import cosine_clusters, united
from tunewright.recipe.data import DataSpec, StratifiedSplit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

TWINS = [("where is my parcel", "has my order gone astray"), ("give me my money back", "please refund what was paid")]


class ByMeaning:
    """A vector of its own for each text, and one for both of a pair of twins."""

    def __init__(self, twins: Sequence[tuple[str, str]] = TWINS) -> None:
        self._same = {one: first for first, other in twins for one in (first, other)}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        meanings = [self._same.get(text, text) for text in texts]
        return np.stack([_vector(meaning) for meaning in meanings]) if meanings else np.empty((0, 16), np.float32)


def _vector(meaning: str) -> NDArray[np.float32]:
    return np.random.default_rng(list(meaning.encode())).normal(size=16).astype(np.float32)


def prepared(folder: Path, *, embedder: ByMeaning | None = None, **spec: object) -> Prepared:
    asked = {"train": "train.csv", "semantic_duplicates": {"threshold": 0.99}, **spec}
    request = Request(
        DataSpec.model_validate(asked), StratifiedSplit(), "classification", folder, folder / "tunewright.lock"
    )
    held = embedder or ByMeaning()
    return prepare(replace(request, embedder=lambda: held), encoder=WordsEncoder())


def planted(folder: Path, twins: Sequence[tuple[str, str]] = TWINS) -> None:
    rows = [{"text": text, "label": "refund"} for pair in twins for text in pair]
    write_csv(folder / "train.csv", [*tickets(60), *rows])


def split_of(found: Prepared, text: str) -> str:
    (name,) = (name for name, rows in found.splits.items() if text in rows["input"].to_list())
    return name


@given(
    vectors=st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), max_size=40), threshold=st.floats(0.5, 1.0)
)
@law(60)
def test_clusters_are_the_components_of_every_pair_at_the_threshold_whatever_the_block(
    vectors: list[list[int]], threshold: float
) -> None:
    held = np.array(vectors, np.float32).reshape(-1, 3)
    norms = np.linalg.norm(held.astype(np.float64), axis=1)
    names = list(range(len(held)))
    for one in range(len(held)):
        for other in range(one):
            alike = norms[one] and norms[other] and held[one] @ held[other] / (norms[one] * norms[other])
            if alike >= threshold - 1e-6:
                low, high = sorted((names[one], names[other]))
                names = [low if name == high else name for name in names]
    whole = cosine_clusters(held, threshold)
    room, semantic_room.COSINES_AT_ONCE = semantic_room.COSINES_AT_ONCE, 7
    try:
        blocks = cosine_clusters(held, threshold)
    finally:
        semantic_room.COSINES_AT_ONCE = room
    np.testing.assert_array_equal(whole, blocks)
    assert whole.tolist() == names


def test_twins_never_straddle_splits_and_are_told_of_with_a_pair(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    twins = [(f"meaning {n} in words {rng.integers(10**9)}", f"other {rng.integers(10**9)} for {n}") for n in range(20)]
    planted(tmp_path, twins)
    found = prepared(tmp_path, embedder=ByMeaning(twins))
    assert all(split_of(found, one) == split_of(found, other) for one, other in twins)
    assert len({split_of(found, one) for one, _ in twins}) == 3, "the pairs are spread, and each stays whole"
    (told,) = (finding for finding in found.profile.findings if finding.kind == "semantic_duplicate")
    assert told.count == 40
    assert "40 rows in 20 clusters say nearly the same" in told.message
    assert any(repr(one) in told.message and repr(other) in told.message for one, other in map(sorted, twins))
    apart = prepared(tmp_path, semantic_duplicates=None)
    assert any(split_of(apart, one) != split_of(apart, other) for one, other in twins), "else the law says nothing"


def test_the_order_of_the_rows_changes_no_split(tmp_path: Path) -> None:
    planted(tmp_path)
    rows = pl.read_csv(tmp_path / "train.csv")
    first = prepared(tmp_path)
    rows.reverse().write_csv(tmp_path / "train.csv")
    second = prepared(tmp_path)
    for name, held in first.splits.items():
        pairs = [set(frame.select("content_key", "near").rows()) for frame in (held, second.splits[name])]
        assert pairs[0] == pairs[1]


def test_a_twin_of_the_users_own_test_leaves_training(tmp_path: Path) -> None:
    planted(tmp_path, TWINS[:1])
    own = [{"text": TWINS[1][0], "label": "refund"}, {"text": "is that a delivery or what", "label": "delivery"}]
    write_csv(tmp_path / "test.csv", own)
    write_csv(tmp_path / "train.csv", [*tickets(60), {"text": TWINS[1][1], "label": "refund"}])
    found = prepared(tmp_path, test="test.csv")
    assert found.dropped.filter(pl.col("rule") == "leak_test")["input"].to_list() == [TWINS[1][1]]
    assert found.splits["test"].height == 2


def test_one_cluster_is_one_observation_of_the_test(tmp_path: Path) -> None:
    planted(tmp_path)
    found = prepared(tmp_path)
    near = pl.concat(list(found.splits.values())).filter(pl.col("input").is_in([t for pair in TWINS for t in pair]))
    assert near["near"].null_count() == 0
    assert near["near"].n_unique() == 2


def test_only_what_is_alike_by_its_letters_is_dropped(tmp_path: Path) -> None:
    planted(tmp_path)
    found = prepared(tmp_path, near_duplicates={"kind": "keep_first", "threshold": 0.95})
    assert all(split_of(found, text) for pair in TWINS for text in pair)


def test_clusters_with_a_text_in_common_are_one() -> None:
    def near(*rows: tuple[str, str | None, str]) -> Near:
        return Near(pl.DataFrame(rows, schema=["content_key", NEAR_TEXT, NEAR], orient="row"), 3)

    letters = near(("b", "xb", "b"), ("c", "xc", "b"), ("y", "xy", "y"), ("z", "xz", "y"))
    meaning = near(("a", None, "a"), ("c", None, "a"), ("p", None, "p"), ("q", None, "p"))
    found = united(letters, meaning)
    assert dict(found.clusters.select("content_key", NEAR).rows()) == {
        **dict.fromkeys("abc", "a"),
        **dict.fromkeys("yz", "y"),
        **dict.fromkeys("pq", "p"),
    }
    assert dict(found.clusters.drop_nulls(NEAR_TEXT).select("content_key", NEAR_TEXT).rows()) == {
        key: f"x{key}" for key in "bcyz"
    }
    assert found.unfinished == 3


def test_nobody_looks_where_the_model_is_not_here(tmp_path: Path) -> None:
    planted(tmp_path)
    spec = DataSpec.model_validate({"train": "train.csv", "semantic_duplicates": {}})
    found = prepare(
        Request(spec, StratifiedSplit(), "classification", tmp_path, tmp_path / "tunewright.lock"),
        encoder=WordsEncoder(),
    )
    assert not any(finding.kind == "semantic_duplicate" for finding in found.profile.findings)


@pytest.mark.parametrize("rows", [0, 1])
def test_few_texts_are_no_cluster(rows: int) -> None:
    assert cosine_clusters(np.ones((rows, 3), np.float32), 0.9).tolist() == list(range(rows))
