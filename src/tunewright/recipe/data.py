"""What the user says about the data: where it is, which columns matter, what to refuse."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tunewright.recipe.balance import BalanceSpec
from tunewright.recipe.label_issues import LabelIssuesSpec
from tunewright.recipe.mix import Mixed
from tunewright.recipe.spec import Spec, kind_where_absent

Missing = Literal["drop", "error"]


class CleanSpec(Spec):
    """Changes to the text of a row; each changed row is kept in `dropped.parquet` as it was."""

    whitespace: bool = True
    """Strip both ends and reduce each run of blanks inside a line to one blank."""
    control_characters: bool = True
    """Remove control and zero-width characters, keeping line breaks and tabs."""


class DataSpec(Spec):
    """The data: one file that is split, or a file a split."""

    train: Annotated[str, Field(min_length=1)]
    """Path (relative to the recipe), local Hugging Face data set folder, or hub name written `hub:owner/name`."""
    validation: str | None = None
    """A validation file of your own; without one, validation rows are carved from `train`."""
    test: str | None = None
    """A test file of your own, never edited; without one, test rows are carved from `train`."""
    format: Literal["auto", "csv", "tsv", "json", "jsonl", "parquet", "dataset", "text"] = "auto"
    """File format; `auto` goes by the ending and the first bytes. `text` is raw text, for the task
    `language_modelling`."""
    encoding: str = "auto"
    """Text encoding; `auto` takes UTF-8, UTF-16 with a mark, else refuses and names the likely one."""
    input: str | Annotated[list[str], Field(min_length=1)] | None = None
    """Column that holds the text; of several, the texts that are there are joined by a blank line. Recognised by name
    where absent."""
    target: str | None = None
    """Column that holds the label or the answer; recognised by name where absent."""
    messages: str | None = None
    """Column that holds whole conversations, for the task `generation`; recognised by name where absent."""
    system: str | None = None
    """Column with what stands before the conversation, for the task `generation`."""
    tools: str | None = None
    """Column with the tools on offer, for the task `generation`."""
    group: str | None = None
    """Column whose rows must stay in one split, such as a customer's id."""
    time: str | None = None
    """Column with a date or time, for the split by time."""
    id: str | None = None
    """Column that must be unique; a repeated value is an error."""
    label_map: dict[str, str] = Field(default_factory=dict)
    """Spelling variants of labels and the label each one means; every row changed by it is listed."""
    label_issues: LabelIssuesSpec | None = None
    """A review of labels that is followed (`tunewright labels` lists what to review); never on your own test file."""
    missing: Missing = "drop"
    """What to do with a row whose text or label is missing."""
    duplicates: Literal["keep_first", "keep_all"] = "keep_first"
    """What to do with rows of equal text and label; they are compared by content key."""
    contradictions: Literal["keep", "drop", "error"] = "keep"
    """What to do with rows of equal text and different labels; kept ones never straddle splits."""
    leaks: Literal["drop_from_train", "report", "error"] = "drop_from_train"
    """What to do with training rows whose text also stands in your own validation or test file."""
    overlength: Literal["auto", "error", "drop", "truncate", "window"] = "auto"
    """What to do with rows longer than the model's context; `window` cuts a text into pieces and keeps all of them.
    `auto` cuts off the end of a text that is classified, drops rows whose answer would be cut, and windows raw text."""
    replay: Annotated[float, Field(ge=0)] | None = None
    """Rows of the earlier training that are mixed in, as a share of the new training rows: 0.2 is one for five. Only
    with `model: run:NAME`, where 0.2 is taken if absent, and 0 if that run was tuned for another task."""
    mix: list[Mixed] = Field(default_factory=list)
    """Other data sets whose rows are mixed into training, by weight."""
    balance: BalanceSpec | None = None
    """How training rows are brought into balance; validation and test stay as they are."""
    clean: CleanSpec = CleanSpec()
    """Text cleaning."""


class StratifiedSplit(Spec):
    """Shares of each label are kept equal across splits; rows of one group or one content key stay together."""

    kind: Literal["stratified"] = "stratified"
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of the rows carved for validation, where no file is given."""
    test: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the rows carved for the test, where no file is given."""
    seed: int = 13
    """Seed of the split alone; the recipe's `seed` never moves a row between splits."""
    refreeze: str | None = None
    """Reason for replacing the frozen test in `tunewright.lock`; remove it once done."""

    @model_validator(mode="after")
    def _leaves_training_rows(self) -> StratifiedSplit:
        if self.validation + self.test >= 1:
            shares = f"validation {self.validation:g} and test {self.test:g}"
            raise ValueError(f"{shares} leave no rows for training: their sum must be below 1")
        return self


class GroupSplit(StratifiedSplit):
    """Whole groups go to one split (`data.group` names the column); labels are not balanced."""

    kind: Literal["group"] = "group"  # type: ignore[assignment]  # the tag of the union differs by design


class TimeSplit(StratifiedSplit):
    """The latest rows are the test, those before them validation (`data.time` names the column)."""

    kind: Literal["time"] = "time"  # type: ignore[assignment]  # the tag of the union differs by design


SplitSpec = Annotated[
    StratifiedSplit | GroupSplit | TimeSplit, Field(discriminator="kind"), kind_where_absent("stratified")
]
