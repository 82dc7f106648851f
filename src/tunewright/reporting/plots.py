"""From numbers to drawings: intervals, curves, histograms, a confusion matrix. An unknown is a gap, never a zero."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from tunewright.reporting import figures
from tunewright.reporting.svg import LEAST_SPAN, Axis, Point, axis, element, figure, label, line, path, ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from tunewright.core.results import Estimate
    from tunewright.core.rows import Distribution

WIDTH: Final = 440.0
"""All panels share one width, so that their text is one size on the page; a phone shows them nearly 1 : 1."""
LEFT: Final = 46.0
RIGHT: Final = 20.0
MAX_POINTS: Final = 500
"""A curve with more points than this is thinned: more cannot be seen at this width."""
STEP: Final = 40.0
"""Height of one row of an interval plot with a title of one line."""
LINE_HEIGHT: Final = 16.0
TITLE_CHARS: Final = 38
"""So many bold letters of a wide font stand beside the figures."""
TITLE_LINES: Final = 3
MARK_WIDTH: Final = 42.0
"""From the middle of one mark's word to that of the next."""
NAME_CHARS: Final = 24
"""Longest label written beside a confusion matrix; each cell names its classes in full."""


@dataclass(frozen=True, slots=True)
class Interval:
    """One row of an interval plot."""

    title: str
    estimate: Estimate
    emphasised: bool


def intervals(name: str, title: str, rows: Sequence[Interval]) -> Markup:
    """A dot for each value and a bar for its interval, on one scale.

    A lowest row that would squeeze the others into less than half of the scale is drawn as an arrow at its edge.
    """
    top = 8.0
    titles = [_title_lines(row.title) for row in rows]
    heights = [STEP + LINE_HEIGHT * (len(lines) - 1) for lines in titles] or [STEP]
    bottom = top + sum(heights)
    scale = axis(_without_outlier([_bounds(row.estimate) for row in rows]), start=14, end=WIDTH - 14)
    inner = [*_x_ticks(scale, top, bottom)]
    for row, lines, end in zip(rows, titles, accumulate(heights), strict=False):
        inner += _title(row, lines, top + end - STEP - LINE_HEIGHT * (len(lines) - 1))
        inner += _interval(row, scale, top + end - STEP)
    spoken = "; ".join(f"{row.title}: {spoken_estimate(row.estimate)}" for row in rows) or "No system was scored."
    return figure(name, title, spoken, size=(WIDTH, bottom + 22), inner=inner)


def spoken_estimate(estimate: Estimate) -> str:
    """An estimate in words."""
    if figures.known(estimate.value) is None:
        return f"unknown{f' ({estimate.reason})' if estimate.reason else ''}"
    between = figures.interval(estimate, " to ")
    return figures.score(estimate.value) + (f", interval {between}" if between else "")


def _bounds(estimate: Estimate) -> list[float]:
    return [v for v in map(figures.known, (estimate.value, estimate.low, estimate.high)) if v is not None]


def _without_outlier(bounds: Sequence[list[float]]) -> list[float]:
    """All bounds, but for those of a lowest row that lies further off than the others reach."""
    rows = sorted(row for row in bounds if row)
    others = [bound for row in rows[1:] for bound in row]
    if len(rows) > 2 and min(others) - max(rows[0]) > max(others) - min(others):
        return others
    return [bound for row in rows for bound in row]


def _title_lines(title: str) -> list[str]:
    """The title in lines that leave room for the figures beside the last one."""
    lines = textwrap.wrap(title, TITLE_CHARS) or [""]
    return lines if len(lines) <= TITLE_LINES else [*lines[: TITLE_LINES - 1], f"{lines[TITLE_LINES - 1][:-1]}…"]


def _title(row: Interval, lines: Sequence[str], top: float) -> list[Markup]:
    kind = f"name {'tuned' if row.emphasised else 'other'}"
    return [label(text, (14, top + 12 + LINE_HEIGHT * index), kind=kind) for index, text in enumerate(lines)]


def _interval(row: Interval, scale: Axis, top: float) -> list[Markup]:
    kind = "tuned" if row.emphasised else "other"
    value, low, high = map(figures.known, (row.estimate.value, row.estimate.low, row.estimate.high))
    if value is None:
        return [label("unknown", (WIDTH - 14, top + 12), kind="value", anchor="end")]
    y = top + 25
    text = f"{figures.score(value)}\u2002{figures.interval(row.estimate)}".rstrip()
    parts = [label(text, (WIDTH - 14, top + 12), kind=f"value {kind}", anchor="end")]
    if value < scale.low:
        arrow = element("path", d=f"M14 {y}l9 -5v10z", class_=f"dot {kind}")
        return [*parts, arrow, label("below the scale", (28, y + 4))]
    if low is not None and high is not None:
        parts.append(line((scale.place(low), y), (scale.place(high), y), kind=f"whisker {kind}"))
        parts += [line((scale.place(b), y - 4), (scale.place(b), y + 4), kind=f"whisker {kind}") for b in (low, high)]
    return [*parts, element("circle", cx=scale.place(value), cy=y, r=5, class_=f"dot {kind}")]


