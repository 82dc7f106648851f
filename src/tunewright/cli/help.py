"""What stands below the options of every verb's `--help`: examples to copy, and what its exit codes mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

DONE, BROKE = "0 done", "4 it broke"
NO_RECIPE, NO_DATA = "2 the recipe or the command is wrong", "3 the data is wrong"
STOPPED = "130 interrupted (143 on SIGTERM): the same command resumes"
STAGE = (DONE, NO_RECIPE, NO_DATA, BROKE, STOPPED)
FOLDER = "Everything that a run makes lies in runs/NAME beside the recipe; NAME is the recipe's name, else its file's."
VERDICTS = (
    "The verdict is ship, don't ship or not enough evidence; --json and gate.json write it as ship, dont_ship or "
    "not_enough_evidence."
)
OVERRIDES = "KEY=VALUE sets any field of the recipe for this command: `tunewright schema --markdown` lists them."


@dataclass(frozen=True, slots=True)
class Epilog:
    """The end of one verb's help."""

    examples: tuple[str, ...]
    """Command lines that can be copied as they stand."""
    exits: tuple[str, ...]
    """Each exit code that the verb has, and what it says."""
    notes: tuple[str, ...] = ()
    """Sentences between the two."""

    def __str__(self) -> str:
        parts = [_listed("Examples:", self.examples), *self.notes, _listed("Exit codes:", self.exits)]
        return "\n\n".join(parts)


EPILOGS: Mapping[str, Epilog] = {
    "init": Epilog(
        (
            "tunewright init tickets.csv",
            "tunewright init tickets.csv --out tickets.yaml --model google-bert/bert-base-uncased",
            "tunewright init dialogues.jsonl --out chat.yaml",
            "tunewright init pairs.csv --task generation",
            "tunewright init data/ --dry-run --json",
        ),
        (DONE, "2 no recipe can be proposed, or one stands there already", "3 the data cannot be read"),
        (
            "In a folder, files named train, validation (or dev) and test are taken as these splits; text files whose "
            "names differ in one word, such as pos.txt and neg.txt, as one class each with a text a line.",
        ),
    ),
    "audit": Epilog(
        (
            "tunewright audit tickets.csv",
            "tunewright audit tickets.csv --html audit.html --map --export tables/",
            "tunewright audit tickets.csv --against production.jsonl",
            "tunewright audit notes.csv --task classification --model starter/encoder --json",
            "tunewright audit export.json --records data.items --input body --target queue",
        ),
        (
            "0 nothing would stop a run (warnings may stand there)",
            "1 a finding is an error",
            NO_RECIPE,
            "3 the data is wrong: each record that does not fit is listed with its line",
        ),
        ("Nothing is written but what --html and --export name, and no network is touched.",),
    ),
    "check": Epilog(
        (
            "tunewright check recipe.yaml",
            "tunewright check recipe.yaml --show 3",
            "tunewright check recipe.yaml train.epochs=5 --json",
        ),
        (
            "0 fit to run, or nothing found against it where base or data are not on this machine",
            "1 not fit: each error says the code that a run would end with",
            "2 the recipe cannot be read at all",
        ),
        (OVERRIDES,),
    ),
    "labels": Epilog(
        (
            "tunewright labels recipe.yaml",
            "tunewright labels recipe.yaml --out second.csv --test test_issues.csv",
            "tunewright labels recipe.yaml --all --force --json > issues.json",
        ),
        (DONE, "2 the recipe or the command is wrong, or a list stands there already", NO_DATA, BROKE),
        (OVERRIDES,),
    ),
    "run": Epilog(
        (
            "tunewright run recipe.yaml",
            "tunewright run recipe.yaml --dry-run",
            "tunewright run recipe.yaml name=slow train.optimizer.lr=2e-5 --json > outcome.json",
        ),
        ("0 the gate says ship", "1 it says no, or lacks evidence", NO_RECIPE, NO_DATA, BROKE, STOPPED),
        (FOLDER, OVERRIDES, VERDICTS),
    ),
    "prepare": Epilog(("tunewright prepare recipe.yaml",), STAGE, (OVERRIDES,)),
    "baseline": Epilog(("tunewright baseline recipe.yaml",), STAGE, (OVERRIDES,)),
    "train": Epilog(
        ("tunewright train recipe.yaml", "tunewright train recipe.yaml train.max_steps=5"), STAGE, (OVERRIDES,)
    ),
    "evaluate": Epilog(("tunewright evaluate recipe.yaml",), STAGE, (OVERRIDES,)),
    "gate": Epilog(
        ("tunewright gate recipe.yaml", "tunewright gate recipe.yaml --json"),
        ("0 the gate says ship", "1 it says no, or lacks evidence", NO_RECIPE, NO_DATA, BROKE),
        (OVERRIDES, VERDICTS),
    ),
    "report": Epilog(("tunewright report recipe.yaml",), STAGE, (OVERRIDES,)),
    "predict": Epilog(
        (
            'tunewright predict runs/recipe --text "where is my order"',
            "tunewright predict runs/recipe --file new.csv --column body --out answers.jsonl",
            "tunewright predict runs/replies --file prompts.jsonl --max-new-tokens 64 --out answers.jsonl",
        ),
        (DONE, "2 the command is wrong", "3 the file is wrong", "4 there is no whole model"),
    ),
    "chat": Epilog(
        (
            "tunewright chat runs/recipe --against base",
            'tunewright chat runs/recipe --text "where is my order" --json',
            "tunewright chat runs/recipe --system 'Be brief.' --temperature 0.8 --top-p 0.9",
        ),
        (
            DONE,
            "2 the command is wrong, or this run cannot be talked to",
            "3 a turn cannot be answered",
            "4 there is no whole model, or its base has changed",
            "130 interrupted, where nobody types at a terminal",
        ),
    ),
    "export": Epilog(
        (
            "tunewright export runs/recipe --merge --to shop-model",
            "tunewright export runs/recipe --adapter --to shop-adapter --json",
        ),
        (
            DONE,
            "2 the command is wrong, or the folder holds files already",
            "4 there is no whole model, or what was written is not what was trained: nothing is left behind",
        ),
        ("A model that was tuned whole is written as it is by --merge; it has no adapter.",),
    ),
    "quickstart": Epilog(
        (
            "tunewright quickstart",
            "tunewright quickstart --task generation",
            "tunewright quickstart --dir first --json",
        ),
        ("0 every stage is done, whatever the verdict", BROKE, STOPPED),
        (VERDICTS,),
    ),
    "doctor": Epilog(("tunewright doctor", "tunewright doctor --json"), (DONE,)),
    "schema": Epilog(("tunewright schema > recipe.schema.json", "tunewright schema --markdown"), (DONE,)),
}
"""The epilog of each verb."""


def add_epilogs(app: typer.Typer, epilogs: Mapping[str, Epilog] = EPILOGS) -> None:
    """Every verb that the table names ends its help with its examples and exit codes."""
    for command in app.registered_commands:
        name = command.name or ""
        if name in epilogs:
            command.epilog = str(epilogs[name])


def _listed(title: str, lines: tuple[str, ...]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)])
