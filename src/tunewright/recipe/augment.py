"""New training rows made of others: by which methods, of which rows, and which of them are believed."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from tunewright.recipe.spec import Spec

Rate = Annotated[float, Field(gt=0, le=1)]


class ThesaurusWords(Spec):
    """Synonyms of a file of the user's own."""

    kind: Literal["thesaurus"] = "thesaurus"
    file: Annotated[str, Field(min_length=1)]
    """CSV or TSV whose lines begin with a word and go on with its synonyms, or JSON that maps a word to a list of them;
    relative to the recipe."""


class NeighbourWords(Spec):
    """Words that lie near in the input embeddings of a model, whatever stands around them."""

    kind: Literal["embeddings"] = "embeddings"
    model: str | None = None
    """Model whose embeddings are compared, named as `model.name` names one; the base where absent."""
    nearest: PositiveInt = 10
    """Most neighbours of a word among which one is drawn."""
    least_similarity: Annotated[float, Field(ge=0, lt=1)] = 0.4
    """Cosine similarity from which on a word is a neighbour."""


class MaskedWords(Spec):
    """Words that a masked language model finds likely in the place of one."""

    kind: Literal["masked"] = "masked"
    model: str | None = None
    """Model with a masked-language-model head, named as `model.name` names one; the base where absent."""
    likeliest: PositiveInt = 10
    """Most words of a place among which one is drawn."""


WordsSpec = Annotated[ThesaurusWords | NeighbourWords | MaskedWords, Field(discriminator="kind")]


class Method(Spec):
    """What all methods have in common."""

    copies: PositiveInt = 1
    """Rows that are made of each row."""
    share: Rate = 1.0
    """Share of each label's rows of which any are made."""


class Deletion(Method):
    """Words are left out (random deletion of Wei & Zou 2019); one stays at least."""

    kind: Literal["deletion"] = "deletion"
    rate: Rate = 0.1
    """Share of a text's words that are left out; one at least."""


class Swap(Method):
    """Pairs of words change places (random swap of Wei & Zou 2019)."""

    kind: Literal["swap"] = "swap"
    rate: Rate = 0.1
    """Share of a text's words that change places with others; one at least."""


class Insertion(Method):
    """Synonyms of words are put anywhere (random insertion of Wei & Zou 2019); stop words have none."""

    kind: Literal["insertion"] = "insertion"
    rate: Rate = 0.1
    """Share of a text's words for which a synonym is put somewhere; one at least."""
    words: WordsSpec
    """Where the synonyms come from."""


class Synonyms(Method):
    """Synonyms stand in the place of words (synonym replacement of Wei & Zou 2019); stop words stay."""

    kind: Literal["synonyms"] = "synonyms"
    rate: Rate = 0.1
    """Share of a text's words that are replaced; one at least."""
    words: WordsSpec
    """Where the synonyms come from."""


class Typos(Method):
    """Words of three letters or more get one slip each: a neighbouring key, a letter left out, doubled or swapped."""

    kind: Literal["typos"] = "typos"
    rate: Rate = 0.1
    """Share of a text's words that get a slip; one at least."""
    keyboard: Literal["qwerty", "qwertz", "azerty"] = "qwerty"
    """Layout that says which keys are neighbours."""


class Casing(Method):
    """Texts in small letters, in capitals, with a capital for each word, or with one word in capitals."""

    kind: Literal["casing"] = "casing"


class Sampling(Spec):
    """How a model that writes draws its words."""

    temperature: Annotated[float, Field(gt=0)] = 0.9
    """Divides the logits before a token is drawn: the higher, the more varied the texts."""
    top_p: Rate = 0.95
    """Tokens are drawn from the most probable ones with this much of the mass."""
    max_new_tokens: PositiveInt = 128
    """Tokens after which a text is given up."""


class BackTranslation(Method):
    """Texts go through two translation models, there by sampling and back (Sennrich et al. 2016; Edunov et al. 2018).

    Any models that turn one text into another and that transformers loads will do.
    """

    kind: Literal["back_translation"] = "back_translation"
    there: Annotated[str, Field(min_length=1)]
    """Model into the other language, named as `model.name` names one."""
    back: Annotated[str, Field(min_length=1)]
    """Model back, named likewise."""
    sampling: Sampling = Sampling()
    """How both models write."""
    prefix_there: str = ""
    """What stands before each text that goes there, such as `translate English to German: ` of T5."""
    prefix_back: str = ""
    """What stands before each text that comes back."""


