"""Tokenizers that cut lines in different ways, and tiny models with a head of one logit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlamaForSequenceClassification,
    LlamaForTokenClassification,
    PreTrainedTokenizerFast,
)

from mathmill.training.chat import set_chat_template
from mathmill.training.model_directory import ModelRecord, save_model

TEXT = [
    "The sum is 3 + 4 = 7.\nSo 7 + 5 = 12.\n\\boxed{12}.\n\nWe have $x = 2$.\nThen:\n\\[x^2 = 4.\\]\n",
    "Zuerst gilt 2 · 3 = 6;\nalso: 6 / 1 = 6.\n答案是 5。\n所以 \\boxed{5}。\n",
]
PUNCTUATION_WITH_LINE_BREAK = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\p{N}| ?\p{L}+|\s+"
"""As newer tokenizers cut text: a full stop and the line break after it may be one token."""


def wrap(core: Tokenizer) -> PreTrainedTokenizerFast:
    core.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token="<e>", pad_token="<p>", clean_up_tokenization_spaces=False
    )
    set_chat_template(fast)
    return fast


def byte_tokenizer() -> PreTrainedTokenizerFast:
    core = Tokenizer(
        models.BPE(vocab={t: i for i, t in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, merges=[])
    )
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return wrap(core)


def trained_tokenizer(pre_tokenizer: Any) -> PreTrainedTokenizerFast:
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator(
        TEXT * 3, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    )
    return wrap(core)


def line_joining_tokenizer() -> PreTrainedTokenizerFast:
    parts = [
        pre_tokenizers.Split(Regex(PUNCTUATION_WITH_LINE_BREAK), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
    return trained_tokenizer(pre_tokenizers.Sequence(parts))


@pytest.fixture(scope="session", params=["bytes", "lines apart", "lines joined"])
def any_tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    """Bytes; a BPE that never joins a line break to other characters; one that joins it to a full stop."""
    if request.param == "bytes":
        return byte_tokenizer()
    if request.param == "lines apart":
        return trained_tokenizer(pre_tokenizers.ByteLevel(add_prefix_space=False))
    return line_joining_tokenizer()


@pytest.fixture(scope="session")
def joining_tokenizer() -> PreTrainedTokenizerFast:
    """Joins a line break to the full stop before it."""
    return line_joining_tokenizer()


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return byte_tokenizer()


HEADS = {"outcome": LlamaForSequenceClassification, "process": LlamaForTokenClassification}


@pytest.fixture
def make_reward_model(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> Callable[[str], tuple[Any, Path]]:
    """A random reward model of a kind, and the folder it is saved in."""

    def make(kind: str) -> tuple[Any, Path]:
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_labels=1,
            pad_token_id=tokenizer.pad_token_id,
            initializer_range=0.5,
        )
        config.classifier_dropout = 0.0
        model = HEADS[kind](config).eval()
        folder = tmp_path / kind
        save_model(model, tokenizer, folder, ModelRecord("reward", "tiny", "0" * 64, None, None, "", kind))
        return model, folder

    return make
