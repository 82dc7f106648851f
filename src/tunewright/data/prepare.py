"""From a recipe's data section to splits, dropped rows and a profile. Nothing is written here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence  # noqa: TC003  # types of the frozen records below
from dataclasses import dataclass, replace
from pathlib import Path  # noqa: TC003  # a type of the frozen request below
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import Problem, RecipeError
from tunewright.core.rows import DROPPED_COLUMNS, ROW_COLUMNS, SPLITS, Finding, Profile, SplitName
from tunewright.data import audit
from tunewright.data.balance import Balanced, balance
from tunewright.data.checks import require_classes, require_known_labels, require_rows
from tunewright.data.contradictions import settle
from tunewright.data.duplicates import drop_duplicates
from tunewright.data.earlier import (
    Earlier,
    draw_replay,
    leave_earlier_tests,
    require_its_labels,
    seen_findings,
)
from tunewright.data.freeze import (
    TestPlan,
    as_frozen,
    lock_findings,
    lock_name,
    mark_frozen,
    next_lock,
    own_test_name,
    plan_test,
    settings_of,
)
from tunewright.data.identity import identity_findings
from tunewright.data.labels import label_order
from tunewright.data.leaks import seal
from tunewright.data.lock import Lock, read_lock
from tunewright.data.measure import Measured, measure
from tunewright.data.missing import drop_missing, drop_trailing
from tunewright.data.mix import mix_in, read_mix
from tunewright.data.normalise import clean_rows
from tunewright.data.overlength import overlength_policy
from tunewright.data.profile import imbalance, split_profile
from tunewright.data.response_types import response_findings
from tunewright.data.review import follow_review
from tunewright.data.sift import Sifted, amend, record
from tunewright.data.sources import Sources, checked_rows, in_one_piece, read_sources
from tunewright.data.split import Carving, assign_splits
from tunewright.recipe.data import DataSpec, SplitSpec, TimeSplit
from tunewright.recipe.model import RUN

if TYPE_CHECKING:
    from tunewright.core.protocols import RowEncoder


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be prepared, and where it lies."""

    spec: DataSpec
    split: SplitSpec
    task: str
    folder: Path
    """What relative paths refer to: the recipe's folder."""
    lock_path: Path
    """`tunewright.lock`; it is read if it exists, and never written here."""
    local_only: bool = False
    """Whether a hub data set is read from the hub's cache or not at all."""
    earlier: Earlier | None = None
    """The run whose tuned model is the base."""
    seed: int = 13
    """Root of the randomness that balances training rows."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows ready to be encoded, and an account of all others."""

    splits: Mapping[SplitName, pl.DataFrame]
    """Each in ROW_COLUMNS, in the order of the files."""
    dropped: pl.DataFrame
    """Dropped and changed rows, in DROPPED_COLUMNS."""
    profile: Profile
    lock: Lock
    """What `tunewright.lock` is to hold; equal to what it holds where the frozen test was honoured."""
    lineage: pl.DataFrame | None = None
    """Of a base that is an earlier run: the rows it goes back to, in `data.earlier.LINEAGE_COLUMNS`."""


@dataclass(frozen=True, slots=True)
class _Work:
    """Rows on their way, with everything recorded so far."""

    rows: pl.DataFrame
    ledger: tuple[pl.DataFrame, ...] = ()
    findings: tuple[Finding, ...] = ()

    def then(self, rows: pl.DataFrame, *recorded: pl.DataFrame, findings: Sequence[Finding] = ()) -> _Work:
        """The work after one more step."""
        return _Work(rows, (*self.ledger, *recorded), (*self.findings, *findings))

    @property
    def account(self) -> pl.DataFrame:
        """All dropped and changed rows."""
        empty = record(self.rows.clear(), rule="", action="")
        return pl.concat([empty, *(part.select(DROPPED_COLUMNS) for part in self.ledger)])


