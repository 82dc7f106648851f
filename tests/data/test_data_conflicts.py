"""Rows of one text and several labels name one another, whatever stands between them."""

from __future__ import annotations

import polars as pl
from data_room import law
from hypothesis import given
from hypothesis import strategies as st

from tunewright.data.conflicts import SHOWN, conflicts

ROWS = st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abc")), min_size=1, max_size=40)


@law(150)
@given(ROWS)
def test_each_row_names_the_rows_of_other_labels_and_counts_the_rest(drawn: list[tuple[int, str]]) -> None:
    rows = pl.DataFrame(
        {
            "source": ["t.csv"] * len(drawn),
            "line": list(range(1, len(drawn) + 1)),
            "target": [label for _, label in drawn],
        }
    )
    found = conflicts(rows, pl.Series([key for key, _ in drawn])).to_list()
    for said, (key, label) in zip(found, drawn, strict=True):
        others = [
            f"t.csv:{n} {other!r}" for n, (same, other) in enumerate(drawn, start=1) if same == key and other != label
        ]
        more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        assert said == ", ".join(others[:SHOWN]) + more
