"""What general compressors make of the unseen books, alone and after the training text."""

from __future__ import annotations

import bz2
import lzma
from concurrent.futures import ThreadPoolExecutor

_LEAST_DICTIONARY, _LARGEST_DICTIONARY = 1 << 12, 1 << 30


def bz2_bits(text: bytes) -> int:
    """Return the bits of `text` under bzip2 -9."""
    return 8 * len(bz2.compress(text, 9))


def xz_bits(text: bytes) -> int:
    """Return the bits of `text` under xz -9e with a dictionary that holds all of it."""
    return 8 * _xz_size(text, dictionary=len(text))


def xz_bits_after(text: bytes, known: bytes) -> int:
    """Return by how many bits `known + text` is larger than `known` under xz -9e, the dictionary holding both."""
    dictionary = len(known) + len(text)
    with ThreadPoolExecutor(max_workers=2) as pool:  # lzma compresses outside the interpreter's lock
        both, alone = pool.map(lambda data: _xz_size(data, dictionary=dictionary), (known + text, known))
    return 8 * (both - alone)


def _xz_size(data: bytes, *, dictionary: int) -> int:
    size = min(_LARGEST_DICTIONARY, max(_LEAST_DICTIONARY, dictionary))
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": size}]
    return len(lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_NONE, filters=filters))
