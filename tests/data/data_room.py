"""What the data room's tests share: a small honest encoder, small files, and one call to prepare them."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tunewright.core.encoded import EncodedRow, Layout, RowContent, SpecialIds
from tunewright.data.prepare import Prepared, Request, prepare
from tunewright.recipe.data import DataSpec, StratifiedSplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tunewright.recipe.data import SplitSpec

BEGIN, END = 1, 2


class WordsEncoder:
    """Words cut at blanks, numbered in the order in which they appear; one token at each end. Of the layout `classes`,
    so that it measures the rows of any task by their text."""

    layout: Layout = "classes"
    fingerprint = "words"
    special = SpecialIds(bos=BEGIN, eos=END, pad=0, stops=frozenset({END}))

    def __init__(self, max_tokens: int = 64) -> None:
        self.max_tokens = max_tokens
        self._words: dict[str, int] = {}

    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        return [EncodedRow([BEGIN, *map(self._number, row.input.split()), END]) for row in rows]

    def cut(self, row: EncodedRow, max_tokens: int) -> EncodedRow:
        ids = row.input_ids
        return row if len(ids) <= max_tokens else EncodedRow([*ids[: max_tokens - 1], ids[-1]])

    def frame(self, row: EncodedRow) -> tuple[int, int]:
        return 1, 1

    def length(self, row: EncodedRow) -> int:
        return len(row.input_ids)

    def _number(self, word: str) -> int:
        return self._words.setdefault(word, len(self._words) + 3)


def write_csv(path: Path, records: Iterable[Mapping[str, Any]], columns: Sequence[str] = ("text", "label")) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="raise")
        writer.writeheader()
        writer.writerows(records)
    return path


def write_jsonl(path: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    return path


def tickets(count: int, labels: Sequence[str] = ("refund", "delivery"), start: int = 0) -> list[dict[str, str]]:
    """Different texts, their labels in turn."""
    return [
        {"text": f"message number {n} about {labels[n % len(labels)]}", "label": labels[n % len(labels)]}
        for n in range(start, start + count)
    ]


def prepared(
    folder: Path,
    spec: DataSpec | None = None,
    split: SplitSpec | None = None,
    *,
    max_tokens: int = 64,
    task: str = "classification",
) -> Prepared:
    """The prepared data of a folder, by default of its train.csv; the lock lies beside it."""
    request = Request(
        spec or DataSpec(train="train.csv"),
        split or StratifiedSplit(),
        task,
        folder,
        folder / "tunewright.lock",
    )
    return prepare(request, encoder=WordsEncoder(max_tokens))


def public_data() -> Path:
    """The folder of public data sets; the test is skipped without it."""
    folder = os.environ.get("TUNEWRIGHT_DATASETS")
    if not folder:
        pytest.skip("TUNEWRIGHT_DATASETS names no folder of public data sets")
    return Path(folder)


def law(examples: int = 100) -> settings:
    """Settings of a property test: no deadline, for a shared machine pauses at will."""
    return settings(deadline=None, max_examples=examples)
