"""A model's predictions for prompts: how likely it finds the references, and what it writes itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tunewright.core.conversation import from_json
from tunewright.core.encoded import RowContent
from tunewright.core.files import digest
from tunewright.core.predictions import TextPredictions
from tunewright.core.seeds import generator
from tunewright.data.clusters import cluster_ids
from tunewright.data.frame import sampled
from tunewright.data.overlength import fit_rows
from tunewright.data.token_rows import within_context
from tunewright.data.tokenize import encode_rows
from tunewright.models.encoders import text_encoder
from tunewright.pipeline.general import general_passages

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from numpy.typing import NDArray

    from tunewright.core.encoded import EncodedRow
    from tunewright.core.generated import Decoding, Wrote
    from tunewright.core.protocols import PromptEncoder
    from tunewright.data.overlength import FittedRows, Policy
    from tunewright.data.token_rows import TokenRows
    from tunewright.inference.text_model import TextModel
    from tunewright.pipeline.context import Context


@dataclass(frozen=True, slots=True)
class Asked:
    """N prompts with the answers that people gave, and the M token rows that hold these."""

    row_ids: tuple[str, ...]
    contents: tuple[RowContent, ...]
    """A row with this prompt; its answer is left out when the model is asked."""
    prompts: tuple[str, ...]
    references: tuple[tuple[str, ...], ...]
    clusters: tuple[str, ...]
    encoded: tuple[EncodedRow, ...]
    prompt_M: NDArray[np.int64]
    """The prompt that each token row belongs to."""
    target_tokens_N: NDArray[np.int64]
    target_bytes_N: NDArray[np.int64]
    shortest_N: NDArray[np.int64]
    """Tokens of each prompt's shortest reference at its full length, the stop token included; 0 without one that the
    context has room for."""
    cut: int
    """Prompts of which a part of an answer lies beyond the context, and is not scored."""

    def drawn(self, most: int, seed: int) -> list[int]:
        """At most so many prompts, the same for every system."""
        n = len(self.row_ids)
        if n <= most:
            return list(range(n))
        return sorted(generator(seed, "written").choice(n, size=most, replace=False).tolist())

    def blank(self) -> TextPredictions:
        """Predictions of a system that has neither read nor written yet."""
        n = len(self.row_ids)
        return TextPredictions(
            row_ids=self.row_ids,
            prompts=self.prompts,
            references=self.references,
            texts=(None,) * n,
            stopped=(None,) * n,
            new_tokens=(None,) * n,
            nats_N=np.full(n, np.nan),
            target_tokens_N=self.target_tokens_N,
            target_bytes_N=self.target_bytes_N,
            clusters=self.clusters,
        )


def asked_of(frame: pl.DataFrame, encoder: PromptEncoder, *, policy: Policy, chats: bool) -> Asked:
    """The frame's rows by prompt: rows of equal prompts are one, with the answers of all of them.

    Of a conversation only its last answer is scored, which is the reference; all that stands before it is the prompt.
    """
    contents = [RowContent(*row) for row in frame.select("input", "messages", "target").iter_rows()]
    fitted = fit_rows(frame, encode_rows(frame, encoder), encoder, policy=policy)
    held_R = within_context(fitted.whole, encoder.max_tokens)
    numbers: dict[str, int] = {}
    prompt_R = np.array([numbers.setdefault(_prompt_key(c, chats=chats), len(numbers)) for c in contents], dtype=int)
    first = np.unique(prompt_R, return_index=True)[1].tolist()
    row_M = np.repeat(np.arange(frame.height), fitted.pieces_N)
    pieces = [fitted.rows.encoded(number) for number in range(len(fitted.rows))]
    if chats:
        wholes = (fitted.whole.encoded(number) for number in row_M.tolist())
        pieces = [_last_answer(piece, whole) for piece, whole in zip(pieces, wholes, strict=True)]
    encoded = tuple(pieces)
    tokens_M = np.array([row.trained for row in encoded], dtype=np.int64)
    bytes_M = np.array([_target_bytes(row, encoder) for row in encoded], dtype=np.int64)
    prompt_M = prompt_R[row_M] if len(row_M) else np.empty(0, dtype=np.int64)
    clusters = cluster_ids(frame).to_list()
    answered = answers_of(frame, fitted.whole, encoder=encoder, chats=chats)
    references: list[list[str]] = [[] for _ in first]
    for number, answer in zip(prompt_R.tolist(), answered, strict=True):
        if answer is not None and answer not in references[number]:
            references[number].append(answer)
    return Asked(
        row_ids=tuple(frame["row_id"][row] for row in first),
        contents=tuple(contents[row] for row in first),
        prompts=tuple(contents[row].input for row in first),
        references=tuple(map(tuple, references)),
        clusters=tuple(clusters[row] for row in first),
        encoded=encoded,
        prompt_M=prompt_M,
        target_tokens_N=_summed(tokens_M, prompt_M, len(first)),
        target_bytes_N=_summed(bytes_M, prompt_M, len(first)),
        cut=len(np.unique(prompt_R[_reaches_beyond(fitted)])),
        shortest_N=_shortest(np.where(held_R, fitted.whole.answers_N, 0), prompt_R, len(first)),
    )


def answers_of(frame: pl.DataFrame, whole: TokenRows, *, encoder: PromptEncoder, chats: bool) -> list[str | None]:
    """The answer of each row: of a conversation, as a model that learned the last one to the letter would write it.

    A template writes calls of functions in a form of its own, and what is written is compared with that. `whole` are
    the rows encoded at full length.
    """
    answers: list[str | None] = frame["target"].to_list()
    if not chats:
        return answers
    return [None if text is None else _as_written(whole.encoded(n), encoder, text) for n, text in enumerate(answers)]


def likelihoods(model: TextModel, asked: Asked) -> TextPredictions:
    """How likely the model finds each prompt's answers."""
    nats_M = model.nats(asked.encoded)
    nats_N = np.bincount(asked.prompt_M, weights=nats_M, minlength=len(asked.row_ids)).astype(np.float64)
    return replace(asked.blank(), nats_N=nats_N)


