"""What is changed in the texts, and which rows may stay."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from tunewright.recipe.spec import Spec

Switch = bool | Literal["auto"]
LANGUAGE = r"^[a-z]{2,3}$"
ONE_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
"""What `replace` takes for a word."""


class CleanSpec(Spec):
    """Changes to the text of a row; each changed row is kept in `dropped.parquet` as it was.

    `auto` is on for the task `classification`, and off where the texts themselves are learned. Of the task
    `token_classification`, whose spans are counted in the texts, no text is changed.
    """

    whitespace: bool = True
    """Strip both ends and reduce each run of blanks inside a line to one blank."""
    control_characters: bool = True
    """Remove control and zero-width characters, keeping line breaks and tabs."""
    mojibake: Switch = "auto"
    """Repair letters that were decoded with the wrong encoding, such as `donâ€™t`."""
    html: Switch = "auto"
    """Remove tags of HTML and resolve entities such as `&nbsp;`; angle brackets that are no HTML stay."""
    unicode: Literal["auto", "nfc", "nfkc", "off"] = "auto"
    """Normalisation form of Unicode; `auto` is `nfc` or off. `nfkc` also replaces ligatures, full-width forms and
    the like."""
    markdown: bool = False
    """Remove the marks of Markdown: headings, emphasis, quotation and code; of a link its text stays."""
    placeholders: list[Literal["url", "email"]] = Field(default_factory=list)
    """Addresses that give way to a placeholder: `url` to `[URL]`, `email` to `[EMAIL]`."""
    quotes: bool = False
    """Replace typographic quotation marks, apostrophes and dashes by those of ASCII."""
    dates: bool = False
    """Write dates as `2025-03-31`, where day and month cannot be taken for each other."""
    numbers: bool = False
    """Write numbers without thousands separators and with a decimal point, where nothing else can be meant."""
    lower_case: bool = False
    """Write everything in lower case."""
    replace: dict[str, str] = Field(default_factory=dict)
    """Misspelt words and what each one means; whole words, in any case of letters."""
    boilerplate: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    """Lines that are removed where they begin or end a text, such as a signature's."""

    @field_validator("replace")
    @classmethod
    def _words_lead_to_an_end(cls, pairs: dict[str, str]) -> dict[str, str]:
        keys = {word.casefold() for word in pairs}
        for word, meant in pairs.items():
            if not ONE_WORD.fullmatch(word):
                raise ValueError(f"{word!r} is not one word: only whole words are replaced")
            again = [part for part in ONE_WORD.findall(meant) if part.casefold() in keys]
            if again:
                raise ValueError(f"{word!r} becomes {meant!r}, and {again[0]!r} is replaced too: name its end at once")
        return pairs

    @field_validator("boilerplate")
    @classmethod
    def _lines_are_lines(cls, lines: list[str]) -> list[str]:
        for line in lines:
            if not line.strip() or len(line.splitlines()) > 1:
                raise ValueError(f"{line!r} is not one line: name each line by itself")
        return lines


class FilterSpec(Spec):
    """Which rows may stay, by what their text is; rows of a test file of your own always stay, and are counted."""

    languages: Annotated[list[Annotated[str, Field(pattern=LANGUAGE)]], Field(min_length=1)] | None = None
    """Languages that stay, such as `[en]` (ISO 639-1); a text too short to tell stays."""
    min_chars: NonNegativeInt | None = None
    """Characters that a text has at least."""
    max_chars: PositiveInt | None = None
    """Characters that a text has at most."""
    min_words: NonNegativeInt | None = None
    """Words that a text has at least, as blanks part them."""
    max_words: PositiveInt | None = None
    """Words that a text has at most."""
    quality: Literal["off", "gopher", "c4"] = "off"
    """Rules for documents, for the task `language_modelling`: those of Gopher with its repetition rules (Rae et al.
    2021), or those of C4 that judge a page (Raffel et al. 2020)."""

    @model_validator(mode="after")
    def _bounds_leave_something(self) -> FilterSpec:
        for unit in ("chars", "words"):
            least, most = getattr(self, f"min_{unit}"), getattr(self, f"max_{unit}")
            if least is not None and most is not None and least > most:
                raise ValueError(f"min_{unit} is {least} and max_{unit} is {most}: no text can be both")
        return self
