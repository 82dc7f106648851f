"""`audit`: a file and no recipe. What is in it, what is wrong with it, what to do. Nothing is written here."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
import polars as pl

from tunewright.core.audit import Audit, LabelFigures, SampleRow
from tunewright.core.errors import TunewrightError
from tunewright.core.rows import SPLITS, Finding
from tunewright.data.associations import associations, shortcut_findings
from tunewright.data.column_profile import column_findings, column_profiles
from tunewright.data.conversation_faults import KIND as UNFIT
from tunewright.data.prepare import Prepared, Request, prepare
from tunewright.data.private.shown import shielded, shielded_errors, shielded_texts
from tunewright.data.profile import distribution
from tunewright.data.shift import compare, shift_findings
from tunewright.data.sniff import Sniffed, sniff
from tunewright.data.vocabulary import drawn, vocabulary, word_counts
from tunewright.pipeline.audit_bases import AuditBase, bases_of, fit_of
from tunewright.pipeline.audit_production import production_sample, sample_of
from tunewright.pipeline.init import chosen, refuse_recipe
from tunewright.pipeline.unmeasured import Unmeasured
from tunewright.recipe.data import DataSpec, StratifiedSplit
from tunewright.recipe.named import NOTHING, Named
from tunewright.recipe.recipe import TaskName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tunewright.data.shift import Sample

SEED = 13
NO_LOCK = Path(os.devnull) / "tunewright.lock"
"""A place where no lock can be: an audit looks at the file alone, not at what a recipe beside it has frozen."""
SAMPLES = 12
SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """What is to be looked at."""

    data: Path
    task: TaskName | None = None
    """None leaves it to the columns."""
    models: tuple[str, ...] = ()
    """Bases whose tokenizers are tried; the data is prepared for the first."""
    against: Path | None = None
    """A sample of production."""
    draw_map: bool = False
    """Whether the texts are embedded and drawn."""
    named: Named = NOTHING
    """What of the file is known and not looked for."""


@shielded_errors()
def audit(request: AuditRequest) -> Audit:
    """Everything found in one pass. Raises DataError for a file that cannot be read at all, RecipeError for a recipe
    in its place or a model nobody can tune, MissingPackage where a map is asked for and its encoder is not there.
    """
    refuse_recipe(request.data)
    bases, notes = bases_of(request.models)
    family = bases[0].facts.family if bases else None
    found = sniff(request.data, family=family, task=request.task, named=request.named)
    columns = column_profiles(found.columns, _roles(found))
    start = Audit(
        source=found.source,
        format=found.format,
        encoding=found.encoding,
        read=sum(part.rows for part in found.parts) or found.rows,
        task=found.task,
        task_reason=found.task_reason,
        alternatives=found.alternatives,
        columns=columns,
        findings=(*notes, *found.findings, *column_findings(columns)),
    )
    if found.task is None:
        return _ordered(replace(start, findings=(_task_unknown(found), *start.findings)))
    return _ordered(_of_task(start, request, found, bases))


def proposed_spec(found: Sniffed) -> DataSpec:
    """The data section of the recipe that `init` writes for what was found."""
    encoding = found.encoding if found.write_encoding else "auto"
    named = {field: proposal.value for field, proposal in chosen(found).items()}
    parts = {"encoding": encoding, "records": found.records, "sheet": found.sheet}
    parts["label_delimiter"] = found.label_delimiter
    return DataSpec.model_validate({"train": found.source, **parts, "label_map": dict(found.label_map), **named})


def _of_task(start: Audit, request: AuditRequest, found: Sniffed, bases: Sequence[AuditBase]) -> Audit:
    """The audit of a file whose task is known: prepared as a run would, then measured."""
    assert found.task is not None
    spec = proposed_spec(found)
    wanted = Request(spec, StratifiedSplit(), found.task, Path(), NO_LOCK, local_only=True)
    fitting, notes = fit_of(bases, spec, found.task)
    start = replace(start, findings=(*start.findings, *notes))
    try:
        prepared = prepare(wanted, encoder=fitting[0].encoder if fitting else Unmeasured())
    except TunewrightError as fault:
        foretold = tuple(finding for finding in start.findings if finding.kind != UNFIT)  # the fault itself says it
        return replace(start, findings=foretold, faults=fault.problems, fault_kind=fault.kind)
    rows = pl.concat([prepared.splits[name] for name in SPLITS])
    shown = rows.with_columns(shielded_texts(rows["input"]))
    measured = _measured(start, prepared, shown)
    fits = tuple(fit for base in fitting if (fit := base.fit(rows, seed=SEED)) is not None)
    measured = replace(measured, tokens=fits)
    if request.against is not None:
        measured = _beside(measured, production_sample(request.against, spec, found.task), rows)
    if request.draw_map:
        from tunewright.pipeline.audit_map import text_map  # noqa: PLC0415  # brings torch in

        measured = replace(measured, map=text_map(shown, seed=SEED))
    return measured


def _measured(start: Audit, prepared: Prepared, shown: pl.DataFrame) -> Audit:
    """The audit with what the kept rows show; `shown` are these without secrets in their texts."""
    rows = pl.concat([prepared.splits[name] for name in SPLITS])
    labelled = start.task == "classification"
    skews = associations(rows, seed=SEED) if labelled else ()
    words = word_counts(rows["input"]).to_list()
    return replace(
        start,
        profile=prepared.profile,
        read=prepared.profile.read,
        characters=distribution(rows["input"].str.len_chars().to_list()),
        words=distribution(words),
        labels=label_figures(rows["target"]) if labelled else None,
        associations=skews,
        vocabulary=vocabulary(shown["input"], seed=SEED),
        samples=tuple(_sample(row) for row in drawn(shown, SAMPLES, seed=SEED).iter_rows(named=True)),
        findings=(*_once(prepared.profile.findings, start.findings), *shortcut_findings(skews)),
    )


def label_figures(targets: pl.Series) -> LabelFigures | None:
    """The labels in figures; None without any."""
    counts = Counter(targets.drop_nulls().to_list())
    if not counts:
        return None
    shares_K = np.array(sorted(counts.values()), dtype=np.float64) / counts.total()
    entropy = float(-(shares_K * np.log2(shares_K)).sum()) + 0.0  # a single label gives -0
    return LabelFigures(
        counts=dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        imbalance_ratio=max(counts.values()) / min(counts.values()),
        entropy_bits=entropy,
        evenness=entropy / float(np.log2(len(counts))) if len(counts) > 1 else None,
    )


def _beside(measured: Audit, production: Sample, rows: pl.DataFrame) -> Audit:
    """The audit with the data compared to production."""
    assert measured.profile is not None
    data = sample_of(rows, measured.source, languages=measured.profile.languages, labelled=measured.labels is not None)
    shift = compare(data, production, seed=SEED)
    labels = tuple(measured.labels.counts) if measured.labels else ()
    return replace(measured, shift=shift, findings=(*measured.findings, *shift_findings(shift, labels=labels)))


def _sample(row: Mapping[str, object]) -> SampleRow:
    target = row["target"]
    return SampleRow(f"{row['source']}:{row['line']}", str(row["input"]), None if target is None else str(target))


def _once(findings: Sequence[Finding], others: Sequence[Finding]) -> list[Finding]:
    """What a run will find, and of the first look what it does not tell anew."""
    told = {finding.kind for finding in findings}
    return [*findings, *(other for other in others if other.kind not in told)]


def _task_unknown(found: Sniffed) -> Finding:
    message = f"no task was recognised: {found.task_reason}; only the columns are profiled"
    remedy = (
        f"name it with --task {' or '.join(get_args(TaskName))}, and the columns with --input and --target; it needs a "
        "text with a label, a question with an answer, conversations, or raw text, in columns whose names say so"
    )
    return Finding("task_unknown", "warning", message, found.rows, remedy=remedy)


def _ordered(found: Audit) -> Audit:
    """Errors first; within a severity, as they were found; without secrets, as all that is shown."""
    findings = tuple(sorted(found.findings, key=lambda f: SEVERITIES.index(f.severity)))
    return shielded(replace(found, findings=findings))


def _roles(found: Sniffed) -> dict[str, str]:
    roles = {column: field for field, proposal in chosen(found).items() for column in proposal.columns}
    return roles | ({found.time.column: "time"} if found.time is not None else {})
