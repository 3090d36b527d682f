"""What both trainers learn: a random LLaMA, and GSM8K's training questions as tokens with marks on the targets."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from mathmill.questions import load_questions
from mathmill.recipe import Recipe
from mathmill.recipe_questions import FileSource
from mathmill.training.chat import set_chat_template
from mathmill.training.examples import load_examples
from mathmill.training.packing import Example

VOCABULARY, CONTEXT = 8192, 1024


@dataclass(frozen=True, slots=True)
class Setting:
    """What is trained, and in what portions; both sides read it as JSON."""

    model: str
    examples: str
    """JSON Lines of `input_ids` and `completion_mask`, as TRL reads them."""
    context: int
    steps: int
    """Optimiser steps, of which the first is not timed."""
    batch: int
    """Packed sequences of the context length a step."""
    micro_batch: int
    """Packed sequences a forward pass."""
    examples_per_step: int
    """As many as have a step's tokens, for a trainer that does not pack."""
    micro_examples: int
    """As many a forward pass."""


def prepare(data: Path, work: Path, *, steps: int) -> Path:
    """Write the model, the examples and the setting; the setting's path."""
    work.mkdir(parents=True, exist_ok=True)
    source = FileSource(kind="file", path=str(data / "benchmarks/gsm8k/train.jsonl"), layout="gsm8k")
    questions = load_questions(source)
    tokenizer = _tokenizer([f"{one.question}\n{one.solution}" for one in questions])
    model = _model(tokenizer)
    model.save_pretrained(work / "model")
    tokenizer.save_pretrained(work / "model")
    examples, _ = load_examples(recipe([{"questions": source.model_dump()}]), tokenizer)
    rows = [{"input_ids": one.ids.tolist(), "completion_mask": one.target.astype(int).tolist()} for one in examples]
    (work / "examples.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    batch, micro_batch, micro_examples = 4, 4, 10
    passes = round(batch * CONTEXT / np.mean([len(one) for one in examples]) / micro_examples)
    setting = Setting(
        str(work / "model"),
        str(work / "examples.jsonl"),
        CONTEXT,
        steps,
        batch,
        micro_batch,
        passes * micro_examples,
        micro_examples,
    )
    path = work / "setting.json"
    path.write_text(json.dumps(asdict(setting)), encoding="utf-8")
    return path


def recipe(sources: list[dict[str, Any]], **instruct: Any) -> Recipe:
    """A recipe with the benchmark's context, on one process."""
    return Recipe.model_validate(
        {
            "name": "tuning-benchmark",
            "launch": {"processes": 1, "threads": 1},
            "deepspeed": {"zero_optimization": {"stage": 0}},
            "model": {"context": CONTEXT},
            "pretrain": {"batch_tokens": CONTEXT * 4},
            "instruct": {"sources": sources, **instruct},
        }
    )


def read_examples(path: str) -> Iterator[Example]:
    """The examples that `prepare` wrote."""
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield Example(np.array(row["input_ids"], np.int32), np.array(row["completion_mask"], bool))


def _tokenizer(texts: list[str]) -> Any:
    """A byte-level BPE, digits one by one."""
    core = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    core.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>"}
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, initial_alphabet=alphabet, special_tokens=list(special.values()), show_progress=False
    )
    core.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=core, **special)
    set_chat_template(fast)
    return fast


def _model(tokenizer: Any) -> LlamaForCausalLM:
    """A LLaMA of 6.8 million parameters."""
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=256,
            intermediate_size=688,
            num_hidden_layers=6,
            num_attention_heads=4,
            num_key_value_heads=4,
            tie_word_embeddings=True,
            max_position_embeddings=CONTEXT,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
