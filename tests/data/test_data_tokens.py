"""Token rows on disk and in steps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from data_room import WordsTokenizer, prepared, tickets, write_csv

from tunewright.data.loader import LoadPlan, load_steps
from tunewright.data.tokenize import TokenRows, tokenize

if TYPE_CHECKING:
    import polars as pl

LABELS = ("delivery", "refund")


@pytest.fixture
def train(tmp_path: Path) -> pl.DataFrame:
    write_csv(tmp_path / "train.csv", tickets(60))
    return prepared(tmp_path).splits["train"]


def encoded(train: pl.DataFrame, cache: Path) -> TokenRows:
    return tokenize(train, WordsTokenizer(), LABELS, cache=cache)


def equal(one: TokenRows, other: TokenRows) -> bool:
    arrays = [(one.flat_ids, other.flat_ids), (one.starts, other.starts), (one.targets_N, other.targets_N)]
    return one.row_ids == other.row_ids and one.key == other.key and all(np.array_equal(*pair) for pair in arrays)


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
    replace, own = Path.replace, os.getpid()
    others: list[TokenRows] = []

    def interrupted(self: Path, target: Any) -> Path:
        """Another process does all of the same work just before this one's last act."""
        if not others and self.parent == cache:
            others.append(encoded(train, tmp_path / "elsewhere"))  # keeps the inner call from coming here again
            monkeypatch.setattr(os, "getpid", lambda: own + 1)
            others.append(encoded(train, cache))
        return replace(self, target)

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
    steps = load_steps(rows, LoadPlan(batch_size=8, micro_batch_tokens=32, seed=1, pad_id=0), after=0)
    drawn = [next(steps) for _ in range(12)]
    assert sum(step.examples for step in drawn) > len(rows)
    assert len(computed) == 1