PROMPT = (
    "Say the following message in other words. Keep its meaning and its language. "
    "Answer with the new message alone.\n\n{text}"
)
Prompt = Annotated[str, Field(pattern=r"\{text\}")]


class Paraphrase(Method):
    """A causal model is asked to say the text in other words."""

    kind: Literal["paraphrase"] = "paraphrase"
    model: Annotated[str, Field(min_length=1)]
    """Model that is asked, named as `model.name` names one; by its own chat template where it has one."""
    sampling: Sampling = Sampling()
    """How the model writes."""
    prompt: Prompt = PROMPT
    """What it is asked; `{text}` stands for the text."""


class EndpointParaphrase(Method):
    """A model that is served elsewhere is asked to say the text in other words, over the chat API that OpenAI's became.

    The texts of the rows leave this machine for the address; nothing else does. Answers are kept, so that nothing is
    asked twice.
    """

    kind: Literal["paraphrase_endpoint"] = "paraphrase_endpoint"
    url: Annotated[str, Field(pattern=r"^https?://[^\s/@?#]+(/[^\s@?#]*)?$")]
    """The server's address up to `/v1`, such as `http://localhost:8000/v1`."""
    model: Annotated[str, Field(min_length=1)]
    """The model's name on that server."""
    key: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """Name of the environment variable that holds the server's key, such as `OPENAI_API_KEY`; `null` sends none."""
    seconds: Annotated[float, Field(gt=0)] = 60.0
    """How long an answer is waited for."""
    sampling: Sampling = Sampling()
    """How the model writes."""
    prompt: Prompt = PROMPT
    """What it is asked; `{text}` stands for the text."""


Rewriting = BackTranslation | Paraphrase | EndpointParaphrase
MethodOfAugment = Annotated[
    Deletion | Swap | Insertion | Synonyms | Typos | Casing | Rewriting, Field(discriminator="kind")
]


def method_name(method: MethodOfAugment) -> str:
    """What a new row names as its method."""
    if isinstance(method, Insertion | Synonyms):
        return f"{method.kind}_{method.words.kind}"
    return method.kind


class SimilarityBand(Spec):
    """How near a new text must be to its parent, by the cosine of the base's mean-pooled embeddings."""

    least: Annotated[float, Field(ge=-1, le=1)] = 0.7
    """Below it a text is taken to mean something else."""
    most: Annotated[float, Field(ge=-1, le=1)] = 1.0
    """Above it a text is taken to say nothing new."""

    @model_validator(mode="after")
    def _is_a_band(self) -> SimilarityBand:
        if self.least >= self.most:
            raise ValueError(f"least {self.least:g} is not below most {self.most:g}: no text would be between them")
        return self


class AugmentSpec(Spec):
    """Rows that are made of training rows; each names its parent and its method, and bears its parent's label.

    None has a text of the validation or the test, or one that is nearly like it.
    """

    methods: Annotated[list[MethodOfAugment], Field(min_length=1)]
    """How rows are made; each method makes its own."""
    per_class: PositiveInt | None = None
    """Training rows that a label is brought up to: labels that have as many are left as they are. Absent: every row
    that is made and believed stays."""
    keep: list[str] = Field(default_factory=list)
    """Words that no method touches or that a rewritten text must still hold, such as product names or `not`; capitals
    play no part."""
    agreement: bool = True
    """Whether a row leaves where a classifier of words and letters, fitted on the originals, gives it another label
    than its own."""
    similarity: SimilarityBand | None = None
    """Rows leave whose text is too far from its parent's, or too near; needs an encoder as the base."""

    @model_validator(mode="after")
    def _names_each_method_once(self) -> AugmentSpec:
        twice = [name for name, count in Counter(map(method_name, self.methods)).items() if count > 1]
        if twice:
            raise ValueError(f"methods names {twice[0]!r} more than once: write it once, with more `copies`")
        return self


def thesaurus_files(spec: AugmentSpec | None) -> tuple[str, ...]:
    """The files of synonyms that the methods name."""
    words = [method.words for method in (spec.methods if spec else ()) if isinstance(method, Insertion | Synonyms)]
    return tuple(dict.fromkeys(found.file for found in words if isinstance(found, ThesaurusWords)))