@dataclass(frozen=True, slots=True)
class Curve:
    """A line over the steps; `kind` is its look: `raw`, `smooth`, `validation`, `metric-0` …, `lr`."""

    title: str
    points: tuple[tuple[float, float | None], ...]
    kind: str
    dots: bool = False


def curves(name: str, title: str, drawn: Sequence[Curve], *, best: float | None = None, zero: bool = False) -> Markup:
    """Curves on shared axes with a legend, and a line where the best checkpoint was taken."""
    height, top, bottom = 230.0, 30.0, 200.0
    known = [(curve, _known(curve)) for curve in drawn]
    xs = [x for _, points in known for x, _ in points]
    x_scale = axis(xs, start=LEFT, end=WIDTH - RIGHT, zero=True)
    x_scale = Axis(0, max(xs), LEFT, WIDTH - RIGHT) if xs and max(xs) > LEAST_SPAN else x_scale
    y_scale = axis([y for _, points in known for _, y in points], start=bottom, end=top, zero=zero)
    inner = [*_y_ticks(y_scale), *_x_ticks(x_scale, top, bottom, rules=False)]
    if best is not None:
        x = x_scale.place(best)
        inner.append(line((x, top), (x, bottom), kind="best"))
        inner.append(label("best", (x - 4, top + 10), kind="tick best-name", anchor="end"))
    for curve, points in known:
        places = [(x_scale.place(x), y_scale.place(y)) for x, y in points]
        inner.append(path(places, kind=f"curve {curve.kind}"))
        lonely = curve.dots or len(places) == 1
        inner += [element("circle", cx=x, cy=y, r=3, class_=f"dot {curve.kind}") for x, y in places if lonely]
    inner += [
        *_legend([curve for curve in drawn if curve.title]),
        label("step", (WIDTH - RIGHT, height - 2), anchor="end"),
    ]
    spoken = "; ".join(_spoken(curve, points) for curve, points in known if curve.title)
    return figure(name, title, spoken or "Nothing was recorded.", size=(WIDTH, height), inner=inner)


def smooth(points: Sequence[Point], weight: float) -> list[Point]:
    """The exponential moving average of the points' heights, corrected for its start (as Adam's moments are)."""
    average, seen, smoothed = 0.0, 0.0, []
    for x, y in points:
        average = weight * average + (1 - weight) * y
        seen = weight * seen + (1 - weight)
        smoothed.append((x, average / seen))
    return smoothed


def _known(curve: Curve) -> tuple[Point, ...]:
    points = [(x, known) for x, y in curve.points if (known := figures.known(y)) is not None]
    return tuple(_thinned(points))


def _thinned(points: list[Point]) -> list[Point]:
    """The lowest and the highest point of each stretch, so that no spike is lost."""
    if len(points) <= MAX_POINTS:
        return points
    size = -(-len(points) // (MAX_POINTS // 2))
    stretches = [points[i : i + size] for i in range(0, len(points), size)]
    ends = ({min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])} for part in stretches)
    return [point for pair in ends for point in sorted(pair)]


def _spoken(curve: Curve, points: Sequence[Point]) -> str:
    if not points:
        return f"{curve.title}: nothing was recorded"
    (_, first), (step, last) = points[0], points[-1]
    return f"{curve.title}: from {figures.quantity(first)} to {figures.quantity(last)} at step {step:g}"


def _legend(drawn: Sequence[Curve]) -> list[Markup]:
    parts, x = [], LEFT
    for curve in drawn:
        parts.append(line((x, 12), (x + 18, 12), kind=f"curve {curve.kind}"))
        parts.append(label(curve.title, (x + 23, 16), kind="tick"))
        x += 23 + 6.4 * len(curve.title) + 16
    return parts


def histogram(name: str, title: str, shape: Distribution, unit: str = "tokens") -> Markup:
    """Bars of the bins' counts, with the median and the 95th percentile marked."""
    height, top, bottom = 150.0, 16.0, 118.0
    edges = shape.edges or (0.0, 1.0)
    x_scale = Axis(edges[0], max(edges[-1], edges[0] + 1e-9), LEFT, WIDTH - RIGHT)
    y_scale = axis([float(n) for n in shape.counts], start=bottom, end=top, zero=True)
    inner = [*_y_ticks(y_scale), *_x_ticks(x_scale, top, bottom, rules=False)]
    for low, high, n in zip(edges, edges[1:], shape.counts, strict=False):
        x, y = x_scale.place(low), y_scale.place(n)
        width = max(x_scale.place(high) - x - 1, 0.5)
        inner.append(element("rect", x=x, y=y, width=width, height=max(bottom - y, 0), class_="bin"))
    marks = {word: x_scale.place(at) for word, at in (("median", shape.p50), ("95 %", shape.p95)) if _within(at, edges)}
    for (word, x), at in zip(marks.items(), _apart(list(marks.values())), strict=True):
        inner += [line((x, top), (x, bottom), kind="best"), label(word, (at, top - 4), anchor="middle")]
    inner.append(label(unit, (WIDTH - RIGHT, height - 2), anchor="end"))
    spoken = (
        f"{figures.count(shape.n)} rows; median {shape.p50:g}, 95 % at most {shape.p95:g}, longest {shape.maximum:g}."
    )
    return figure(name, title, spoken, size=(WIDTH, height), inner=inner)