def prepare(request: Request, *, encoder: RowEncoder) -> Prepared:
    """The splits with every record accounted for: read = kept + dropped, each record once.

    An encoder whose `max_tokens` is 0 stands for a base that is not here: nothing is measured. Raises RecipeError for
    columns and settings that do not fit the data or the task; DataError for broken records, a changed frozen test, one
    class only, labels that training rows lack, and splits without rows. Where the base is an earlier run, rows of its
    tests leave, and some of its training rows are mixed in; these count as read.
    """
    _require_fitting(request.spec, request.task)
    sources = read_sources(request.spec, folder=request.folder, task=request.task, local_only=request.local_only)
    rows = checked_rows(sources)
    work = _fitted(_Work(rows, findings=sources.findings), request, sources)
    if request.earlier is not None:
        require_its_labels(work.rows, request.earlier)
    plan = _test_plan(request, sources)
    work = _parted(work, request, sources, plan)
    _require_sound(work, request.task, request.earlier)
    measured = _measured(work, request, encoder)
    work = work.then(measured.kept, measured.dropped, findings=measured.findings)
    if request.earlier is not None:
        mixed, findings = draw_replay(work.rows, request.earlier, lambda some: _fitting(some, request, encoder))
        work = work.then(pl.concat([work.rows, mixed]), findings=findings)
        measured = _measured(work, request, encoder)
    parts = read_mix(request.spec, folder=request.folder, task=request.task, local_only=request.local_only)
    joined = mix_in(
        work.rows,
        parts,
        request.spec.mix,
        seed=request.seed,
        clean=lambda part: _clean_part(part, request),
        fits=lambda some: _fitting(some, request, encoder),
    )
    work = work.then(joined.rows, *joined.ledger, findings=joined.findings)
    if parts:
        measured = _measured(work, request, encoder)
    _require_sound(work, request.task, request.earlier, mixed=True)
    balanced = balance(work.rows, request.spec.balance, sources.columns, task=request.task, seed=request.seed)
    work = work.then(balanced.rows, balanced.dropped, findings=balanced.findings)
    if balanced.groups:
        measured = _measured(work, request, encoder)
    reached = _Reached(balanced, measured, encoder.max_tokens, rows.height + joined.read, tuple(parts))
    return _prepared(work, request, sources, plan, reached)


def _require_fitting(spec: DataSpec, task: str) -> None:
    """Raises RecipeError for settings that mean nothing to the task."""
    overlength_policy(spec.overlength, task)
    if task == "classification":
        return
    about_labels = {
        "label_map": spec.label_map,
        "label_issues": spec.label_issues,
        "contradictions": spec.contradictions != "keep",
    }
    for field, given in about_labels.items():
        if given:
            message = f"is about labels, and the task is {task}"
            raise RecipeError(Problem(f"data.{field}", message, "no such setting", "remove it"))
    if task == "language_modelling" and spec.balance is not None and spec.balance.column is None:
        message = f"names no column, and the rows of {task} have neither labels nor answers"
        raise RecipeError(Problem("data.balance", message, "a column of groups", "name it: data.balance.column"))


def _require_sound(work: _Work, task: str, earlier: Earlier | None, *, mixed: bool = False) -> None:
    """Raises DataError for splits that cannot be trained and tested on.

    A model that knows its classes already may be tuned on rows of some of them: what it needs is there once the
    earlier rows are mixed in.
    """
    splits, labelled = _by_split(work.rows), task == "classification"
    require_rows(splits, work.account, labelled=labelled)
    known = earlier.labels if earlier is not None else ()
    if labelled and (mixed or not known):
        require_classes(splits["train"])
        require_known_labels(splits, known)


def _fitted(work: _Work, request: Request, sources: Sources) -> _Work:
    """Rows with text and label or answer, clean, mapped, reviewed and without repetition."""
    task, spec = sources.task, request.spec
    present = drop_missing(work.rows, policy=spec.missing, task=task)
    answered = drop_trailing(present.kept)
    cleaned = clean_rows(answered.rows, spec.clean, task)
    labels = pl.Series("target", [spec.label_map.get(t, t) for t in cleaned.rows["target"]], dtype=pl.String)
    mapped = amend(cleaned.rows, labels, rule="label_map")
    reviewed = follow_review(mapped.rows, spec.label_issues, folder=request.folder)
    single = drop_duplicates(reviewed.rows, policy=spec.duplicates)
    findings = [
        *audit.duplicate_findings(reviewed.rows, spec.duplicates, task),
        *_content_findings(single.kept, spec, sources.task, seen=work.rows["target"]),
        *audit.group_findings(single.kept, sources.columns.group),
    ]
    recorded = (present.dropped, answered.changes, cleaned.changes, mapped.changes, reviewed.record, single.dropped)
    return work.then(single.kept, *recorded, findings=findings)


