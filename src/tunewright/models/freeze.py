"""Which weights are trained; frozen modules run in eval mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from tunewright.core.errors import Problem, RecipeError
from tunewright.models.adapters import add_adapters
from tunewright.models.mean_pooling import MeanPoolingLayer
from tunewright.models.parts import freeze_parts
from tunewright.recipe.train import Full, Lora, TopLayers

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

    Where layers are unfrozen one after the other, all weights that are ever trained require one; `train_top` then says
    which of them do. Raises RecipeError when the model has fewer layers, or no module that the method names.
    """
    model.requires_grad_(requires_grad=True)
    if isinstance(method, Lora):
        return add_adapters(model, method, seed, base_name=base_name, base_commit=base_commit)
    if isinstance(method, TopLayers):
        require_layers(method, len(own_layers(model)))
        _freeze_below(model, method.layers)
    elif method.unfreeze is not None:
        require_layers(method, len(own_layers(model)))
        train_top(model, method, method.unfreeze.first)  # refuses what would train nothing at first
        model.requires_grad_(requires_grad=True)
    _keep_frozen(model, method)
    return model


def train_top(model: PreTrainedModel, method: Full, layers: int) -> None:
    """Of the weights that the method trains, the head's and those of the topmost layers require a gradient, and all
    where `layers` is more than there are; modules are in the mode that follows from it.
    """
    model.requires_grad_(requires_grad=True)
    if layers <= len(own_layers(model)):
        _freeze_below(model, layers)
    _keep_frozen(model, method)
    train_mode(model)


def require_layers(method: MethodSpec, layers: int | None) -> None:
    """Raises RecipeError when the method names more layers than there are; an unknown number refuses nothing."""
    if layers is None:
        return
    if isinstance(method, TopLayers) and method.layers > layers:
        given = f"{method.layers} layers, but the model has {layers}"
        raise RecipeError(Problem("train.method.layers", given, f"0 to {layers}", "lower it, or use kind: full"))
    if isinstance(method, Full) and method.unfreeze is not None and method.unfreeze.first > layers:
        given = f"{method.unfreeze.first} layers, but the model has {layers}"
        raise RecipeError(Problem("train.method.unfreeze.first", given, f"0 to {layers}", "lower it"))


def layer_list(model: PreTrainedModel) -> Sequence[nn.Module]:
    """The model's layers, lowest first; of an encoder with a decoder, the encoder's and then the decoder's."""
    return [layer for _, stack in _stacks(model) for layer in stack]


def own_layers(model: PreTrainedModel) -> list[nn.Module]:
    """The layers that the base came with, lowest first: one that hands the mean to the head is a part of the head."""
    return [layer for layer in layer_list(model) if not isinstance(layer, MeanPoolingLayer)]


def below_layers(model: PreTrainedModel) -> list[nn.Parameter]:
    """The weights that stand below the lowest layer: embeddings, and a head that shares theirs."""
    above = _top_weights(model, len(own_layers(model)))
    return [parameter for parameter in model.base_model.parameters() if id(parameter) not in above]


def train_mode(model: nn.Module) -> None:
    """Modules with a trained weight of their own or below are in train mode, wholly frozen ones in eval mode."""
    model.train()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()
        for in_front in _in_front_of_layers(module):
            in_front.eval()


def _in_front_of_layers(holder: nn.Module) -> Iterator[nn.Module]:
    """Modules without weights, such as a dropout, between embeddings that are frozen and a list of layers."""
    children = list(holder.children())
    lists = [place for place, child in enumerate(children) if isinstance(child, nn.ModuleList)]
    in_front = children[: lists[0]] if lists else []
    weights = [p for child in in_front for p in child.parameters()]
    if weights and not any(p.requires_grad for p in weights):
        yield from (child for child in in_front if next(child.parameters(), None) is None)


def _keep_frozen(model: PreTrainedModel, method: Full | TopLayers) -> None:
    """What no step may move is frozen. Raises RecipeError where nothing is left to train."""
    if isinstance(method, Full) and method.freeze:
        freeze_parts(model, method.freeze, embeddings=below_layers)
    for module in model.modules():
        if isinstance(module, MeanPoolingLayer):
            module.fix()
    if not any(parameter.requires_grad for parameter in model.parameters()):
        given = "freezes every weight that would be trained"
        raise RecipeError(Problem("train.method", given, "something to train", "freeze less"))


def _freeze_below(model: PreTrainedModel, layers: int) -> None:
    """Embeddings and all but the topmost layers are frozen; a head that shares the embeddings' weights with them."""
    above = _top_weights(model, layers)
    for parameter in model.base_model.parameters():
        parameter.requires_grad_(id(parameter) in above)


def _top_weights(model: PreTrainedModel, layers: int) -> set[int]:
    """Ids of the trunk's weights in the topmost layers and behind them, without those of the embeddings."""
    own = own_layers(model)
    top = {id(layer) for layer in own[len(own) - layers :]}
    top |= {id(layer) for layer in layer_list(model) if isinstance(layer, MeanPoolingLayer)}
    above = {id(p) for layer in layer_list(model) if id(layer) in top for p in layer.parameters()}
    for holder, stack in _stacks(model):
        if any(id(layer) in top for layer in stack):
            above |= {id(p) for part in (holder, model.base_model) for p in _behind_layers(part)}
    head = model.get_output_embeddings()
    above |= {id(p) for p in head.parameters()} if head is not None else set()
    return above - {id(p) for p in model.get_input_embeddings().parameters()}


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
