"""What the tests of templates, encoders and adapters share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch

from tiny_models import tiny_tokenizer
from tunewright.core.conversation import Conversation
from tunewright.core.encoded import RowContent
from tunewright.models.base import Base, read_facts
from tunewright.models.tokenizer import SettledTokenizer, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WEATHER = {"type": "function", "function": {"name": "weather_at", "parameters": {"type": "object", "properties": {}}}}


def settled(frame: str | None = None, max_tokens: int = 128) -> SettledTokenizer:
    """The tiny tokenizer without a model."""
    return SettledTokenizer(tiny_tokenizer(frame), max_tokens)


def tokenizer_of(folder: Path) -> SettledTokenizer:
    base = Base("tiny", "folder", folder, "")
    return load_tokenizer(base, read_facts(base, "tiny"), max_tokens=None)


def chat(*turns: tuple[str, str], tools: Sequence[Any] = ()) -> Conversation:
    return Conversation(tuple({"role": role, "content": content} for role, content in turns), tuple(tools))


def row(conversation: Conversation) -> RowContent:
    return RowContent(str(conversation.turns[0]["content"]), conversation.to_json(), conversation.answer)


def logits(model: Any, seed: int = 3) -> torch.Tensor:
    """Logits of a few random ids; of a model with two sides, with random ids on both."""
    ids = torch.randint(10, 300, (2, 11), generator=torch.Generator().manual_seed(seed))
    both = {"decoder_input_ids": ids.flip(1)} if model.config.is_encoder_decoder else {}
    with torch.inference_mode():
        found: torch.Tensor = model(input_ids=ids, attention_mask=torch.ones_like(ids), **both).logits
    return found


def step(model: Any, *, lr: float = 0.05, steps: int = 3) -> list[float]:
    """A few steps of Adam on random targets; the losses."""
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr)
    ids = torch.randint(10, 300, (4, 12), generator=torch.Generator().manual_seed(1))
    losses = []
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids).loss
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    model.eval()
    return losses


def rewrite_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
