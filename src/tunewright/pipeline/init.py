"""A recipe proposed for a data file, with a comment for every choice."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from tunewright.core.errors import Problem, RecipeError
from tunewright.core.files import atomic_write
from tunewright.core.tasks import reads
from tunewright.data.hub import HUB
from tunewright.data.sniff import Sniffed, sniff
from tunewright.evaluation.slices import LEAST, MOST
from tunewright.models.base import find_local, read_facts
from tunewright.models.catalogue import rate_range
from tunewright.pipeline.outlook import sniffed_findings
from tunewright.recipe.model import ModelSpec
from tunewright.recipe.named import NOTHING, Named
from tunewright.recipe.recipe import TaskName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tunewright.data.proposals import Proposal

MANY = 4
SMALL = 2_000
"""Rows below which more passes are proposed: a pass is few steps."""

VALIDATION_SHARE, TEST_SHARE = 0.1, 0.2
"""Shares of the rows proposed for a file that holds no such split itself."""

MOSTLY_MISSING = 0.5
"""Share of missing values from which on a column parts the rows badly."""

STARTERS: Mapping[str, str] = {
    "classification": "starter/encoder",
    "regression": "starter/encoder",
    "multilabel": "starter/encoder",
    "token_classification": "starter/encoder",
    "generation": "starter/lm",
    "language_modelling": "starter/lm",
    "text_to_text": "google-t5/t5-small",
}
"""The base proposed for a task; there is no small text-to-text one that needs no network."""

SHARES: Mapping[str, str] = {
    "classification": "labels keep their shares",
    "multilabel": "labels keep their shares as far as rows of several allow",
    "token_classification": "labels of spans keep their shares as far as rows of several allow",
    "regression": "small and large numbers keep their shares",
}
"""What a stratified split keeps alike, by the task."""

LARGE = 200_000_000
"""Parameters above which adapters are proposed."""

SMALL_STEPS = 200
"""Optimiser steps aimed at on small data."""


@dataclass(frozen=True, slots=True)
class ProposedRecipe:
    """A recipe that is not written yet."""

    path: Path
    text: str
    reasons: tuple[str, ...]
    sniffed: Sniffed

    def as_dict(self, *, written: bool) -> dict[str, Any]:
        """The proposal as JSON data."""
        found = {k: v for k, v in asdict(self.sniffed).items() if k != "columns"}
        found |= {"splits": list(self.sniffed.splits), "warnings": list(self.sniffed.warnings)}
        return {"recipe": str(self.path), "written": written, "reasons": list(self.reasons), "found": found}


def propose(
    data: Path, out: Path, *, model: str | None = None, task: TaskName | None = None, named: Named = NOTHING
) -> ProposedRecipe:
    """A recipe for the file, its reasons in words; without a model, the starter's that fits the task.

    A task that is named is proposed whatever else the columns could serve; what else is named stands in the recipe.

    Raises DataError or RecipeError where none can be proposed.
    """
    refuse_recipe(data)
    facts = read_facts(find_local(ModelSpec(name=model), Path()), model) if model is not None else None
    found = sniff(data, family=facts.family if facts is not None else None, task=task, named=named)
    if found.task is None:
        _refuse_untrained(found)
        columns = ", ".join(repr(column.name) for column in found.columns)
        given = f"no known shape was recognised among the columns {columns}: {found.task_reason}"
        remedy = "write a recipe with data.input and data.target, or name the columns so that they can be recognised"
        expected = "a text with a label, a question with an answer, conversations, or raw text"
        raise RecipeError(Problem(str(data), given, expected, remedy))
    path = str(data) if str(data).startswith(HUB) else os.path.relpath(str(data), str(out.parent))
    recipe = _recipe(found, path, model or STARTERS[found.task], named)
    stream = _Text()
    yaml = YAML()
    yaml.width = 1000
    yaml.dump(recipe, stream)
    return ProposedRecipe(out, stream.text, tuple(_reasons(found)), found)


def _refuse_untrained(found: Sniffed) -> None:
    """Raises RecipeError for data of a task that is known and not trained."""
    for finding in found.findings:
        if finding.kind == "untrained_task":
            expected = f"data for one of the tasks {', '.join(get_args(TaskName))}"
            raise RecipeError(Problem(found.source, finding.message, expected, finding.remedy))


def refuse_recipe(data: Path) -> None:
    """Raises RecipeError for a recipe where data belongs, by its ending."""
    if data.suffix.lower() in {".yaml", ".yml"} and data.is_file():
        remedy = f"name the data file; `tunewright check {shlex.quote(str(data))}` looks at a recipe"
        raise RecipeError(Problem(str(data), "is a YAML file, as recipes are", "a data file", remedy))


def write_recipe(proposal: ProposedRecipe, *, force: bool) -> None:
    """The recipe stands in its file. Raises RecipeError rather than replace one that stands there."""
    if proposal.path.exists() and not force:
        given = "exists already"
        raise RecipeError(Problem(str(proposal.path), given, "a new file", "name another with --out, or use --force"))
    atomic_write(proposal.path, proposal.text.encode())


class _Text:
    """A text stream as ruamel wants it."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, part: str | bytes) -> None:
        self.text += part if isinstance(part, str) else part.decode()


