"""From a recipe's data section to splits, dropped rows and a profile. Nothing is written here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import Problem, RecipeError
from tunewright.core.rows import SPLITS, Finding, SplitName
from tunewright.core.tasks import reads
from tunewright.data import audit
from tunewright.data.checks import require_classes, require_known_labels, require_rows
from tunewright.data.column_rules import content_policies, sift_columns
from tunewright.data.completed import completed
from tunewright.data.contradictions import settle
from tunewright.data.duplicates import drop_duplicates
from tunewright.data.earlier import (
    Earlier,
    draw_replay,
    leave_earlier_tests,
    require_its_labels,
    seen_findings,
)
from tunewright.data.filters import filtered, require_documents
from tunewright.data.freeze import (
    TestPlan,
    as_frozen,
    lock_findings,
    lock_name,
    mark_frozen,
    own_test_name,
    plan_test,
    settings_of,
)
from tunewright.data.general_text import general_text
from tunewright.data.identity import identity_findings
from tunewright.data.label_sets import mapped_sets, require_label_sets, set_findings
from tunewright.data.leaks import seal
from tunewright.data.links import NEAR
from tunewright.data.lock import read_lock
from tunewright.data.measure import Measured, measure
from tunewright.data.missing import drop_missing, drop_trailing
from tunewright.data.near_duplicates import (
    NOTHING_NEAR,
    drop_near,
    find_near,
    largest_cluster,
    leave_held_back,
    near_findings,
    tied,
    untied,
)
from tunewright.data.normalise import clean_rows
from tunewright.data.numbers import number_findings, require_precision, require_spread
from tunewright.data.overlength import overlength_policy
from tunewright.data.prepared import Prepared, Reached, account_for
from tunewright.data.privacy import protect, require_protected
from tunewright.data.privacy_change import Around, follow_privacy, masks_of
from tunewright.data.private.shown import shielded_errors
from tunewright.data.response_types import response_findings
from tunewright.data.review import follow_review, require_frozen_test
from tunewright.data.semantic import find_semantic, semantic_findings, united
from tunewright.data.sift import Sifted, amend, record
from tunewright.data.sources import Sources, checked_rows, in_one_piece, read_sources
from tunewright.data.spans import mapped_spans, marks, require_spans, span_findings, without_overlaps
from tunewright.data.split import Carving, assign_splits
from tunewright.data.text_audit import text_findings
from tunewright.data.toxicity import sift_toxic
from tunewright.data.typos import typo_findings
from tunewright.data.work import Request, Work, by_split
from tunewright.recipe.data import DataSpec, SplitSpec, TimeSplit

__all__ = ["Prepared", "Request", "prepare"]

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tunewright.core.protocols import RowEncoder


MAPPED: Mapping[str, Callable[[pl.Series, Mapping[str, str]], pl.Series]] = {
    "classification": lambda targets, label_map: targets.replace(label_map),
    "multilabel": mapped_sets,
    "token_classification": mapped_spans,
}
"""Task to what replaces the labels of its targets by those that they mean."""


@shielded_errors()
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
    plan = _test_plan(request, sources)
    require_frozen_test(request.spec.label_issues, plan)
    work, plan = _fitted(Work(rows, findings=sources.findings), request, sources, plan)
    if request.earlier is not None:
        require_its_labels(work.rows, request.earlier)
    work, request = _compared(work, request)
    work = _parted(work, request, sources, plan)
    _require_sound(work, request.task, request.earlier)
    measured = _measured(work, request, encoder)
    work = work.then(measured.kept, measured.dropped, findings=measured.findings)
    if request.earlier is not None:
        mixed, findings = draw_replay(work.rows, request.earlier, lambda some: _fitting(some, request, encoder))
        require_protected(mixed, request.spec.privacy, request.task)
        work = work.then(pl.concat([work.rows, mixed]), findings=findings)
        measured = _measured(work, request, encoder)
    _require_sound(work, request.task, request.earlier, mixed=True)
    work = work.then(work.rows, findings=typo_findings(work.rows, encoder))
    done = completed(work, request, sources.columns, encoder)
    work = done.work
    if done.changed:
        measured = _measured(work, request, encoder)
    general = general_text(by_split(work.rows), request)
    reached = Reached(done, measured, encoder.max_tokens, rows.height, general)
    return account_for(work, request, sources, plan, reached)


def _require_fitting(spec: DataSpec, task: str) -> None:
    """Raises RecipeError for settings that mean nothing to the task."""
    overlength_policy(spec.overlength, task)
    require_documents(spec.filter, task)
    if task == "classification":
        return
    about_labels: dict[str, object] = {"label_issues": spec.label_issues}
    if task not in MAPPED:
        about_labels["label_map"] = spec.label_map
    if not reads(task):
        about_labels["contradictions"] = spec.contradictions != "keep"
    for field, given in about_labels.items():
        if given:
            message = f"is about labels, and the task is {task}"
            raise RecipeError(Problem(f"data.{field}", message, "no such setting", "remove it"))
    if (reads(task) or task == "language_modelling") and spec.balance is not None and spec.balance.column is None:
        lacking = "no labels that could be evened out" if reads(task) else "neither labels nor answers"
        message = f"names no column, and the rows of {task} have {lacking}"
        raise RecipeError(Problem("data.balance", message, "a column of groups", "name it: data.balance.column"))


def _require_sound(work: Work, task: str, earlier: Earlier | None, *, mixed: bool = False) -> None:
    """Raises DataError for splits that cannot be trained and tested on.

    A model that knows its classes already may be tuned on rows of some of them: what it needs is there once the
    earlier rows are mixed in.
    """
    splits, labelled = by_split(work.rows), task == "classification"
    require_rows(splits, work.account, labelled=labelled, alike=largest_cluster(work.rows))
    if task == "regression":
        require_spread(splits["train"])
        require_precision(splits["train"])
    if task == "multilabel":
        require_label_sets(splits)
    if task == "token_classification":
        require_spans(splits)
    known = earlier.labels if earlier is not None else ()
    if labelled and (mixed or not known):
        require_classes(splits["train"])
        require_known_labels(splits, known)


def _fitted(work: Work, request: Request, sources: Sources, plan: TestPlan) -> tuple[Work, TestPlan]:
    """Rows with text and label or answer, clean, mapped, reviewed and without repetition, and the test among them."""
    task, spec = sources.task, request.spec
    wanted, unwanted = sift_columns(work.rows, spec, sources)
    policy, of_targets = content_policies(spec.missing, sources.columns)
    present = drop_missing(wanted.kept, policy=policy, target_policy=of_targets, task=task)
    flat = without_overlaps(present.kept, task)
    answered = drop_trailing(flat.kept)
    cleaned = clean_rows(answered.rows, spec.clean, task)
    # A text of tags alone says nothing once it is clean.
    left = drop_missing(cleaned.rows, policy=policy, target_policy=of_targets, task=task)
    passed, refused = filtered(left.kept, spec.filter)
    civil, offensive = sift_toxic(passed.kept, spec.toxicity, request.toxicity, task)
    protected = protect(civil.kept, spec.privacy, task)
    safe = protected.rows
    labels = _mapped(safe["target"], spec, task)
    mapped = amend(safe, labels, rule="label_map")
    gone = (
        *(wanted.dropped, present.dropped, flat.dropped, left.dropped),
        *(passed.dropped, civil.dropped, protected.recorded),
    )
    reviewed = follow_review(mapped.rows, spec.label_issues, folder=request.folder, read=work.rows, left=gone)
    single = drop_duplicates(reviewed.rows, policy=spec.duplicates)
    around = Around(civil.kept, safe, reviewed.rows, single.kept)
    plan, left_test = follow_privacy(plan, around, spec=spec.privacy, task=task)
    findings = [
        *unwanted,
        *refused,
        *offensive,
        *protected.findings,
        *reviewed.findings,
        *left_test,
        *text_findings(single.kept, spec.clean, task),
        *audit.duplicate_findings(reviewed.rows, spec.duplicates, task),
        *_content_findings(single.kept, spec, sources.task, seen=work.rows["target"]),
        *audit.group_findings(single.kept, sources.columns.group),
    ]
    parted = (*gone[:-1], single.dropped)
    changes = (answered.changes, cleaned.changes, protected.recorded, mapped.changes, reviewed.record)
    return replace(work.then(single.kept, *parted, *changes, findings=findings), private=protected.counts), plan


def _mapped(targets: pl.Series, spec: DataSpec, task: str) -> pl.Series:
    """The targets with spelling variants of labels replaced."""
    if not spec.label_map:
        return targets
    return MAPPED[task](targets, spec.label_map)


def _compared(work: Work, request: Request) -> tuple[Work, Request]:
    """Rows, and those of the earlier run, that know which of them are near-duplicates."""
    spec, meant, earlier = request.spec.near_duplicates, request.spec.semantic_duplicates, request.earlier
    others = [] if earlier is None else [earlier.train, earlier.test]
    near, findings = NOTHING_NEAR, []
    if spec is not None:
        near = find_near([work.rows, *others], spec)
        findings += near_findings(tied(work.rows, near), near, spec)
    if meant is not None and request.embedder is not None:
        same = find_semantic([work.rows, *others], meant, request.embedder())
        findings += semantic_findings(tied(work.rows, same), meant)
        near = united(near, same)
    if earlier is not None:
        earlier = replace(earlier, train=tied(earlier.train, near), lineage=tied(earlier.lineage, near))
    return work.then(tied(work.rows, near), findings=findings), replace(request, earlier=earlier)


def _content_findings(rows: pl.DataFrame, spec: DataSpec, task: str, *, seen: pl.Series) -> list[Finding]:
    """Findings about labels, or about answers; `seen` are the targets before any was mapped."""
    if task == "regression":
        return [*number_findings(rows), *audit.short_text_findings(rows)]
    if task == "multilabel":
        return [*set_findings(rows, spec, seen), *audit.short_text_findings(rows)]
    if task == "token_classification":
        return [*span_findings(rows, spec, seen), *audit.short_text_findings(rows)]
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
    settings = replace(settings, masks=masks_of(request.spec.privacy))
    plan = plan_test(
        read_lock(request.lock_path),
        request.lock_path,
        names=names,
        settings=settings,
        reason=request.split.refreeze,
    )
    return replace(plan, labelled=reads(request.task))


def _parted(work: Work, request: Request, sources: Sources, plan: TestPlan) -> Work:
    """Rows with their split, without contradictions and leaks as far as the recipe says.

    A test that is carved now is then honoured as the next run will: rows of a validation file may touch it, which
    nobody knows before it is carved, as may blocks of the same document. So the first run and the second agree by
    construction.
    """
    divided = _divided(_settled(work, request, plan), request.split, sources)
    carved = plan.settings.kind == "carved"
    touched = "validation" in sources.tables or (in_one_piece(sources) and NEAR in work.rows.columns)
    if carved and plan.held is None and touched:
        known = as_frozen(plan, divided.rows.filter(pl.col("split") == "test"))
        divided = _divided(_settled(work, request, known), request.split, sources)
    grown = carved and plan.held is not None and isinstance(request.split, TimeSplit)
    late = audit.late_findings(divided.rows) if grown else []
    seen = seen_findings(divided.rows, request.earlier) if request.earlier is not None else []
    return divided.then(divided.rows, findings=(*lock_findings(plan), *late, *seen))


def _settled(work: Work, request: Request, plan: TestPlan) -> Work:
    """Rows without contradictions and leaks, as far as the recipe says."""
    marked, labelled = mark_frozen(work.rows, plan), reads(request.task)
    if request.earlier is not None:
        apart, findings = leave_earlier_tests(marked, request.earlier)
        marked, work = apart.kept, work.then(apart.kept, apart.dropped, findings=findings)
    spans = marks(marked) if request.task == "token_classification" else None
    agreed = (
        settle(marked, policy=request.spec.contradictions, told=spans)
        if labelled
        else Sifted(marked, record(marked.clear(), rule="", action="dropped"))
    )
    single = drop_near(agreed.kept, request.spec.near_duplicates)
    sealed = seal(single.kept, policy=request.spec.leaks)
    settled = work.then(sealed.kept, agreed.dropped, single.dropped, sealed.dropped, findings=sealed.findings)
    train = settled.rows.filter(pl.col("role") == "train")
    require_rows({"train": train}, settled.account, labelled=labelled)
    return settled


def _divided(work: Work, split: SplitSpec, sources: Sources) -> Work:
    """Rows with their split: those of the training file divided, those of other files as they were given."""
    absent: list[SplitName] = [name for name in SPLITS if name not in sources.tables]
    if not absent:
        return work
    at_end = in_one_piece(sources)
    carving = Carving(
        test="test" in absent,
        validation="validation" in absent,
        task=sources.task,
        at_end=at_end,
    )
    own = work.rows.filter(pl.col("role") == "train")
    given = work.rows.filter(pl.col("role") != "train")
    splits = assign_splits(untied(own) if at_end else own, split, carving)
    divided = replace(work, rows=pl.concat([own.with_columns(splits), given]))
    if not at_end or NEAR not in own.columns:
        return divided
    apart = leave_held_back(divided.rows)
    return divided.then(apart.kept, apart.dropped)


def _measured(work: Work, request: Request, encoder: RowEncoder) -> Measured:
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
