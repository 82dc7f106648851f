"""A frozen test under another policy on private data: masks change what its rows say, not which rows they are."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.rows import Finding
from tunewright.data.faults import counted
from tunewright.data.lock import Masks, Pair
from tunewright.data.privacy import masked_rows
from tunewright.recipe.privacy import PrivacySpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tunewright.data.freeze import TestPlan
    from tunewright.data.lock import LockedTest

NO_MASKS = Masks(())


@dataclass(frozen=True, slots=True)
class Around:
    """The same rows before and after the policy on private data was followed."""

    plain: pl.DataFrame
    safe: pl.DataFrame
    """What the policy left."""
    labelled: pl.DataFrame
    """Those under the labels that they end with."""
    single: pl.DataFrame
    """Those without repetition."""

    def only(self, role: str) -> Around:
        """The rows of one file."""
        frames = (self.plain, self.safe, self.labelled, self.single)
        return Around(*(frame.filter(pl.col("role") == role) for frame in frames))


def masks_of(spec: PrivacySpec) -> Masks | None:
    """What decides the texts of masked rows; None where nothing is masked."""
    named = spec.names != "off"
    kinds = tuple(kind for kind in spec.kinds("mask") if named or kind != "person")  # only names finds persons
    if not kinds:
        return None
    regions = tuple(sorted(spec.regions)) if "phone" in kinds else ()
    return Masks(kinds, regions, spec.names if {"person", "address"} & set(kinds) else "off")


def follow_privacy(plan: TestPlan, around: Around, *, spec: PrivacySpec, task: str) -> tuple[TestPlan, list[Finding]]:
    """The plan whose frozen rows bear the keys that they have under the recipe's policy.

    Rows that the policy drops leave the test of this run, with a finding; the lock keeps them, so they return with the
    policy that it was frozen under. Rows that masks made equal count once where repetition leaves. Whatever else is
    missing stays in the plan, and is missed when the test is verified.
    """
    held = plan.held
    if held is None:
        return plan, []
    rows = around.only("test" if held.kind == "file" else "train")
    dropped = rows.plain.join(rows.safe, on="row_id", how="anti")
    changed = held.masks != masks_of(spec)
    if not changed and not dropped.height:
        return plan, []
    was = plan.as_locked(_under(held.masks or NO_MASKS, rows.plain if changed else dropped, task))
    left = Counter(was.join(dropped, on="row_id", how="semi")["content_key"])
    moved = _moved(was, plan.as_locked(rows.labelled), labelled=plan.labelled)
    present = Counter(plan.as_locked(rows.single).select("content_key", "target").iter_rows())
    kept, gone = _followed(held.rows, moved, present=present, left=left)
    return replace(plan, held=replace(held, rows=tuple(kept))), _findings(held, gone, plan)


def _under(masks: Masks, rows: pl.DataFrame, task: str) -> pl.DataFrame:
    """The rows as they were keyed when the test was frozen."""
    policies = dict.fromkeys(masks.kinds, "mask")
    regions = {"regions": list(masks.regions)} if masks.regions else {}
    spec = PrivacySpec.model_validate({"default": "ignore", "names": masks.names, **policies, **regions})
    return masked_rows(rows, spec, task)


def _moved(was: pl.DataFrame, now: pl.DataFrame, *, labelled: bool) -> Mapping[Pair, list[Pair]]:
    """Key and label in the lock to those of the rows that bear others now; labels are those that rows have now."""
    both = now.select("row_id", "content_key", "target").join(
        was.select("row_id", "content_key", "target"), on="row_id", suffix="_was", maintain_order="left", how="inner"
    )
    found: defaultdict[Pair, list[Pair]] = defaultdict(list)
    for _, key, target, key_was, target_was in both.iter_rows():
        before = (key_was, target if labelled else target_was)
        if before != (key, target):
            found[before].append((key, target))
    return found


def _followed(
    rows: Sequence[tuple[str, str, str]],
    moved: Mapping[Pair, list[Pair]],
    *,
    present: Counter[Pair],
    left: Counter[str],
) -> tuple[list[tuple[str, str, str]], int]:
    """The locked rows under their keys of now, and how many of them the policy dropped."""
    turn: Counter[Pair] = Counter()
    taken: Counter[Pair] = Counter()
    kept, gone, missed = [], 0, left.copy()
    for row, key, label in rows:
        others = moved.get((key, label), ())
        number = turn[key, label]
        turn[key, label] += 1
        pair = others[number] if number < len(others) else (key, label)
        lacking = taken[pair] >= present[pair]
        if lacking and present[pair] and pair != (key, label):
            continue  # a mask made it equal to another row of the test, which stands for both
        if lacking and missed[key] and pair == (key, label):
            missed[key] -= 1
            gone += 1
            continue
        taken[pair] += 1
        kept.append((row, *pair))
    return kept, gone


def _findings(held: LockedTest, gone: int, plan: TestPlan) -> list[Finding]:
    if not gone:
        return []
    leave, hold, them = ("leaves", "it holds", "it") if gone == 1 else ("leave", "they hold", "them")
    message = (
        f"{gone:,} of the {counted(len(held.rows), 'row')} of the frozen test {leave}, since data.privacy drops what "
        f"{hold}; {plan.path.name} keeps {them}"
    )
    remedy = (
        'scores of runs with them do not quite compare: mask instead of drop, or freeze anew by `split.refreeze: "…"`'
    )
    return [Finding("frozen_test_dropped", "warning", message, gone, remedy=remedy)]
