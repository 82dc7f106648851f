"""A base's tokenizer behind the core Protocol: it never truncates, pads or warns on its own."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from transformers import AutoTokenizer

from tunewright.core.errors import Problem, RecipeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tunewright.models.base import Base, BaseFacts

UNLIMITED = 1_000_000
"""A tokenizer without a limit of its own states a far larger number."""


class SettledTokenizer:
    """A fast tokenizer with its limits and special tokens settled."""

    def __init__(self, tokenizer: Any, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        backend = tokenizer.backend_tokenizer
        backend.no_truncation()
        backend.no_padding()
        self._fingerprint = hashlib.sha256(backend.to_str().encode()).hexdigest()

    @property
    def max_tokens(self) -> int:
        """The longest sequence the model accepts, special tokens included."""
        return self._max_tokens

    @property
    def fingerprint(self) -> str:
        """The sha256 of the tokenizer's whole definition."""
        return self._fingerprint

    @property
    def pad_id(self) -> int:
        """The id that fills up short rows; attention never sees it."""
        pad = self._tokenizer.pad_token_id
        return int(pad) if pad is not None else 0

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """One list of token ids a text, special tokens included."""
        return [encoding.ids for encoding in self._tokenizer.backend_tokenizer.encode_batch(list(texts))]

    def cut(self, ids: Sequence[int], max_tokens: int) -> list[int]:
        """The ids shortened to `max_tokens`; closing special tokens stay at the end."""
        if len(ids) <= max_tokens:
            return list(ids)
        special = set(self._tokenizer.all_special_ids)
        closing: list[int] = []
        for token in reversed(ids):
            if token not in special:
                break
            closing.insert(0, token)
        return [*ids[: max_tokens - len(closing)], *closing]

    def save(self, folder: Path) -> None:
        """The folder holds the tokenizer in Hugging Face layout, with the length it was used with."""
        self._tokenizer.model_max_length = self._max_tokens
        self._tokenizer.save_pretrained(folder)


def load_tokenizer(base: Base, facts: BaseFacts, *, max_tokens: int | None) -> SettledTokenizer:
    """The base's tokenizer. Raises RecipeError where it is missing or the wanted length is beyond the model's."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(base.folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as fault:
        given = f"{base.name!r} has no usable tokenizer: {str(fault).splitlines()[0]}"
        raise RecipeError(
            Problem("model.name", given, "tokenizer files beside the weights", "add tokenizer.json")
        ) from fault
    if not getattr(tokenizer, "is_fast", False):
        raise RecipeError(
            Problem("model.name", f"{base.name!r} has no fast tokenizer", "tokenizer.json", "convert it first")
        )
    own = [int(n) for n in (facts.max_positions, tokenizer.model_max_length) if n and n < UNLIMITED]
    limit = min(own) if own else 512
    if max_tokens is not None and max_tokens > limit:
        raise RecipeError(
            Problem("model.max_tokens", str(max_tokens), f"at most {limit}, the limit of {base.name}", "lower it")
        )
    return SettledTokenizer(tokenizer, max_tokens or limit)
