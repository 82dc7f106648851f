"""Which columns, and which lengths, go with the label: a skew that a model would learn as a shortcut.

Axes: V values of a column, K labels.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from tunewright.core.audit import Association
from tunewright.core.rows import Finding
from tunewright.core.seeds import generator
from tunewright.data.describe import shown
from tunewright.data.vocabulary import drawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Table = NDArray[np.int64]

MOST_VALUES = 30
"""A column of more values is no slice that people would look at."""
MOST_ROWS = 100_000
"""Rows looked at, drawn by chance where there are more."""
BANDS = 5
PERMUTATIONS = 999
LEAST_EXPECTED = 5.0
"""With fewer expected rows than this in more than a fifth of the cells, chi-square is no good approximation
(Cochran 1954), and labels are permuted instead."""
SURE = 0.01
STRONG = 0.2
"""Cramér's V from which an association is called more than weak."""
SHOWN = 3
LENGTH, GROUP = "(length)", "(group)"
"""What stands for the length of a text and for `data.group` among the columns: no file is likely to have such names."""
MOST_CELLS = 2_000_000
"""Cells of random tables that are held at once."""

_LEADING = re.compile(r"\d+")


def associations(rows: pl.DataFrame, *, seed: int) -> tuple[Association, ...]:
    """Label by length and by each column of few values that is not read by the model, the strongest first.

    `rows` are in ROW_COLUMNS with a target each. A column needs 2 to 30 different values, and two labels.
    """
    sample = drawn(rows, MOST_ROWS, seed=seed)
    if sample["target"].n_unique() < 2:
        return ()
    columns = {**_metadata(sample), LENGTH: _length_bands(sample["input"])}
    tables = {name: _table(values, sample["target"]) for name, values in columns.items()}
    tested = {name: _test(table[2], seed, name) for name, table in tables.items() if min(table[2].shape) > 1}
    adjusted = holm([p for p, _ in tested.values()])
    found = [
        _association(name, tables[name], tested[name], p_adjusted=p) for name, p in zip(tested, adjusted, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: (-one.cramers_v, one.column)))


def shortcut_findings(found: Sequence[Association]) -> list[Finding]:
    """A warning for each column and length that gives the label away beyond doubt, and a note for derived ones."""
    findings = []
    for one in found:
        if not one.skewed:
            continue
        p = p_in_words(one.p_adjusted)
        figures = f"Cramér's V {one.cramers_v:.2f}, {one.information_bits:.2f} bits, p {p} after Holm"
        if _derived(one):
            message = f"{one.column!r} follows from the label ({figures}): each label has one value of it"
            findings.append(Finding("derived_column", "note", message, one.rows, remedy="keep it out of data.input"))
            continue
        what = "the length of the text" if one.column == LENGTH else repr(one.column)
        message = f"{what} goes with the label ({figures}): {_skew(one)}; a model may learn it as a shortcut"
        findings.append(Finding("shortcut", "warning", message, one.rows, remedy=_remedy(one)))
    return findings


def _remedy(one: Association) -> str:
    if one.column == LENGTH:
        return "collect short and long texts of each label; look at the scores of short and long test rows apart"
    return (
        f"keep {one.column!r} out of data.input, collect rows of each label for every value of it, and look at the "
        "scores of its values apart"
    )


def _derived(one: Association) -> bool:
    """Whether each label has (almost) one value: the column says less than the label does."""
    table_VK = np.array(one.counts)
    return bool(table_VK.max(axis=0).sum() >= 0.99 * table_VK.sum()) and len(one.values) <= len(one.labels)


