"""The map of an audit: a point for each text, coloured by its label, with the text in it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tunewright.reporting import figures
from tunewright.reporting.svg import Axis, element, figure

if TYPE_CHECKING:
    from markupsafe import Markup

    from tunewright.core.audit import TextMap

SIZE: Final = (760.0, 560.0)
MARGIN: Final = 12.0
HUES: Final = 10
"""Labels with a colour of their own, the most frequent; all others share the last."""
SHOWN_CHARS: Final = 160
LEAST_SPAN: Final = 1e-9
"""Points that all lie in one place have a scale too."""


def hues(labels: Counter[str]) -> dict[str, int]:
    """Label to the number of its colour; labels beyond the most frequent share one."""
    ordered = sorted(labels, key=lambda label: (-labels[label], label))
    return {label: min(place, HUES - 1) for place, label in enumerate(ordered)}


def scatter(name: str, title: str, drawn: TextMap) -> Markup:
    """The points on one square scale; each says its label, place and text under the pointer."""
    xs, ys = [p.x for p in drawn.points], [p.y for p in drawn.points]
    across = Axis(min(xs), max(*xs, min(xs) + LEAST_SPAN), MARGIN, SIZE[0] - MARGIN)
    down = Axis(min(ys), max(*ys, min(ys) + LEAST_SPAN), SIZE[1] - MARGIN, MARGIN)
    colours = hues(Counter(p.label for p in drawn.points))
    inner = [element("rect", x=0, y=0, width=SIZE[0], height=SIZE[1], class_="ground")]
    for point in drawn.points:
        words = figures.excerpt(point.text, SHOWN_CHARS)
        told = f"{point.label}: {words} ({point.place})" if point.label else f"{words} ({point.place})"
        kind = f"hue hue-{colours[point.label]}"
        circle = element(
            "circle", element("title", told), cx=across.place(point.x), cy=down.place(point.y), r=4, class_=kind
        )
        inner.append(circle)
    spoken = f"{figures.count(len(drawn.points))} texts by {drawn.method}; near points are texts that are alike."
    return figure(name, title, spoken, size=SIZE, inner=inner)
