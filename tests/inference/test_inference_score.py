"""Scores belong to rows: neither their order nor their company in a batch matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.processors import TemplateProcessing

from tiny_room import ENCODERS, LABELS, ticket_rows, word_tokenizer
from tunewright.inference import score as room
from tunewright.inference.classify import TrunkEmbedder, TunedClassifier, encode_cut
from tunewright.inference.score import logits, mean_pooled, score, softmax
from tunewright.models.base import Base, read_facts
from tunewright.models.load import load_classifier, load_trunk
from tunewright.models.tokenizer import SettledTokenizer, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOLERANCE = 1e-5
"""In fp32: padding changes the order of additions and nothing else."""

TEXTS = [row["text"] for row in ticket_rows(24)] + ["", "word1", "unknownword " * 60]


def settled(folder: Path, max_tokens: int | None = None) -> SettledTokenizer:
    base = Base("tiny", "folder", folder, "")
    return load_tokenizer(base, read_facts(base, "tiny"), max_tokens=max_tokens)


def classifier(folder: Path) -> Any:
    return load_classifier(folder, LABELS, dropout=None, seed=1).eval()


@pytest.mark.parametrize("kind", sorted(ENCODERS))
def test_a_row_scores_the_same_alone_in_company_and_in_any_order(bases: Callable[[str], Path], kind: str) -> None:
    folder = bases(kind)
    model, tokenizer = classifier(folder), settled(folder)
    ids = encode_cut(tokenizer, TEXTS)
    together = score(model, ids, logits, pad_id=tokenizer.pad_id)
    alone = np.concatenate([score(model, [row], logits, pad_id=tokenizer.pad_id) for row in ids])
    np.testing.assert_allclose(together, alone, atol=TOLERANCE)
    order = np.random.default_rng(1).permutation(len(ids))
    shuffled = score(model, [ids[n] for n in order], logits, pad_id=tokenizer.pad_id)
    np.testing.assert_allclose(shuffled, together[order], atol=TOLERANCE)


def test_the_cut_into_passes_changes_no_score(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = classifier(bert), settled(bert)
    ids = encode_cut(tokenizer, TEXTS)
    whole = score(model, ids, logits, pad_id=tokenizer.pad_id)
    monkeypatch.setattr(room, "SCORE_TOKENS", 50)
    np.testing.assert_allclose(score(model, ids, logits, pad_id=tokenizer.pad_id), whole, atol=TOLERANCE)


def test_what_stands_in_the_padding_does_not_matter(bert: Path) -> None:
    model, tokenizer = classifier(bert), settled(bert)
    ids = encode_cut(tokenizer, TEXTS)
    one, other = (score(model, ids, logits, pad_id=pad) for pad in (0, 9))
    np.testing.assert_allclose(one, other, atol=TOLERANCE)


def test_an_embedding_is_the_mean_over_the_rows_own_tokens(bert: Path) -> None:
    trunk, tokenizer = load_trunk(bert), settled(bert)
    vectors = TrunkEmbedder(trunk, tokenizer, device="cpu").embed(TEXTS)
    assert vectors.shape == (len(TEXTS), 32)
    for text, vector in zip(TEXTS, vectors, strict=True):
        ids = tokenizer.cut(tokenizer.encode([text])[0], tokenizer.max_tokens)
        with torch.inference_mode():
            hidden = trunk(torch.tensor([ids])).last_hidden_state[0]
        np.testing.assert_allclose(vector, hidden.mean(0).numpy(), atol=TOLERANCE)


def test_no_rows_give_no_scores(bert: Path) -> None:
    model, tokenizer = classifier(bert), settled(bert)
    assert len(score(model, [], logits, pad_id=0)) == 0
    assert len(score(load_trunk(bert), [], mean_pooled, pad_id=0)) == 0
    assert TunedClassifier(model, tokenizer, device="cpu").probabilities([]).shape == (0, len(LABELS))
    assert TrunkEmbedder(load_trunk(bert), tokenizer, device="cpu").embed([]).shape[0] == 0


def test_models_are_used_on_the_device_they_are_told(bert: Path) -> None:
    """Beside an idle accelerator everything but training once ran on the CPU."""
    model, trunk, tokenizer = classifier(bert), load_trunk(bert), settled(bert)
    TunedClassifier(model, tokenizer, device="meta")
    TrunkEmbedder(trunk, tokenizer, device="meta")
    assert {p.device.type for used in (model, trunk) for p in used.parameters()} == {"meta"}


def test_probabilities_are_those_of_the_logits(bert: Path) -> None:
    model, tokenizer = classifier(bert), settled(bert)
    tuned = TunedClassifier(model, tokenizer, device="cpu")
    assert tuned.labels == LABELS
    found = tuned.probabilities(TEXTS[:5])
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-12)
    with torch.inference_mode():
        ids = torch.tensor([tokenizer.encode([TEXTS[0]])[0]])
        expected = model(ids).logits.softmax(-1).numpy()
    np.testing.assert_allclose(found[0], expected[0], atol=TOLERANCE)


def test_the_softmax_survives_large_logits() -> None:
    found = softmax(np.array([[1e4, 0.0, -1e4], [-3e38, -3e38, -3e38]], dtype=np.float32))
    np.testing.assert_allclose(found, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 70), st.integers(8, 40), st.sampled_from(["word7", "neverseen"]))
def test_a_cut_row_keeps_its_closing_special_token_and_its_beginning(
    bert_tokenizer: SettledTokenizer, words: int, most: int, word: str
) -> None:
    ids = bert_tokenizer.encode([" ".join([word] * words)])[0]
    cut = bert_tokenizer.cut(ids, most)
    assert len(cut) == min(len(ids), most)
    assert cut[:-1] == ids[: len(cut) - 1]
    assert cut[-1] == ids[-1]


def test_several_closing_special_tokens_all_stay() -> None:
    tokenizer = word_tokenizer()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP] [MASK]", special_tokens=[("[CLS]", 2), ("[SEP]", 3), ("[MASK]", 4)]
    )
    assert SettledTokenizer(tokenizer, 40).cut([2, 10, 11, 12, 13, 3, 4], 5) == [2, 10, 11, 3, 4]


def test_unknown_words_are_words_where_a_row_is_cut(bert_tokenizer: SettledTokenizer) -> None:
    """A long text of nothing but unknown words (emoji, another script) once came out longer than the model takes."""
    ids = bert_tokenizer.encode(["neverseen " * 60])[0]
    assert bert_tokenizer.cut(ids, 40) == [2, *[1] * 38, 3]


@pytest.fixture(scope="module")
def bert_tokenizer(bert: Path) -> SettledTokenizer:
    return settled(bert)
