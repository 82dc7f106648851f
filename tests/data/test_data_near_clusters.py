"""Near-duplicate clusters against the slow way: every pair of texts, sets of Python strings."""

from __future__ import annotations

import random
from functools import cache
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from data_room import law
from hypothesis import given
from hypothesis import strategies as st

from tunewright.data import near_clusters as clusters_module
from tunewright.data.jaccard import jaccard
from tunewright.data.likeliest import MOST_PAIRS
from tunewright.data.minhash import MARGIN, RECALL, SLOTS, bands_for
from tunewright.data.near_clusters import near_clusters
from tunewright.data.shingles import MIN_CHARACTERS, WIDTH, comparable, without_boilerplate

WORDS = "order refund card where parcel late broken mug please tell me when the a of größe 退款 ठीक".split()  # noqa: SIM905


def shingles(text: str) -> set[str]:
    return {text[at : at + WIDTH] for at in range(len(text) - WIDTH + 1)}


def similarity(one: str, other: str) -> float:
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def corpus(seed: int, families: int = 50) -> pl.Series:
    """Comparable texts of which many are variants of one another, at similarities of all sizes."""
    draw = random.Random(seed)
    texts = []
    for _ in range(families):
        words = draw.choices(WORDS, k=draw.randint(8, 40))
        texts.append(" ".join(words))
        for _ in range(draw.randint(0, 3)):
            again = list(words)
            for _ in range(draw.choice([1, 1, 2, 3, 4])):
                again[draw.randrange(len(again))] = draw.choice(WORDS)
            texts.append(" ".join(again))
    return comparable(pl.Series(texts)).drop_nulls().unique().sort()


@cache
def pairs_of(seed: int) -> dict[tuple[int, int], float]:
    """The pairs of the corpus that have anything to do with one another."""
    sets = [shingles(text) for text in corpus(seed)]
    pairs = ((a, b, len(sets[a] & sets[b])) for a, b in combinations(range(len(sets)), 2))
    values = {(a, b): common / (len(sets[a]) + len(sets[b]) - common) for a, b, common in pairs}
    return {pair: value for pair, value in values.items() if value >= 0.45}


@law(60)
@given(st.lists(st.text(st.sampled_from("abc é退"), min_size=WIDTH, max_size=60), min_size=2, max_size=12))
def test_the_similarity_is_that_of_the_sets(given: list[str]) -> None:
    texts = pl.Series(given)
    left, right = map(np.array, zip(*combinations(range(len(given)), 2), strict=True))
    slow = [similarity(given[a], given[b]) for a, b in zip(left, right, strict=True)]
    assert jaccard(texts, left, right).tolist() == slow


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])
def test_the_bands_find_what_they_promise_a_margin_above_the_threshold(threshold: float) -> None:
    bands = bands_for(threshold)
    assert bands.recall(min(threshold + MARGIN, 1)) >= RECALL
    assert bands.rows * bands.count <= SLOTS


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9])
def test_the_clusters_are_those_of_all_pairs(threshold: float) -> None:
    found = wanted = 0
    for seed in range(4):
        texts = corpus(seed)
        pairs = pairs_of(seed)
        labels = near_clusters(texts, threshold).labels
        true = components(texts.len(), [pair for pair, value in pairs.items() if value >= threshold])
        for a, name in enumerate(labels):
            assert true[a] == true[name], "a cluster that no chain of true pairs holds together"
        for (a, b), value in pairs.items():
            if value >= min(threshold + MARGIN, 1):
                wanted += 1
                found += bool(labels[a] == labels[b])
    assert wanted >= 5
    assert found / wanted >= RECALL


def components(count: int, pairs: list[tuple[int, int]]) -> list[int]:
    names = list(range(count))
    for a, b in pairs:
        names = [min(names[a], names[b]) if name in {names[a], names[b]} else name for name in names]
    return names


