"""The end of preparing: every record accounted for, and the profile of what was kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence  # noqa: TC003  # types of the frozen record below
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.rows import SPLITS, Finding, Profile, SplitName
from tunewright.data import audit
from tunewright.data.augment.audit import leak_findings, made_findings
from tunewright.data.contamination import contamination_of
from tunewright.data.derived import without_derived
from tunewright.data.earlier import LINEAGE_COLUMNS
from tunewright.data.freeze import TestPlan, next_lock
from tunewright.data.label_sets import share_findings
from tunewright.data.labels import label_order
from tunewright.data.numbers import spread_findings
from tunewright.data.private.redact import redacted
from tunewright.data.private.shown import shielded
from tunewright.data.profile import imbalance, split_profile
from tunewright.data.sources import Sources, in_one_piece
from tunewright.data.spans import span_share_findings
from tunewright.data.targets import target_counts
from tunewright.data.text_audit import language_findings
from tunewright.data.work import Request, Work, by_split
from tunewright.recipe.model import RUN

if TYPE_CHECKING:
    from tunewright.core.rows import SplitProfile
    from tunewright.data.augment.rows import Augmented
    from tunewright.data.completed import Completed
    from tunewright.data.earlier import Earlier
    from tunewright.data.general_text import General
    from tunewright.data.lock import Lock
    from tunewright.data.measure import Measured


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows ready to be encoded, and an account of all others."""

    splits: Mapping[SplitName, pl.DataFrame]
    """Each in SPLIT_COLUMNS, in the order of the files."""
    dropped: pl.DataFrame
    """Dropped and changed rows, in DROPPED_COLUMNS."""
    profile: Profile
    lock: Lock
    """What `tunewright.lock` is to hold; equal to what it holds where the frozen test was honoured."""
    lineage: pl.DataFrame | None = None
    """Of a base that is an earlier run: the rows it goes back to, in `data.earlier.LINEAGE_COLUMNS`."""
    contamination: pl.DataFrame | None = None
    """Texts of the test and of benchmarks that stand in training rows, in CONTAMINATION_COLUMNS."""
    candidates: pl.DataFrame | None = None
    """Texts that were made of training rows, those refused among them, in `data.augment.rows.CANDIDATE_COLUMNS`."""
    general: pl.DataFrame | None = None
    """General text that is trained on beside the training rows, in SPLIT_COLUMNS."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What the last steps came to."""

    completed: Completed
    measured: Measured
    max_tokens: int
    read: int
    general: General | None = None


def account_for(work: Work, request: Request, sources: Sources, plan: TestPlan, reached: Reached) -> Prepared:
    """The splits, the record of all other rows, and the profile."""
    splits, labelled = by_split(work.rows), sources.task == "classification"
    # Rows that were made of others are kept apart from held-back texts as they are made (`data.augment.checks`).
    read_rows = {**splits, "train": without_derived(splits["train"])}
    contamination, held = contamination_of(
        read_rows, request.spec.benchmarks, folder=request.folder, local_only=request.local_only
    )
    account, earlier = redacted(work.account, request.spec.privacy, request.task), request.earlier
    balanced, new, measured = reached.completed.balanced, reached.completed.augmented, reached.measured
    general = reached.general
    before = Counter(balanced.train["target"])
    replayed = balanced.train.filter(pl.col("source").str.starts_with(f"{RUN}{earlier.run}/")).height if earlier else 0
    read = reached.read + replayed + balanced.copied + new.added.height
    counts = Counter(account.filter(pl.col("action") == "dropped")["rule"])
    changes = Counter(account.filter(pl.col("action") == "changed")["rule"])
    _assert_accounted(work.rows, account, read)
    languages, foreign = language_findings(work.rows)
    profile = Profile(
        read=read,
        kept=work.rows.height,
        dropped=dict(sorted(counts.items())),
        changed=dict(sorted(changes.items())),
        labels=((earlier and earlier.labels) or label_order(splits["train"]["target"]))
        if labelled
        else label_order(target_counts(splits["train"]["target"], sources.task)),
        imbalance_ratio=imbalance(before if labelled else target_counts(splits["train"]["target"], sources.task)),
        splits=_split_profiles(splits, _lengths(work.rows, measured), reached, sources.task),
        findings=shielded(
            (
                *audit.ledger_findings(account),
                *work.findings,
                *foreign,
                *_target_findings({**splits, "train": balanced.train}, splits, sources.task),
                *_division_findings(splits, sources),
                *_new_findings(splits, request, new),
                *held,
                *(general.findings if general is not None else ()),
            )
        ),
        sources=_hashes(sources, earlier, general),
        replayed=replayed,
        languages=languages,
        private=work.private,
        copied=balanced.copied,
        balanced=balanced.groups,
        unbalanced_labels=dict(sorted(before.items())) if reached.completed.changed and labelled else {},
        augmented=new.made,
        general=general.rows.height if general is not None else 0,
    )
    lineage = earlier.lineage.select(LINEAGE_COLUMNS) if earlier else None
    lock, passages = next_lock(plan, splits["test"]), general.rows if general is not None else None
    return Prepared(splits, account, profile, lock, lineage, contamination, new.candidates, passages)


