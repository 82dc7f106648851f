"""Stage `data`: raw files to frozen splits, with every dropped and changed row."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING, Any

from tunewright.core.codec import to_data
from tunewright.core.files import digest, disk_faults, resolve_path, tree_hashes
from tunewright.data.freeze import lock_name, share_of
from tunewright.data.hub import HUB, cached_commit
from tunewright.data.lock import read_lock, write_lock
from tunewright.data.prepare import Request
from tunewright.data.prepare import prepare as prepare_rows
from tunewright.data.private.versions import finder_versions
from tunewright.data.store import read_profile, read_split, write_prepared
from tunewright.data.tokenize import ENCODER_VERSION
from tunewright.pipeline.augmenting import augment_inputs, augmenting
from tunewright.pipeline.checked import refuse
from tunewright.pipeline.draws import require_draws_for
from tunewright.pipeline.general import general_hash, general_passages
from tunewright.pipeline.rights import rights_findings
from tunewright.pipeline.semantic import semantic_embedder, semantic_inputs
from tunewright.pipeline.slices import slices_of
from tunewright.pipeline.stages import Done, Manifest, Stage, file_hash, needed, run_stage
from tunewright.pipeline.toxicity import toxicity_inputs, toxicity_scorer
from tunewright.recipe.label_issues import review_files
from tunewright.recipe.model import RUN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tunewright.core.protocols import RowEncoder
    from tunewright.data.augment.tools import Tools
    from tunewright.data.earlier import Earlier
    from tunewright.data.prepare import Prepared
    from tunewright.pipeline.context import Context
    from tunewright.recipe.recipe import Recipe

DATA = Stage("data", version=9)


def prepare(context: Context) -> Done:
    """The run's `data/` holds the splits of the recipe's data; `tunewright.lock` holds the frozen test."""

    def build(attempt: Path) -> None:
        prepared = prepared_rows(context, local_only=False, tools=augmenting(context))
        refuse(prepared.profile.findings)
        write_prepared(prepared, attempt)
        write_lock(context.lock_path, prepared.lock)

    with _only_one_freezes(context):
        done = run_stage(context.run, DATA, lambda: _declares(context), build)
    require_draws_for(context.recipe, lambda: read_split(done.folder, "test"))
    if context.recipe.evaluation.slices:
        slices_of(context.recipe, read_split(done.folder, "test"))  # refused now, and not after hours of training
    profile = read_profile(done.folder)
    if not done.skipped:
        sizes = ", ".join(f"{name} {split.rows}" for name, split in profile.splits.items())
        dropped = ", ".join(f"{rule} {count}" for rule, count in profile.dropped.items()) or "none"
        mixed = f" ({profile.replayed} of {RUN}{context.recipe.model.run})" if profile.replayed else ""
        new = sum(one.rows for one in profile.augmented)
        made = f" ({new} of them made by data.augment)" if new else ""
        general = f"; {profile.general} passages of general text beside them" if profile.general else ""
        copied = f" ({profile.copied} of them copies, as data.balance says)" if profile.copied else ""
        context.say(f"data: {profile.read} records read{mixed}{made}{copied}; {sizes}{general}; dropped: {dropped}")
        for finding in (*profile.findings, *rights_findings(context.recipe)):
            if finding.severity == "warning":
                context.say(f"data: warning: {finding.message}")
    return done


def current_data(context: Context) -> Manifest:
    """The manifest of this stage as it stands. Raises RunError where it must be built first."""
    return needed(context.run, DATA, "prepare", lambda: _declares(context))


def prepared_rows(
    context: Context, encoder: RowEncoder | None = None, *, local_only: bool = True, tools: Tools | None = None
) -> Prepared:
    """The recipe's rows, prepared in memory; nothing is written. Raises as `data.prepare` does.

    Texts are measured as the base's tokenizer encodes them, unless another encoder is given. The network is touched
    only where `local_only` is false. Training rows are augmented where `tools` are given.
    """
    recipe = context.recipe
    request = Request(
        recipe.data,
        recipe.split,
        recipe.task,
        context.folder,
        context.lock_path,
        local_only,
        context.earlier,
        recipe.seed,
        tuple(general_passages(context)) if recipe.data.general_text is not None else (),
        semantic_embedder(context, local_only=local_only),
        toxicity_scorer(context, local_only=local_only),
        tools,
    )
    return prepare_rows(request, encoder=encoder or context.encoder)


@contextlib.contextmanager
def _only_one_freezes(context: Context) -> Iterator[None]:
    """No other run beside this recipe reads and writes `tunewright.lock` meanwhile: each would forget the other's test.

    The lock is held on a file in `runs/`, which is kept out of version control, and goes with the process.
    """
    path = context.folder / "runs" / ".lock"
    with disk_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            context.say("data: waiting for another run beside this one, which prepares its data")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _declares(context: Context) -> dict[str, Any]:
    recipe, earlier, general = context.recipe, context.earlier, context.recipe.data.general_text
    named = (recipe.data.train, recipe.data.validation, recipe.data.test, *recipe.data.benchmarks)
    sources = [source for source in named if source is not None]
    return {
        "data": recipe.data.model_dump(mode="json"),
        "split": recipe.split.model_dump(mode="json"),
        "task": recipe.task,
        "seed": recipe.seed if _draws(recipe) else None,
        "sources": {source: _source_hash(context.folder, source) for source in sources},
        "general": None if general is None else [_source_hash(context.folder, general.texts), general_hash(context)],
        "reviewed": [_source_hash(context.folder, file) for file in review_files(recipe.data.label_issues)],
        "augment": augment_inputs(context),
        "semantic": semantic_inputs(context),
        "toxicity": toxicity_inputs(context),
        "finders": finder_versions(recipe.data.privacy),
        "encoder": context.encoder.fingerprint,
        "encoder_version": ENCODER_VERSION,
        "max_tokens": context.encoder.max_tokens,
        "lock": _lock_share(context),
        "earlier": None if earlier is None else _of_earlier(earlier),
    }


def _draws(recipe: Recipe) -> bool:
    """Whether anything is drawn by the seed."""
    data = recipe.data
    return any(spec is not None for spec in (data.balance, data.augment, data.general_text))


def _of_earlier(earlier: Earlier) -> dict[str, Any]:
    return {
        "run": earlier.run,
        "rows": earlier.sha256,
        "labels": list(earlier.labels),
        "replay": earlier.replay,
        "seed": earlier.seed,
    }


def _lock_share(context: Context) -> str:
    """Hash of what `tunewright.lock` holds for this recipe's own sources."""
    data = context.recipe.data
    train, test = (
        lock_name(source, folder=context.folder, lock_path=context.lock_path) if source else None
        for source in (data.train, data.test)
    )
    assert train is not None  # a recipe names its training data
    return digest(to_data(share_of(read_lock(context.lock_path), train=train, test=test)))


def _source_hash(folder: Path, source: str) -> str | None:
    """Hash of a local source's bytes; the commit of a hub source, or None until it is fetched."""
    if source.startswith(HUB):
        return cached_commit(source)
    path = resolve_path(source, folder)
    if path.is_file():
        return file_hash(path)
    return digest(tree_hashes(path)) if path.is_dir() else None
