"""A classifier that reads the mean: plain transformers computes the same, and its frozen parts never move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from tiny_room import LABELS
from tunewright.models.freeze import apply_method, train_mode
from tunewright.models.load import load_classifier, load_trunk, save_model
from tunewright.models.mean_pooling import HEADS, can_read_mean, read_mean
from tunewright.recipe.train import Full, TopLayers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KINDS = ["bert", "roberta"]
IDS_BT = torch.tensor([[2, 9, 30, 41, 17, 3], [2, 77, 3, 0, 0, 0], [2, 12, 12, 3, 0, 0]])
MASK_BT = (IDS_BT != 0).long()


def reader(folder: Path, method: Any = None) -> Any:
    """A classifier that reads the mean, trained for a few steps."""
    model = read_mean(load_classifier(folder, LABELS, dropout=None, seed=1, pad_id=0))
    apply_method(model, method or Full())
    train_mode(model)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        logits = model(input_ids=IDS_BT, attention_mask=MASK_BT).logits
        torch.nn.functional.cross_entropy(logits, torch.arange(3)).backward()
        optimizer.step()
    return model.eval()


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", KINDS)
def test_plain_transformers_loads_what_is_saved_and_gives_the_same_logits(
    bases: Callable[[str], Path], tmp_path: Path, kind: str, attention: str
) -> None:
    model = reader(bases(kind))
    save_model(model, tmp_path)
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path, attn_implementation=attention).eval()
    with torch.inference_mode():
        for ids_BT, mask_BT in ((IDS_BT, MASK_BT), (IDS_BT[:1], None), (IDS_BT[1:2, :3], MASK_BT[1:2, :3])):
            ours, theirs = (m(input_ids=ids_BT, attention_mask=mask_BT).logits for m in (model, plain))
            torch.testing.assert_close(theirs, ours, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_before_training_the_head_is_handed_the_normed_mean_of_the_tokens(
    bases: Callable[[str], Path], kind: str
) -> None:
    model = read_mean(load_classifier(bases(kind), LABELS, dropout=None, seed=1, pad_id=0)).eval()
    trunk = load_trunk(bases(kind))
    seen: list[torch.Tensor] = []
    dense = model.get_submodule(HEADS[kind])
    dense.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        model(input_ids=IDS_BT, attention_mask=MASK_BT)
        hidden_BTD = trunk(input_ids=IDS_BT, attention_mask=MASK_BT).last_hidden_state
        mean_BD = (hidden_BTD * MASK_BT[..., None]).sum(1) / MASK_BT.sum(1, keepdim=True)
    normed_BD = torch.nn.functional.layer_norm(mean_BD, mean_BD.shape[1:])
    torch.testing.assert_close(seen[0], normed_BD, atol=0.12, rtol=0)


def test_what_keeps_attention_even_never_moves(bert: Path) -> None:
    layer = reader(bert).bert.encoder.layer[-1]
    attention = layer.attention.self
    still = [attention.query, attention.key, layer.intermediate, layer.output.dense]
    assert all(float(p.abs().max()) == 0 for part in still for p in part.parameters())
    identity = torch.eye(len(attention.value.weight))
    assert not torch.equal(attention.value.weight, identity), "what carries the mean is trained"


def test_the_layer_of_the_mean_counts_as_part_of_the_head(bert: Path) -> None:
    model = read_mean(load_classifier(bert, LABELS, dropout=None, seed=1))
    apply_method(model, TopLayers(layers=0))
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert any(name.startswith("bert.encoder.layer.2.attention.self.value") for name in trained)
    assert not any(name.startswith(("bert.encoder.layer.1.", "bert.encoder.layer.0.")) for name in trained)
    assert not any("layer.2.attention.self.query" in name for name in trained)
    apply_method(model, TopLayers(layers=1))
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert any(name.startswith("bert.encoder.layer.1.") for name in trained)
    assert not any(name.startswith("bert.encoder.layer.0.") for name in trained)


def test_only_architectures_with_such_layers_are_named() -> None:
    assert all(can_read_mean(kind) for kind in HEADS)
    assert not any(can_read_mean(kind) for kind in ("distilbert", "mpnet", "modernbert", "llama", None))