def _clean_part(part: Sources, request: Request) -> tuple[pl.DataFrame, Sequence[pl.DataFrame]]:
    """The rows of a data set that is mixed in, fitted as all others, and the record of what that took."""
    unreviewed = replace(request, spec=request.spec.model_copy(update={"label_issues": None}))
    fitted = _fitted(_Work(checked_rows(part)), unreviewed, part)
    return fitted.rows, fitted.ledger


def _content_findings(rows: pl.DataFrame, spec: DataSpec, task: str, *, seen: pl.Series) -> list[Finding]:
    """Findings about labels, or about answers; `seen` are the targets before any was mapped."""
    if task != "classification":
        return [] if task == "language_modelling" else [*audit.several_answers_findings(rows), *response_findings(rows)]
    return [
        *audit.label_findings(rows, spec, seen.unique().to_list()),
        *audit.contradiction_findings(rows),
        *audit.short_text_findings(rows),
        *identity_findings(rows),
    ]


def _test_plan(request: Request, sources: Sources) -> TestPlan:
    written: dict[SplitName, str] = {"train": request.spec.train, "test": request.spec.test or request.spec.train}
    names = {role: lock_name(s, folder=request.folder, lock_path=request.lock_path) for role, s in written.items()}
    own = "test" in sources.tables
    if own and request.spec.test is None:
        names["test"] = own_test_name(names["train"])  # the source holds both splits: each has a name of its own
    settings = settings_of(request.split, sources.columns, carved=not own)
    plan = plan_test(
        read_lock(request.lock_path),
        request.lock_path,
        names=names,
        settings=settings,
        reason=request.split.refreeze,
    )
    return replace(plan, labelled=request.task == "classification")


def _parted(work: _Work, request: Request, sources: Sources, plan: TestPlan) -> _Work:
    """Rows with their split, without contradictions and leaks as far as the recipe says.

    A test that is carved now is then honoured as the next run will: rows of a validation file may touch it, which
    nobody knows before it is carved. So the first run and the second agree by construction.
    """
    divided = _divided(_settled(work, request, plan), request.split, sources)
    carved = plan.settings.kind == "carved"
    if carved and plan.held is None and "validation" in sources.tables:
        known = as_frozen(plan, divided.rows.filter(pl.col("split") == "test"))
        divided = _divided(_settled(work, request, known), request.split, sources)
    grown = carved and plan.held is not None and isinstance(request.split, TimeSplit)
    late = audit.late_findings(divided.rows) if grown else []
    seen = seen_findings(divided.rows, request.earlier) if request.earlier is not None else []
    return divided.then(divided.rows, findings=(*lock_findings(plan), *late, *seen))


def _settled(work: _Work, request: Request, plan: TestPlan) -> _Work:
    """Rows without contradictions and leaks, as far as the recipe says."""
    marked, labelled = mark_frozen(work.rows, plan), request.task == "classification"
    if request.earlier is not None:
        apart, findings = leave_earlier_tests(marked, request.earlier)
        marked, work = apart.kept, work.then(apart.kept, apart.dropped, findings=findings)
    agreed = (
        settle(marked, policy=request.spec.contradictions)
        if labelled
        else Sifted(marked, record(marked.clear(), rule="", action="dropped"))
    )
    sealed = seal(agreed.kept, policy=request.spec.leaks)
    settled = work.then(sealed.kept, agreed.dropped, sealed.dropped, findings=sealed.findings)
    train = settled.rows.filter(pl.col("role") == "train")
    require_rows({"train": train}, settled.account, labelled=labelled)
    return settled


def _divided(work: _Work, split: SplitSpec, sources: Sources) -> _Work:
    """Rows with their split: those of the training file divided, those of other files as they were given."""
    absent: list[SplitName] = [name for name in SPLITS if name not in sources.tables]
    if not absent:
        return work
    at_end = in_one_piece(sources)
    carving = Carving(
        test="test" in absent,
        validation="validation" in absent,
        labelled=sources.task == "classification",
        at_end=at_end,
    )
    own = work.rows.filter(pl.col("role") == "train")
    given = work.rows.filter(pl.col("role") != "train")
    return replace(work, rows=pl.concat([own.with_columns(assign_splits(own, split, carving)), given]))


