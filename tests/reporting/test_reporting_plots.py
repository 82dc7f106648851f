from __future__ import annotations

import math
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewright.core.results import Estimate
from tunewright.core.rows import Distribution
from tunewright.reporting import plots
from tunewright.reporting.svg import axis, element, tick_step, ticks

maybe = st.none() | st.floats(allow_nan=True, allow_infinity=True)
small = st.none() | st.floats(-1e12, 1e12) | st.just(math.nan)
texts = st.text(max_size=30)


def well_formed(drawing: str) -> ElementTree.Element:
    root = ElementTree.fromstring(drawing)
    for part in root.iter():
        for name, value in part.attrib.items():
            assert not any(word in value.split() for word in ("nan", "inf", "-inf", "None")), (part.tag, name, value)
    return root


def texts_of(drawing: str, kind: str) -> list[str]:
    return [part.text or "" for part in ElementTree.fromstring(drawing).iter() if part.get("class") == kind]


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.tuples(texts, small, small, small, st.booleans()), max_size=5))
def test_an_interval_plot_is_well_formed_whatever_the_numbers(rows):
    drawn = [plots.Interval(title, Estimate(v, low, high, 1), emphasised) for title, v, low, high, emphasised in rows]
    well_formed(plots.intervals("name", "title", drawn))


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.tuples(st.floats(0, 1e6), small), max_size=30), st.none() | st.floats(0, 1e6), st.booleans())
def test_curves_are_well_formed_whatever_the_numbers(points, best, zero):
    well_formed(plots.curves("name", "title", [plots.Curve("loss", tuple(points), "raw")], best=best, zero=zero))


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.integers(0, 10**6), max_size=20), st.floats(0, 1e5), st.floats(1e-3, 1e5))
def test_a_histogram_is_well_formed_whatever_the_counts(counts, low, width):
    edges = tuple(low + width * i for i in range(len(counts) + 1)) if counts else ()
    shape = Distribution(sum(counts), low, low, low + width, low, low, low, edges, tuple(counts))
    well_formed(plots.histogram("name", "title", shape))


@settings(deadline=None)  # the machine may be busy
@given(
    st.integers(0, 6).flatmap(
        lambda k: st.lists(st.lists(st.integers(0, 99), min_size=k, max_size=k), min_size=k, max_size=k)
    )
)
@pytest.mark.parametrize("named", [True, False])
def test_a_confusion_matrix_draws_every_count_that_is_not_zero(named, counts):
    labels = [f"<label {i}>" for i in range(len(counts))]
    root = well_formed(plots.confusion("name", "title", labels, counts, named=named))
    tiles = [part for part in root.iter() if part.get("class") in {"right", "wrong"}]
    assert len(tiles) == sum(n > 0 for row in counts for n in row)


def test_an_unknown_value_is_called_unknown_and_has_no_dot():
    drawing = plots.intervals(
        "n", "t", [plots.Interval("base", Estimate(None, None, None, 0, reason="no rows"), False)]
    )
    assert "unknown" in texts_of(drawing, "value")
    assert "<circle" not in drawing
    assert "unknown (no rows)" in drawing


def test_an_unknown_interval_leaves_a_dot_without_whiskers():
    drawing = plots.intervals("n", "t", [plots.Interval("base", Estimate(0.5, None, None, 9), False)])
    assert "<circle" in drawing
    assert "whisker" not in drawing


def test_a_row_far_below_the_others_does_not_squeeze_them():
    rows = [("majority", 0.02), ("base", 0.80), ("tuned", 0.86)]
    drawn = [plots.Interval(name, Estimate(v, v - 0.02, v + 0.02, 9), name == "tuned") for name, v in rows]
    drawing = plots.intervals("n", "t", drawn)
    assert "below the scale" in drawing
    assert drawing.count("<circle") == 2
    near = [plots.Interval(name, Estimate(v, v - 0.02, v + 0.02, 9), False) for name, v in rows[1:]]
    assert "below the scale" not in plots.intervals("n", "t", near)


@settings(deadline=None)  # the machine may be busy
@given(n=st.integers(1, 5000), seed=st.integers(0, 99))
def test_thinning_a_curve_loses_neither_its_lowest_nor_its_highest_point(n, seed):
    heights = np.random.default_rng(seed).normal(size=n).tolist()
    points = [(float(x), y) for x, y in enumerate(heights)]
    thin = plots._thinned(points)
    assert len(thin) <= plots.MAX_POINTS
    assert {min(heights), max(heights)} <= {y for _, y in thin}
    assert thin == sorted(thin)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0, 0.99))
def test_smoothing_equals_the_weighted_mean_written_out(heights, weight):
    smoothed = plots.smooth(list(enumerate(heights)), weight)
    for i, (x, y) in enumerate(smoothed):
        weights = [weight ** (i - j) for j in range(i + 1)]
        plain = sum(w * h for w, h in zip(weights, heights[: i + 1], strict=True)) / sum(weights)
        assert x == i
        assert y == pytest.approx(plain, rel=1e-9, abs=1e-6)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_a_scale_holds_all_its_numbers_between_round_ends(numbers):
    scale = axis(numbers, start=0, end=100)
    assert scale.low <= min(numbers) <= max(numbers) <= scale.high
    assert all(0 <= scale.place(number) <= 100 for number in numbers)
    assert 2 <= len(ticks(scale)) <= 8


@settings(deadline=None)  # the machine may be busy
@given(st.floats(1e-9, 1e9))
def test_a_tick_step_is_one_two_or_five_times_a_power_of_ten(span):
    step = tick_step(span)
    mantissa = float(f"{step:e}".partition("e")[0])
    assert mantissa in (1, 2, 5)
    assert span / step <= 5.5


@settings(deadline=None)  # the machine may be busy
@given(texts, texts)
def test_no_text_breaks_out_of_an_element(inside, attribute):
    root = ElementTree.fromstring(element("text", inside, class_=attribute))
    assert not list(root)
    assert list(root.attrib) == ["class"]


@pytest.mark.parametrize(
    ("median", "high"), [(20.0, 22.0), (960.0, 975.0), (0.0, 0.0), (1000.0, 1000.0), (200.0, 800.0)]
)
def test_the_words_over_a_histogram_neither_cover_each_other_nor_leave_it(median, high):
    edges, counts = tuple(float(n) for n in range(0, 1001, 100)), (5,) * 10
    drawing = ElementTree.fromstring(
        plots.histogram("t", "t", Distribution(50, 0.0, median, high, high, 1000.0, 30.0, edges, counts))
    )
    texts = {t.text: float(t.get("x", 0)) for t in drawing.iter("{http://www.w3.org/2000/svg}text")}
    assert texts["95 %"] - texts["median"] >= 40
    assert texts["median"] - 20 >= 0
    assert texts["95 %"] + 15 <= plots.WIDTH
