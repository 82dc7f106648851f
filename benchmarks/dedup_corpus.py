"""Documents with planted copies, made from the paragraphs of `classic_prose`: what `benchmarks.deduplicate` sifts."""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

COPIES = 0.1
"""Share of the documents that are exact copies but for case, blanks and signs, and the share that are near copies."""
WORDS = 90
"""Words that a document has at least: one changed word leaves nine in ten of its word sequences as they were."""
SHORT_WORDS = 40
"""The same of the short documents whose number grows to a million."""

_WORD = re.compile(r"[^\W\d_]{4,}")


def write_documents(path: Path, count: int, *, seed: int = 7, short: bool = False) -> None:
    """The file holds `count` documents as JSONL in a drawn order: `id`, `text`, and `of`, the id that a copy is of.

    A near copy has one word replaced by another of its length; about a tenth of the documents are exact copies and a
    tenth are near ones.
    """
    draw = random.Random(seed)
    planted = round(count * COPIES)
    originals = _drawn(draw, count - 2 * planted, short=short)
    documents = [{"id": number, "text": text, "of": None} for number, text in enumerate(originals)]
    copied = draw.sample(range(len(originals)), 2 * planted)
    for number, of in enumerate(copied):
        text = _shouted(originals[of], draw) if number < planted else _changed(originals[of], draw)
        documents.append({"id": len(documents), "text": text, "of": of})
    draw.shuffle(documents)
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)


def _drawn(draw: random.Random, count: int, *, short: bool) -> list[str]:
    """So many different documents: whole paragraphs while they last, and runs of sentences drawn from all of them."""
    paragraphs = list(_paragraphs())
    draw.shuffle(paragraphs)
    sentences = [s for paragraph in paragraphs for s in re.split(r"(?<=[.!?]) ", paragraph)]
    least = SHORT_WORDS if short else WORDS
    found = [] if short else list(dict.fromkeys(p for p in paragraphs if len(p.split()) >= WORDS))[:count]
    while len(found) < count:
        parts: list[str] = []
        while sum(len(part.split()) for part in parts) < least:
            parts.append(draw.choice(sentences))
        found.append(" ".join(parts))
    return found


def _paragraphs() -> Iterator[str]:
    folder = Path(os.environ["TUNEWRIGHT_DATASETS"]) / "classic_prose"
    for path in sorted(folder.glob("part_*.jsonl")):
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                yield from (" ".join(p.split()) for p in json.loads(line)["text"].split("\n\n") if p.strip())


def _shouted(text: str, draw: random.Random) -> str:
    return "  " + draw.choice([text.upper(), text.lower(), text.replace(" ", "  "), text.rstrip(".!?") + " ..."])


def _changed(text: str, draw: random.Random) -> str:
    word = draw.choice(list(_WORD.finditer(text)))
    new = "".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in word.group())
    return text[: word.start()] + new + text[word.end() :]
