"""What a set of splits must have before a model can be trained and tested on it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import DataError, Problem, did_you_mean
from tunewright.core.rows import SPLITS
from tunewright.data.faults import SHOWN, at, counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tunewright.core.rows import SplitName

MORE = "bring more rows (three different texts of each label are the least), or a file of its own for this split"
MORE_TEXTS = "bring more rows (three different prompts or texts are the least), or a file of its own for this split"


def require_rows(
    splits: Mapping[SplitName, pl.DataFrame], account: pl.DataFrame, *, labelled: bool = True, alike: int = 0
) -> None:
    """Raises DataError when a split has no rows, naming the rules that took them.

    `alike` is the size of the largest cluster of near-duplicates, which cannot be divided.
    """
    total = sum(rows.height for rows in splits.values())
    tied = f"; {alike:,} of them are near-duplicates of one another and stay together" if 2 * alike > total else ""
    more = (MORE if labelled else MORE_TEXTS) + ("; or write `data.near_duplicates: null`" if tied else "")
    rules = Counter(account.filter(pl.col("action") == "dropped")["rule"])
    took = ", ".join(f"{rule} {count:,}" for rule, count in rules.most_common())
    problems = [
        Problem(
            f"{name} split",
            f"has no rows: {f'rows were dropped by {took}' if took else _too_few(splits, labelled=labelled) + tied}",
            "at least one row",
            "look at these rules' rows" if took else more,
        )
        for name, rows in splits.items()
        if not rows.height
    ]
    if problems:
        raise DataError(*problems)


def _too_few(splits: Mapping[SplitName, pl.DataFrame], *, labelled: bool) -> str:
    """What there is to be divided, in numbers."""
    total = sum(rows.height for rows in splits.values())
    labels = Counter(label for rows in splits.values() for label in rows["target"] if label is not None)
    each = ", ".join(f"{label!r} {count:,}" for label, count in labels.most_common(SHOWN))
    of = f" ({each})" if each and labelled else ""
    return f"there {'is' if total == 1 else 'are'} {counted(total, 'row')} in all to divide{of}"


def require_classes(train: pl.DataFrame) -> None:
    """Raises DataError when training rows have one label only: there is nothing to tell apart."""
    labels = train["target"].unique().to_list()
    if len(labels) == 1:
        given = f"all {counted(train.height, 'training row')} bear the label {labels[0]!r}"
        raise DataError(Problem("labels", given, "two classes or more", "check data.target, or bring other rows"))


def require_known_labels(splits: Mapping[SplitName, pl.DataFrame], labels: Sequence[str] = ()) -> None:
    """Raises DataError naming each label of validation or test that no training row has, unless it is of `labels`."""
    known = {*splits["train"]["target"], *labels}
    problems = []
    for name in SPLITS[1:]:
        rows = splits[name]
        for label, count in sorted(Counter(rows["target"]).items()):
            if label not in known:
                first = rows.filter(pl.col("target") == label).row(0, named=True)
                given = (
                    f"{counted(count, 'row')} with the label {label!r}, which no training row has"
                    f"{did_you_mean(label, known)}"
                )
                remedy = "map it with `data.label_map`, bring training rows of it, or remove these rows"
                problems.append(Problem(f"{name} split", given, "", remedy, at(first["source"], first["line"])))
    if problems:
        more = len(problems) - SHOWN
        end = [Problem("labels", f"{counted(more, 'more label')} like these", count=more)] if more > 0 else []
        raise DataError(*problems[:SHOWN], *end)