def _skew(one: Association) -> str:
    """The labels whose share is raised most, with the value that raises it."""
    table_VK = np.array(one.counts, dtype=np.float64)
    whole_K = table_VK.sum(axis=0) / table_VK.sum()
    rows_V = table_VK.sum(axis=1)
    excess_VK = table_VK - rows_V[:, None] * whole_K[None, :]
    cells = np.argsort(-excess_VK, axis=None, kind="stable")
    parts: list[str] = []
    for cell in cells:
        v, k = divmod(int(cell), len(one.labels))
        if len(parts) == SHOWN or excess_VK[v, k] <= 0:
            break
        if any(part.startswith(f"{one.labels[k]!r} ") for part in parts):
            continue
        share = table_VK[v, k] / rows_V[v]
        parts.append(f"{one.labels[k]!r} is {whole_K[k]:.0%} of all rows and {share:.0%} of those of {one.values[v]!r}")
    return ", ".join(parts)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for looking at all of them (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def cramers_v(table_VK: Table) -> float:
    """Cramér's V corrected for its bias (Bergsma 2013), between 0 and 1."""
    n = int(table_VK.sum())
    v, k = table_VK.shape
    if n < 2 or min(v, k) < 2:
        return 0.0
    phi2 = max(0.0, chi_square(table_VK) / n - (v - 1) * (k - 1) / (n - 1))
    rows, columns = v - (v - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    least = min(rows, columns) - 1
    return min(1.0, math.sqrt(phi2 / least)) if least > 0 else 0.0


def mutual_information(table_VK: Table) -> float:
    """Mutual information of value and label in bits, of the shares as they are."""
    shares_VK = table_VK / table_VK.sum()
    outer_VK = shares_VK.sum(1, keepdims=True) * shares_VK.sum(0, keepdims=True)
    held = shares_VK > 0
    return float((shares_VK[held] * np.log2(shares_VK[held] / outer_VK[held])).sum())


def chi_square(table_VK: Table) -> float:
    """Pearson's statistic of a table without an empty row or column."""
    expected_VK = _expected(table_VK)
    return float((((table_VK - expected_VK) ** 2) / expected_VK).sum())


def _expected(table_VK: Table) -> NDArray[np.float64]:
    return np.asarray(np.outer(table_VK.sum(1), table_VK.sum(0)) / table_VK.sum(), dtype=np.float64)


def _test(table_VK: Table, seed: int, name: str) -> tuple[float, Literal["chi-square", "permutation"]]:
    """The p-value of independence and the test that gave it."""
    from scipy.stats import chi2, random_table  # noqa: PLC0415  # heavy: imported where it is used

    expected_VK, statistic = _expected(table_VK), chi_square(table_VK)
    if (expected_VK < LEAST_EXPECTED).mean() <= 0.2 and expected_VK.min() >= 1:
        freedom = (table_VK.shape[0] - 1) * (table_VK.shape[1] - 1)
        return float(chi2.sf(statistic, freedom)), "chi-square"
    margins = random_table(table_VK.sum(1), table_VK.sum(0))  # the tables that permuted labels would give
    random, at_once = generator(seed, "association", name), max(1, MOST_CELLS // table_VK.size)
    as_far = 0
    for start in range(0, PERMUTATIONS, at_once):
        tables_PVK = margins.rvs(min(at_once, PERMUTATIONS - start), random_state=random)
        statistics_P = ((tables_PVK - expected_VK) ** 2 / expected_VK).sum(axis=(1, 2))
        as_far += int((statistics_P >= statistic - 1e-9).sum())
    return (as_far + 1) / (PERMUTATIONS + 1), "permutation"


def _association(
    name: str,
    table: tuple[tuple[str, ...], tuple[str, ...], Table],
    tested: tuple[float, Literal["chi-square", "permutation"]],
    *,
    p_adjusted: float,
) -> Association:
    values, labels, counts_VK = table
    v = cramers_v(counts_VK)
    return Association(
        column=name,
        rows=int(counts_VK.sum()),
        values=values,
        labels=labels,
        counts=tuple(tuple(int(n) for n in row) for row in counts_VK),
        cramers_v=v,
        information_bits=mutual_information(counts_VK),
        p_value=tested[0],
        test=tested[1],
        p_adjusted=p_adjusted,
        skewed=p_adjusted < SURE and v >= STRONG,
    )


def _table(values: pl.Series, targets: pl.Series) -> tuple[tuple[str, ...], tuple[str, ...], Table]:
    """Values and labels in their order, and how many rows have both; rows without a value are left out."""
    held = pl.DataFrame({"value": values, "target": targets}).drop_nulls()
    names, labels = sorted(set(held["value"]), key=_natural), sorted(set(held["target"]))
    place_V, place_K = {n: i for i, n in enumerate(names)}, {n: i for i, n in enumerate(labels)}
    counts_VK = np.zeros((len(names), len(labels)), dtype=np.int64)
    for value, target, count in held.group_by("value", "target").len().iter_rows():
        counts_VK[place_V[value], place_K[target]] = count
    return tuple(names), tuple(labels), counts_VK


def _natural(value: str) -> tuple[float, str]:
    """Numbers by their size, before all other words."""
    number = _LEADING.match(value)
    return float(number.group()) if number else math.inf, value


def _length_bands(texts: pl.Series) -> pl.Series:
    """Each text's fifth by its length in characters."""
    lengths = texts.str.len_chars().to_numpy()
    edges = sorted({int(q) for q in np.quantile(lengths, np.linspace(0, 1, BANDS + 1)[1:-1])})
    band_N = np.searchsorted(edges, lengths, side="left")
    lows, highs = [0, *(edge + 1 for edge in edges)], [*edges, int(lengths.max())]
    names = [f"{low}–{high} characters" for low, high in zip(lows, highs, strict=True)]
    return pl.Series("length", [names[band] for band in band_N], dtype=pl.String)


def _metadata(rows: pl.DataFrame) -> dict[str, pl.Series]:
    """Each column beside text and label that has 2 to 30 different values, and not one of its own for most rows."""
    found: dict[str, list[str | None]] = {}
    for number, text in enumerate(rows["meta"]):
        for name, value in json.loads(text).items():
            if isinstance(value, list | dict):
                continue
            if name not in found:
                found[name] = [None] * rows.height
            found[name][number] = shown(value)
    columns = {name: pl.Series(name, values, dtype=pl.String) for name, values in found.items()}
    if rows["group"].null_count() < rows.height:
        columns[GROUP] = rows["group"]
    limit = max(2, min(MOST_VALUES, rows.height // 5))
    return {name: values for name, values in columns.items() if 2 <= values.drop_nulls().n_unique() <= limit}


def p_in_words(p_value: float) -> str:
    """A p-value as a message shows it."""
    return "< 0.0001" if p_value < 0.0001 else f"{p_value:.4f}"
