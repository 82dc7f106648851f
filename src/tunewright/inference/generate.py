"""Answers token by token: rows step together, leave when they end, and others take their seats."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tunewright.core.errors import Problem, RunError
from tunewright.core.generated import unwatched
from tunewright.inference.decoders import decoder_of
from tunewright.inference.sampling import next_tokens, row_randomness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from tunewright.core.encoded import Layout
    from tunewright.core.generated import Decoding, Wrote
    from tunewright.inference.decoders import Decoder

SEATS = 64
"""Most rows that step together."""
CACHE_BYTES = 2**31
"""Most bytes of keys and values that all seats together may come to hold."""
JOIN_SHARE = 0.25
"""Share of empty seats at which waiting rows take them: a pass over prompts holds up the rows at work."""
KEEP_SHARE = 0.75
"""Share of taken seats below which, with none waiting, the empty ones are given up: that copies the rest."""


@dataclass(frozen=True, slots=True)
class GeneratedIds:
    """The tokens drawn for one prompt."""

    ids: tuple[int, ...]
    """In order, the stop token included."""
    stopped: bool | None
    """Whether the last one is a stop token; None where the prompt left no room for any token."""

    @property
    def answer(self) -> tuple[int, ...]:
        """The tokens without the stop token."""
        return self.ids[:-1] if self.stopped else self.ids


@dataclass(slots=True)
class _Row:
    index: int
    prompt: Sequence[int]
    room: int
    """Tokens it may still draw."""
    random: np.random.Generator
    ids: list[int] = field(default_factory=list)


def generate_ids(  # noqa: PLR0913  # everything a pass over prompts depends on, each by name
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    stops: frozenset[int],
    pad_id: int,
    decoding: Decoding,
    layout: Layout,
    max_tokens: int | None = None,
    bf16: bool = False,
    wrote: Wrote = unwatched,
) -> list[GeneratedIds]:
    """One answer a prompt, in the order given; the model must be in eval mode.

    An answer ends with a stop token, after `max_new_tokens`, or where prompt and answer together (of `seq2seq`, the
    answer) fill `max_tokens`, the model's own limit where absent. A prompt that fills it alone gets no token.
    `wrote` is told after every token of the rows at work. Raises RunError for a prompt without tokens.
    """
    _refuse_empty(prompts)
    limit = max_tokens or context_limit(model.config)
    rows = [
        _Row(n, prompt, _room(len(prompt), limit, decoding, layout), row_randomness(decoding, prompt))
        for n, prompt in enumerate(prompts)
    ]
    decoder = decoder_of(model, layout=layout, pad_id=pad_id, bf16=bf16)
    answered = deque(sorted((row for row in rows if row.room), key=lambda row: -len(row.prompt)))
    if answered:
        most = _seats(model.config, len(answered[0].prompt) + max(row.room for row in answered))
        _answer(decoder, answered, stops=stops, decoding=decoding, most=most, wrote=wrote)
    return [GeneratedIds(tuple(row.ids), row.ids[-1] in stops if row.ids else None) for row in rows]


def stream_ids(  # noqa: PLR0913  # as for `generate_ids`
    model: Any,
    prompt: Sequence[int],
    *,
    stops: frozenset[int],
    decoding: Decoding,
    layout: Layout,
    pad_id: int = 0,
    max_tokens: int | None = None,
    bf16: bool = False,
    interrupted: Callable[[], bool] = lambda: False,
) -> Iterator[int]:
    """The tokens of one answer as they are drawn, the same ones as `generate_ids` gives; the stop token comes last.

    Ends early once `interrupted()`, which is asked before every token.
    """
    _refuse_empty([prompt])
    room = _room(len(prompt), max_tokens or context_limit(model.config), decoding, layout)
    decoder = decoder_of(model, layout=layout, pad_id=pad_id, bf16=bf16)
    random = row_randomness(decoding, prompt)
    token: int | None = None
    for _ in range(room):
        if interrupted():
            return
        logits_1V = decoder.begin([prompt]) if token is None else decoder.step([token])
        (token,) = next_tokens(logits_1V, decoding, [random])
        yield token
        if token in stops:
            return


def context_limit(config: Any) -> int | None:
    """The most tokens a model has positions for; None where it has no limit or names none."""
    text = config.get_text_config(decoder=True)
    limit = getattr(text, "max_position_embeddings", None)
    return int(limit) if limit else None


def _answer(
    decoder: Decoder, waiting: deque[_Row], *, stops: frozenset[int], decoding: Decoding, most: int, wrote: Wrote
) -> None:
    """Every row has its answer."""
    seats: list[_Row | None] = []
    done = tokens = 0

    def draw(logits_BV: Any, rows: Sequence[_Row]) -> None:
        nonlocal done, tokens
        drawn = next_tokens(logits_BV, decoding, [row.random for row in rows])
        for row, token in zip(rows, drawn, strict=True):
            row.ids.append(token)
            row.room = 0 if token in stops else row.room - 1
        done, tokens = done + sum(not row.room for row in rows), tokens + len(rows)
        wrote(done, tokens)

    while waiting or any(seats):
        if not any(seats):
            first = [row.prompt for row in list(waiting)[:most]]
            began = [waiting.popleft() for _ in range(decoder.fits(first, len(first)))]
            seats = list(began)
            draw(decoder.begin([row.prompt for row in began]), began)
        elif decoder.joins and waiting and seats.count(None) >= max(1, JOIN_SHARE * len(seats)):
            empty = [seat for seat, row in enumerate(seats) if row is None][: len(waiting)]
            joined = [waiting.popleft() for _ in empty]
            for seat, row in zip(empty, joined, strict=True):
                seats[seat] = row
            draw(decoder.join(empty, [row.prompt for row in joined]), joined)
        seats = _risen(seats)
        if any(seats):
            seats = _closed_up(decoder, seats, joining=bool(waiting))
            logits_SV = decoder.step([row.ids[-1] if row else None for row in seats])
            taken = [seat for seat, row in enumerate(seats) if row]
            draw(logits_SV if len(taken) == len(seats) else logits_SV[taken], [row for row in seats if row])
            seats = _risen(seats)


def _risen(seats: Sequence[_Row | None]) -> list[_Row | None]:
    """The seats, empty where a row has ended."""
    return [row if row and row.room else None for row in seats]


def _closed_up(decoder: Decoder, seats: list[_Row | None], *, joining: bool) -> list[_Row | None]:
    """The seats without the empty ones, where they are many and nobody will take them."""
    taken = [seat for seat, row in enumerate(seats) if row]
    if (decoder.joins and joining) or not decoder.leaves or len(taken) > KEEP_SHARE * len(seats):
        return seats
    decoder.keep(taken)
    return [seats[seat] for seat in taken]


def _room(length: int, limit: int | None, decoding: Decoding, layout: Layout) -> int:
    if limit is None:
        return decoding.max_new_tokens
    if layout == "seq2seq":
        return min(decoding.max_new_tokens, limit) if length <= limit else 0
    return max(0, min(decoding.max_new_tokens, limit - length))


def _seats(config: Any, longest: int) -> int:
    """How many rows' keys and values fit into CACHE_BYTES, in fp32; at least one."""
    text = config.get_text_config(decoder=True)
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    column: int = 2 * 4 * text.num_hidden_layers * heads * width
    return max(1, min(SEATS, CACHE_BYTES // (column * longest)))


def _refuse_empty(prompts: Sequence[Sequence[int]]) -> None:
    empty = [n for n, prompt in enumerate(prompts) if not len(prompt)]
    if empty:
        given = f"{len(empty)} of {len(prompts)} prompts have no tokens, the first at position {empty[0]}"
        raise RunError(Problem("prompt", given, "at least one token to go on from", "give a text, or a first token"))
