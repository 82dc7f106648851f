"""What the tests of token rows share: small honest encoders of each layout, and frames of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from tunewright.core.conversation import from_json
from tunewright.core.encoded import IGNORED, EncodedRow, Layout, RowContent, SpecialIds
from tunewright.core.rows import ROW_COLUMNS
from tunewright.data.tokenize import TokenRows, encode_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PAD, BOS, STOP, UNKNOWN, USER, ASSISTANT, MASK = range(7)
TEXTS = {"<pad>": PAD, "<s>": BOS, "<end>": STOP, "<unk>": UNKNOWN, "<mask>": MASK}
LABELS = ("delivery", "refund")


class RoomEncoder:
    """Words cut at blanks. A row with messages or a target is a chat; another is raw text."""

    def __init__(self, layout: Layout = "causal", max_tokens: int = 64, **special: Any) -> None:
        self.layout: Layout = layout
        self.max_tokens = max_tokens
        self.fingerprint = f"room {layout}"
        settings: dict[str, Any] = {"bos": BOS, "eos": STOP, "pad": PAD, "stops": frozenset({STOP})}
        self.special = SpecialIds(**(settings | {"unknown": UNKNOWN, "texts": frozenset(TEXTS)} | special))
        self._words = dict(TEXTS)

    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        return [getattr(self, f"_{self.layout}")(row) for row in rows]

    def cut(self, row: EncodedRow, max_tokens: int) -> EncodedRow:
        ids, spans = row.input_ids, row.loss_spans
        if self.layout == "seq2seq":
            border = spans[0][0]
            source, label = ids[:border][:max_tokens], ids[border:][:max_tokens]
            return EncodedRow([*source, *label], ((len(source), len(source) + len(label)),))
        if self.layout == "causal":
            kept = ((a, min(b, max_tokens)) for a, b in spans if a < max_tokens)
            return EncodedRow(ids[:max_tokens], tuple(kept), row.target)
        short = [*ids[: max_tokens - 1], ids[-1]]
        return EncodedRow(short, ((1, len(short) - 1),) if spans else (), row.target)

    def frame(self, row: EncodedRow) -> tuple[int, int]:
        return 1, 1

    def length(self, row: EncodedRow) -> int:
        if self.layout != "seq2seq":
            return len(row.input_ids)
        return max(row.loss_spans[0][0], row.trained)

    def prompt_ids(self, row: RowContent) -> list[int]:
        if self.layout == "seq2seq":
            return [*self.words(row.input), STOP]
        whole = self._causal(row)
        return whole.input_ids[: whole.loss_spans[-1][0]]

    def decode(self, ids: Sequence[int]) -> str:
        names = {number: word for word, number in self._words.items()}
        return " ".join(names[n] for n in ids)

    def words(self, text: str) -> list[int]:
        return [self._words.setdefault(word, len(self._words) + 7) for word in text.split()]

    def _classes(self, row: RowContent) -> EncodedRow:
        target = IGNORED if row.target is None else LABELS.index(row.target)
        return EncodedRow([BOS, *self.words(row.input), STOP], target=target)

    def _seq2seq(self, row: RowContent) -> EncodedRow:
        source, label = ([*self.words(text or ""), STOP] for text in (row.input, row.target))
        return EncodedRow([*source, *label], ((len(source), len(source) + len(label)),))

    def _masked(self, row: RowContent) -> EncodedRow:
        ids = [BOS, *self.words(row.input), STOP]
        return EncodedRow(ids, ((1, len(ids) - 1),))

    def _causal(self, row: RowContent) -> EncodedRow:
        if row.messages is None and row.target is None:
            ids = [BOS, *self.words(row.input), STOP]
            return EncodedRow(ids, ((1, len(ids)),))
        ids, spans = [BOS], []
        for role, content in self._turns(row):
            ids.append(ASSISTANT if role == "assistant" else USER)
            start = len(ids)
            ids += [*self.words(content), STOP]
            spans += [(start, len(ids))] if role == "assistant" else []
        return EncodedRow(ids, tuple(spans))

    def _turns(self, row: RowContent) -> list[tuple[str, str]]:
        if row.messages is None:
            return [("user", row.input), ("assistant", row.target or "")]
        return [(turn["role"], str(turn["content"])) for turn in from_json(row.messages).turns]


def frame(records: Sequence[Mapping[str, Any]], *, source: str = "rows.jsonl") -> pl.DataFrame:
    """Rows in ROW_COLUMNS; a record states what is not as usual."""
    usual = [
        dict.fromkeys(ROW_COLUMNS)
        | {"row_id": f"r{n}", "content_key": f"k{n}", "source": source, "line": n + 1, "split": "train", "meta": "{}"}
        | dict(record)
        for n, record in enumerate(records)
    ]
    types = {name: pl.Int64 if name == "line" else pl.String for name in ROW_COLUMNS}
    return pl.DataFrame(usual, schema=types)


def chats(count: int = 8, **fields: Any) -> list[dict[str, Any]]:
    """Questions with different answers."""
    return [
        {"input": f"what is number {n}", "target": f"number {n} is the one after {n}"} | fields for n in range(count)
    ]


def token_rows(records: Sequence[Mapping[str, Any]], encoder: RoomEncoder) -> TokenRows:
    return encode_rows(frame(records), encoder, key="rows")