def written(
    model: TextModel, asked: Asked, found: TextPredictions, *, drawn: Sequence[int], decoding: Decoding, wrote: Wrote
) -> TextPredictions:
    """The predictions with texts written for the prompts of these numbers; `wrote` is told how far that is."""
    contents = [asked.contents[number] for number in drawn]
    answers = dict(zip(drawn, model.generate(contents, decoding, wrote=wrote), strict=True))
    each = [answers.get(number) for number in range(len(asked.row_ids))]
    return replace(
        found,
        texts=tuple(None if answer is None else answer.text for answer in each),
        stopped=tuple(None if answer is None else answer.stopped for answer in each),
        new_tokens=tuple(None if answer is None else answer.new_tokens for answer in each),
        decoding=json.dumps(asdict(decoding)),
    )


def general_predictions(context: Context, model: TextModel) -> TextPredictions | None:
    """How likely a causal model finds general text; None where the recipe measures no forgetting, or cannot."""
    passages = general_passages(context) if context.task.layout == "causal" else []
    if not passages:
        return None
    encoder = text_encoder(context.tokenizer, "causal")
    rows = [encoder.cut(row, encoder.max_tokens) for row in encoder.encode([RowContent(text) for text in passages])]
    n = len(rows)
    return TextPredictions(
        row_ids=tuple(digest(passage)[:32] for passage in passages),
        prompts=("",) * n,
        references=tuple((passage,) for passage in passages),
        texts=(None,) * n,
        stopped=(None,) * n,
        new_tokens=(None,) * n,
        nats_N=model.nats(rows),
        target_tokens_N=np.array([row.trained for row in rows], dtype=np.int64),
        target_bytes_N=np.array([_target_bytes(row, encoder) for row in rows], dtype=np.int64),
        clusters=tuple(digest(passage)[:32] for passage in passages),
    )


def _prompt_key(content: RowContent, *, chats: bool) -> str:
    if chats and content.messages is not None:
        return from_json(content.messages).prompt.to_json()
    return content.input


def _target_bytes(row: EncodedRow, encoder: PromptEncoder) -> int:
    """UTF-8 bytes of the text that a row's targets spell; special tokens spell none."""
    return sum(encoder.bytes_of(row.input_ids[start:end]) for start, end in row.loss_spans)


def _as_written(row: EncodedRow, encoder: PromptEncoder, text: str) -> str:
    """The last trained span without its stop token, decoded; `text` where nothing is trained."""
    if not row.loss_spans:
        return text
    start, end = row.loss_spans[-1]
    return encoder.decode(row.input_ids[start : end - 1 if row.input_ids[end - 1] in encoder.special.stops else end])


def _last_answer(piece: EncodedRow, whole: EncodedRow) -> EncodedRow:
    """A conversation that may have been cut, with what is left of its last answer as the only target."""
    start = whole.loss_spans[-1][0] if whole.loss_spans else len(whole.input_ids)
    return replace(piece, loss_spans=tuple(span for span in piece.loss_spans if span[0] == start))


def _summed(values_M: NDArray[np.int64], prompt_M: NDArray[np.int64], prompts: int) -> NDArray[np.int64]:
    return np.bincount(prompt_M, weights=values_M, minlength=prompts).astype(np.int64)


def _reaches_beyond(fitted: FittedRows) -> NDArray[np.bool_]:
    """Whether the cut to the context took targets of each row away; of a row that left, it did not."""
    return np.asarray((fitted.pieces_N > 0) & (fitted.trained_N < fitted.whole.trained_N), dtype=np.bool_)


def _shortest(answers_R: NDArray[np.int64], prompt_R: NDArray[np.int64], prompts: int) -> NDArray[np.int64]:
    """The fewest tokens of a prompt's answers; rows without an answer count for none."""
    none = np.iinfo(np.int64).max
    found = np.full(prompts, none, dtype=np.int64)
    np.minimum.at(found, prompt_R[answers_R > 0], answers_R[answers_R > 0])
    return np.where(found == none, 0, found)


def sample_rows(frame: pl.DataFrame, count: int, seed: int) -> Sequence[tuple[str, RowContent]]:
    """A few rows to write answers for while training, drawn by the seed: id and content."""
    part = sampled(frame, count, seed, "samples")
    contents = (RowContent(*row) for row in part.select("input", "messages", "target").iter_rows())
    return list(zip(part["row_id"].to_list(), contents, strict=True))
