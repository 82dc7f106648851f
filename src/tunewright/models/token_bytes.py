"""How many UTF-8 bytes each token spells, told from the vocabulary: a piece of a character decodes to none of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

METASPACE = "\u2581"
"""SentencePiece's sign for a blank."""
BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")
"""SentencePiece's token of a single byte."""


def token_bytes(tokenizer: Any) -> NDArray[np.int64] | None:
    """Bytes of each id of a fast tokenizer, `[V]`; special tokens have none. None where it depends on the neighbours.

    Of byte-level BPE exact: each character of a token is one byte. Of SentencePiece exact but for the blank that it
    puts before a text, which counts as a byte. WordPiece leaves blanks out of its tokens: they are not known of these.
    """
    written = json.loads(tokenizer.backend_tokenizer.to_str())
    parts = set(_kinds(written.get("pre_tokenizer"))) | set(_kinds(written.get("decoder")))
    if "ByteLevel" in parts:
        count: Callable[[str], int] = len
    elif parts & {"Metaspace", "ByteFallback"}:
        count = _sentencepiece
    else:
        return None
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    found_V = np.zeros(max(vocabulary.values()) + 1, dtype=np.int64)
    for token, number in vocabulary.items():
        found_V[number] = count(token)
    for number, token in tokenizer.added_tokens_decoder.items():
        found_V[number] = 0 if token.special else len(token.content.encode())
    found_V[tokenizer.all_special_ids] = 0
    return found_V


def _sentencepiece(token: str) -> int:
    return 1 if BYTE.fullmatch(token) else len(token.replace(METASPACE, " ").encode())


def _kinds(part: Any) -> Iterator[str]:
    """The types of a tokenizer's part and of all within it."""
    if isinstance(part, dict):
        yield str(part.get("type"))
        for inner in (*part.get("pretokenizers", ()), *part.get("decoders", ())):
            yield from _kinds(inner)
