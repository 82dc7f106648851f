"""Records that nest their examples, as self-instruct's seed tasks do, as one record an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunewright.data.frame import LINE, columns_of, frame_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

NESTING = "instances"
FIELDS = frozenset({"input", "output"})


def unnested(frame: pl.DataFrame) -> pl.DataFrame:
    """The table with each of the objects in the column `instances` as a record of its own, beside its record's fields.

    Several of one record bear its line. Any other table is given back as it is: one whose records do not all hold
    objects with `input` and `output`, or that has columns of these names already.
    """
    if NESTING not in frame.columns or FIELDS & set(frame.columns):
        return frame
    held = frame[NESTING].to_list()
    if not held or not all(isinstance(value, list) and value and all(map(_is_instance, value)) for value in held):
        return frame
    outer = frame.drop(NESTING, LINE).to_dicts()
    records: list[Mapping[str, Any]] = []
    lines: list[int] = []
    for line, record, instances in zip(frame[LINE].to_list(), outer, held, strict=True):
        records += [record | {name: instance.get(name) for name in sorted(FIELDS)} for instance in instances]
        lines += [line] * len(instances)
    return frame_of(columns_of(records), lines)


def _is_instance(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == FIELDS
