"""Bits per byte of the model, of n-gram models and of compressors on the same unseen books."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from starter_lm import compressors, corpus, kneser_ney
from starter_lm.measure import measure
from starter_lm.model import load_model
from starter_lm.tokenizer import CONTEXT, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from tokenizers import Tokenizer

    from starter_lm.corpus import Books

BYTE_ORDER = 8
TOKEN_ORDER = 4
_END_BYTE = b"\x00"
"""Ends every document where text is bytes; it occurs in none, and is paid for as the model pays for its end marker."""


@dataclass(frozen=True)
class Row:
    """One line of the table; `kind` is model, n-gram or compressor."""

    kind: str
    name: str
    bits_per_byte: float
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """The table and what it was counted on."""

    rows: tuple[Row, ...]
    model_file: str
    """SHA-256 of the weights that were measured."""
    n_bytes: int
    n_documents: int

    def best(self, kind: str) -> Row:
        """Return the strongest row of a kind."""
        return min((row for row in self.rows if row.kind == kind), key=lambda row: row.bits_per_byte)

    @property
    def model_is_below_both(self) -> bool:
        """Whether even the weaker figure of the model lies below the best n-gram model and the best compressor."""
        model = max(row.bits_per_byte for row in self.rows if row.kind == "model")
        return model < min(self.best("n-gram").bits_per_byte, self.best("compressor").bits_per_byte)

    def as_json(self) -> dict[str, object]:
        """Return the table as plain data."""
        return {**asdict(self), "model_is_below_both": self.model_is_below_both}


Rows = Iterator[Row]


def compare(books: Books, folder: Path, *, device: torch.device) -> Rows:
    """Yield the table line by line; `folder` holds the model and its tokenizer."""
    tokenizer = load_tokenizer(folder)
    yield from model_rows(books, folder, tokenizer, device=device)
    yield from ngram_rows(books, tokenizer)
    yield from compressor_rows(books)


def model_rows(books: Books, folder: Path, tokenizer: Tokenizer, *, device: torch.device) -> Rows:
    """Yield the model's two figures, computed in fp32 from the weights as they are stored."""
    started = time.perf_counter()
    bits = measure(
        load_model(folder, device), corpus.encode_stream(books.unseen, tokenizer), books.n_bytes, context=CONTEXT
    )
    seconds = time.perf_counter() - started
    yield Row("model", f"windows of {CONTEXT} tokens overlapping by half", bits.sliding, seconds)
    yield Row("model", f"windows of {CONTEXT} tokens end to end", bits.plain, seconds)


def ngram_rows(books: Books, tokenizer: Tokenizer) -> Rows:
    """Yield Kneser-Ney models of bytes and of the model's own tokens, fitted on the training text."""
    training, unseen = (np.frombuffer(as_bytes(texts), dtype=np.uint8) for texts in (books.training, books.unseen))
    yield _ngram_row("bytes", training, unseen, order=BYTE_ORDER, bits=8, n_bytes=books.n_bytes)
    training, unseen = (corpus.encode_stream(texts, tokenizer) for texts in (books.training, books.unseen))
    bits = (tokenizer.get_vocab_size() - 1).bit_length()
    yield _ngram_row("tokens", training, unseen, order=TOKEN_ORDER, bits=bits, n_bytes=books.n_bytes)


def _ngram_row(unit: str, training: np.ndarray, unseen: np.ndarray, *, order: int, bits: int, n_bytes: int) -> Row:
    started = time.perf_counter()
    # Streams begin with an end marker, the first context; more of them fill up the context of the first symbols.
    start = np.repeat(training[:1], order - 2)
    model = kneser_ney.fit(np.concatenate([start, training]), order=order, bits=bits)
    surprise = -np.log2(model.probabilities(np.concatenate([start, unseen])))
    seconds = time.perf_counter() - started
    return Row("n-gram", f"Kneser-Ney, {order} {unit}", float(surprise.sum()) / n_bytes, seconds)


def compressor_rows(books: Books) -> Rows:
    """Yield xz and bzip2 of the unseen books alone, and xz after it has read the training text."""
    training, unseen = as_bytes(books.training), as_bytes(books.unseen)
    runs: dict[str, Callable[[], int]] = {
        "xz -9e after the training text": lambda: compressors.xz_bits_after(unseen, training),
        "xz -9e, unseen books alone": lambda: compressors.xz_bits(unseen),
        "bzip2 -9, unseen books alone": lambda: compressors.bz2_bits(unseen),
    }
    for name, bits in runs.items():
        started = time.perf_counter()
        size = bits()
        yield Row("compressor", name, size / books.n_bytes, time.perf_counter() - started)


def as_bytes(documents: list[str]) -> bytes:
    """Return the documents as one run of bytes: an end marker first, and after every document."""
    return _END_BYTE + b"".join(document.encode("utf-8") + _END_BYTE for document in documents)
