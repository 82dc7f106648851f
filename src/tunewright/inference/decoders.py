"""How a batch of rows goes on by a token: which rows it takes in, and what it keeps of those it has.

Axes: B prompts of a pass, S seats, T tokens, V vocabulary.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from transformers.cache_utils import DynamicCache, EncoderDecoderCache

from tunewright.core.errors import Problem, RunError
from tunewright.data.batching import micro_batches
from tunewright.inference.cache import SeatCache, shares_rows
from tunewright.inference.score import SCORE_TOKENS, pad
from tunewright.models.output_head import labelled_only
from tunewright.models.wrappers import without_adapters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from tunewright.core.encoded import Layout


class Decoder(Protocol):
    """Called by the generating loop, which gives prompts longest first. A seat without a row is fed None."""

    joins: bool
    """Whether new rows may take empty seats while others are at work."""
    leaves: bool
    """Whether empty seats can be given up."""

    def fits(self, prompts: Sequence[Sequence[int]], most: int) -> int:
        """How many of the first prompts may begin together, at least one."""

    def begin(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """The prompts sit in new seats, in order. Returns the logits of their first tokens, `[S, V]`."""

    def join(self, seats: Sequence[int], prompts: Sequence[Sequence[int]]) -> Tensor:
        """The prompts, none longer than any before them, take empty seats. Returns their logits, `[n, V]`."""

    def step(self, tokens: Sequence[int | None]) -> Tensor:
        """Each seat's row has its token. Returns the logits of the next ones, `[S, V]`."""

    def keep(self, seats: Sequence[int]) -> None:
        """Only these seats remain, in this order."""


def decoder_of(model: Any, *, layout: Layout, pad_id: int, bf16: bool = False) -> Decoder:
    """The decoder that fits the model's cache. Raises RunError for a model that keeps none."""
    if layout == "seq2seq":
        return _TextToText(model, pad_id, bf16=bf16)
    inner = without_adapters(model)
    accepted = tuple(inspect.signature(inner.forward).parameters)
    if "past_key_values" not in accepted:
        given = f"{type(inner).__name__} keeps no cache of keys and values"
        raise RunError(Problem("model", given, "a causal or text-to-text transformer", "choose another base"))
    kind = _Seated if shares_rows(inner.config, accepted) else _Together
    return kind(model, pad_id, bf16=bf16)


class _Decoder:
    """What all decoders have in common; what their methods do stands in `Decoder`."""

    joins = False
    leaves = True

    def __init__(self, model: Any, pad_id: int, *, bf16: bool) -> None:
        self._model, self._pad_id, self._bf16 = model, pad_id, bf16
        self._device = next(model.parameters()).device

    def _forward(self, **inputs: Any) -> Any:
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._bf16):
            return self._model(**inputs, use_cache=True)

    def _column(self, tokens: Sequence[int | None]) -> Tensor:
        return torch.tensor([[token or 0] for token in tokens], device=self._device)

    def join(self, seats: Sequence[int], prompts: Sequence[Sequence[int]]) -> Tensor:
        raise NotImplementedError  # never called where `joins` is false


