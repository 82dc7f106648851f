"""The few pieces of SVG that the plots are made of: escaped elements, axes, paths. The colours are the page's CSS."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Point = tuple[float, float]


def element(tag: str, *children: str, **attributes: str | float) -> Markup:
    """One element. Attribute values and plain children are escaped; `Markup` children are taken as they are.

    An underscore in an attribute's name stands for a hyphen; `class_` for `class`.
    """
    pairs = ((name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items())
    written = "".join(f' {name}="{escape(_number(value))}"' for name, value in pairs)
    inner = "".join(escape(clean(child)) for child in children)
    return Markup(f"<{tag}{written}>{inner}</{tag}>" if children else f"<{tag}{written}/>")  # noqa: S704  # escaped above


def clean(text: str) -> str:
    """The text without the characters that XML forbids; `Markup` stays `Markup`."""
    if all(_allowed(c) for c in text):
        return text
    kept = "".join(c if _allowed(c) else "\ufffd" for c in text)
    return Markup(kept) if isinstance(text, Markup) else kept  # noqa: S704  # characters were only replaced


def figure(name: str, title: str, text: str, *, size: tuple[float, float], inner: Iterable[str]) -> Markup:
    """A whole drawing with the title and description that a screen reader reads; `name` is unique on the page."""
    parts = (element("title", title, id=f"{name}-title"), element("desc", text, id=f"{name}-desc"), *inner)
    return element(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_number(size[0])} {_number(size[1])}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def label(text: str, at: Point, *, kind: str = "tick", anchor: str = "start") -> Markup:
    """Text whose baseline begins, is centred or ends at a point."""
    return element("text", text, x=at[0], y=at[1], class_=kind, text_anchor=anchor)


def line(start: Point, end: Point, *, kind: str) -> Markup:
    """A straight line."""
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=kind)


def path(points: Sequence[Point], *, kind: str) -> Markup:
    """A line through the points; nothing where there is none."""
    steps = "L".join(f"{_number(x)} {_number(y)}" for x, y in points)
    return element("path", d=f"M{steps}", class_=kind) if points else Markup("")


NO_SPAN = 1e-12
"""Numbers that lie closer together than this, relative to their size, have no span that a scale could show."""


LEAST_SPAN = 1e-300
"""Below this a fifth of the span is no number any more."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale from numbers to places."""

    low: float
    high: float
    start: float
    end: float

    def place(self, number: float) -> float:
        """Where a number lies; a number outside the scale lies on its nearer end."""
        inside = min(max(number, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)


def axis(numbers: Iterable[float], *, start: float, end: float, zero: bool = False) -> Axis:
    """A scale that holds all numbers (and zero where asked) between round ends; 0 to 1 where there is no number."""
    held = [*numbers, *([0.0] if zero else [])]
    low, high = (min(held), max(held)) if held else (0.0, 1.0)
    if high - low <= max(NO_SPAN * max(abs(low), abs(high)), LEAST_SPAN):
        low, high = (low - 0.5, high + 0.5) if low else (0.0, 1.0)
    step = tick_step(high - low)
    return Axis(math.floor(low / step) * step, math.ceil(high / step) * step, start, end)


def tick_step(span: float, ticks: int = 5) -> float:
    """The round step (1, 2 or 5 times a power of ten) that cuts a span into about `ticks` parts."""
    power = 10.0 ** math.floor(math.log10(span / ticks))
    return next(factor * power for factor in (1, 2, 5, 10) if span / (factor * power) <= ticks + 0.5)


def ticks(scale: Axis) -> list[float]:
    """Round numbers along the scale, both ends included where they are round."""
    step = tick_step(scale.high - scale.low)
    first = math.ceil(scale.low / step - 1e-9)
    return [i * step for i in range(first, math.floor(scale.high / step + 1e-9) + 1)]


def _allowed(character: str) -> bool:
    code = ord(character)
    return code in (0x9, 0xA, 0xD) or (0x20 <= code <= 0xFFFD and not 0xD800 <= code <= 0xDFFF) or code > 0xFFFF


def _number(value: str | float) -> str:
    if isinstance(value, str):
        return clean(value)
    return f"{value:.2f}".rstrip("0").rstrip(".")
