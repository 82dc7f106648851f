"""Likelihoods equal a plain pass of transformers with labels, whatever the company; memory stays bounded."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tiny_models import MASK
from tunewright.core.encoded import IGNORED, EncodedRow
from tunewright.core.errors import RunError
from tunewright.inference import likelihood as room
from tunewright.inference.labels import label_nats, side_by_side
from tunewright.inference.likelihood import cross_entropies, nats

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tunewright.core.encoded import Layout

TOLERANCE = 1e-4
CAUSAL = ("gpt2", "llama", "gemma2", "mistral", "phi3")
PAIRED = ("t5", "bart", "marian", "mbart")


def ids(count: int, seed: int) -> list[int]:
    draw = random.Random(seed)
    return [draw.randrange(9, 320) for _ in range(count)]


def causal_rows() -> list[EncodedRow]:
    spans = [((3, 7), (9, 20)), ((1, 5),), (), ((29, 30),), ((1, 2), (2, 9))]
    lengths = [20, 5, 9, 30, 9]
    return [EncodedRow(ids(length, n), span) for n, (length, span) in enumerate(zip(lengths, spans, strict=True))]


def paired_rows() -> list[EncodedRow]:
    sides = [(5, 3), (12, 1), (2, 9), (30, 4)]
    return [EncodedRow(ids(source + label, source), ((source, source + label),)) for source, label in sides]


def plain(model: Any, row: EncodedRow) -> float:
    """The summed loss of transformers' own forward pass."""
    if not row.trained:
        return 0.0
    labels = torch.full((1, len(row.input_ids)), IGNORED)
    for start, end in row.loss_spans:
        labels[0, start:end] = torch.tensor(row.input_ids[start:end])
    given = torch.tensor([row.input_ids])
    if model.config.is_encoder_decoder:
        border = row.loss_spans[0][0]
        given, labels = given[:, :border], labels[:, border:]
    with torch.inference_mode():
        return float(model(input_ids=given, labels=labels).loss) * row.trained


@pytest.mark.parametrize("family", [*CAUSAL, *PAIRED])
def test_nats_are_the_summed_loss_of_a_plain_pass(tiny: Callable[..., Any], family: str) -> None:
    model = tiny(family)
    layout: Layout = "seq2seq" if family in PAIRED else "causal"
    rows = paired_rows() if family in PAIRED else causal_rows()
    found = nats(model, rows, layout=layout, pad_id=0)
    np.testing.assert_allclose(found, [plain(model, row) for row in rows], atol=TOLERANCE)
    alone = [nats(model, [row], layout=layout, pad_id=0)[0] for row in rows]
    np.testing.assert_allclose(found, alone, atol=TOLERANCE)


def test_the_cut_into_passes_and_chunks_changes_nothing(
    tiny: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, rows = tiny("llama"), causal_rows()
    whole = nats(model, rows, layout="causal", pad_id=0)
    monkeypatch.setattr(room, "PASS_LOGITS", 10 * 320)
    monkeypatch.setattr(room, "CHUNK_LOGITS", 3 * 320)
    seen: list[int] = []
    handle = model.lm_head.register_forward_hook(lambda _m, _i, logits: seen.append(logits.shape[1]))
    np.testing.assert_allclose(nats(model, rows, layout="causal", pad_id=0), whole, atol=TOLERANCE)
    handle.remove()
    assert sum(seen) == sum(row.trained for row in rows), "no logits of positions without a label"
    assert len(seen) > 1


def test_no_rows_and_rows_without_targets_have_nothing_to_lose(tiny: Callable[..., Any]) -> None:
    model = tiny("llama")
    assert nats(model, [], layout="causal", pad_id=0).shape == (0,)
    assert nats(model, [EncodedRow([9, 10])], layout="causal", pad_id=0).tolist() == [0.0]


def test_the_masked_estimate_is_the_same_in_any_company(tiny: Callable[..., Any]) -> None:
    model, rows = tiny("bert"), [EncodedRow(ids(n, n), ((1, n - 1),)) for n in (9, 60, 4, 90)]
    found = nats(model, rows, layout="masked", pad_id=0, mask_id=MASK)
    alone = [nats(model, [row], layout="masked", pad_id=0, mask_id=MASK)[0] for row in rows]
    np.testing.assert_allclose(found, alone, atol=TOLERANCE)
    per_token = found / [row.trained for row in rows]
    assert (per_token > 1).all(), "random weights know nothing: about ln 320 a token"
    with pytest.raises(RunError, match="mask token"):
        nats(model, rows, layout="masked", pad_id=0)


def test_chunks_equal_the_whole() -> None:
    logits, targets = torch.randn(50, 11), torch.randint(0, 11, (50,))
    expected = -logits.log_softmax(-1)[torch.arange(50), targets]
    np.testing.assert_allclose(cross_entropies(logits, targets), expected.numpy(), atol=1e-6)


def pair_alone(model: Any, prompt: Sequence[int], label: Sequence[int]) -> float:
    with torch.inference_mode():
        logits = model(torch.tensor([[*prompt, *label]])).logits[0, len(prompt) - 1 : -1]
    return -float(logits.log_softmax(-1).gather(1, torch.tensor(label)[:, None]).sum())


@pytest.mark.parametrize("family", [*CAUSAL, "bloom", "lfm2"])
@pytest.mark.parametrize("longest", [4, 30])
def test_a_label_behind_a_shared_prompt_scores_as_the_pair_alone(
    tiny: Callable[..., Any], family: str, longest: int
) -> None:
    model = tiny(family)
    prompts = [ids(n, n) for n in (1, 3, longest, 2)]
    labels = [ids(n, 50 + n) for n in (1, 2, 5)] + [ids(1, 9)]
    found = label_nats(model, prompts, labels, pad_id=0)
    expected = [[pair_alone(model, prompt, label) for label in labels] for prompt in prompts]
    np.testing.assert_allclose(found.nats_NK, expected, atol=TOLERANCE)
    assert found.tokens_K.tolist() == [1, 2, 5, 1]


def test_a_window_shorter_than_the_sequence_is_not_overridden(tiny: Callable[..., Any]) -> None:
    assert side_by_side(tiny("mistral"), 16)
    assert not side_by_side(tiny("mistral"), 17)
    assert side_by_side(tiny("llama"), 1000)
    assert not side_by_side(tiny("bloom"), 4)


def test_labels_of_one_token_each_need_one_pass(tiny: Callable[..., Any]) -> None:
    model = tiny("llama")
    seen: list[int] = []
    handle = model.register_forward_pre_hook(lambda *_: seen.append(1))
    label_nats(model, [[9, 10, 11]], [[12], [13]], pad_id=0)
    label_nats(model, [[9, 10, 11]], [[12, 14], [13]], pad_id=0)
    handle.remove()
    assert len(seen) == 1 + 2