class _Seated(_Decoder):
    """Causal models with a cache of single tokens: a row leaves as it ends and another one takes its seat."""

    joins = True

    def fits(self, _prompts: Sequence[Sequence[int]], most: int) -> int:
        return most

    def begin(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """The first rows join an empty cache that has a seat for each."""
        self._cache = SeatCache(len(prompts))
        self._lengths = [0] * len(prompts)
        return self.join(range(len(prompts)), prompts)

    @torch.inference_mode()
    def join(self, seats: Sequence[int], prompts: Sequence[Sequence[int]]) -> Tensor:
        """Prompts of about one length pass together; keys and values of each are laid into its seat, end to end."""
        lengths_N = np.array([len(prompt) for prompt in prompts])
        parts, order = [], []
        for chosen in micro_batches(np.arange(len(prompts)), lengths_N, SCORE_TOKENS):
            logits_BV, prefilled = self._prefill([prompts[n] for n in chosen])
            self._cache.seat(torch.tensor([seats[n] for n in chosen], device=self._device), prefilled)
            parts.append(logits_BV)
            order.extend(chosen.tolist())
        for seat, prompt in zip(seats, prompts, strict=True):
            self._lengths[seat] = len(prompt)
        return torch.cat(parts)[torch.tensor(np.argsort(order), device=self._device)]

    def _prefill(self, prompts: Sequence[Sequence[int]]) -> tuple[Tensor, DynamicCache]:
        ids_BT, mask_BT = (tensor.to(self._device) for tensor in pad(prompts, self._pad_id, left=True))
        cache = DynamicCache()  # without the configuration: even sliding layers keep all columns, and mask them
        padding = {} if bool(mask_BT.all()) else _placed(mask_BT)
        last_BT = torch.zeros_like(mask_BT, dtype=torch.bool)
        last_BT[:, -1] = True
        with labelled_only(without_adapters(self._model), last_BT):
            output = self._forward(input_ids=ids_BT, past_key_values=cache, **padding)
        return output.logits[0], cache

    @torch.inference_mode()
    def step(self, tokens: Sequence[int | None]) -> Tensor:
        """One pass over all seats; columns that no row reaches any more are given up; each row has its own place."""
        lengths = self._lengths = [
            length if token is not None else 0 for length, token in zip(self._lengths, tokens, strict=True)
        ]
        width = max(lengths)
        self._cache.forget(self._cache.get_seq_length() - width)
        lengths_S1 = torch.tensor(lengths, device=self._device)[:, None]
        mask_ST = torch.arange(width + 1, device=self._device) >= width - lengths_S1
        output = self._forward(
            input_ids=self._column(tokens),
            attention_mask=mask_ST.long(),
            position_ids=lengths_S1,
            past_key_values=self._cache,
        )
        self._lengths = [length + 1 for length in lengths]
        logits: Tensor = output.logits[:, -1]
        return logits

    @torch.inference_mode()
    def keep(self, seats: Sequence[int]) -> None:
        self._cache.keep(torch.tensor(seats, device=self._device))
        self._lengths = [self._lengths[seat] for seat in seats]


class _Together(_Decoder):
    """Causal models with any other cache: prompts of one length begin together and stay until the last one ends."""

    leaves = False

    def fits(self, prompts: Sequence[Sequence[int]], most: int) -> int:
        first = prompts[:most]
        return sum(len(prompt) == len(first[0]) for prompt in first)

    @torch.inference_mode()
    def begin(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """All prompts, which are of one length, pass at once and need no mask."""
        self._cache = None
        return self._go_on(torch.tensor([list(prompt) for prompt in prompts], device=self._device))

    @torch.inference_mode()
    def step(self, tokens: Sequence[int | None]) -> Tensor:
        """One pass over all seats; a row that has ended is fed on, and nobody reads what comes of it."""
        return self._go_on(self._column(tokens))

    def _go_on(self, ids_ST: Tensor) -> Tensor:
        last_ST = torch.zeros_like(ids_ST, dtype=torch.bool)
        last_ST[:, -1] = True
        with labelled_only(without_adapters(self._model), last_ST):
            output = self._forward(input_ids=ids_ST, past_key_values=self._cache)
        self._cache = output.past_key_values
        logits: Tensor = output.logits[0]
        return logits

    def keep(self, seats: Sequence[int]) -> None:
        raise NotImplementedError  # never called where `leaves` is false


class _TextToText(_Decoder):
    """Encoder and decoder: sources are encoded once; rows leave, and none joins, for all count positions alike."""

    def fits(self, prompts: Sequence[Sequence[int]], most: int) -> int:
        return max(1, min(most, len(prompts), SCORE_TOKENS // len(prompts[0])))

    @torch.inference_mode()
    def begin(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """The sources are encoded in one pass; every decoder starts with the model's own first token."""
        ids_BT, mask_BT = (tensor.to(self._device) for tensor in pad(prompts, self._pad_id))
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._bf16):
            self._encoded = self._model.get_encoder()(input_ids=ids_BT, attention_mask=mask_BT)
        self._mask_ST = mask_BT
        self._cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        return self.step([decoder_start(self._model.config)] * len(prompts))

    @torch.inference_mode()
    def step(self, tokens: Sequence[int | None]) -> Tensor:
        """One pass of the decoder over all seats, beside the encoded sources and the cache of what was said."""
        output = self._forward(
            decoder_input_ids=self._column(tokens),
            encoder_outputs=self._encoded,
            attention_mask=self._mask_ST,
            past_key_values=self._cache,
        )
        logits: Tensor = output.logits[:, -1]
        return logits

    @torch.inference_mode()
    def keep(self, seats: Sequence[int]) -> None:
        kept = torch.tensor(seats, device=self._device)
        self._cache.batch_select_indices(kept)
        self._encoded.last_hidden_state = self._encoded.last_hidden_state[kept]
        self._mask_ST = self._mask_ST[kept]


def decoder_start(config: Any) -> int:
    """The token a decoder begins with. Raises RunError where the model names none."""
    start = getattr(config, "decoder_start_token_id", None)
    if start is None:
        given = "the configuration names no decoder_start_token_id"
        raise RunError(Problem("model", given, "the token a decoder begins with", "add it to config.json"))
    return int(start)


def _placed(mask_BT: Tensor) -> dict[str, Tensor]:
    return {"attention_mask": mask_BT, "position_ids": (mask_BT.cumsum(-1) - 1).clamp(min=0)}
