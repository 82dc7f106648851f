"""Core records to JSON data and back, by their types."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from tunewright.core.errors import Problem, RunError

Record = TypeVar("Record")


def to_data(record: Any) -> Any:
    """A frozen record as JSON data; `from_data` gives an equal record back."""
    return TypeAdapter(type(record)).dump_python(record, mode="json")


def from_data(kind: type[Record], data: Any, *, place: str) -> Record:
    """The record that `to_data` described. Raises RunError naming `place` when the data is not such a record."""
    try:
        record: Record = TypeAdapter(kind).validate_python(data)
    except ValidationError as fault:
        first = fault.errors()[0]
        given = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        expected = f"a {kind.__name__} as this version writes it"
        raise RunError(Problem(place, given, expected, "delete the folder and run the stage again")) from fault
    return record
