"""A language model asked for labels: its own probabilities of whole answers; decoders as classifiers and embedders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tiny_models import CHATML, tiny_model
from tunewright.core.encoded import RowContent
from tunewright.core.errors import RunError
from tunewright.inference.classify import TrunkEmbedder, TunedClassifier
from tunewright.inference.zero_shot import LabelClassifier
from tunewright.models.base import Base, read_facts
from tunewright.models.encoders import chat_encoder, pair_encoder
from tunewright.models.load import load_classifier, load_trunk
from tunewright.models.template import settle_template
from tunewright.models.tokenizer import SettledTokenizer, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LABELS = ("yes", "no", "not at all")
TEXTS = ["the weather is fine", "no", "there is no wind at all, is there? " * 2]


def settled(folder: Path, max_tokens: int | None = None) -> SettledTokenizer:
    base = Base("tiny", "folder", folder, "")
    return load_tokenizer(base, read_facts(base, "tiny"), max_tokens=max_tokens)


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model("qwen2", tmp_path_factory.mktemp("qwen2"), template=CHATML, max_position_embeddings=512)


def asked(tiny: Callable[..., Any], folder: Path, labels: tuple[str, ...] = LABELS, **limits: Any) -> LabelClassifier:
    tokenizer = settled(folder, **limits)
    tokenizer._max_tokens = limits.get("max_tokens", 512)  # the question alone is long in bytes
    encoder = chat_encoder(tokenizer, settle_template(tokenizer, "auto", folder))
    return LabelClassifier(tiny("qwen2", max_position_embeddings=512), encoder, labels, device="cpu")


def test_probabilities_are_those_of_the_whole_answers(tiny: Callable[..., Any], qwen: Path) -> None:
    asks = asked(tiny, qwen)
    found = asks.probabilities(TEXTS)
    assert asks.labels == LABELS
    assert found.shape == (3, 3)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-9)
    model = tiny("qwen2", max_position_embeddings=512)
    for text, row in zip(TEXTS, found, strict=True):
        pairs = asks._encoder.encode([RowContent(asks._question(text), target=label) for label in LABELS])
        nats = []
        for pair in pairs:
            start, end = pair.loss_spans[-1]
            with torch.inference_mode():
                logits = model(torch.tensor([pair.input_ids])).logits[0, start - 1 : end - 1]
            target = torch.tensor(pair.input_ids[start:end])[:, None]
            nats.append(-float(logits.log_softmax(-1).gather(1, target).sum()))
        np.testing.assert_allclose(row, np.exp(-np.array(nats)) / np.exp(-np.array(nats)).sum(), atol=1e-5)


def test_a_text_scores_the_same_in_any_company(tiny: Callable[..., Any], qwen: Path) -> None:
    asks = asked(tiny, qwen)
    alone = np.concatenate([asks.probabilities([text]) for text in TEXTS])
    np.testing.assert_allclose(asks.probabilities(TEXTS), alone, atol=1e-6)
    assert asks.probabilities([]).shape == (0, 3)


def test_a_long_text_is_cut_and_too_many_labels_are_refused(tiny: Callable[..., Any], qwen: Path) -> None:
    asks = asked(tiny, qwen)
    question = asks._fitting("is it {fine}? " * 500)
    room = 512 - max(len(answer) for answer in asks._answers)
    used = len(asks._encoder.prompt_ids(RowContent(question)))
    assert room - 8 < used <= room
    assert asks.probabilities(["is it fine? " * 500]).shape == (1, 3)
    with pytest.raises(RunError, match="with 300 labels fills the context of 512 tokens"):
        asked(tiny, qwen, labels=tuple(f"label {n}" for n in range(300))).probabilities(["a"])


def test_a_text_to_text_model_is_asked_too(tiny: Callable[..., Any], tmp_path: Path) -> None:
    tokenizer = settled(tiny_model("t5", tmp_path))
    tokenizer._max_tokens = 512
    asks = LabelClassifier(tiny("t5"), pair_encoder(tokenizer), LABELS, device="cpu")
    alone = np.concatenate([asks.probabilities([text]) for text in TEXTS])
    np.testing.assert_allclose(asks.probabilities(TEXTS), alone, atol=1e-6)


@pytest.mark.parametrize("family", ["gpt2", "llama", "mistral", "gemma2"])
def test_decoders_classify_and_embed_whatever_stands_beside_a_row(tmp_path: Path, family: str) -> None:
    folder = tiny_model(family, tmp_path)
    tokenizer = settled(folder)
    tuned = TunedClassifier(load_classifier(folder, LABELS, dropout=None, seed=1), tokenizer, device="cpu")
    embedder = TrunkEmbedder(load_trunk(folder), tokenizer, device="cpu")
    for read in (tuned.probabilities, embedder.embed):
        alone = np.concatenate([read([text]) for text in TEXTS])
        np.testing.assert_allclose(read(TEXTS), alone, atol=1e-5)
    ids = tokenizer.encode(TEXTS[:1])
    with torch.inference_mode():
        hidden = load_trunk(folder)(torch.tensor(ids)).last_hidden_state[0]
    np.testing.assert_allclose(embedder.embed(TEXTS[:1])[0], hidden.mean(0).numpy(), atol=1e-5)
