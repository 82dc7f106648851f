"""The words that are one token to a model, which alone can be compared or filled in by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.models.tokenizer import SettledTokenizer


def whole_words(tokenizer: SettledTokenizer) -> dict[int, str]:
    """Token id to the word that it writes within a text, of the words of letters alone.

    A token is one of these only if the word, behind a blank, becomes that token again: pieces of words do not.
    """
    spelt = dict.fromkeys(tokenizer.spell([number]).strip() for number in range(tokenizer.vocabulary))
    words = [word for word in spelt if len(word) > 1 and word.isalpha()]
    ids = word_ids(words, tokenizer)
    return {number: word for word, number in zip(words, ids, strict=True) if number is not None}


def word_ids(words: Sequence[str], tokenizer: SettledTokenizer) -> list[int | None]:
    """The token of each word; None for a word of several.

    Tokenizers differ in whether they ask for the blank before a word or add it themselves.
    """
    behind = tokenizer.encode_plain([f" {word}" for word in words])
    alone = tokenizer.encode_plain(list(words))
    pairs = zip(behind, alone, strict=True)
    return [next((int(found.ids[0]) for found in pair if len(found.ids) == 1), None) for pair in pairs]
