"""What augments training rows: models and classifiers of the other rooms, handed to the data room."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.core.errors import TunewrightError
from tunewright.core.files import resolve_path, sha256_file
from tunewright.core.rows import Finding
from tunewright.core.seeds import child_seed
from tunewright.data.augment.thesaurus import read_thesaurus
from tunewright.data.augment.tools import Tools
from tunewright.data.labels import label_order
from tunewright.evaluation.baselines import tfidf_linear
from tunewright.pipeline.checked import faults_of
from tunewright.pipeline.judge import LIBRARIES
from tunewright.pipeline.named_models import Needed, needed_by, needed_for_words, require_use
from tunewright.recipe.augment import BackTranslation, EndpointParaphrase, MaskedWords, NeighbourWords, thesaurus_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.core.generated import Decoding
    from tunewright.core.protocols import Classifier, Embedder, Generator, Rewriter, WordSuggester
    from tunewright.pipeline.checked import Fault
    from tunewright.pipeline.context import Context
    from tunewright.recipe.augment import Rewriting, Sampling


def augmenting(context: Context) -> Tools | None:
    """What the recipe's `data.augment` needs, loaded when it is first used; None where it augments nothing."""
    if context.recipe.data.augment is None:
        return None
    # Several copies of a text ask one model in turn: it is loaded once, and given up for the next one.
    kept = lru_cache(maxsize=1)
    return Tools(
        classifier=lambda texts, targets: _classifier(context, texts, targets),
        suggester=kept(lambda words: _suggester(context, words)),
        rewriter=kept(lambda method: _rewriter(context, method)),
        embedder=kept(lambda: _embedder(context)),
        say=context.say,
    )


def augment_inputs(context: Context) -> dict[str, Any] | None:
    """What decides the new rows beside the recipe; None where nothing is augmented.

    Hashes of files and models, the libraries whose code makes and doubts texts, and where models run the device, on
    which their numbers are rounded.
    """
    spec = context.recipe.data.augment
    if spec is None:
        return None
    files = {name: resolve_path(name, context.folder) for name in thesaurus_files(spec)}
    models = {needed.place: needed.local(context) for needed in needed_by(spec)}
    return {
        "files": {name: sha256_file(path) if path.is_file() else None for name, path in files.items()},
        "models": {place: None if base is None else base.revision for place, base in models.items()},
        "libraries": LIBRARIES,
        "device": _device() if models else None,
    }


def _device() -> str:
    from tunewright.training.settings import pick_device  # noqa: PLC0415  # brings torch in

    return pick_device()


def augment_faults(context: Context) -> tuple[list[Fault], list[Finding]]:
    """What of `data.augment` a run would stop at, and what is not on this machine; no weights are loaded."""
    spec = context.recipe.data.augment
    faults: list[Fault] = []
    notes: list[Finding] = []
    for name in thesaurus_files(spec):
        try:
            read_thesaurus(name, context.folder)
        except TunewrightError as fault:
            faults += faults_of(fault)
    for needed in needed_by(spec):
        try:
            base = needed.local(context)
            if base is not None:
                require_use(needed, base)
            elif needed.name is not None:
                message = f"{needed.name} ({needed.place}) is not on this machine: its files were not checked"
                notes.append(Finding("augment_model_not_here", "note", message, 1, (), "a run fetches it from the hub"))
        except TunewrightError as fault:
            faults += faults_of(fault)
    notes += [_leaving(method) for method in (spec.methods if spec else ()) if isinstance(method, EndpointParaphrase)]
    if spec is not None:
        message = "training rows are counted as they are read: data.augment adds its rows when the data is prepared"
        notes.append(Finding("augment_later", "note", message, 0))
    return faults, notes


def _leaving(method: EndpointParaphrase) -> Finding:
    message = f"texts of training rows are sent to {method.url}, model {method.model} (data.augment)"
    remedy = "make sure that they may be; `data.privacy` with `mask` takes personal data out of them before"
    return Finding("augment_sends_texts", "warning", message, 1, (), remedy)


def _classifier(context: Context, texts: Sequence[str], targets: Sequence[str]) -> Classifier:
    labels = label_order(targets)
    number = {label: n for n, label in enumerate(labels)}
    targets_N = np.array([number[target] for target in targets], dtype=np.int64)
    seed = child_seed(context.recipe.seed, "augment", "classifier") % 2**32  # what scikit-learn takes for a seed
    context.say(f"data: doubting new rows by TF-IDF + logistic regression of {len(texts):,} originals")
    return tfidf_linear(texts, targets_N, labels, seed=seed)


