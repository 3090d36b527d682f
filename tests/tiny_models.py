"""Tiny random models with a byte-level tokenizer, saved as training saves them."""

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    LlamaForTokenClassification,
    PreTrainedTokenizerFast,
)

from mathmill.training.chat import set_chat_template
from mathmill.training.model_directory import ModelRecord, save_model


def byte_tokenizer():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={"</s>": 0, **{byte: n for n, byte in enumerate(alphabet, 1)}}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", pad_token="</s>")
    set_chat_template(fast)
    return fast


HEADS = {None: LlamaForCausalLM, "outcome": LlamaForSequenceClassification, "process": LlamaForTokenClassification}


@pytest.fixture
def make_model(tmp_path):
    """Save a random model with a role, made from the model in `parent`; a reward model has a kind."""

    def make(role, *, parent=None, recipe="tiny", kind=None):
        torch.manual_seed(len(role))
        config = LlamaConfig(
            vocab_size=257,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=0,
            initializer_range=0.5,
            num_labels=1,
        )
        directory = tmp_path / "models" / (kind or role)
        directory.mkdir(parents=True)
        record = ModelRecord(role, recipe, "0" * 64, str(parent) if parent else None, None, "", kind)
        save_model(HEADS[kind](config), byte_tokenizer(), directory, record)
        return directory

    return make
