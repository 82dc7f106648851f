from __future__ import annotations

import pytest
from data_room import law
from hypothesis import given
from hypothesis import strategies as st

from tunewright.data.labels import label_order, one_edit_apart, propose_label_map


def edits(a: str, b: str) -> int:
    """Optimal string alignment distance by its definition."""
    table = [[max(i, j) if 0 in (i, j) else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            cost = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                cost = min(cost, table[i - 2][j - 2] + 1)
            table[i][j] = cost
    return table[-1][-1]


@law(500)
@given(st.text("abc", max_size=5), st.text("abc", max_size=5))
def test_one_edit_apart_is_a_distance_of_one(a: str, b: str) -> None:
    assert one_edit_apart(a, b) == (edits(a, b) == 1)


def test_spelling_variants_are_mapped_to_the_most_frequent_spelling() -> None:
    counts = {
        "delivery_delay": 86,
        "Delivery_Delay": 1,
        "delivery-delay": 1,
        " delivery delay ": 1,
        "delivery_dely": 1,
        "damaged_item": 55,
        "damaged_items": 1,
        "damaged_itme": 1,
    }
    proposed = propose_label_map(counts)
    assert set(proposed) == set(counts) - {"delivery_delay", "damaged_item"}
    assert set(proposed.values()) == {"delivery_delay", "damaged_item"}


@pytest.mark.parametrize(
    "counts",
    [
        {"ham": 4827, "spam": 40},
        {"1": 500, "-1": 2, "10": 1, "1.0": 1},
        {"level1": 500, "level2": 1},
        {"typical": 900, "atypical": 9},
        {"c++": 90, "c#": 1, "c": 1},
        {"refund": 60, "refuse": 1},
        {"billing": 40, "biling": 20},
        {"?": 100, "-": 1},
    ],
)
def test_labels_that_mean_different_things_are_left_alone(counts: dict[str, int]) -> None:
    assert propose_label_map(counts) == {}


@law()
@given(st.dictionaries(st.text("ab_S -1", min_size=1, max_size=8), st.integers(1, 1000), max_size=12))
def test_a_proposed_map_leads_to_labels_that_stay(counts: dict[str, int]) -> None:
    proposed = propose_label_map(counts)
    assert not set(proposed) & set(proposed.values())
    assert set(proposed) | set(proposed.values()) <= set(counts)


def test_numbers_are_ordered_as_numbers_and_words_as_words() -> None:
    assert label_order(["10", "9", "-1"]) == ("-1", "9", "10")
    assert label_order(["b", "a", "10", "b"]) == ("10", "a", "b")