def _measured(work: _Work, request: Request, encoder: RowEncoder) -> Measured:
    """Rows that fit the context, as far as the recipe says, and the tokens of each."""
    if not encoder.max_tokens:
        none = record(work.rows.clear(), rule="", action="dropped")
        return Measured(work.rows, none, (), pl.Series("tokens", [], dtype=pl.Int64), {})
    policy = overlength_policy(request.spec.overlength, request.task)
    return measure(work.rows, encoder, task=request.task, policy=policy)


def _fitting(some: pl.DataFrame, request: Request, encoder: RowEncoder) -> pl.DataFrame:
    """Those of some training rows that fit the context."""
    if not encoder.max_tokens or not some.height:
        return some
    policy = overlength_policy(request.spec.overlength, request.task)
    return measure(some, encoder, task=request.task, policy="drop" if policy == "error" else policy).kept


@dataclass(frozen=True, slots=True)
class _Reached:
    """What the last steps came to."""

    balanced: Balanced
    measured: Measured
    max_tokens: int
    read: int
    mixed: tuple[Sources, ...] = ()


def _prepared(work: _Work, request: Request, sources: Sources, plan: TestPlan, reached: _Reached) -> Prepared:
    splits, labelled = _by_split(work.rows), sources.task == "classification"
    account, earlier = work.account, request.earlier
    balanced, measured = reached.balanced, reached.measured
    before = Counter(balanced.train["target"])
    replayed = balanced.train.filter(pl.col("source").str.starts_with(f"{RUN}{earlier.run}/")).height if earlier else 0
    read = reached.read + replayed + balanced.copied
    counts = Counter(account.filter(pl.col("action") == "dropped")["rule"])
    changes = Counter(account.filter(pl.col("action") == "changed")["rule"])
    _assert_accounted(work.rows, account, read)
    known = measured.lengths.len() > 0
    lengths = {n: measured.lengths.filter(work.rows["split"] == n).to_list() if known else [] for n in SPLITS}
    profile = Profile(
        read=read,
        kept=work.rows.height,
        dropped=dict(sorted(counts.items())),
        changed=dict(sorted(changes.items())),
        labels=((earlier and earlier.labels) or label_order(splits["train"]["target"])) if labelled else (),
        imbalance_ratio=imbalance(before) if labelled else None,
        splits={
            name: split_profile(
                splits[name],
                lengths[name],
                max_tokens=reached.max_tokens,
                labelled=labelled,
                trained=measured.figures.get(name),
            )
            for name in SPLITS
        },
        findings=(
            *audit.ledger_findings(account),
            *work.findings,
            *(audit.class_findings({**splits, "train": balanced.train}) if labelled else ()),
            *_division_findings(splits, sources),
        ),
        sources={t.source: t.sha256 for part in (sources, *reached.mixed) for t in part.tables.values()}
        | ({f"{RUN}{earlier.run}": earlier.sha256} if earlier else {}),
        replayed=replayed,
        mixed={
            name: balanced.train.filter(pl.col("source") == name).height
            for name in (part.tables["train"].source for part in reached.mixed)
        },
        copied=balanced.copied,
        balanced=balanced.groups,
        unbalanced_labels=dict(sorted(before.items())) if balanced.groups and labelled else {},
    )
    lineage = earlier.lineage if earlier else None
    return Prepared(splits, account, profile, next_lock(plan, splits["test"]), lineage)


def _division_findings(splits: Mapping[SplitName, pl.DataFrame], sources: Sources) -> list[Finding]:
    carved = [name for name in SPLITS if name not in sources.tables]
    return [audit.contiguous_finding(splits, carved)] if in_one_piece(sources) and carved else []


def _by_split(rows: pl.DataFrame) -> dict[SplitName, pl.DataFrame]:
    return {name: rows.filter(pl.col("split") == name).select(ROW_COLUMNS) for name in SPLITS}


def _assert_accounted(rows: pl.DataFrame, account: pl.DataFrame, read: int) -> None:
    """Each record read is kept or dropped, and only once."""
    dropped = account.filter(pl.col("action") == "dropped")["row_id"]
    ids = pl.concat([rows["row_id"], dropped])
    assert ids.len() == read, f"{read} records were read and {ids.len()} are accounted for"
    assert ids.n_unique() == read, "a record is accounted for twice"
