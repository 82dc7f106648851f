"""Which weights are trained; frozen modules run in eval mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from tunewright.core.errors import Problem, RecipeError
from tunewright.recipe.train import TopLayers

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tunewright.recipe.train import MethodSpec


def apply_method(model: PreTrainedModel, method: MethodSpec) -> None:
    """Exactly the method's weights require a gradient. Raises RecipeError when the model has fewer layers."""
    model.requires_grad_(requires_grad=True)
    if not isinstance(method, TopLayers):
        return
    trunk = model.base_model
    layers = layer_list(model)
    require_layers(method, len(layers))
    above = {id(p) for layer in layers[len(layers) - method.layers :] for p in layer.parameters()}
    if method.layers:
        above |= {id(p) for p in _behind_layers(trunk)}
    for parameter in trunk.parameters():
        parameter.requires_grad_(id(parameter) in above)


def require_layers(method: MethodSpec, layers: int | None) -> None:
    """Raises RecipeError when the method names more layers than there are; an unknown number refuses nothing."""
    if isinstance(method, TopLayers) and layers is not None and method.layers > layers:
        given = f"{method.layers} layers, but the model has {layers}"
        raise RecipeError(Problem("train.method.layers", given, f"0 to {layers}", "lower it, or use kind: full"))


def layer_list(model: PreTrainedModel) -> nn.ModuleList:
    """The trunk's stack of layers, lowest first."""
    wanted = getattr(model.config, "num_hidden_layers", None)
    stacks = [m for m in model.base_model.modules() if isinstance(m, nn.ModuleList) and len(m) == wanted]
    if not stacks:
        given = f"{type(model).__name__} shows no stack of {wanted} layers"
        raise RecipeError(Problem("train.method", given, "a model with a layer list", "use kind: full"))
    return stacks[0]


def train_mode(model: nn.Module) -> None:
    """Modules with a trained weight of their own or below are in train mode, wholly frozen ones in eval mode."""
    model.train()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()


def _behind_layers(trunk: nn.Module) -> list[nn.Parameter]:
    """Parameters of poolers and final norms, which stand behind the last layer."""
    names = ("pooler", "final_norm", "ln_f", "norm")
    return [p for name, child in trunk.named_children() if name in names for p in child.parameters()]
