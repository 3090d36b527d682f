"""A tiny model, untrained or tuned to box an answer, and its tokenizer, for which `\\boxed{` is one token."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from mathmill.training.chat import answer_ids, prompt_ids, set_chat_template
from mathmill.training.model_directory import ModelRecord, save_model

ANSWERS = 3


def boxing_policy() -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """The model, with the same weights each time, and the tokenizer."""
    alphabet = {token: i for i, token in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    core = Tokenizer(models.BPE(vocab=alphabet | {"\\boxed{": 256}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<e>", pad_token="<p>")
    tokenizer.add_tokens(["\\boxed{"])
    set_chat_template(tokenizer)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    return LlamaForCausalLM(config), tokenizer


def save_instruct(folder: Path) -> Path:
    """Save the model tuned to give 1, 2 or 3 with nearly equal probability, whatever is asked."""
    model, tokenizer = boxing_policy()
    prompt = prompt_ids(tokenizer, "What?", "")
    answers = [answer_ids(tokenizer, rf"\boxed{{{answer}}}") for answer in range(1, ANSWERS + 1)]
    ids = torch.tensor([prompt + answer for answer in answers])
    labels = ids.masked_fill(torch.arange(ids.shape[1]) < len(prompt), -100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(60):
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    save_model(model, tokenizer, folder, ModelRecord("instruct", "tiny", "0" * 64, None, None, ""))
    return folder
