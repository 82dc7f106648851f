"""A row becomes token ids, one encoder a task: what is trained on, evaluated and served passes through here alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from tunewright.core.encoded import IGNORED, EncodedRow, RowContent
from tunewright.core.errors import Problem, RecipeError
from tunewright.core.files import digest
from tunewright.models.chat_encoder import ChatEncoder
from tunewright.models.encoder import Encoder
from tunewright.models.tag_encoder import TagEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.core.encoded import Layout
    from tunewright.core.protocols import PromptEncoder, RowEncoder
    from tunewright.models.template import ChatTemplate
    from tunewright.models.tokenizer import SettledTokenizer


def class_encoder(tokenizer: SettledTokenizer, labels: Sequence[str]) -> RowEncoder:
    """Texts with the tokenizer's special tokens; targets are positions in `labels`, IGNORED where these are empty."""
    return _ClassEncoder(tokenizer, labels)


def value_encoder(tokenizer: SettledTokenizer) -> RowEncoder:
    """Texts with the tokenizer's special tokens; targets are the numbers that `target` spells."""
    return _ValueEncoder(tokenizer)


def label_set_encoder(tokenizer: SettledTokenizer, labels: Sequence[str]) -> RowEncoder:
    """Texts with the tokenizer's special tokens; targets are 1 or 0 for each of `labels`, by the list in `target`."""
    return _LabelSetEncoder(tokenizer, labels)


def tag_encoder(tokenizer: SettledTokenizer, labels: Sequence[str]) -> RowEncoder:
    """Texts with the tokenizer's special tokens; the first piece of each word has the number of the word's tag, of
    those that `labels` have. Where these are empty, the numbers say nothing.
    """
    return TagEncoder(tokenizer, labels)


def chat_encoder(tokenizer: SettledTokenizer, template: ChatTemplate) -> PromptEncoder:
    """Conversations as the template renders them; every answer with its stop token is a target."""
    return ChatEncoder(tokenizer, template)


def pair_encoder(tokenizer: SettledTokenizer) -> PromptEncoder:
    """Texts and the texts to write, each with its side's special tokens."""
    return _PairEncoder(tokenizer)


def text_encoder(tokenizer: SettledTokenizer, layout: Literal["causal", "masked"] = "causal") -> PromptEncoder:
    """Raw text. `causal`: every token behind the first is a target, the closing EOS too. `masked`: any token but the
    special ones may be. Raises RecipeError where the tokenizer lacks the special token that takes.
    """
    return _TextEncoder(tokenizer, layout)


def _fingerprint(tokenizer: SettledTokenizer, layout: Layout, *decides: object) -> str:
    return digest([tokenizer.fingerprint, tokenizer.named_tokens, layout, *decides])


class _ClassEncoder(Encoder):
    def __init__(self, tokenizer: SettledTokenizer, labels: Sequence[str]) -> None:
        super().__init__(tokenizer, "classes", fingerprint=_fingerprint(tokenizer, "classes", list(labels)))
        self._index = {label: number for number, label in enumerate(labels)}

    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        targets = (self._index[row.target] if self._index and row.target is not None else IGNORED for row in rows)
        ids = self._tokenizer.encode([row.input for row in rows])
        return [EncodedRow(row, target=target) for row, target in zip(ids, targets, strict=True)]

    def cut(self, row: EncodedRow, max_tokens: int) -> EncodedRow:
        return EncodedRow(self._tokenizer.cut(row.input_ids, max_tokens), target=row.target)


class _ValueEncoder(Encoder):
    def __init__(self, tokenizer: SettledTokenizer) -> None:
        super().__init__(tokenizer, "values", fingerprint=_fingerprint(tokenizer, "values"))

    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        values = (() if row.target is None else (float(row.target),) for row in rows)
        ids = self._tokenizer.encode([row.input for row in rows])
        return [EncodedRow(row, values=given) for row, given in zip(ids, values, strict=True)]

    def cut(self, row: EncodedRow, max_tokens: int) -> EncodedRow:
        return EncodedRow(self._tokenizer.cut(row.input_ids, max_tokens), values=row.values)