@law(15)
@given(st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_of_the_texts_does_not_change_which_clusters_there_are(seed: int, draw: random.Random) -> None:
    texts = corpus(seed, families=25)
    order = list(range(texts.len()))
    draw.shuffle(order)
    assert members(texts) == members(texts.gather(pl.Series(order)))


def members(texts: pl.Series) -> set[frozenset[str]]:
    labels = pl.Series(near_clusters(texts, 0.7).labels)
    return {frozenset(group) for group in texts.to_frame("t").group_by(labels.alias("l")).agg("t")["t"].to_list()}


def test_many_copies_of_one_template_cost_no_squares(monkeypatch: pytest.MonkeyPatch) -> None:
    template = "your order has left our house today and will be with you by noon, its number is {:05}, thank you"
    texts = comparable(pl.Series([template.format(n) for n in range(4000)])).sort()
    compared = 0

    def counting(texts: pl.Series, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        nonlocal compared
        compared += len(left)
        return jaccard(texts, left, right)

    monkeypatch.setattr(clusters_module, "jaccard", counting)
    found = near_clusters(texts, 0.8)
    assert (found.labels == 0).all()
    assert found.unfinished == 0
    assert compared < 100 * texts.len()  # all pairs would be 2,000 times the texts


def crowd(count: int, own: int, *, twins: int = 0) -> pl.Series:
    """Texts of 40 words that all share and `own` of their own, then twins of the first that differ in two of these."""
    draw = random.Random(count)

    def word() -> str:
        return "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=6))

    shared = [word() for _ in range(40)]
    texts = [[*shared, *(word() for _ in range(own))] for _ in range(count)]
    texts += [[*text[:40], word(), word(), *text[42:]] for text in texts[:twins]]
    return pl.Series([" ".join(text) for text in texts])


@pytest.mark.parametrize(("own", "least", "most"), [(8, 0.70, 0.73), (6, 0.76, 0.79)])
def test_texts_just_below_the_threshold_cost_no_squares(
    own: int, least: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []

    def counting(texts: pl.Series, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        compared.append(len(left))
        return jaccard(texts, left, right)

    monkeypatch.setattr(clusters_module, "jaccard", counting)
    verified = []
    for count in (300, 900):
        texts = crowd(count, own, twins=100)
        assert least < np.median(jaccard(texts, np.arange(100), np.arange(100, 200))) < most
        alike = jaccard(texts, np.arange(100), np.arange(count, count + 100)) >= 0.8 + MARGIN
        assert alike.sum() > 90
        compared.clear()
        found = near_clusters(texts, 0.8)
        verified.append(sum(compared) / texts.len())
        assert (found.labels[:100] == found.labels[count:])[alike].mean() >= RECALL
        assert 0 < found.unfinished <= texts.len()
    assert max(verified) < MOST_PAIRS + bands_for(0.8).count
    assert verified[1] < 1.25 * verified[0]  # of each text: three times the texts were nine times the pairs


def test_short_texts_are_not_compared_and_nothing_is_no_error() -> None:
    assert comparable(
        pl.Series(["Refund!", "x" * (MIN_CHARACTERS - 1), "?!", "x" * MIN_CHARACTERS])
    ).is_null().to_list() == [
        True,
        True,
        True,
        False,
    ]
    assert near_clusters(pl.Series([], dtype=pl.String), 0.8).labels.tolist() == []
    assert near_clusters(
        comparable(pl.Series(["one text alone that is long enough to compare"])), 0.8
    ).labels.tolist() == [0]


def test_lines_that_stand_in_many_texts_are_left_out() -> None:
    shared = "You are a helpful assistant of a shop for mugs.\nAnswer briefly and be kind.\n\n"
    texts = pl.Series([f"{shared}what about case {n}?" for n in range(30)] + ["one of its own"])
    assert without_boilerplate(texts).to_list() == [f"what about case {n}?" for n in range(30)] + ["one of its own"]
    assert without_boilerplate(texts[:9]).to_list() == texts[:9].to_list()  # too few to say what many texts share
