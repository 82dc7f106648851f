"""Whether the test is the one that was frozen before, or a new one."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import DataError, Problem
from tunewright.core.files import digest, resolve_path
from tunewright.core.rows import Finding
from tunewright.data.hub import HUB
from tunewright.data.keys import without_numbers
from tunewright.data.lock import (
    ANSWER_MARK,
    Lock,
    LockedTest,
    Refreeze,
    freeze,
    frozen_rows,
    verify_carved,
    verify_file,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunewright.core.rows import SplitName
    from tunewright.data.columns import Columns
    from tunewright.recipe.data import StratifiedSplit

SETTINGS = {
    "kind": "how the test came about",
    "split": "split.kind",
    "seed": "split.seed",
    "share": "split.test",
    "input": "data.input",
    "target": "data.target",
}


@dataclass(frozen=True, slots=True)
class TestPlan:
    """Where the test comes from, under which name it is locked, and what the lock holds of it."""

    __test__ = False  # no test case, whatever the name says to a collector

    name: str
    train: str
    """The training source's name in the lock."""
    settings: LockedTest
    """The settings of this recipe, without rows."""
    held: LockedTest | None
    """The frozen test to be honoured; `None` where one is to be frozen now."""
    lock: Lock
    path: Path
    refreeze: str | None
    replaced: tuple[str, ...] = ()
    """Entries of the lock that the new test takes the place of."""
    labelled: bool = True
    """Whether targets are labels, which the lock holds as they are; of answers it holds a hash."""

    def as_locked(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with their targets as the lock holds them: labels as they are, of answers a hash."""
        if self.labelled:
            return rows
        marks = [
            ANSWER_MARK + digest(without_numbers(target))[:32] if target is not None else ""
            for target in rows["target"]
        ]
        return rows.with_columns(pl.Series("target", marks, dtype=pl.String))


def lock_name(source: str, *, folder: Path, lock_path: Path) -> str:
    """The source's name in the lock: its path from the lock's folder, however the recipe spells it."""
    if source.startswith(HUB):
        return source
    path = os.path.relpath(resolve_path(source, folder).resolve(), lock_path.resolve().parent)
    return Path(path).as_posix()


def own_test_name(train: str) -> str:
    """The name in the lock of a test split that the training source itself holds."""
    return f"{train} [test]"


def share_of(lock: Lock, *, train: str, test: str | None) -> Lock:
    """What the lock holds for a recipe of these sources (names in the lock); other recipes leave no trace in it."""
    names = {train, own_test_name(train), test, lock.uses.get(train)}
    return Lock(
        tests={name: entry for name, entry in lock.tests.items() if name in names},
        uses={name: used for name, used in lock.uses.items() if name == train},
    )


def settings_of(split: StratifiedSplit, columns: Columns, *, carved: bool) -> LockedTest:
    """What a frozen test depends on beside the rows."""
    if not carved:
        return LockedTest("file", None, (), "", input=columns.asked, target=columns.target or "")
    return LockedTest("carved", split.seed, (), "", split.kind, split.test, columns.asked, columns.target or "")


def plan_test(
    lock: Lock, path: Path, names: Mapping[SplitName, str], settings: LockedTest, reason: str | None
) -> TestPlan:
    """The plan for the test of these sources (split to name in the lock).

    Raises DataError when the training source was tested on another test, or on one of other settings, and no new reason
    is given. A reason that the lock already records was followed once and is not followed again.
    """
    train = names["train"]
    name = names["test"] if settings.kind == "file" else train
    before = lock.test_of(train)
    current = lock.tests.get(before or name)
    followed = reason is None or (
        current is not None and bool(current.history) and current.history[-1].reason == reason
    )
    if not followed:
        return TestPlan(name, train, settings, None, lock, path, reason, _replaced(lock, name, train))
    if before is not None and before != name:
        raise _another_test(lock.tests[before], settings, train=train, names=(before, name), path=path)
    if current is not None:
        _refuse_other_settings(current, settings, name=name, path=path)
    return TestPlan(name, train, settings, current, lock, path, None)


def _replaced(lock: Lock, name: str, train: str) -> tuple[str, ...]:
    """Entries that a new test of the training source replaces: that of its name, and the one before, unless shared."""
    before = lock.test_of(train)
    shared = before in {used for other, used in lock.uses.items() if other != train}
    return tuple(dict.fromkeys(e for e in (name, None if shared else before) if e is not None and e in lock.tests))


def mark_frozen(rows: pl.DataFrame, plan: TestPlan) -> pl.DataFrame:
    """The rows with the column `frozen`: true for every row of the test that is known so far.

    Raises DataError when a frozen row is gone, bears another label, or when a test file was edited.
    """
    if plan.settings.kind == "file":
        if plan.held is not None:
            test = plan.as_locked(rows.filter(pl.col("role") == "test"))
            verify_file(test, plan.held, source=plan.name, path=plan.path)
        return rows.with_columns((pl.col("role") == "test").alias("frozen"))
    if plan.held is None:
        return rows.with_columns(pl.lit(value=False).alias("frozen"))
    own = rows.filter(pl.col("role") == "train")
    locked = plan.as_locked(own)
    verify_carved(locked, plan.held, source=plan.name, path=plan.path)
    marked = own.with_columns(frozen_rows(locked, plan.held))
    return pl.concat([marked, rows.filter(pl.col("role") != "train").with_columns(pl.lit(value=False).alias("frozen"))])


def as_frozen(plan: TestPlan, test: pl.DataFrame) -> TestPlan:
    """The plan as the next run will make it, once these test rows stand in the lock."""
    return replace(plan, held=freeze(plan.as_locked(test), plan.settings))


def next_lock(plan: TestPlan, test: pl.DataFrame) -> Lock:
    """The lock to write: the same one where the test was honoured, else one that holds the new test."""
    others = {train: used for train, used in plan.lock.uses.items() if train != plan.train}
    uses = others | ({plan.train: plan.name} if plan.name != plan.train else {})
    if plan.held is not None:
        return replace(plan.lock, uses=uses)
    history: tuple[Refreeze, ...] = ()
    if plan.refreeze is not None:
        before = plan.lock.test_of(plan.train)
        names = dict.fromkeys((*plan.replaced, *([before] if before is not None else [])))
        old = [plan.lock.tests[name] for name in names]
        history = tuple(step for entry in old for step in entry.history)
        history += (Refreeze(plan.refreeze, sum(len(e.rows) for e in old), old[0].digest if old else ""),)
    kept = {name: entry for name, entry in plan.lock.tests.items() if name not in plan.replaced}
    return Lock(
        tests=kept | {plan.name: replace(freeze(plan.as_locked(test), plan.settings), history=history)}, uses=uses
    )


def lock_findings(plan: TestPlan) -> list[Finding]:
    """A note when a test is frozen beside others, as recipes of a folder do: a renamed file would slip out so."""
    others = sorted(set(plan.lock.tests) - {plan.name, *plan.replaced})
    if plan.held is not None or not others:
        return []
    message = (
        f"a new test is frozen for {plan.name!r}, while {plan.path.name} already holds that of "
        f"{', '.join(map(repr, others[:3]))}"
    )
    remedy = (
        "of other data, this is as it should be; if this is a newer edition of the same data, keep the file's name, so "
        "that its test stays the same"
    )
    return [Finding("new_test", "note", message, len(others), remedy=remedy)]


def _another_test(
    held: LockedTest, settings: LockedTest, *, train: str, names: tuple[str, str], path: Path
) -> DataError:
    """The training source was tested on the first of the names, and is to be tested on the second."""
    before, now = names
    was = f"a test carved from it (frozen with {held.kind!r})" if held.kind == "carved" else f"the test {before!r}"
    given = f"the test would be {now!r}" if settings.kind == "file" else f"a test would be carved from {train!r}"
    return DataError(
        Problem(
            "data.test",
            f"{given}, and {path.name} holds that {train!r} is tested on {was}",
            "the test that was frozen",
            'set it back, or give a reason for a new test: `split.refreeze: "…"`',
            str(path),
        )
    )


def _refuse_other_settings(held: LockedTest, settings: LockedTest, *, name: str, path: Path) -> None:
    problems = [
        Problem(
            place,
            f"is {getattr(settings, field)!r}, and the test of {name!r} was frozen with {getattr(held, field)!r}",
            f"the settings that {path.name} holds",
            'set it back, or give a reason for a new test: `split.refreeze: "…"`',
            str(path),
        )
        for field, place in SETTINGS.items()
        if getattr(held, field) != getattr(settings, field)
    ]
    if problems:
        first = problems[:1] if problems[0].place == SETTINGS["kind"] else problems
        raise DataError(*first)
