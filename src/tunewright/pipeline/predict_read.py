"""What tuned models that read give for single texts, beside a class: numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tunewright.inference.values import ValueModel
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tunewright.core.encoded import Layout
    from tunewright.pipeline.texts import Row
    from tunewright.pipeline.tuned import TunedRun


@dataclass(frozen=True, slots=True)
class Number:
    """One number for a text, with the place it came from to join by."""

    line: int | None
    """Line of its file where the record begins; None for a text given."""
    id: str | int | None
    """What the file's id column says; None without one."""
    text: str
    value: float

    def as_dict(self) -> dict[str, Any]:
        """The prediction as JSON data."""
        return asdict(self)

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in its line on the console, before the text."""
        return (f"{self.value:.4g}",)


def read_numbers(tuned: TunedRun, rows: Sequence[Row], texts: Sequence[str]) -> list[Number]:
    """The model's number for each row; `texts` are what it reads, cleaned."""
    model = ValueModel(tuned.load(), tuned.tokenizer, device=pick_device())
    values = model.values(texts)
    return [Number(row.line, row.id, row.text, float(value)) for row, value in zip(rows, values, strict=True)]


READERS: Mapping[Layout, Callable[[TunedRun, Sequence[Row], Sequence[str]], list[Any]]] = {"values": read_numbers}
"""Layout to what answers rows in it."""
