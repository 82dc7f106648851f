"""The frozen test: which rows it holds, found again by content however the file grows or is reordered."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import polars as pl
from pydantic import ConfigDict

from tunewright.core.codec import from_data, to_data
from tunewright.core.errors import DataError, Problem, RunError
from tunewright.core.files import atomic_write, digest
from tunewright.core.private import PrivateKind  # noqa: TC001  # a type of the frozen record below
from tunewright.data.faults import at, counted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

VERSION = 1
EXPECTED = "the lock as tunewright wrote it: JSON that holds the frozen test rows"
EXAMPLES = 5
ANSWER_MARK = "sha256:"
"""Begins what the lock holds of an answer, whose text may be long: its hash."""
ALWAYS = ("version", "tests")
"""Keys that every lock has: without one of them a frozen test could be lost and read as none; `uses` came later."""
STRICT = ConfigDict(extra="forbid")
"""A key that is misspelt or of another version is refused: what stood under it would be forgotten."""
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Refreeze:
    """One replacement of a frozen test: why, and what stood there before."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    reason: str
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Masks:
    """What was masked in the texts whose keys a lock holds."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    kinds: tuple[PrivateKind, ...]
    regions: tuple[str, ...] = ()
    """Countries whose phone numbers were known without a country code, where phone numbers were masked."""
    names: Literal["off", "presidio"] = "off"


@dataclass(frozen=True, slots=True)
class LockedTest:
    """The frozen test of one source."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    kind: Literal["carved", "file"]
    seed: int | None
    """The split's seed; `None` for a test file of the user's own."""
    rows: tuple[tuple[str, str, str], ...]
    """Row id, content key and label of each test row when it was frozen, in the order of the file."""
    digest: str
    """Of the sorted pairs of content key and label."""
    split: str = ""
    """Kind of the split that carved it."""
    share: float | None = None
    """Share of the rows that was carved."""
    input: str = ""
    target: str = ""
    """Columns that held text and label."""
    history: tuple[Refreeze, ...] = ()
    """Earlier tests that were replaced, oldest first."""
    masks: Masks | None = None
    """What the texts were masked of when their keys were taken; None: of nothing, or the lock is older than this."""

    @property
    def pairs(self) -> Counter[Pair]:
        """How often each content key stands with each label."""
        return Counter((key, label) for _, key, label in self.rows)