def _recipe(found: Sniffed, data: str, model: str, named: Named) -> CommentedMap:
    recipe = CommentedMap()
    recipe.yaml_set_start_comment(
        "Written by `tunewright init`; `tunewright schema --markdown` explains every field.\n"
        "Check it with `tunewright check`, then `tunewright run` it."
    )
    _put(recipe, "model", model, f"the pretrained base: {STARTERS[found.task or '']}, a local folder, or a hub name")
    recipe["data"] = _data(found, data, named)
    _put(recipe, "task", found.task, found.task_reason)
    split = _split(found)
    if split is not None:
        recipe["split"] = split
    recipe["train"] = _train(found, model)
    _put(recipe, "seed", 13, "root of all randomness; try others to see how much the score varies")
    return recipe


def _split(found: Sniffed) -> CommentedMap | None:
    """How training rows are divided, for the splits that the source does not hold itself."""
    carved = {"validation", "test"} - set(found.splits)
    if not carved:
        return None
    split = CommentedMap()
    shares = SHARES.get(found.task or "", "equal prompts stay together")
    _put(split, "kind", "stratified", f"{shares}; the test rows are frozen in tunewright.lock")
    if "validation" in carved:
        _put(split, "validation", VALIDATION_SHARE, "share of rows that chooses the checkpoint")
    if "test" in carved:
        _put(split, "test", TEST_SHARE, "share of rows that judges; never trained on")
    return split


def _data(found: Sniffed, path: str, named: Named) -> CommentedMap:
    data = CommentedMap()
    _put(data, "train", path, "; ".join(_parts(found)) or f"{found.format}, {found.rows:,} records")
    if found.write_encoding:
        why = "named by --encoding" if named.encoding else "detected; it is not UTF-8, so it must be named"
        _put(data, "encoding", found.encoding, why)
    if found.records is not None:
        why = "named by --records" if named.records else "the only list of objects in the document"
        _put(data, "records", found.records, why)
    if found.sheet is not None:
        _put(data, "sheet", found.sheet, "named by --sheet")
    for field, proposal in chosen(found).items():
        why = f"rows of one group stay in one split: {proposal.reason}" if field == "group" else proposal.reason
        _put(data, field, proposal.value, why)
    if found.label_delimiter is not None:
        _put(data, "label_delimiter", found.label_delimiter, "what divides the labels of one text")
    if found.label_map:
        variants = CommentedMap()
        for variant, label in found.label_map.items():
            _put(variants, variant, label, f"{found.labels.get(variant, 0)} row(s)")
        data["label_map"] = variants
        data.yaml_set_comment_before_after_key("label_map", "spelling variants found; read them through", indent=2)
    return data


