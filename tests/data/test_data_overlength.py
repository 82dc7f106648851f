"""Rows longer than the context: windows, cuts, and what is never lost."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from data_room import law
from hypothesis import given
from hypothesis import strategies as st
from token_room import BOS, STOP, RoomEncoder, chats, frame

from tunewright.core.errors import DataError, RecipeError
from tunewright.data.overlength import FittedRows, Policy, fit_rows, overlength_policy, windows
from tunewright.data.tokenize import encode_rows, tokenize

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tunewright.core.encoded import EncodedRow, Layout

LONG = {"input": "where is it", "target": " ".join(f"w{n}" for n in range(30))}


def text(words: int) -> dict[str, Any]:
    return {"input": " ".join(f"w{n}" for n in range(words))}


def fitted(records: Sequence[dict[str, Any]], encoder: RoomEncoder, policy: Policy) -> FittedRows:
    rows = frame(records)
    return fit_rows(rows, encode_rows(rows, encoder), encoder, policy=policy)


def trained_ids(row: EncodedRow) -> list[int]:
    return [token for start, end in row.loss_spans for token in row.input_ids[start:end]]


@law(200)
@given(st.integers(0, 90), st.integers(8, 40), st.sampled_from(["causal", "masked"]), st.booleans())
def test_windows_train_every_token_once_in_order_and_fit(
    words: int, max_tokens: int, layout: Layout, with_bos: bool
) -> None:
    encoder = RoomEncoder(layout, max_tokens, **({} if with_bos else {"bos": None}))
    rows = frame([text(words)])
    whole = encode_rows(rows, encoder).encoded(0)
    pieces = windows(whole, encoder)
    assert [token for piece in pieces for token in trained_ids(piece)] == trained_ids(whole)
    assert all(len(piece.input_ids) <= max_tokens for piece in pieces)
    assert all(trained_ids(piece) for piece in pieces) or not trained_ids(whole)
    if layout == "masked":
        assert all((piece.input_ids[0], piece.input_ids[-1]) == (BOS, STOP) for piece in pieces)
        return
    for before, after in pairwise(pieces):
        first = after.loss_spans[0][0]
        assert after.input_ids[first - 1] == before.input_ids[-1], "its first target is predicted from what was before"
        assert first == (2 if with_bos else 1)
        assert (after.input_ids[0] == BOS) == with_bos


def test_windows_of_a_row_bear_its_id_and_short_rows_stay_as_they_are(tmp_path: Path) -> None:
    rows = frame([text(5), text(40), text(8)])
    encoder = RoomEncoder(max_tokens=16)
    found = tokenize(rows, encoder, policy="window", cache=tmp_path)
    assert found.row_ids == ("r0", "r1", "r1", "r1", "r2")
    assert int(found.trained_N.sum()) == int(encode_rows(rows, encoder).trained_N.sum())
    assert found.lengths_N.max() <= 16


def test_a_cut_row_keeps_its_first_targets_and_the_lost_ones_are_counted() -> None:
    found = fitted([LONG, *chats(3)], RoomEncoder(max_tokens=16), "truncate")
    assert len(found.rows) == 4
    assert len(found.rows.ids(0)) == 16
    assert found.trained_N.tolist() == [9, 8, 8, 8]
    assert found.rows.trained_N.tolist() == found.trained_N.tolist()


PROMPT_TOO_LONG = {"input": " ".join(f"w{n}" for n in range(30)), "target": "here"}


@pytest.mark.parametrize("policy", ["truncate", "drop"])
def test_a_row_whose_targets_all_lie_beyond_the_cut_leaves_unless_it_is_of_the_test(policy: Policy) -> None:
    found = fitted(
        [PROMPT_TOO_LONG, PROMPT_TOO_LONG | {"split": "test"}, *chats(2)], RoomEncoder(max_tokens=16), policy
    )
    assert found.pieces_N.tolist() == [0, 1, 1, 1]
    assert found.rows.row_ids == ("r1", "r2", "r3")
    assert found.rows.trained_N.tolist() == [0, 8, 8]


def test_overlong_rows_leave_under_drop_and_those_of_the_test_are_cut() -> None:
    found = fitted([LONG, LONG | {"split": "test"}, LONG | {"split": "validation"}], RoomEncoder(max_tokens=16), "drop")
    assert found.pieces_N.tolist() == [0, 1, 0]
    assert found.trained_N.tolist() == [0, 9, 0]


def test_an_overlong_row_is_an_error_with_its_line_where_the_recipe_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rows\.jsonl:1: 38 tokens, 22 beyond the context"):
        tokenize(frame([LONG, *chats(3)]), RoomEncoder(max_tokens=16), policy="error", cache=tmp_path)


def test_each_side_of_a_text_pair_is_held_against_the_context_on_its_own() -> None:
    both = {"input": " ".join("abcdefghijkl"), "target": " ".join("mnopqrstuvwx")}
    kept = fitted([both], RoomEncoder("seq2seq", max_tokens=13), "error")
    assert kept.rows.lengths_N.tolist() == [26]
    cut = fitted([both | {"target": both["target"] * 2}], RoomEncoder("seq2seq", max_tokens=13), "truncate")
    assert cut.rows.trained_N.tolist() == [13]


def test_nothing_is_copied_where_every_row_fits() -> None:
    rows, encoder = frame(chats(9)), RoomEncoder()
    whole = encode_rows(rows, encoder)
    assert fit_rows(rows, whole, encoder, policy="drop").rows is whole
    assert np.array_equal(fit_rows(rows, whole, encoder, policy="drop").trained_N, whole.trained_N)


@pytest.mark.parametrize(
    ("task", "policy"),
    [
        ("classification", "truncate"),
        ("generation", "drop"),
        ("text_to_text", "drop"),
        ("language_modelling", "window"),
    ],
)
def test_auto_is_the_policy_that_harms_the_task_least(task: str, policy: Policy) -> None:
    assert overlength_policy("auto", task) == policy
    assert overlength_policy("error", task) == "error"


@pytest.mark.parametrize("task", ["classification", "generation", "text_to_text"])
def test_windows_of_anything_but_raw_text_are_refused_with_the_reason(task: str) -> None:
    with pytest.raises(RecipeError, match=f"(?s)'window' does not fit the task '{task}': .*remedy"):
        overlength_policy("window", task)
    assert overlength_policy("window", "language_modelling") == "window"