@dataclass(frozen=True, slots=True)
class Lock:
    """The content of `tunewright.lock`."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    version: int = VERSION
    tests: dict[str, LockedTest] = field(default_factory=dict)
    """Source (relative to the lock's folder) to its frozen test."""
    uses: dict[str, str] = field(default_factory=dict)
    """Training source to the source whose test it is tested on, where that is another one."""

    def test_of(self, train: str) -> str | None:
        """The name of the test that this training source is tested on, or None where none is frozen yet."""
        named = self.uses.get(train, train)
        return named if named in self.tests else None


def read_lock(path: Path) -> Lock:
    """The lock of a file, empty where there is none. Raises DataError for a file that is no lock of this version."""
    if not path.exists():
        return Lock()
    remedy = "restore it from version control; deleting it gives up the frozen test, and a new one is drawn"
    lock = _parsed(path, remedy)
    for source, test in lock.tests.items():
        if test.digest != pairs_digest(test.pairs):
            given = f"the frozen test of {source!r} was edited: its rows do not match its digest"
            raise DataError(Problem(str(path), given, "the file as tunewright wrote it", remedy))
    return lock


def _parsed(path: Path, remedy: str) -> Lock:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as fault:
        raise DataError(Problem(str(path), "is not UTF-8 text", EXPECTED, remedy)) from fault
    except OSError as fault:
        given = f"cannot be read: {fault.strerror}"
        raise DataError(Problem(str(path), given, EXPECTED, "make it a file that can be read")) from fault
    try:
        data = json.loads(text)
        _require_keys(data, path, remedy)
        return from_data(Lock, data, place=str(path))
    except (json.JSONDecodeError, RecursionError) as fault:
        raise DataError(_no_json(path, text, fault, remedy)) from fault
    except RunError as fault:
        given = f"is JSON, and no lock: {fault.problems[0].given}"
        raise DataError(Problem(str(path), given, EXPECTED, remedy)) from fault


def _require_keys(data: Any, path: Path, remedy: str) -> None:
    """Raises DataError for a mapping of another version, whose keys would mislead, or without a key of all locks."""
    if not isinstance(data, dict):
        return  # no record either, which is told of when it is read as one
    lacking = [name for name in ALWAYS if name not in data]
    if isinstance(data.get("version"), int) and data["version"] != VERSION:
        given = f"was written by another version of tunewright (lock version {data['version']})"
        raise DataError(Problem(str(path), given, f"lock version {VERSION}", "use the tunewright that wrote it"))
    if lacking:
        given = f"is JSON, and no lock: without {', '.join(map(repr, lacking))}"
        raise DataError(Problem(str(path), given, EXPECTED, remedy))


def _no_json(path: Path, text: str, fault: json.JSONDecodeError | RecursionError, remedy: str) -> Problem:
    conflict = next((n for n, line in enumerate(text.splitlines(), start=1) if line.startswith("<<<<<<< ")), None)
    if conflict is not None:
        given = f"holds the marks of a merge conflict (line {conflict:,}): two sides froze their tests differently"
        return Problem(str(path), given, EXPECTED, "take one side of the conflict whole: its tests are the frozen ones")
    if isinstance(fault, RecursionError):
        return Problem(str(path), "is nested too deeply to be read", EXPECTED, remedy)
    given = f"is not JSON (line {fault.lineno:,}, column {fault.colno:,})" if text.strip() else "is empty"
    return Problem(str(path), given, EXPECTED, remedy)


def lock_text(lock: Lock) -> str:
    """The lock as JSON with a line a row, so that differences between two of them can be read."""
    text = json.dumps(to_data(lock), indent=1, ensure_ascii=False, sort_keys=True)
    string = r'"(?:[^"\\]|\\.)*"'
    return re.sub(rf"\[\s+({string}),\s+({string}),\s+({string})\s+\]", r"[\1, \2, \3]", text) + "\n"


def write_lock(path: Path, lock: Lock) -> None:
    """The file holds the lock, whole; a file that already holds it is left alone."""
    content = lock_text(lock).encode()
    if not path.exists() or path.read_bytes() != content:
        atomic_write(path, content)


def freeze(rows: pl.DataFrame, settings: LockedTest) -> LockedTest:
    """The settings with these test rows, in their order."""
    held = tuple(rows.select("row_id", "content_key", "target").iter_rows())
    frozen = replace(settings, rows=held)
    return replace(frozen, digest=pairs_digest(frozen.pairs))


def pairs_digest(pairs: Counter[Pair]) -> str:
    """The digest over the sorted pairs of content key and label, repeated ones as often as they stand."""
    return digest(sorted([key, label] for key, label in pairs.elements()))


def frozen_rows(rows: pl.DataFrame, test: LockedTest) -> pl.Series:
    """Whether each row is one of the frozen test: the first rows of each content key and label, as many as locked."""
    counts = pl.DataFrame(
        [(key, label, count) for (key, label), count in test.pairs.items()],
        schema={"content_key": pl.String, "target": pl.String, "locked": pl.Int64},
        orient="row",
    )
    number = pl.int_range(pl.len()).over("content_key", "target")
    joined = rows.with_columns(number.alias("number")).join(
        counts, on=["content_key", "target"], how="left", maintain_order="left"
    )
    return (joined["number"] < joined["locked"]).fill_null(value=False).alias("frozen")


def verify_carved(rows: pl.DataFrame, test: LockedTest, *, source: str, path: Path) -> None:
    """Raises DataError with counts and examples unless every frozen row is there with its label."""
    present = Counter(rows.select("content_key", "target").iter_rows())
    _refuse_changes(rows, test, lost=test.pairs - present, added=Counter(), source=source, path=path)


def verify_file(rows: pl.DataFrame, test: LockedTest, *, source: str, path: Path) -> None:
    """Raises DataError with counts and examples unless the test file holds exactly the frozen rows."""
    present = Counter(rows.select("content_key", "target").iter_rows())
    _refuse_changes(rows, test, lost=test.pairs - present, added=present - test.pairs, source=source, path=path)


def _refuse_changes(  # the two sides of one comparison and where it was made
    rows: pl.DataFrame,
    test: LockedTest,
    *,
    lost: Counter[Pair],
    added: Counter[Pair],
    source: str,
    path: Path,
) -> None:
    if not lost and not added:
        return
    places = {key: (label, at(s, n)) for key, label, s, n in _labels(rows)}
    known = {(key, label) for _, key, label in test.rows}
    changed = {(key, label): places[key] for key, label in lost if key in places and (key, places[key][0]) not in known}
    gone = [pair for pair in lost if pair not in changed]
    relabelled = {(key, label) for (key, _), (label, _) in changed.items()}
    new = sum((added - Counter(dict.fromkeys(relabelled, 1))).values())
    target = "answer" if any(label.startswith(ANSWER_MARK) for _, _, label in test.rows) else "label"
    parts = [
        (sum(lost[pair] for pair in gone), "is gone", "are gone"),
        (len(changed), f"has another {target}", f"have another {target}"),
        (new, "was added", "were added"),
    ]
    said = ", ".join(f"{count:,} {one if count == 1 else many}" for count, one, many in parts if count)
    head = Problem(
        source,
        f"the frozen test of {counted(len(test.rows), 'row')} changed: {said}",
        f"the test rows that {path.name} holds",
        'put them back as they were, or give a reason for a new test: `split.refreeze: "…"`',
        str(path),
    )
    examples = [
        Problem(where, _relabelled(label, was)) for (_, was), (label, where) in list(changed.items())[:EXAMPLES]
    ]
    ids = {(key, label): row for row, key, label in test.rows}
    examples += [
        Problem(f"row {ids[pair][:12]}", f"{_labelled(pair[1])}is gone or its text changed") for pair in gone[:EXAMPLES]
    ]
    raise DataError(head, *examples)


def _labels(rows: pl.DataFrame) -> Iterable[tuple[Any, ...]]:
    return rows.select("content_key", "target", "source", "line").iter_rows()


def _relabelled(label: str, was: str) -> str:
    return "has another answer" if was.startswith(ANSWER_MARK) else f"is labelled {label!r}, was frozen as {was!r}"


def _labelled(label: str) -> str:
    return f"labelled {label!r}, " if label and not label.startswith(ANSWER_MARK) else ""
