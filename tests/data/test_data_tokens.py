"""Token rows on disk and in steps."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from token_room import PAD, RoomEncoder, chats, frame

from tunewright.core.encoded import EncodedRow, Layout, RowContent
from tunewright.core.errors import DataError, Problem
from tunewright.data.loader import LoadPlan, load_steps
from tunewright.data.tokenize import TokenRows, token_key, tokenize

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

LAYOUTS: tuple[Layout, ...] = ("classes", "causal", "seq2seq", "masked")


@pytest.fixture
def train() -> pl.DataFrame:
    return frame(chats(60))


def encoded(train: pl.DataFrame, cache: Path) -> TokenRows:
    return tokenize(train, RoomEncoder(), policy="truncate", cache=cache)


def equal(one: TokenRows, other: TokenRows) -> bool:
    names = ("flat_ids", "starts", "span_starts", "spans_S2", "targets_N")
    same = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)
    return same and (one.row_ids, one.key, one.layout) == (other.row_ids, other.key, other.layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_token_rows_are_what_the_encoder_gave_and_the_same_when_read_again(layout: Layout, tmp_path: Path) -> None:
    rows = frame(chats(30, target="refund") if layout == "classes" else chats(30))
    encoder = RoomEncoder(layout)
    written = tokenize(rows, encoder, policy="error", cache=tmp_path)
    contents = [RowContent(*row) for row in rows.select("input", "messages", "target").iter_rows()]
    assert [written.encoded(n) for n in range(30)] == encoder.encode(contents)
    assert written.row_ids == tuple(rows["row_id"])
    assert written.trained_N.tolist() == [1 if layout == "classes" else row.trained for row in encoder.encode(contents)]
    assert equal(tokenize(rows, RoomEncoder(layout), policy="error", cache=tmp_path), written)


def test_the_file_holds_the_columns_of_the_contract(train: pl.DataFrame, tmp_path: Path) -> None:
    encoded(train, tmp_path)
    (path,) = tmp_path.iterdir()
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    assert table.column_names == ["row_id", "input_ids", "loss_spans", "target", "values"]
    assert table["loss_spans"][0].as_py() == [[8, 16]]


def test_a_cache_is_read_and_not_made_again(train: pl.DataFrame, tmp_path: Path) -> None:
    whole = encoded(train, tmp_path)
    encoder = RoomEncoder()
    encoder.encode = None  # type: ignore[assignment,method-assign]  # a call would fail
    assert equal(tokenize(train, encoder, policy="truncate", cache=tmp_path), whole)


def test_whatever_decides_the_token_rows_changes_their_key(train: pl.DataFrame) -> None:
    plain = token_key(train, RoomEncoder(), "truncate")
    other = RoomEncoder()
    other.fingerprint = "another template"
    messages = frame([{**row, "messages": "{}"} for row in chats(60)])
    keys = {
        plain,
        token_key(train, other, "truncate"),
        token_key(train, RoomEncoder(max_tokens=63), "truncate"),
        token_key(train, RoomEncoder("seq2seq"), "truncate"),
        token_key(train, RoomEncoder(), "drop"),
        token_key(train.reverse(), RoomEncoder(), "truncate"),
        token_key(messages, RoomEncoder(), "truncate"),
        token_key(frame(chats(60, target="other")), RoomEncoder(), "truncate"),
        token_key(frame(chats(60, split="test")), RoomEncoder(), "truncate"),
    }
    assert len(keys) == 9
    assert token_key(train, RoomEncoder(), "truncate") == plain


class Refusing(RoomEncoder):
    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        wrong = [row.input for row in rows if row.input.endswith(("7", "31"))]
        if wrong:
            raise DataError(Problem("row 0", f"{wrong[0]!r} cannot be rendered", remedy="say it otherwise"))
        return super().encode(rows)


def test_all_rows_that_cannot_be_encoded_are_named_by_their_lines(train: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="7 records cannot be turned into tokens") as raised:
        tokenize(train, Refusing(), policy="truncate", cache=tmp_path)
    assert [problem.place for problem in raised.value.problems[1:4]] == [f"rows.jsonl:{n}" for n in (8, 18, 28)]
    assert "'what is number 7' cannot be rendered\n  remedy: say it otherwise" in str(raised.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_cache_file_that_was_cut_off_is_built_again(train: pl.DataFrame, tmp_path: Path, share: float) -> None:
    cache = tmp_path / "tokens"
    whole = encoded(train, cache)
    (path,) = cache.iterdir()
    content = path.read_bytes()
    path.unlink()  # the rows above are mapped from it
    path.write_bytes(content[: int(len(content) * share)])
    assert equal(encoded(train, cache), whole)
    assert path.read_bytes() == content


def test_two_processes_that_encode_the_same_rows_do_not_disturb_each_other(
    train: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "tokens"
    rename, own = Path.replace, os.getpid()
    others: list[TokenRows] = []

    def interrupted(self: Path, target: Any) -> Path:
        """Another process does all of the same work just before this one's last act."""
        if not others and self.parent == cache:
            others.append(encoded(train, tmp_path / "elsewhere"))  # keeps the inner call from coming here again
            monkeypatch.setattr(os, "getpid", lambda: own + 1)
            others.append(encoded(train, cache))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    assert equal(encoded(train, cache), others[1])
    assert len(list(cache.iterdir())) == 1


def test_lengths_are_computed_once_for_all_steps(
    train: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = encoded(train, tmp_path / "tokens")
    computed = []
    lengths = TokenRows.lengths_N.fget  # type: ignore[attr-defined]  # the property's function

    def counted(self: TokenRows) -> Any:
        computed.append(1)
        return lengths(self)

    monkeypatch.setattr(TokenRows, "lengths_N", property(counted))
    steps = load_steps(rows, LoadPlan(8, 32, seed=1, pad_id=PAD, layout="causal"), after=0)
    drawn = [next(steps) for _ in range(12)]
    assert sum(step.examples for step in drawn) > len(rows)
    assert len(computed) == 1


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        (((0, 2),), "nothing stands before"),
        (((1, 9),), "ends behind its row"),
        (((2, 4), (3, 5)), "overlap"),
        (((3, 2),), "ends before it starts"),
    ],
)
def test_spans_that_would_train_other_tokens_stop_the_work(
    spans: tuple[tuple[int, int], ...], said: str, train: pl.DataFrame, tmp_path: Path
) -> None:
    class Wrong(RoomEncoder):
        def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
            return [replace(EncodedRow([1, 2, 3, 4, 5]), loss_spans=spans) for _ in rows]

    with pytest.raises(AssertionError, match=said):
        tokenize(train, Wrong(), policy="truncate", cache=tmp_path)
