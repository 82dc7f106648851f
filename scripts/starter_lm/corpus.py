"""The text: documents of the training parts and of the unseen books, and their stream of tokens."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tokenizers import Tokenizer

END = "<|end|>"
"""Ends every document and every turn of a conversation; the model's end-of-sequence token."""
PAD = "<|pad|>"
_DOCUMENTS_AT_A_TIME = 64


@dataclass(frozen=True)
class Books:
    """The training text and the unseen books; `n_bytes` counts the unseen text without end markers."""

    training: list[str]
    unseen: list[str]

    @classmethod
    def read(cls, data: Path) -> Books:
        """Return the books of a folder like `classic_prose`."""
        training = read_documents(training_files(data))
        return cls(training=training, unseen=read_documents([validation_file(data)]))

    @property
    def n_bytes(self) -> int:
        """Bytes of the unseen books, on which every figure is counted."""
        return count_bytes(self.unseen)


def training_files(folder: Path) -> list[Path]:
    """Return `part_*.jsonl` of `folder` in the order of their names; refuse a folder without any."""
    files = sorted(folder.glob("part_*.jsonl"))
    if not files:
        raise SystemExit(f"--data: no part_*.jsonl in {folder}")
    return files


def validation_file(folder: Path) -> Path:
    """Return `validation.jsonl` of `folder`: whole books that no training part contains."""
    return folder / "validation.jsonl"


def read_documents(files: Iterable[Path]) -> list[str]:
    """Return the `text` of every row, in order; refuse a text that holds the end marker itself."""
    documents = []
    for file in files:
        with file.open(encoding="utf-8") as lines:
            documents += [str(json.loads(line)["text"]) for line in lines]
        if any(END in document for document in documents):
            raise SystemExit(f"{file}: a document contains {END}, which marks the end of documents")
    return documents


def count_bytes(documents: Iterable[str]) -> int:
    """Return the bytes of the texts in UTF-8, end markers not counted."""
    return sum(len(document.encode("utf-8")) for document in documents)


def encode_stream(documents: Sequence[str], tokenizer: Tokenizer) -> np.ndarray:
    """Return all documents as one stream of token ids (int32): `<|end|>` first, and after every document."""
    end = tokenizer.token_to_id(END)
    pieces = [np.array([end], dtype=np.int32)]
    for start in range(0, len(documents), _DOCUMENTS_AT_A_TIME):
        encoded = tokenizer.encode_batch(
            list(documents[start : start + _DOCUMENTS_AT_A_TIME]), add_special_tokens=False
        )
        pieces += [np.array([*document.ids, end], dtype=np.int32) for document in encoded]
    return np.concatenate(pieces)


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