def _train(found: Sniffed, model: str) -> CommentedMap:
    train = CommentedMap()
    facts = read_facts(find_local(ModelSpec(name=model), Path()), model)
    method = "full"
    if facts.parameters is not None and facts.parameters > LARGE:
        method = "lora"
        _put(train, "method", CommentedMap(kind="lora"), "adapters: the whole model would need far more memory")
    epochs, why = 8, "passes over the training rows; early stopping may end sooner"
    if found.rows < SMALL:
        steps = max(1, round(found.rows * 0.7 / 16))
        epochs = max(8, min(30, round(SMALL_STEPS / steps)))
        why = f"few rows: about {steps * epochs} steps in all; early stopping may end sooner"
    if not reads(found.task or ""):
        epochs, why = 3, "passes over the training rows; models that write learn most in the first few"
    _put(train, "epochs", epochs, why)
    _put(train, "batch_size", 16 if found.rows < SMALL else 32, "examples a step, whatever fits into memory")
    rate = rate_range(method, facts.parameters, facts.family).default if facts.parameters is not None else None
    optimizer = CommentedMap()
    _put(
        optimizer,
        "lr",
        rate or "auto",
        f"known to work for a base of this size{'' if rate else ', once it is fetched'}",
    )
    train["optimizer"] = optimizer
    return train


def _put(mapping: CommentedMap, key: str, value: object, comment: str) -> None:
    mapping[key] = value
    mapping.yaml_add_eol_comment(" ".join(comment.split()), key)


def _reasons(found: Sniffed) -> list[str]:
    encoding = f", {found.encoding}" if found.encoding else ""
    lines = [f"{found.source}: {found.format}{encoding}, {found.rows:,} records"]
    lines += _parts(found)
    lines.append(f"task {found.task}: {found.task_reason}")
    for field, proposal in chosen(found).items():
        columns = " + ".join(map(repr, proposal.columns))
        lines.append(f"data.{field} {columns}: {proposal.reason}")
    if found.label_map:
        lines.append(f"data.label_map: {len(found.label_map)} spelling variants of labels; read them through")
    lines += [f"or: {alternative}" for alternative in found.alternatives]
    parting = sliceable(found)
    if parting:
        names = ", ".join(map(repr, parting))
        lines.append(f"or: `evaluation.slices: [{names}]` scores the model on the test rows of each value there too")
    for finding in (*found.findings, *sniffed_findings(found, test_share=TEST_SHARE)):
        lines.append(f"{finding.severity}: {finding.message}")
        if finding.remedy:
            lines.append(f"    remedy: {finding.remedy}")
    return lines


def _parts(found: Sniffed) -> list[str]:
    """Which files of a folder are taken for which split."""
    return [f"{part.split}: {_listed(part.files)} ({part.rows:,} records)" for part in found.parts]


def _listed(files: Sequence[str]) -> str:
    return ", ".join(files) if len(files) <= MANY else f"{files[0]} to {files[-1]}, {len(files)} files"


def sliceable(found: Sniffed) -> list[str]:
    """Columns without another role whose few values part the rows so that each has some in the test."""
    taken = {column for proposal in (*chosen(found).values(), found.time) if proposal for column in proposal.columns}
    enough = TEST_SHARE * found.rows / LEAST
    return [
        column.name
        for column in found.columns
        if column.name not in taken
        and column.kind in {"words", "number"}
        and 2 <= column.distinct <= min(MOST, enough)
        and column.missing_share < MOSTLY_MISSING
    ]


def chosen(found: Sniffed) -> Mapping[str, Proposal]:
    """Field of the recipe's data section to the columns proposed for it."""
    fields = {
        "messages": found.messages,
        "system": found.system,
        "tools": found.tools,
        "input": found.input,
        "target": found.target,
        "id": found.id,
        "group": found.group,
    }
    return {field: proposal for field, proposal in fields.items() if proposal is not None}
