"""A model taken out of what stands around it: adapters, data parallelism, compilation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable


def without_adapters(model: Any) -> Any:
    """The transformer itself, with its adapters still at work within it, without the wrapper that holds them.

    Its signature, its configuration and its output embedding are the base's own.
    """
    base: Callable[[], Any] | None = getattr(model, "get_base_model", None)
    return model if base is None else base()


def without_engine(model: nn.Module) -> Any:
    """The model without the wrappers of data parallelism and compilation."""
    inner: Any = model
    while True:
        deeper = getattr(inner, "_orig_mod", None)
        if isinstance(inner, nn.parallel.DistributedDataParallel):
            deeper = inner.module
        if deeper is None:
            return inner
        inner = deeper
