"""Conversations as token ids: the whole text is tokenised at once, and answers are found by its character offsets."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from tunewright.core.conversation import Conversation, asked, from_json
from tunewright.core.encoded import EncodedRow, RowContent
from tunewright.core.errors import DataError, Problem
from tunewright.core.files import digest
from tunewright.models.encoder import Encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.models.template import ChatTemplate, Rendered
    from tunewright.models.tokenizer import SettledTokenizer

SHOWN_CHARACTERS = 60
"""Of a row's text, in an error that names it."""


class ChatEncoder(Encoder):
    """Implements `core.protocols.PromptEncoder` for conversations."""

    def __init__(self, tokenizer: SettledTokenizer, template: ChatTemplate) -> None:
        stops = tokenizer.special.stops | {tokenizer.id_of(template.end_token)}
        super().__init__(
            tokenizer,
            "causal",
            fingerprint=digest([tokenizer.fingerprint, template.hash, "causal"]),
            special=replace(tokenizer.special, stops=stops),
        )
        self.template = template

    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        """One encoded row a row. Raises DataError naming the first row that cannot be rendered or whose prompt merges
        with its answer.
        """
        chats = [conversation_of(row) for row in rows]
        rendered, prompts = [], []
        for number, chat in enumerate(chats):
            try:
                rendered.append(self.template.render(chat))
                prompts.append(rendered[-1].text[: rendered[-1].answers[-1][0]] if rendered[-1].answers else "")
            except DataError as fault:
                raise _naming(rows[number], number, fault) from fault
        encodings = self._tokenizer.encode_plain([found.text for found in rendered])
        starts = self._tokenizer.encode_plain(prompts)
        found = []
        for number, (text, encoding, prompt) in enumerate(zip(rendered, encodings, starts, strict=True)):
            try:
                found.append(self._row(text, encoding, prompt.ids))
            except DataError as fault:
                raise _naming(rows[number], number, fault) from fault
        return found

    def prompt_ids(self, row: RowContent) -> list[int]:
        """The ids that stand before the last answer in `encode`; of a row whose last turn is not the assistant's, all
        turns and the generation prompt. Raises DataError where the template refuses.
        """
        ids: list[int] = self._tokenizer.encode_plain([self.template.prompt(conversation_of(row))])[0].ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of generated ids, without special tokens and the white space a template puts around an answer."""
        return self._tokenizer.decode(ids).strip()

    def cut(self, row: EncodedRow, max_tokens: int) -> EncodedRow:
        """The row's first tokens. A stop token is not put where an answer was cut off: it does not end there."""
        spans = ((start, min(end, max_tokens)) for start, end in row.loss_spans if start < max_tokens)
        return EncodedRow(row.input_ids[:max_tokens], tuple(spans))

    def _row(self, rendered: Rendered, encoding: Any, prompt_ids: list[int]) -> EncodedRow:
        ids: list[int] = encoding.ids
        if not rendered.answers:
            return EncodedRow(ids)
        self._require_one_bos(ids)
        offsets: list[tuple[int, int]] = encoding.offsets
        spans = []
        for start, end in rendered.answers:
            first, stop = (bisect_left(offsets, place, key=itemgetter(0)) for place in (start, end))
            spans.append(self._checked(ids, offsets, (first, stop), start))
        last = len(prompt_ids)
        if ids[:last] != prompt_ids:
            raise _merged()
        spans[-1] = (last, spans[-1][1])
        if spans[0][0] == 0:
            raise DataError(Problem("prompt", "it is empty: an answer cannot be the first token", "a question", ""))
        return EncodedRow(ids, tuple(spans))

    def _checked(
        self, ids: list[int], offsets: list[tuple[int, int]], span: tuple[int, int], start: int
    ) -> tuple[int, int]:
        first, stop = span
        if first and offsets[first - 1][1] > start:
            raise _merged()
        if stop <= first or ids[stop - 1] not in self.special.stops:
            token = self._tokenizer.decode(ids[stop - 1 : stop])
            given = f"the answer's last token is {token!r}, which is no stop token"
            remedy = "write `model.template: plain`, or a template that ends answers in a special token"
            raise DataError(Problem("answer", given, "a stop token at the end of every answer", remedy))
        return span

    def _require_one_bos(self, ids: list[int]) -> None:
        bos = self.special.bos
        if len(ids) > 1 and ids[0] == ids[1] == bos and bos not in self.special.stops:
            remedy = "take the BOS token out of the data, or out of the template"
            raise DataError(Problem("prompt", "it begins with the BOS token twice", "one BOS token at most", remedy))


def conversation_of(row: RowContent) -> Conversation:
    """A row's conversation; of a row without turns, its text as a question and its target as the answer."""
    if row.messages is not None:
        return from_json(row.messages)
    question = asked(row.input)
    answer = () if row.target is None else ({"role": "assistant", "content": row.target},)
    return Conversation((*question.turns, *answer))


def _merged() -> DataError:
    given = "the answer's first characters make one token with the end of the prompt: it is not what is generated from"
    remedy = "strip the white space before the answer (`data.clean.whitespace: true`), or name another template"
    return DataError(Problem("answer", given, "a prompt whose tokens begin the row's tokens", remedy))


def _naming(row: RowContent, number: int, fault: DataError) -> DataError:
    """The fault with the row it is of: its number among those given, from 0, and the beginning of its text."""
    shown = " ".join(row.input.split())[:SHOWN_CHARACTERS]
    return DataError(*(replace(p, place=f"row {number} ({shown!r}), {p.place}") for p in fault.problems))
