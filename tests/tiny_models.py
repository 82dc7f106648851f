"""Tiny random models that write text, one of every family that matters, all with the same byte-level tokenizer.

`tiny_model(family, folder)` writes one; its weights are the same each time.
"""

# ruff: noqa: PLC0415  # nothing heavy before a test asks for it

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "<mask>", "<|im_start|>", "<|im_end|>", "<start_of_turn>", "<end_of_turn>")
PAD, BOS, EOS, UNK, MASK, IM_START, IM_END, TURN_START, TURN_END = range(len(SPECIAL))
VOCABULARY = 320
POSITIONS = 128

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Turns in marks of their own, as Qwen and many others write them; it takes no tools."""
GEMMA = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<start_of_turn>{{ 'model' if message.role == 'assistant' else message.role }}\n"
    "{{ message.content | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
"""A template that writes the first token itself, renames a role and refuses another, as Gemma's does."""

WIDTH: Mapping[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": POSITIONS,
    "initializer_range": 0.15,
    "bos_token_id": BOS,
    "eos_token_id": EOS,
    "pad_token_id": PAD,
}
NO_HEAD_DIM = {name: value for name, value in WIDTH.items() if name != "head_dim"}
SEQ2SEQ = {"bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD, "vocab_size": VOCABULARY}
BART = {
    **SEQ2SEQ,
    **{"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4},
    **{"decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "init_std": 0.15},
    **{"max_position_embeddings": POSITIONS, "decoder_start_token_id": EOS, "forced_eos_token_id": EOS},
}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": POSITIONS, "initializer_range": 0.15}
T5 = {
    **{"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": PAD},
    **{"eos_token_id": EOS, "pad_token_id": PAD, "vocab_size": VOCABULARY, "initializer_factor": 1.0},
}
CAUSAL: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "gpt2": ("GPT2LMHeadModel", {**SEQ2SEQ, **GPT2}),
    "llama": ("LlamaForCausalLM", {**WIDTH, "tie_word_embeddings": True}),
    "mistral": ("MistralForCausalLM", {**WIDTH, "sliding_window": 16}),
    "qwen2": ("Qwen2ForCausalLM", NO_HEAD_DIM),
    "qwen3": ("Qwen3ForCausalLM", WIDTH),
    "gemma": ("GemmaForCausalLM", WIDTH),
    "gemma2": ("Gemma2ForCausalLM", {**WIDTH, "sliding_window": 16, "query_pre_attn_scalar": 8}),
    "gemma3_text": ("Gemma3ForCausalLM", {**WIDTH, "sliding_window": 16, "query_pre_attn_scalar": 8}),
    "phi": ("PhiForCausalLM", NO_HEAD_DIM),
    "phi3": ("Phi3ForCausalLM", NO_HEAD_DIM),
}
TO_TEXT: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "t5": ("T5ForConditionalGeneration", T5),
    "bart": ("BartForConditionalGeneration", BART),
    "marian": ("MarianMTModel", {**BART, "decoder_start_token_id": PAD}),
    "mbart": ("MBartForConditionalGeneration", BART),
}
MASKED: Mapping[str, tuple[str, Mapping[str, Any]]] = {"bert": ("BertForMaskedLM", NO_HEAD_DIM)}
FAMILIES = {**CAUSAL, **TO_TEXT, **MASKED}
"""Family to its model class and small sizes."""
FRAMES = {
    "bert": "<s> $A </s>",
    "bart": "<s> $A </s>",
    "mbart": "<s> $A </s>",
    **dict.fromkeys(("t5", "marian"), "$A </s>"),
    **dict.fromkeys(("llama", "mistral", "gemma", "gemma2", "gemma3_text"), "<s> $A"),
}
"""Families whose tokenizer puts special tokens around a text."""


def tiny_model(family: str, folder: Path, *, template: str | None = None, **changes: Any) -> Path:
    """The folder holds a model with random weights in Hugging Face layout, its tokenizer, and a template if given.

    `changes` go into the configuration. Special tokens have the ids PAD, BOS, EOS, …; the context is POSITIONS.
    """
    import torch
    import transformers

    name, sizes = FAMILIES[family]
    kind = getattr(transformers, name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = kind(kind.config_class(**{**sizes, **changes}))
    model.save_pretrained(folder)
    tokenizer = tiny_tokenizer(FRAMES.get(family))
    tokenizer.chat_template = template
    tokenizer.model_max_length = POSITIONS
    tokenizer.save_pretrained(folder)
    return folder


def tiny_tokenizer(frame: str | None = None) -> Any:
    """A fast byte-level tokenizer that puts the specials of `frame` around a text; by itself it adds none."""
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer.from_str(_trained())
    if frame:
        pairs = [(word, backend.token_to_id(word)) for word in frame.split() if word != "$A"]
        backend.post_processor = TemplateProcessing(single=frame, special_tokens=pairs)
    names = {"pad": "<pad>", "bos": "<s>", "eos": "</s>", "unk": "<unk>", "mask": "<mask>"}
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        clean_up_tokenization_spaces=False,
        **{f"{name}_token": word for name, word in names.items()},
    )


@cache
def _trained() -> str:
    """Byte pairs learned from a few sentences; digits and merges of the commonest words."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    text = "User: what is the weather like there? Assistant: the weather is fine, and there is no wind at all. "
    tokenizer.train_from_iterator([text * 8], trainer)
    assert tokenizer.get_vocab_size() <= VOCABULARY, json.dumps(tokenizer.get_vocab_size())
    return str(tokenizer.to_str())