def _suggester(context: Context, words: NeighbourWords | MaskedWords) -> WordSuggester:
    from tunewright.inference.fill import MaskSuggester  # noqa: PLC0415  # brings torch in
    from tunewright.inference.neighbours import NeighbourSuggester  # noqa: PLC0415
    from tunewright.models.load import input_embeddings, load_masked  # noqa: PLC0415
    from tunewright.training.settings import pick_device  # noqa: PLC0415

    needed = needed_for_words(words)
    base = needed.base(context)
    require_use(needed, base)
    tokenizer = needed.tokenizer(context, base)
    if isinstance(words, MaskedWords):
        model = load_masked(base.folder, dropout=None, adapter=base.adapter)
        return MaskSuggester(model, tokenizer, device=pick_device(), likeliest=words.likeliest)
    table_VD = input_embeddings(base.folder)
    return NeighbourSuggester(table_VD, tokenizer, nearest=words.nearest, least_similarity=words.least_similarity)


def _rewriter(context: Context, method: Rewriting) -> Rewriter:
    from tunewright.core.conversation import asked  # noqa: PLC0415
    from tunewright.core.encoded import RowContent  # noqa: PLC0415
    from tunewright.inference.endpoint import Endpoint, EndpointParaphraser  # noqa: PLC0415
    from tunewright.inference.rewrite import BackTranslator, Paraphraser  # noqa: PLC0415

    place = f"data.augment.methods ({method.kind})"
    decoding = _decoding(method.sampling)
    if isinstance(method, EndpointParaphrase):
        endpoint = Endpoint(place, method.url, method.model, method.key, method.seconds)
        kept = context.folder / "runs" / ".cache" / "endpoint.jsonl"
        return EndpointParaphraser(endpoint, method.prompt, decoding, kept)
    if isinstance(method, BackTranslation):
        there = _writer(context, Needed(f"{place}.there", method.there, "seq2seq"))
        back = _writer(context, Needed(f"{place}.back", method.back, "seq2seq"))
        return BackTranslator(there, back, decoding, method.prefix_there, method.prefix_back)

    def ask(text: str) -> RowContent:
        question = method.prompt.replace("{text}", text)
        return RowContent(question, asked(question).to_json())

    return Paraphraser(_writer(context, Needed(f"{place}.model", method.model, "causal")), ask, decoding)


def _writer(context: Context, needed: Needed) -> Generator:
    """A model of the user's that writes: of `causal` through its chat template, else through the plain one."""
    from tunewright.inference.text_model import TextModel  # noqa: PLC0415  # brings torch in
    from tunewright.models.encoders import chat_encoder, pair_encoder  # noqa: PLC0415
    from tunewright.models.load import load_causal, load_seq2seq  # noqa: PLC0415
    from tunewright.models.template import settle_template  # noqa: PLC0415
    from tunewright.training.settings import pick_device  # noqa: PLC0415

    base = needed.base(context)
    require_use(needed, base)
    tokenizer = needed.tokenizer(context, base)
    if needed.use == "seq2seq":
        model, encoder = load_seq2seq(base.folder, dropout=None, adapter=base.adapter), pair_encoder(tokenizer)
    else:
        model = load_causal(base.folder, dropout=None, adapter=base.adapter)
        encoder = chat_encoder(tokenizer, settle_template(tokenizer, "auto", context.folder))
    return TextModel(model.eval(), encoder, device=pick_device())


def _decoding(spec: Sampling) -> Decoding:
    from tunewright.core.generated import Decoding  # noqa: PLC0415

    return Decoding(spec.max_new_tokens, temperature=spec.temperature, top_p=spec.top_p)


def _embedder(context: Context) -> Embedder:
    from tunewright.inference.classify import TrunkEmbedder  # noqa: PLC0415  # brings torch in
    from tunewright.models.load import load_trunk  # noqa: PLC0415
    from tunewright.training.settings import pick_device  # noqa: PLC0415

    require_use(Needed("data.augment.similarity", None, "encoder"), context.base)
    return TrunkEmbedder(load_trunk(context.base.folder), context.tokenizer, device=pick_device())
