"""What the user says about the data: where it is, which columns matter, what to refuse."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from tunewright.recipe.augment import AugmentSpec
from tunewright.recipe.balance import BalanceSpec
from tunewright.recipe.clean import CleanSpec, FilterSpec
from tunewright.recipe.condition import parse_condition
from tunewright.recipe.general_text import GeneralText
from tunewright.recipe.label_issues import LabelIssuesSpec
from tunewright.recipe.privacy import PrivacySpec
from tunewright.recipe.spec import Spec, kind_where_absent
from tunewright.recipe.toxicity import ToxicitySpec

Missing = Literal["drop", "error"]


class NearDuplicates(Spec):
    """Rows of nearly equal text, found by MinHash and verified by true Jaccard similarity; they never straddle splits.

    Compared are sets of five characters in a row; texts of fewer than 32 characters are compared by content key alone,
    and lines that stand in many texts, such as a system text, are left out.
    """

    kind: Literal["report", "keep_first", "keep_longest"] = "report"
    """What to do with them within one file: report them, or keep one of those that bear the same label or answer."""
    threshold: Annotated[float, Field(ge=0.5, le=1)] = 0.8
    """Jaccard similarity from which on two texts are near-duplicates; 0.8 is one changed word in two sentences."""


class SemanticDuplicates(Spec):
    """Rows that say nearly the same in other words, by the cosine of their embeddings; they never straddle splits.

    Every text is compared with every other one: the time grows with the square of their number.
    """

    model: Annotated[str, Field(min_length=1)] = "starter/encoder"
    """The encoder that embeds the texts, the mean of their tokens: a starter, a folder or a hub name."""
    threshold: Annotated[float, Field(ge=0.5, le=1)] = 0.95
    """Cosine from which on two texts say the same. It depends on the model: look at the pairs that are shown."""


class DataSpec(Spec):
    """The data: one file that is split, or a file a split."""

    train: Annotated[str, Field(min_length=1)]
    """Path (relative to the recipe), local Hugging Face data set folder, or hub name written `hub:owner/name`."""
    validation: str | None = None
    """A validation file of your own; without one, validation rows are carved from `train`."""
    test: str | None = None
    """A test file of your own, never edited; without one, test rows are carved from `train`."""
    format: Literal[
        "auto", "csv", "tsv", "json", "jsonl", "parquet", "arrow", "xlsx", "dataset", "text", "html", "docx", "pdf"
    ] = "auto"
    """File format; `auto` goes by the ending and the first bytes. `text` is raw text, and `html`, `docx` and `pdf` are
    documents, for the task `language_modelling`."""
    sheet: Annotated[str, Field(min_length=1)] | None = None
    """Sheet of a workbook (xlsx); the first where absent."""
    records: Annotated[str, Field(min_length=1)] | None = None
    """Path to the list of records inside a JSON document, such as `data.items`; found where there is only one at its
    top."""
    encoding: str = "auto"
    """Text encoding; `auto` takes UTF-8, UTF-16 with a mark, else refuses and names the likely one."""
    input: str | Annotated[list[str], Field(min_length=1)] | None = None
    """Column that holds the text, or for `token_classification` a list of words; of several, the texts that are there
    are joined by a blank line. Recognised by name where absent."""
    target: str | None = None
    """Column that holds the label, the number, the spans (or a tag for each word) or the answer; recognised by name
    where absent."""
    label_delimiter: Annotated[str, Field(min_length=1)] | None = None
    """What divides the labels of one text, such as `;`, for the task `multilabel`; lists need none."""
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
    missing: Missing | dict[str, Missing] = "drop"
    """What to do with a row whose text or label is missing; as a mapping, with one whose value in a column is missing.
    Columns of text and label that are not named there are on `drop`, other columns may be empty."""
    label_issues: LabelIssuesSpec | None = None
    """A review of labels that is followed (`tunewright labels` lists what to review); never on your own test file."""
    duplicates: Literal["keep_first", "keep_all"] = "keep_first"
    """What to do with rows of equal text and label; they are compared by content key."""
    near_duplicates: NearDuplicates | None = NearDuplicates()
    """Rows of nearly equal text; `null` turns their detection off."""
    semantic_duplicates: SemanticDuplicates | None = None
    """Rows that say nearly the same in other words; looked for where it is given."""
    contradictions: Literal["keep", "drop", "error"] = "keep"
    """What to do with rows of equal text and different labels; kept ones never straddle splits."""
    leaks: Literal["drop_from_train", "report", "error"] = "drop_from_train"
    """What to do with training rows whose text, or a near-duplicate of it, also stands in your own validation or test
    file."""
    benchmarks: list[str] = Field(default_factory=list)
    """Files of public benchmarks: those of their texts that stand in training rows are reported and listed."""
    overlength: Literal["auto", "error", "drop", "truncate", "window"] = "auto"
    """What to do with rows longer than the model's context; `window` cuts a text into pieces and keeps all of them.
    `auto` cuts off the end of a text that is classified, drops rows whose answer would be cut, and windows raw text and
    the words of `token_classification`."""
    replay: Annotated[float, Field(ge=0)] | None = None
    """Rows of the earlier training that are mixed in, as a share of the new training rows: 0.2 is one for five. Only
    with `model: run:NAME`, where 0.2 is taken if absent, and 0 if that run was tuned for another task."""
    general_text: GeneralText | None = None
    """General text that is trained on beside the rows, so that less of it is forgotten."""
    keep_if: str | None = None
    """Condition on the columns that a row must fulfil to stay, such as `region == "Cork" and (channel != "phone" or
    stars >= 3)`; also `in [..]`, `contains` and `is missing`."""
    filter: FilterSpec = FilterSpec()
    """Which rows may stay, by what their text is."""
    balance: BalanceSpec | None = None
    """How training rows are brought into balance; validation and test stay as they are."""
    augment: AugmentSpec | None = None
    """Training rows of a `classification` that are made of others; validation and test stay as they are."""
    clean: CleanSpec = CleanSpec()
    """Text cleaning."""
    toxicity: ToxicitySpec | None = None
    """Texts and answers that insult, threaten or demean; looked for where it is given."""
    privacy: PrivacySpec = PrivacySpec()
    """Personal data and secrets."""

    @field_validator("keep_if")
    @classmethod
    def _is_a_condition(cls, text: str | None) -> str | None:
        if text is not None:
            parse_condition(text)
        return text

    @model_validator(mode="after")
    def _keeps_copies_or_not(self) -> DataSpec:
        near = self.near_duplicates
        if self.duplicates == "keep_all" and near is not None and near.kind != "report":
            raise ValueError(
                f"near_duplicates.kind {near.kind!r} keeps one of several rows that are nearly equal, and duplicates "
                "'keep_all' keeps all that are equal: write `duplicates: keep_first`, or near_duplicates.kind 'report'"
            )
        return self


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
