"""Stage `data`: raw files to frozen splits, with every dropped and changed row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewright.core.files import digest, sha256_file, tree_hashes
from tunewright.data.prepare import Request
from tunewright.data.prepare import prepare as prepare_rows
from tunewright.data.store import read_profile, write_lock, write_prepared
from tunewright.pipeline.stages import Done, Manifest, Stage, needed, run_stage

if TYPE_CHECKING:
    from tunewright.core.protocols import Tokenizer
    from tunewright.data.prepare import Prepared
    from tunewright.pipeline.context import Context

DATA = Stage("data", version=1)


def prepare(context: Context) -> Done:
    """The run's `data/` holds the splits of the recipe's data; `tunewright.lock` holds the frozen test."""

    def build(attempt: Path) -> None:
        prepared = prepared_rows(context)
        write_prepared(prepared, attempt)
        write_lock(context.lock_path, prepared.lock)

    done = run_stage(context.run, DATA, lambda: _declares(context), build)
    profile = read_profile(done.folder)
    if not done.skipped:
        sizes = ", ".join(f"{name} {split.rows}" for name, split in profile.splits.items())
        dropped = ", ".join(f"{rule} {count}" for rule, count in profile.dropped.items()) or "none"
        context.say(f"data: {profile.read} records read; {sizes}; dropped: {dropped}")
    return done


def current_data(context: Context) -> Manifest:
    """The manifest of this stage as it stands. Raises RunError where it must be built first."""
    return needed(context.run, DATA, "prepare", lambda: _declares(context))


def prepared_rows(context: Context, tokenizer: Tokenizer | None = None) -> Prepared:
    """The recipe's rows, prepared in memory; nothing is written. Raises as `data.prepare` does.

    Texts are measured with the base's tokenizer, unless another is given.
    """
    recipe = context.recipe
    request = Request(recipe.data, recipe.split, recipe.task, context.folder, context.lock_path)
    measure = tokenizer or context.tokenizer
    return prepare_rows(request, tokenizer=measure, max_tokens=measure.max_tokens)


def _declares(context: Context) -> dict[str, Any]:
    recipe = context.recipe
    sources = [s for s in (recipe.data.train, recipe.data.validation, recipe.data.test) if s is not None]
    return {
        "data": recipe.data.model_dump(mode="json"),
        "split": recipe.split.model_dump(mode="json"),
        "task": recipe.task,
        "sources": {source: _source_hash(context.folder, source) for source in sources},
        "tokenizer": context.tokenizer.fingerprint,
        "max_tokens": context.tokenizer.max_tokens,
        "lock": sha256_file(context.lock_path) if context.lock_path.exists() else None,
    }


def _source_hash(folder: Path, source: str) -> str | None:
    """Hash of a local source's bytes; a hub source is known by its name and revision alone."""
    path = folder / Path(source).expanduser()
    if path.is_file():
        return sha256_file(path)
    return digest(tree_hashes(path)) if path.is_dir() else None
