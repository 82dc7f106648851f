"""A classifier that reads the mean of a row's tokens, in an architecture whose own head reads the first token alone.

Encoders of sentences were raised to be read by that mean: their first token says less. The mean is written as one more
layer of the architecture's own kind, so that plain transformers loads the saved model and gives the same logits. With
query and key at zero every token is attended to alike; value and output pass the mean on, far larger than the first
token's own state beside it; the feed-forward part is zero, and the norms do the rest. While it is trained, the layer
computes just that, for the first position only.

Axes: B rows, T tokens, D width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import PreTrainedModel

MEAN_WEIGHT = 32.0
"""How many times larger the mean enters the layer's sum than the first token's own state."""

HEADS: Mapping[str, str] = {
    "bert": "bert.pooler.dense",
    "roberta": "classifier.dense",
    "xlm-roberta": "classifier.dense",
    "camembert": "classifier.dense",
}
"""Architectures that can be read by the mean, for they have layers of BERT's kind; and the name of the dense layer that
stands with a tanh before their output."""


class MeanPoolingLayer(nn.Module):
    """A layer with the weights and names of the architecture's own that gives the mean at the first position."""

    attention: Any
    intermediate: Any
    output: Any

    def __init__(self, plain: Any) -> None:
        super().__init__()
        self.attention, self.intermediate, self.output = plain.attention, plain.intermediate, plain.output
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.zero_()
            for matrix, factor in ((self.attention.self.value, 1.0), (self.attention.output.dense, MEAN_WEIGHT)):
                matrix.weight.copy_(factor * torch.eye(len(matrix.weight)))
            for norm in (self.attention.output.LayerNorm, self.output.LayerNorm):
                norm.weight.fill_(1.0)
        self.fix()

    def fix(self) -> None:
        """What must stay zero is frozen: query, key and the feed-forward part."""
        attention = self.attention.self
        for part in (attention.query, attention.key, self.intermediate, self.output.dense):
            part.requires_grad_(requires_grad=False)

    def forward(self, hidden_BTD: Tensor, attention_mask: Tensor | None = None, *_: Any, **__: Any) -> Tensor:
        """`[B, 1, D]`: what the plain layer gives at the first position, where attention is even."""
        own_BTD = self.attention.self.value(hidden_BTD)
        mean_B1D = own_BTD.mean(1, keepdim=True) if attention_mask is None else _mean(own_BTD, attention_mask)
        read_B1D = self.attention.output(mean_B1D, hidden_BTD[:, :1])
        norm: Tensor = self.output.LayerNorm(read_B1D)
        return norm


def can_read_mean(model_type: str | None) -> bool:
    """Whether the architecture's classifier can be made to read the mean of the tokens."""
    return model_type in HEADS


def read_mean(model: PreTrainedModel) -> PreTrainedModel:
    """The classifier with one more layer, which hands the mean of a row's tokens to its head; `model` itself.

    Its configuration counts the layer, so that what is saved is an ordinary model of its architecture. The dense layer
    behind begins as the identity: features of unit size teach the new output matrix faster than smaller ones do.
    """
    encoder: Any = model.base_model.encoder
    plain = type(encoder.layer[0])(model.config, layer_idx=len(encoder.layer))
    encoder.layer.append(MeanPoolingLayer(plain).to(model.device))
    model.config.num_hidden_layers += 1
    dense: Any = model.get_submodule(HEADS[model.config.model_type])
    with torch.no_grad():
        dense.weight.copy_(torch.eye(len(dense.weight)))
        dense.bias.zero_()
    return model


def _mean(states_BTD: Tensor, attention_mask: Tensor) -> Tensor:
    """The mean over the tokens that the first one may attend to, whichever form the architecture gives the mask in."""
    seen_BT = attention_mask if attention_mask.ndim == 2 else attention_mask[:, 0, 0, :]
    if seen_BT.is_floating_point():  # added to the scores: 0 where a token is seen, else far below
        seen_BT = seen_BT >= 0
    weights_B1T = seen_BT[:, None, :].to(states_BTD.dtype)
    return (weights_B1T @ states_BTD) / weights_B1T.sum(2, keepdim=True)
