"""Targets that are numbers: read without guessing, checked for spread, and put into groups to be divided evenly."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tunewright.core.errors import DataError, Problem
from tunewright.core.rows import Finding
from tunewright.data.faults import counted, places_of
from tunewright.data.invisible import without_invisible
from tunewright.data.unfit import Unfit, kind_of, shown
from tunewright.data.values import as_label
from tunewright.data.words import missing_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunewright.core.rows import SplitName

GROUPS = 10
"""Groups of about as many rows each, from the least numbers to the greatest, whose shares are kept in every split."""

FAR = 8.0
"""Robust standard deviations from the median beyond which a number is worth a look."""

LARGEST = 3.4e38
"""The largest number that a model's weights in single precision can say."""

ROUNDED = 1e-3
"""The most that single precision may round off a predicted number, in standard deviations of the training rows."""

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)


def as_number(value: Any) -> str | None:
    """A number as text: whole ones in digits, others as short as reads back; null, blank and NaN are missing.

    Raises Unfit for anything else: a comma may part thousands or decimals, and nobody can tell which.
    """
    if value is None or (isinstance(value, float | Decimal) and not math.isfinite(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise Unfit(f"is {kind_of(value)}, not a number: {shown(value)}", "write it as a number")
    if not isinstance(value, str):
        return _written(_bounded(value, value))
    bare = without_invisible(value).strip()
    if not bare or bare.casefold() in missing_labels():
        return None
    if _NUMBER.fullmatch(bare) is None:
        remedy = "write it in digits with a decimal point, such as 3.5" if "," in bare else "write it as a number"
        raise Unfit(f"is a text, not a number: {shown(value)}", remedy)
    return _written(_bounded(bare, value))


def _bounded(number: str | float | Decimal, value: object) -> float:
    """The number as the head can hold it. Raises Unfit beyond single precision."""
    try:
        found = float(number)
    except OverflowError:
        found = math.inf
    if abs(found) > LARGEST:
        raise Unfit(f"is a number beyond {LARGEST:.2g}: {shown(value)}", "write it in a larger unit")
    return found


def number_groups(targets: pl.Series) -> pl.Series:
    """The group of each number by its rank, as text; equal numbers share one."""
    numbers = targets.cast(pl.Float64)
    ranks = (numbers.rank("min") - 1) / max(1, numbers.len())
    return (ranks * GROUPS).floor().cast(pl.Int64).cast(pl.String)


def require_spread(train: pl.DataFrame) -> None:
    """Raises DataError when all training rows have one number: there is nothing to learn."""
    if train["target"].n_unique() == 1:
        given = f"all {counted(train.height, 'training row')} have the number {train['target'][0]}"
        raise DataError(Problem("numbers", given, "different numbers", "check data.target, or bring other rows"))


def require_precision(train: pl.DataFrame) -> None:
    """Raises DataError where a head, whose weights are of single precision, would round off what numbers differ by.

    A number beside the mean is told apart to the spacing of single precision there, which is to be small beside the
    training rows' standard deviation.
    """
    numbers_N = train["target"].cast(pl.Float64).to_numpy()
    mean, deviation = float(numbers_N.mean()), float(numbers_N.std())
    spacing = float(np.spacing(np.float32(abs(mean))))
    if spacing <= ROUNDED * deviation:
        return
    given = (
        f"the training rows' numbers lie around {mean:.6g} and deviate by {deviation:.3g}: in single precision, which "
        f"a model answers in, numbers of that size are {spacing:.2g} apart"
    )
    expected = f"a standard deviation of at least {spacing / ROUNDED:.2g}"
    remedy = f"take {mean:.6g} off every target in the data, and add it to what is predicted"
    raise DataError(Problem("numbers", given, expected, remedy))


def number_findings(rows: pl.DataFrame) -> list[Finding]:
    """Texts with different numbers, numbers far from all others, and a target that takes only a few values."""
    found = []
    numbers_N = rows["target"].cast(pl.Float64).to_numpy()
    several = rows.filter(pl.col("target").n_unique().over("role", "content_key") > 1)
    if several.height:
        texts = several["content_key"].n_unique()
        message = (
            f"{counted(texts, 'text')} {'has' if texts == 1 else 'have'} different numbers, in {several.height:,} rows"
        )
        remedy = "correct them, average them, or write `data.contradictions: drop`; they stay in one split"
        found.append(Finding("contradiction", "warning", message, several.height, places_of(several), remedy))
    far_N = _far(numbers_N)
    if far_N.any():
        far = rows.filter(pl.Series(far_N))
        listed = ", ".join(far["target"].to_list()[:5])
        message = f"{counted(far.height, 'number')} far from all others ({listed}): a squared error follows these most"
        remedy = "look whether they are right; `data.keep_if` can leave them out, such as `score < 100`"
        found.append(Finding("far_number", "warning", message, far.height, places_of(far), remedy))
    few = rows["target"].n_unique()
    if few <= 2 < rows.height:
        message = f"the target takes {counted(few, 'value')} alone: these may be labels"
        found.append(Finding("few_numbers", "warning", message, few, remedy="write `task: classification` if they are"))
    return found


def spread_findings(splits: Mapping[SplitName, pl.DataFrame]) -> list[Finding]:
    """Numbers of validation and test that lie beyond those of training."""
    train_N = splits["train"]["target"].cast(pl.Float64)
    if not train_N.len():
        return []
    low, high = float(train_N.to_numpy().min()), float(train_N.to_numpy().max())
    found = []
    for name in ("validation", "test"):
        numbers = splits[name]["target"].cast(pl.Float64)
        outside = int(((numbers < low) | (numbers > high)).sum())
        if outside:
            message = (
                f"{counted(outside, f'{name} row')} with a number beyond those of training ({low:g} to {high:g}): "
                "a model rarely goes further than what it saw"
            )
            found.append(
                Finding("beyond_training", "note", message, outside, remedy="bring training rows of such numbers")
            )
    return found


def _far(numbers_N: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each number is far from the median, by the median absolute deviation; nowhere where that is 0."""
    if not len(numbers_N):
        return np.zeros(0, dtype=np.bool_)
    off_N = np.abs(numbers_N - np.median(numbers_N))
    spread = 1.4826 * float(np.median(off_N))  # of a normal distribution, its standard deviation
    return off_N > FAR * spread if spread > 0 else np.zeros(len(numbers_N), dtype=np.bool_)


def _written(number: float) -> str:
    whole = as_label(number) if number.is_integer() and abs(number) < 2**53 else None
    return whole if whole is not None else repr(number)
