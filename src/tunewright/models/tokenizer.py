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

VOCABULARIES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
)
"""A tokenizer's words stand in one of these."""

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
        self._closing = _closing_specials(backend)

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
        return [*ids[: max_tokens - self._closing], *ids[len(ids) - self._closing :]]

    def save(self, folder: Path) -> None:
        """The folder holds the tokenizer in Hugging Face layout, with the length it was used with."""
        self._tokenizer.model_max_length = self._max_tokens
        self._tokenizer.save_pretrained(folder)


def _closing_specials(backend: Any) -> int:
    """How many special tokens the template puts behind a text. An unknown word is special too, and none of these."""
    mask: list[int] = backend.encode("a").special_tokens_mask
    return next((n for n, added in enumerate(reversed(mask)) if not added), 0)


def load_tokenizer(base: Base, facts: BaseFacts, *, max_tokens: int | None) -> SettledTokenizer:
    """The base's tokenizer. Raises RecipeError where it is missing or the wanted length is beyond the model's."""
    if not any((base.folder / name).is_file() for name in VOCABULARIES):  # transformers would make up an empty one
        given = f"{base.name!r} has no tokenizer"
        raise RecipeError(Problem("model.name", given, "tokenizer files beside the weights", "add tokenizer.json"))
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