def _within(number: float, edges: Sequence[float]) -> bool:
    return figures.known(number) is not None and edges[0] <= number <= edges[-1]


def _apart(places: list[float]) -> list[float]:
    """Where the words of two marks stand: over them, or side by side where they would cover each other."""
    if len(places) < 2 or places[1] - places[0] >= MARK_WIDTH:
        return places
    first, second = places
    return [first, first + MARK_WIDTH] if first < WIDTH / 2 else [second - MARK_WIDTH, second]


def confusion(name: str, title: str, labels: Sequence[str], counts: Sequence[Sequence[int]], *, named: bool) -> Markup:
    """A heat map of true class (rows) by predicted class (columns); shades are shares of the true class's rows.

    `named` writes the labels and counts into it; else cells alone, each with its words under the pointer.
    """
    k = max(len(labels), 1)
    cell = min(34.0, 300.0 / k) if named and k < 12 else 26.0 if named else max(WIDTH / k, 2.5)
    longest = 6.6 * min(max(map(len, labels), default=0), NAME_CHARS) if named else 0.0
    left, top = (longest + 12, 0.71 * longest + 16) if named else (0.0, 0.0)
    size = (left + cell * k + 0.71 * longest, top + cell * k)  # the last column's name leans out
    inner = [element("rect", x=left, y=top, width=cell * k, height=cell * k, class_="ground")]
    inner += _names(labels, cell, left, top) if named else []
    for i, row in enumerate(counts):
        for j, n in enumerate(row):
            if n:
                words = f"{labels[i]} taken for {labels[j]}" if i != j else f"{labels[i]} found"
                words = f"{words}: {n} of {sum(row)}"
                inner += _cell((left + cell * j, top + cell * i, cell), n, n / sum(row), (i == j, named, words))
    right = sum(counts[i][i] for i in range(len(counts)))
    spoken = f"{k} classes; {figures.count(right)} of {figures.count(sum(map(sum, counts)))} rows on the diagonal."
    return figure(name, title, spoken, size=size, inner=inner)


def _names(labels: Sequence[str], cell: float, left: float, top: float) -> list[Markup]:
    parts = []
    for i, text in enumerate(labels):
        middle = cell * (i + 0.5)
        parts.append(label(figures.excerpt(text, NAME_CHARS), (left - 6, top + middle + 4), anchor="end"))
        x, y = left + middle + 3, top - 6
        turn = f"rotate(-45 {x:.1f} {y:.1f})"
        parts.append(element("text", figures.excerpt(text, NAME_CHARS), x=x, y=y, class_="tick", transform=turn))
    return parts


def _cell(box: tuple[float, float, float], n: int, share: float, look: tuple[bool, bool, str]) -> list[Markup]:
    (x, y, size), (right, named, words) = box, look
    kind = "right" if right else "wrong"
    gap = 1 if named else 0
    opacity = 0.12 + 0.88 * share
    tile = element("rect", x=x, y=y, width=size - gap, height=size - gap, class_=kind, fill_opacity=opacity)
    parts = [tile]
    if named:
        text_kind = "count strong" if share > 0.5 else "count"
        parts.append(label(str(n), (x + size / 2, y + size / 2 + 4), kind=text_kind, anchor="middle"))
    return [element("g", element("title", words), *parts)]


def _x_ticks(scale: Axis, top: float, bottom: float, *, rules: bool = True) -> list[Markup]:
    marks = [(scale.place(tick), figures.quantity(tick)) for tick in ticks(scale)]
    lines = [line((x, top), (x, bottom), kind="grid") for x, _ in marks if rules]
    base = [line((scale.start, bottom), (scale.end, bottom), kind="axis")]
    return [*lines, *base, *(label(text, (x, bottom + 15), anchor="middle") for x, text in marks)]


def _y_ticks(scale: Axis) -> list[Markup]:
    parts = []
    for tick in ticks(scale):
        y = scale.place(tick)
        parts.append(line((LEFT, y), (WIDTH - RIGHT, y), kind="grid"))
        parts.append(label(figures.quantity(tick), (LEFT - 6, y + 4), anchor="end"))
    return parts
