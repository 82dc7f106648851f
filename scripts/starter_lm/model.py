"""The model: its shape, how it is scored, and how it is written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch.nn import functional
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from starter_lm.corpus import END, PAD
from starter_lm.tokenizer import CONTEXT

if TYPE_CHECKING:
    from pathlib import Path

    from tokenizers import Tokenizer

# Axes: B rows, T positions, H hidden features.

Head: TypeAlias = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""From last hidden states, embeddings and targets to the surprise of every target."""


def build_model(tokenizer: Tokenizer, *, layers: int, hidden: int = 256, dropout: float = 0.0) -> LlamaForCausalLM:
    """Return an untrained Llama model with heads of 64 features and an MLP of 43/16 of `hidden`, embeddings tied."""
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=hidden,
        intermediate_size=hidden * 43 // 16,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 64,
        num_key_value_heads=hidden // 64,
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        use_cache=True,
        bos_token_id=None,
        eos_token_id=tokenizer.token_to_id(END),
        pad_token_id=tokenizer.token_to_id(PAD),
    )
    model = LlamaForCausalLM(config)
    if dropout:
        _drop_residuals(model, dropout)
    return model


def _drop_residuals(model: LlamaForCausalLM, dropout: float) -> None:
    """Zero this share of what each block adds to the residual stream, while training; Llama has no such field."""

    def drop(module: torch.nn.Module, _: object, output: torch.Tensor) -> torch.Tensor:
        return functional.dropout(output, dropout, training=module.training)

    for layer in model.model.layers:
        layer.self_attn.o_proj.register_forward_hook(drop)
        layer.mlp.down_proj.register_forward_hook(drop)


def next_token_loss(hidden_BTH: torch.Tensor, embeddings: torch.Tensor, targets_BT: torch.Tensor) -> torch.Tensor:
    """Return the surprise (nats) of every target, flat, from the last hidden states and the tied embeddings."""
    logits = functional.linear(hidden_BTH, embeddings).float()
    return functional.cross_entropy(logits.flatten(0, 1), targets_BT.flatten(), reduction="none")


def surprise(
    model: LlamaForCausalLM, inputs_BT: torch.Tensor, targets_BT: torch.Tensor, *, head: Head = next_token_loss
) -> torch.Tensor:
    """Return the surprise (nats) of every target token given the inputs up to it, flat.

    No mask is passed: every row is full, so attention takes its causal path, across document ends within a row.
    """
    hidden_BTH = model.model(input_ids=inputs_BT, use_cache=False).last_hidden_state
    return head(hidden_BTH, model.lm_head.weight, targets_BT)


def on_device(model: LlamaForCausalLM, device: torch.device) -> LlamaForCausalLM:
    """Return the same model, moved."""
    torch.nn.Module.to(model, device)  # what transformers wraps around it hides its signature from type checkers
    return model


def load_model(folder: Path, device: torch.device) -> LlamaForCausalLM:
    """Return a model as it is stored, computing in fp32, ready to be measured."""
    model: LlamaForCausalLM = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.eval()
    return on_device(model, device)


def save_model(model: LlamaForCausalLM, folder: Path) -> None:
    """Write bf16 safetensors, config and generation config; the model itself becomes bf16."""
    model.bfloat16().save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    settings = GenerationConfig(eos_token_id=model.config.eos_token_id, pad_token_id=model.config.pad_token_id)
    settings.save_pretrained(folder)
