"""A cache whose rows are seats: one row leaves and another takes its place, without a copy of the rest.

Axes: S seats, H heads, T columns, D width of a head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

SPARE_COLUMNS = 64
"""Least number of free columns in a new buffer."""


class SeatLayer(DynamicLayer):
    """One layer's keys and values in a buffer with room to grow, so that a step writes one column and copies nothing.

    The columns in use are those from `first` to `end`; every row's last token stands in the column before `end`.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # transformers is half typed
        self._buffers: list[Tensor] = []
        self.first = self.end = 0

    def seat(self, seats: Tensor, keys: Tensor, values: Tensor, *, rows: int) -> None:
        """The seats hold the states of new rows, `[n, H, T, D]`; their last token stands in the last column in use."""
        length = keys.shape[-2]
        if not self._buffers:
            self.lazy_initialization(keys, values)
            self.end = length
            shape = (rows, keys.shape[1], length + max(SPARE_COLUMNS, length // 2))
            self._buffers = [states.new_zeros((*shape, states.shape[-1])) for states in (keys, values)]
        for buffer, states in zip(self._buffers, (keys, values), strict=True):
            buffer[seats, :, self.end - length : self.end] = states
        self._show()

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """The new column's states join those in use. Returns all states in use."""
        if self.end == self._buffers[0].shape[-2]:
            self.move(slice(None))
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[:, :, self.end : self.end + 1] = states
        self.end += 1
        return self._show()

    def move(self, kept: Tensor | slice) -> None:
        """The kept rows' columns in use stand at the beginning of a new buffer with room behind them."""
        width = self.end - self.first
        moved = []
        for buffer in self._buffers:
            used = buffer[kept, :, self.first : self.end]
            room = used.new_zeros((*used.shape[:2], width + max(SPARE_COLUMNS, width // 2), used.shape[-1]))
            room[:, :, :width] = used
            moved.append(room)
        self._buffers, self.first, self.end = moved, 0, width
        self._show()

    def forget(self, columns: int) -> None:
        """The first columns in use are so no more: no row has a token there."""
        self.first += columns
        self._show()

    def _show(self) -> tuple[Tensor, Tensor]:
        self.keys, self.values = (buffer[:, :, self.first : self.end] for buffer in self._buffers)
        return self.keys, self.values


class SeatCache(DynamicCache):
    """The layers of a model whose rows sit in `rows` seats."""

    layers: list[Any]

    def __init__(self, rows: int) -> None:
        Cache.__init__(self, layer_class_to_replicate=SeatLayer)
        self.rows = rows

    def seat(self, seats: Tensor, prefilled: DynamicCache) -> None:
        """The seats hold the rows of a cache that a pass over their prompts, padded on the left, has filled."""
        while len(self.layers) < len(prefilled.layers):
            self.layers.append(SeatLayer())
        filled: list[Any] = prefilled.layers
        for own, new in zip(self.layers, filled, strict=True):
            own.seat(seats, new.keys, new.values, rows=self.rows)

    def forget(self, columns: int) -> None:
        """The first columns are no longer attended to."""
        for layer in self.layers:
            layer.forget(columns)

    def keep(self, seats: Tensor) -> None:
        """Only these seats remain, in this order."""
        for layer in self.layers:
            layer.move(seats)
        self.rows = len(seats)


def shares_rows(config: Any, accepted: Sequence[str]) -> bool:
    """Whether rows of different ages can stand in one cache, told by where the model has its positions from.

    They can where every layer keeps keys and values of single tokens and positions are given with the tokens. They
    cannot where states are running sums (Mamba and its kin), where attention is chunked by absolute position, where
    distances are counted from the mask (ALiBi), or where a row's length changes the others' positions (dynamic RoPE).
    """
    text = config.get_text_config(decoder=True)
    layers = DynamicCache(config=text).layers
    kinds = set(getattr(text, "layer_types", None) or ()) - {"full_attention", "sliding_attention"}
    rope = getattr(text, "rope_parameters", None) or {}
    ropes = [rope, *(part for part in rope.values() if isinstance(part, dict))]
    moving = any(part.get("rope_type") in {"dynamic", "longrope"} for part in ropes)
    plain = all(type(layer).__name__ in {"DynamicLayer", "DynamicSlidingWindowLayer"} for layer in layers)
    chunked = getattr(text, "attention_chunk_size", None) is not None
    return (
        plain
        and not kinds
        and not moving
        and not chunked
        and "position_ids" in accepted
        and not getattr(text, "alibi", False)
    )
