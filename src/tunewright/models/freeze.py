"""Which weights are trained; frozen modules run in eval mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from tunewright.core.errors import Problem, RecipeError
from tunewright.models.adapters import add_adapters
from tunewright.models.mean_pooling import MeanPoolingLayer
from tunewright.recipe.train import Lora, TopLayers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from peft import PeftModel
    from transformers import PreTrainedModel

    from tunewright.recipe.train import MethodSpec

BEHIND = ("pooler", "final_norm", "ln_f", "norm", "final_layernorm", "final_layer_norm", "layer_norm")
"""Poolers and norms that stand behind the last layer, as the architectures call them."""


def apply_method(
    model: PreTrainedModel, method: MethodSpec, *, seed: int = 0, base_name: str = "", base_commit: str | None = None
) -> PreTrainedModel | PeftModel:
    """The model to train, in which exactly the method's weights require a gradient: `model` itself, or a PeftModel
    around it. `seed` decides where new adapters begin; `base_name` and `base_commit` are what their files will
    say of the base.

    Raises RecipeError when the model has fewer layers, or no module that the method names.
    """
    model.requires_grad_(requires_grad=True)
    if isinstance(method, Lora):
        return add_adapters(model, method, seed, base_name=base_name, base_commit=base_commit)
    if isinstance(method, TopLayers):
        _freeze_below(model, method)
    for module in model.modules():
        if isinstance(module, MeanPoolingLayer):
            module.fix()
    return model


def require_layers(method: MethodSpec, layers: int | None) -> None:
    """Raises RecipeError when the method names more layers than there are; an unknown number refuses nothing."""
    if isinstance(method, TopLayers) and layers is not None and method.layers > layers:
        given = f"{method.layers} layers, but the model has {layers}"
        raise RecipeError(Problem("train.method.layers", given, f"0 to {layers}", "lower it, or use kind: full"))


def layer_list(model: PreTrainedModel) -> Sequence[nn.Module]:
    """The model's layers, lowest first; of an encoder with a decoder, the encoder's and then the decoder's."""
    return [layer for _, stack in _stacks(model) for layer in stack]


def train_mode(model: nn.Module) -> None:
    """Modules with a trained weight of their own or below are in train mode, wholly frozen ones in eval mode."""
    model.train()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()


def _freeze_below(model: PreTrainedModel, method: TopLayers) -> None:
    """Embeddings and lower layers are frozen; a head that shares the embeddings' weights is frozen with them."""
    layers = [layer for layer in layer_list(model) if not isinstance(layer, MeanPoolingLayer)]
    require_layers(method, len(layers))
    top = {id(layer) for layer in layers[len(layers) - method.layers :]}
    top |= {id(layer) for layer in layer_list(model) if isinstance(layer, MeanPoolingLayer)}  # a part of the head
    above = {id(p) for layer in layer_list(model) if id(layer) in top for p in layer.parameters()}
    for holder, stack in _stacks(model):
        if any(id(layer) in top for layer in stack):
            above |= {id(p) for part in (holder, model.base_model) for p in _behind_layers(part)}
    embeddings = {id(p) for p in model.get_input_embeddings().parameters()}
    head = model.get_output_embeddings()
    above |= {id(p) for p in head.parameters()} if head is not None else set()
    for parameter in model.base_model.parameters():
        parameter.requires_grad_(id(parameter) in above - embeddings)


def _stacks(model: PreTrainedModel) -> list[tuple[nn.Module, nn.ModuleList]]:
    """Each stack of layers with the module that holds it."""
    config = model.config.get_text_config()
    if not getattr(model.config, "is_encoder_decoder", False):
        return [_stack_in(model, model.base_model, getattr(config, "num_hidden_layers", None))]
    encoder: Any = model.get_encoder()
    decoder: Any = model.get_decoder()
    below = getattr(config, "encoder_layers", None) or config.num_hidden_layers
    above = getattr(config, "decoder_layers", None) or getattr(config, "num_decoder_layers", None) or below
    return [_stack_in(model, encoder, below), _stack_in(model, decoder, above)]


def _stack_in(model: PreTrainedModel, trunk: nn.Module, wanted: int | None) -> tuple[nn.Module, nn.ModuleList]:
    for holder in trunk.modules():
        for child in holder.children():
            if isinstance(child, nn.ModuleList) and len(child) == wanted:
                return holder, child
    given = f"{type(model).__name__} shows no stack of {wanted} layers"
    raise RecipeError(Problem("train.method", given, "a model with a layer list", "use kind: full"))


def _behind_layers(holder: nn.Module) -> Iterator[nn.Parameter]:
    for name, child in holder.named_children():
        if name in BEHIND:
            yield from child.parameters()