class _LabelSetEncoder(Encoder):
    def __init__(self, tokenizer: SettledTokenizer, labels: Sequence[str]) -> None:
        super().__init__(tokenizer, "label_sets", fingerprint=_fingerprint(tokenizer, "label_sets", list(labels)))
        self._labels = tuple(labels)

    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        ids = self._tokenizer.encode([row.input for row in rows])
        return [EncodedRow(own, values=self._marks(row.target)) for own, row in zip(ids, rows, strict=True)]

    def cut(self, row: EncodedRow, max_tokens: int) -> EncodedRow:
        return EncodedRow(self._tokenizer.cut(row.input_ids, max_tokens), values=row.values)

    def _marks(self, target: str | None) -> tuple[float, ...]:
        if target is None or not self._labels:
            return ()
        held = set(json.loads(target))
        return tuple(float(label in held) for label in self._labels)


class _PairEncoder(Encoder):
    def __init__(self, tokenizer: SettledTokenizer) -> None:
        super().__init__(tokenizer, "seq2seq", fingerprint=_fingerprint(tokenizer, "seq2seq"))
        if tokenizer.special.eos is None:
            raise _lacks("an EOS token, with which every written text ends")
        self._eos = tokenizer.special.eos

    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        sources = self._tokenizer.encode([row.input for row in rows])
        labels = self._labels([row.target for row in rows])
        return [self._row(source, label) for source, label in zip(sources, labels, strict=True)]

    def prompt_ids(self, row: RowContent) -> list[int]:
        return self._tokenizer.encode([row.input])[0]

    def decode(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(ids).strip()

    def length(self, row: EncodedRow) -> int:
        labels = row.trained
        return max(len(row.input_ids) - labels, labels)

    def cut(self, row: EncodedRow, max_tokens: int) -> EncodedRow:
        border = len(row.input_ids) - row.trained
        source, label = row.input_ids[:border], row.input_ids[border:]
        return self._row(self._tokenizer.cut(source, max_tokens), label[:max_tokens])

    def _labels(self, targets: Sequence[str | None]) -> list[list[int]]:
        known = iter(self._tokenizer.encode_targets([text for text in targets if text is not None] or [""]))
        labels = [next(known) if text is not None else [] for text in targets]
        return [ids if not ids or self._eos in ids[-2:] else [*ids, self._eos] for ids in labels]

    @staticmethod
    def _row(source: list[int], label: list[int]) -> EncodedRow:
        spans = ((len(source), len(source) + len(label)),) if label else ()
        return EncodedRow([*source, *label], spans)


class _TextEncoder(Encoder):
    def __init__(self, tokenizer: SettledTokenizer, layout: Literal["causal", "masked"]) -> None:
        super().__init__(tokenizer, layout, fingerprint=_fingerprint(tokenizer, layout))
        if layout == "causal" and tokenizer.special.eos is None:
            raise _lacks("an EOS token, with which every text ends")
        if layout == "masked" and tokenizer.mask_id is None:
            raise _lacks("a mask token")

    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        found = self._tokenizer.encode([row.input for row in rows])
        if self.layout == "masked":
            return [EncodedRow(ids, (self._tokenizer.framed_span(ids),)) for ids in found]
        eos = self.special.eos
        whole = [ids if ids[-1:] == [eos] else [*ids, eos] for ids in found]
        return [self._causal(ids) for ids in whole]

    def prompt_ids(self, row: RowContent) -> list[int]:
        ids = self._tokenizer.encode([row.input])[0]
        _, end = self._tokenizer.framed_span(ids)
        return ids[:end] if self.layout == "causal" else ids

    def cut(self, row: EncodedRow, max_tokens: int) -> EncodedRow:
        if self.layout == "causal":
            return self._causal(row.input_ids[:max_tokens])
        ids = self._tokenizer.cut(row.input_ids, max_tokens)
        return EncodedRow(ids, (self._tokenizer.framed_span(ids),))

    @staticmethod
    def _causal(ids: list[Any]) -> EncodedRow:
        return EncodedRow(ids, ((1, len(ids)),) if len(ids) > 1 else ())


def _lacks(what: str) -> RecipeError:
    return RecipeError(
        Problem("model.name", "the base's tokenizer has none", f"a tokenizer with {what}", "choose another base")
    )
