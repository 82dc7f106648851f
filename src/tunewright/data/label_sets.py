"""Targets that are sets of labels: read without guessing, counted, mapped and checked by label."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from tunewright.core.errors import DataError, Problem, did_you_mean
from tunewright.core.rows import SPLITS, Finding
from tunewright.data.audit import TINY_CLASS_ROWS
from tunewright.data.contradictions import contradicting
from tunewright.data.faults import counted, places_of
from tunewright.data.labels import propose_label_map
from tunewright.data.unfit import Unfit, kind_of, shown
from tunewright.data.values import as_label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import polars as pl

    from tunewright.core.rows import SplitName
    from tunewright.recipe.data import DataSpec

UNEVEN = 0.05
"""A label whose share of a split differs by more than this from its share of all rows is told of."""
SHOWN = 8


def label_set_reader(delimiter: str | None) -> Callable[[Any], str | None]:
    """What reads a value as labels: a list, a list as JSON text, or a text in which `delimiter` divides them.

    It gives the labels as JSON text, sorted and each once; an empty list is a set without labels, a blank text is
    missing. It raises Unfit for anything else: whether a comma divides labels or stands in one, nobody can tell.
    """

    def read(value: Any) -> str | None:
        listed = value
        if isinstance(value, str):
            if not value.strip():
                return None
            listed = _listed(value, delimiter)
        if listed is None or (isinstance(listed, float) and listed != listed):  # noqa: PLR0124  # not a number
            return None
        if not isinstance(listed, list):
            raise Unfit(
                f"is {kind_of(value)}, not a list of labels: {shown(value)}", "write a list, or labels in a text"
            )
        return written({label for item in listed if (label := as_label(item)) is not None and label.strip()})

    return read


def written(labels: Iterable[str]) -> str:
    """A set of labels as text: the same set, the same text."""
    return json.dumps(sorted({label.strip() for label in labels}), ensure_ascii=False)


def labels_of(target: str) -> tuple[str, ...]:
    """The labels of a target as `written` has it."""
    return tuple(json.loads(target))


def count_labels(targets: pl.Series) -> Counter[str]:
    """Rows of each label."""
    return Counter(label for target in targets.drop_nulls() for label in labels_of(target))


def mapped_sets(targets: pl.Series, label_map: Mapping[str, str]) -> pl.Series:
    """The sets with each label replaced by what it means."""
    known = {target: written(label_map.get(label, label) for label in labels_of(target)) for target in targets.unique()}
    return targets.replace(known)


def set_findings(rows: pl.DataFrame, spec: DataSpec, seen: pl.Series) -> list[Finding]:
    """Texts with different sets, spelling variants of labels, and how many labels rows bear; `seen` are the targets
    before any label was mapped.
    """
    counts, found = count_labels(rows["target"]), []
    different = rows.filter(contradicting(rows))
    if different.height:
        texts = different["content_key"].n_unique()
        bear = "bears" if texts == 1 else "bear"
        message = f"{counted(texts, 'text')} {bear} different labels, in {different.height:,} rows"
        remedy = "correct the labels, or write `data.contradictions: drop`"
        found.append(Finding("contradiction", "warning", message, different.height, places_of(different), remedy))
    found += map_findings(counts, spec, count_labels(seen))
    sizes = Counter(len(labels_of(target)) for target in rows["target"])
    if set(sizes) == {1}:
        message = "every row bears one label alone, so that the rows are those of a classification"
        found.append(Finding("single_labels", "warning", message, rows.height, remedy="write `task: classification`"))
    if sizes[0]:
        message = f"{counted(sizes[0], 'row bears', 'rows bear')} no label: the model learns to give none there"
        found.append(Finding("no_labels", "note", message, sizes[0], remedy="nothing, if none applies to them"))
    return found


def map_findings(counts: Mapping[str, int], spec: DataSpec, known: Mapping[str, int]) -> list[Finding]:
    """Labels that may be spelling variants of others, and entries of `data.label_map` that no row bears: `known` are
    the labels before any was mapped.
    """
    found = []
    proposed = {variant: label for variant, label in propose_label_map(counts).items() if variant not in spec.label_map}
    if proposed:
        message = (
            f"{counted(len(proposed), 'label')} may be spelling variants of others: {_listing(map(repr, proposed))}"
        )
        remedy = f"write `data.label_map: {json.dumps(proposed, ensure_ascii=False)}`"
        found.append(Finding("label_variant", "warning", message, len(proposed), remedy=remedy))
    for unused in sorted(set(spec.label_map) - set(known)):
        message = f"data.label_map names the label {unused!r}, which no row bears{did_you_mean(unused, known)}"
        found.append(Finding("label_map_unused", "warning", message, 0, remedy="correct or remove the entry"))
    return found


def require_label_sets(splits: Mapping[SplitName, pl.DataFrame]) -> None:
    """Raises DataError where training rows teach nothing, or lack a label that validation or test have."""
    train = splits["train"]
    known = count_labels(train["target"])
    if not any(0 < count < train.height for count in known.values()):
        given = "each label stands in all training rows or in none"
        raise DataError(Problem("labels", given, "labels that some rows bear and others do not", "check data.target"))
    require_known(splits)


def require_known(splits: Mapping[SplitName, pl.DataFrame]) -> None:
    """Raises DataError where training rows lack a label that validation or test have."""
    known, problems = count_labels(splits["train"]["target"]), []
    for name in SPLITS[1:]:
        for label, count in sorted(count_labels(splits[name]["target"]).items()):
            if label not in known:
                given = f"{counted(count, 'row')} with the label {label!r}, which no training row has"
                remedy = "map it with `data.label_map`, bring training rows of it, or remove these rows"
                problems.append(Problem(f"{name} split", f"{given}{did_you_mean(label, known)}", "", remedy))
    if problems:
        raise DataError(*problems[:SHOWN])


def share_findings(splits: Mapping[SplitName, pl.DataFrame]) -> list[Finding]:
    """Labels too rare to be learned or tested, and how evenly a split by several labels a row came out."""
    counts = {name: count_labels(frame["target"]) for name, frame in splits.items()}
    train, found = counts["train"], []
    small = {label: count for label, count in train.items() if count < TINY_CLASS_ROWS}
    if small:
        listed = _listing(f"{label!r} ({count})" for label, count in sorted(small.items()))
        message = f"{counted(len(small), 'label')} with fewer than {TINY_CLASS_ROWS} training rows: {listed}"
        found.append(Finding("tiny_class", "warning", message, len(small), remedy="collect more rows of these labels"))
    for name in SPLITS[1:]:
        absent = sorted(set(train) - set(counts[name]))
        if absent:
            message = f"{counted(len(absent), 'label')} without a {name} row, so nothing can be said about them there: "
            message += _listing(map(repr, absent))
            remedy = "collect more rows of these labels"
            found.append(Finding("untested_class", "warning", message, len(absent), remedy=remedy))
    return found + _uneven(splits, counts)


def _uneven(splits: Mapping[SplitName, pl.DataFrame], counts: Mapping[SplitName, Counter[str]]) -> list[Finding]:
    total = sum(frame.height for frame in splits.values())
    whole: Counter[str] = sum(counts.values(), Counter())
    off = [
        (abs(counts[name][label] / frame.height - whole[label] / total), label, name)
        for name, frame in splits.items()
        if frame.height
        for label in whole
    ]
    if not off or max(off)[0] <= UNEVEN:
        return []
    _, label, name = max(off)
    message = (
        f"rows of several labels cannot all keep their shares: {label!r} stands in "
        f"{counts[name][label] / splits[name].height:.1%} of the {name} rows and in {whole[label] / total:.1%} of all"
    )
    remedy = "bring more rows, or files of your own for validation and test"
    return [Finding("uneven_split", "note", message, sum(share > UNEVEN for share, _, _ in off), remedy=remedy)]


def _listed(text: str, delimiter: str | None) -> list[Any]:
    if text.lstrip().startswith("["):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as fault:
            raise Unfit(f"is no list in JSON: {shown(text)}", 'write it as ["one", "other"]') from fault
        if isinstance(found, list):
            return found
    if delimiter is None:
        given = f"is a text, and data.label_delimiter does not say what divides its labels: {shown(text)}"
        raise Unfit(given, "write `data.label_delimiter: ;` (or what it is), or lists")
    return text.split(delimiter)


def _listing(names: Iterable[str]) -> str:
    held = list(names)
    return ", ".join(held[:SHOWN]) + (f" and {len(held) - SHOWN} more" if len(held) > SHOWN else "")