def _split_profiles(
    splits: Mapping[SplitName, pl.DataFrame], lengths: Mapping[SplitName, list[int]], reached: Reached, task: str
) -> dict[str, SplitProfile]:
    return {
        name: split_profile(
            splits[name],
            lengths[name],
            max_tokens=reached.max_tokens,
            labels=target_counts(splits[name]["target"], task),
            numbered=task == "regression",
            trained=reached.measured.figures.get(name),
        )
        for name in SPLITS
    }


def _hashes(sources: Sources, earlier: Earlier | None, general: General | None) -> dict[str, str]:
    """Source to the hash of its bytes; of the run that is the base, of its rows."""
    read = {table.source: table.sha256 for table in sources.tables.values()}
    read |= {general.source: general.sha256} if general is not None else {}
    return read | ({f"{RUN}{earlier.run}": earlier.sha256} if earlier else {})


def _lengths(rows: pl.DataFrame, measured: Measured) -> dict[SplitName, list[int]]:
    """Tokens of each row by split; none where nothing was measured."""
    known = measured.lengths.len() > 0
    return {name: measured.lengths.filter(rows["split"] == name).to_list() if known else [] for name in SPLITS}


def _target_findings(
    read: Mapping[SplitName, pl.DataFrame], splits: Mapping[SplitName, pl.DataFrame], task: str
) -> Sequence[Finding]:
    """What to beware of in the targets: of classes as they were `read`, of numbers and sets of labels in the splits."""
    if task == "classification":
        return audit.class_findings(read)
    if task == "regression":
        return spread_findings(splits)
    if task == "token_classification":
        return span_share_findings(splits)
    return share_findings(splits) if task == "multilabel" else ()


def _division_findings(splits: Mapping[SplitName, pl.DataFrame], sources: Sources) -> list[Finding]:
    carved = [name for name in SPLITS if name not in sources.tables]
    return [audit.contiguous_finding(splits, carved)] if in_one_piece(sources) and carved else []


def _new_findings(splits: Mapping[SplitName, pl.DataFrame], request: Request, new: Augmented) -> list[Finding]:
    spec = request.spec.augment
    if spec is None or not new.made:
        return []
    counts = Counter(splits["train"]["target"])
    return [*made_findings(new.made, spec, counts), *leak_findings(splits, [one.method for one in new.made])]


def _assert_accounted(rows: pl.DataFrame, account: pl.DataFrame, read: int) -> None:
    """Each record read is kept or dropped, and only once."""
    dropped = account.filter(pl.col("action") == "dropped")["row_id"]
    ids = pl.concat([rows["row_id"], dropped])
    assert ids.len() == read, f"{read} records were read and {ids.len()} are accounted for"
    assert ids.n_unique() == read, "a record is accounted for twice"
