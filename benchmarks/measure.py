"""What is measured of a process and of its rows, alike on both sides: no package of ours is needed here."""

from __future__ import annotations

import hashlib
import json
import resource
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

IGNORED = -100


def peak_mb(device: str = "cpu") -> float:
    """The largest memory this process has held, in MB; on `cuda`, what its tensors held there."""
    if device == "cuda":
        import torch  # noqa: PLC0415  # a process on the CPU may have none

        return float(torch.cuda.max_memory_allocated() / 2**20)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(kilobytes / (1024 * 1024 if sys.platform == "darwin" else 1024))


def fingerprint(rows: Iterable[tuple[Sequence[int], Sequence[int]]]) -> str:
    """A hash of all rows, each its ids and its labels (the id at a target, else IGNORED), in whatever order."""
    hashes = sorted(hashlib.sha256(json.dumps([list(ids), list(labels)]).encode()).hexdigest() for ids, labels in rows)
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def laid_out(sequences: Iterable[Mapping[str, Any]]) -> Iterator[tuple[list[int], list[int]]]:
    """Ids and labels of each row of TRL's sequences, taken out of its sequence where several rows lie in one."""
    for sequence in sequences:
        ids, labels, start = sequence["input_ids"], sequence["labels"], 0
        for length in sequence.get("seq_lengths") or [len(ids)]:
            yield ids[start : start + length], labels[start : start + length]
            start += length
