"""A base's tokenizer behind the core Protocol: it never truncates, pads or warns on its own."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

from transformers import AutoTokenizer

from tunewright.core.encoded import SpecialIds
from tunewright.core.errors import Problem, RecipeError
from tunewright.core.files import read_json
from tunewright.models.token_bytes import token_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from tunewright.core.conversation import Turn
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

DEFAULT_LENGTH = 512
"""Tokens of a base that states no limit, such as T5: what most of these were pre-trained with."""
UNLIMITED = 1_000_000
"""A tokenizer without a limit of its own states a far larger number."""


class SettledTokenizer:
    """A fast tokenizer with its limits and special tokens settled.

    `stops` are ids at which the base ends an answer, beside its EOS.
    """

    def __init__(self, tokenizer: Any, max_tokens: int, *, stops: frozenset[int] = frozenset()) -> None:
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._stops = stops
        backend = tokenizer.backend_tokenizer
        backend.no_truncation()
        backend.no_padding()
        self._fingerprint = hashlib.sha256(backend.to_str().encode()).hexdigest()
        self._opening, self._closing = _framing_specials(backend)

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
        return self.special.pad

    @cached_property
    def special(self) -> SpecialIds:
        """The token ids that mean something; a tokenizer without a padding token lends another special one to it."""
        own = self._tokenizer
        bos, eos, pad = own.bos_token_id, own.eos_token_id, own.pad_token_id
        if pad is None:
            pad = self._lent_pad(eos)
        stops = self._stops | ({eos} if eos is not None else frozenset())
        added = own.added_tokens_decoder.values()
        texts = frozenset(str(token.content) for token in added if token.special)
        return SpecialIds(bos, eos, int(pad), stops, own.unk_token_id, texts)

    @property
    def mask_id(self) -> int | None:
        """The id that stands for a hidden token; None for a tokenizer without one."""
        found = self._tokenizer.mask_token_id
        return None if found is None else int(found)

    @cached_property
    def vocabulary(self) -> int:
        """Number of ids the tokenizer gives out, added tokens included."""
        return len(self._tokenizer)

    @cached_property
    def stop_tokens(self) -> tuple[str, ...]:
        """The stop ids as they are written."""
        return tuple(self._tokenizer.convert_ids_to_tokens(sorted(self.special.stops)))

    @cached_property
    def added_tokens(self) -> tuple[str, ...]:
        """Tokens that no text is split within, such as `<|im_end|>`; those of white space alone are left out."""
        found = (str(token.content) for token in self._tokenizer.added_tokens_decoder.values())
        return tuple(token for token in found if token.strip())

    @cached_property
    def named_tokens(self) -> dict[str, str]:
        """`bos_token`, `eos_token` and so on as a chat template knows them."""
        return {name: str(token) for name, token in sorted(self._tokenizer.special_tokens_map.items()) if token}

    @property
    def adds_bos(self) -> bool:
        """Whether the tokenizer puts its BOS before every text."""
        return self._opening[:1] == [self.special.bos]

    @property
    def own_template(self) -> str | None:
        """The chat template saved with the tokenizer."""
        found = self._tokenizer.chat_template
        return found.get("default") if isinstance(found, dict) else found

    def id_of(self, token: str) -> int:
        """The id of one of `added_tokens`."""
        return int(self._tokenizer.convert_tokens_to_ids(token))

    def render(self, source: str, turns: Sequence[Turn], *, tools: list[Any] | None, ask: bool) -> str:
        """Turns through the jinja template `source` as transformers renders it for everyone, in its sandbox.

        There is no clock: a template that asks for today's date breaks, whatever it calls it by.
        """
        text: str = self._tokenizer.apply_chat_template(
            [dict(turn) for turn in turns],
            tools=tools,
            chat_template=source,
            tokenize=False,
            add_generation_prompt=ask,
            strftime_now=None,
        )
        return text

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """One list of token ids a text, special tokens included."""
        return [encoding.ids for encoding in self._tokenizer.backend_tokenizer.encode_batch(list(texts))]

    def encode_placed(self, texts: Sequence[str]) -> list[Any]:
        """One tokenizers `Encoding` (ids, character offsets) a text, special tokens included."""
        encodings: list[Any] = self._tokenizer.backend_tokenizer.encode_batch(list(texts))
        return encodings

    def encode_plain(self, texts: Sequence[str]) -> list[Any]:
        """One tokenizers `Encoding` (ids, character offsets) a text; no special token is added around it."""
        encodings: list[Any] = self._tokenizer.backend_tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return encodings

    def encode_targets(self, texts: Sequence[str]) -> list[list[int]]:
        """One list of token ids a text on the decoder's side, special tokens included."""
        found: list[list[int]] = self._tokenizer(text_target=list(texts), truncation=False, padding=False)["input_ids"]
        return found

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, without special tokens."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def spell(self, ids: Sequence[int]) -> str:
        """The text of ids with the special tokens among them, as people are shown it."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    @cached_property
    def token_bytes(self) -> NDArray[np.int64] | None:
        """UTF-8 bytes that each id spells; None where that cannot be told of a token alone."""
        return token_bytes(self._tokenizer)

    def bytes_of(self, ids: Sequence[int]) -> int:
        """UTF-8 bytes that ids spell, exact wherever they begin and end; special tokens spell none.

        Of a tokenizer whose `token_bytes` are unknown, the bytes of the decoded text.
        """
        known = self.token_bytes
        return len(self.decode(ids).encode()) if known is None else int(known[list(ids)].sum())

    def framed_span(self, ids: Sequence[int]) -> tuple[int, int]:
        """Where the text lies between the special tokens that the tokenizer puts around it."""
        return len(self._opening), len(ids) - self._closing

    def cut(self, ids: Sequence[int], max_tokens: int) -> list[int]:
        """The ids shortened to `max_tokens`; closing special tokens stay at the end."""
        if len(ids) <= max_tokens:
            return list(ids)
        return [*ids[: max_tokens - self._closing], *ids[len(ids) - self._closing :]]

    def save(self, folder: Path, *, template: str | None = None) -> None:
        """The folder holds the tokenizer in Hugging Face layout, with the length and the template it was used with."""
        self._tokenizer.model_max_length = self._max_tokens
        kept = self._tokenizer.chat_template
        try:
            self._tokenizer.chat_template = template if template is not None else kept
            self._tokenizer.save_pretrained(folder)
        finally:
            self._tokenizer.chat_template = kept

    def _lent_pad(self, eos: int | None) -> int:
        """Attention never sees it and no loss is left out by id, so that any special token serves."""
        added = {str(token.content): number for number, token in self._tokenizer.added_tokens_decoder.items()}
        named = [number for token, number in added.items() if "pad" in token.lower()]
        others = [self._tokenizer.unk_token_id, eos, *added.values(), 0]
        return int(next(number for number in (*named, *others) if number is not None))


def _framing_specials(backend: Any) -> tuple[list[int], int]:
    """The ids the tokenizer puts before a text, and how many it puts behind it. An unknown word is special too, and
    none of these.
    """
    encoding, bare = backend.encode("a"), backend.encode("a", add_special_tokens=False)
    added = len(encoding.ids) - len(bare.ids)
    opening = next((n for n in range(added + 1) if encoding.ids[n : n + len(bare.ids)] == bare.ids), 0)
    return list(encoding.ids[:opening]), added - opening


def load_tokenizer(base: Base, facts: BaseFacts, *, max_tokens: int | None) -> SettledTokenizer:
    """The base's tokenizer. Raises RecipeError where it is missing or the wanted length is beyond the model's."""
    folder = base.tokenizer_folder
    if not any((folder / name).is_file() for name in VOCABULARIES):  # transformers would make up an empty one
        given = f"{base.name!r} has no tokenizer"
        raise RecipeError(Problem("model.name", given, "tokenizer files beside the weights", "add tokenizer.json"))
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
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
    limit = min(own) if own else DEFAULT_LENGTH
    if max_tokens is not None and max_tokens > limit:
        raise RecipeError(
            Problem("model.max_tokens", str(max_tokens), f"at most {limit}, the limit of {base.name}", "lower it")
        )
    return SettledTokenizer(tokenizer, max_tokens or limit, stops=_generation_stops(folder, tokenizer))


def _generation_stops(folder: Path, tokenizer: Any) -> frozenset[int]:
    """The ids at which the base's own settings end an answer: an instruction-tuned model often has several.

    Raises RecipeError for one that is no token of the tokenizer's: an answer could never end with it.
    """
    path = folder / "generation_config.json"
    if not path.is_file():
        return frozenset()
    content = read_json(path)
    told = content.get("eos_token_id") if isinstance(content, dict) else None
    found = [n for n in (told if isinstance(told, list) else [told]) if n is not None]
    for stop in found:
        if not isinstance(stop, int) or stop < 0 or tokenizer.convert_ids_to_tokens(stop) is None:
            given = f"eos_token_id names {stop!r}, and the tokenizer has no such token"
            remedy = "take it out of a copy of the base's folder, and name that folder as the model"
            raise RecipeError(Problem(str(path), given, f"ids below {len(tokenizer)}", remedy))
    return frozenset(found)
