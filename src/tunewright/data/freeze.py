"""Whether the test is the one that was frozen before, or a new one."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import DataError, Problem
from tunewright.core.rows import Finding
from tunewright.data.hub import HUB
from tunewright.data.lock import Lock, LockedTest, Refreeze, freeze, frozen_rows, verify_carved, verify_file

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
    settings: LockedTest
    """The settings of this recipe, without rows."""
    held: LockedTest | None
    """The frozen test to be honoured; `None` where one is to be frozen now."""
    lock: Lock
    path: Path
    refreeze: str | None
    replaced: tuple[str, ...] = ()
    """Entries of the lock that the new test takes the place of."""


def lock_name(source: str, *, folder: Path, lock_path: Path) -> str:
    """The source's name in the lock: its path from the lock's folder, however the recipe spells it."""
    if source.startswith(HUB):
        return source
    path = os.path.relpath((folder / Path(source).expanduser()).resolve(), lock_path.resolve().parent)
    return Path(path).as_posix()


def settings_of(split: StratifiedSplit, columns: Columns, *, carved: bool) -> LockedTest:
    """What a frozen test depends on beside the rows."""
    if not carved:
        return LockedTest("file", None, (), "", input=columns.input, target=columns.target)
    return LockedTest("carved", split.seed, (), "", split.kind, split.test, columns.input, columns.target)


def plan_test(
    lock: Lock, path: Path, names: Mapping[SplitName, str], settings: LockedTest, reason: str | None
) -> TestPlan:
    """The plan for the test of these sources (split to name in the lock).

    Raises DataError when the lock holds a test of other settings and no new reason is given. A reason that the lock
    already records was followed once and is not followed again.
    """
    name = names["test"] if settings.kind == "file" else names["train"]
    held = lock.tests.get(name)
    carved_before = names["train"] if settings.kind == "file" and names["train"] in lock.tests else None
    current = held or (lock.tests[carved_before] if carved_before else None)
    followed = reason is None or (
        current is not None and bool(current.history) and current.history[-1].reason == reason
    )
    if not followed:
        replaced = tuple(entry for entry in (name, carved_before) if entry is not None and entry in lock.tests)
        return TestPlan(name, settings, None, lock, path, reason, replaced)
    if current is not None:
        _refuse_other_settings(current, settings, name=carved_before or name, path=path)
    return TestPlan(name, settings, held, lock, path, None)


def mark_frozen(rows: pl.DataFrame, plan: TestPlan) -> pl.DataFrame:
    """The rows with the column `frozen`: true for every row of the test that is known so far.

    Raises DataError when a frozen row is gone, bears another label, or when a test file was edited.
    """
    if plan.settings.kind == "file":
        if plan.held is not None:
            verify_file(rows.filter(pl.col("role") == "test"), plan.held, source=plan.name, path=plan.path)
        return rows.with_columns((pl.col("role") == "test").alias("frozen"))
    if plan.held is None:
        return rows.with_columns(pl.lit(value=False).alias("frozen"))
    own = rows.filter(pl.col("role") == "train")
    verify_carved(own, plan.held, source=plan.name, path=plan.path)
    marked = own.with_columns(frozen_rows(own, plan.held))
    return pl.concat([marked, rows.filter(pl.col("role") != "train").with_columns(pl.lit(value=False).alias("frozen"))])


def next_lock(plan: TestPlan, test: pl.DataFrame) -> Lock:
    """The lock to write: the same one where the test was honoured, else one that holds the new test."""
    if plan.held is not None:
        return plan.lock
    history: tuple[Refreeze, ...] = ()
    if plan.refreeze is not None:
        old = [plan.lock.tests[name] for name in plan.replaced]
        history = tuple(step for entry in old for step in entry.history)
        history += (Refreeze(plan.refreeze, sum(len(e.rows) for e in old), old[0].digest if old else ""),)
    kept = {name: entry for name, entry in plan.lock.tests.items() if name not in plan.replaced}
    return Lock(tests=kept | {plan.name: replace(freeze(test, plan.settings), history=history)})


def lock_findings(plan: TestPlan) -> list[Finding]:
    """A warning when a test is frozen beside others: a renamed file would slip out of its lock that way."""
    others = sorted(set(plan.lock.tests) - {plan.name, *plan.replaced})
    if plan.held is not None or not others:
        return []
    message = (
        f"a new test is frozen for {plan.name!r}, while {plan.path.name} already holds that of "
        f"{', '.join(map(repr, others[:3]))}"
    )
    remedy = "if this is a newer edition of the same data, keep the file's name, so that its test stays the same"
    return [Finding("new_test", "warning", message, len(others), remedy=remedy)]


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
