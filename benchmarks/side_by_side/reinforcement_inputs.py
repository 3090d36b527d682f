"""What both trainers improve: a random LLaMA whose completions end when they should, and prompts of 48 tokens."""

import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

VOCABULARY, WIDTH, PROMPT, PROMPTS, GROUP = 4096, 256, 48, 8, 8
PAD, END, FIRST = 0, 1, 2
"""Token ids: of padding, of a completion's end, and of the first word."""
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


@dataclass(frozen=True, slots=True)
class Setting:
    """What is trained; both sides read it as JSON."""

    model: str
    questions: str
    """JSON Lines of `question` and `answer`."""
    longest: int
    """Most tokens of a completion."""
    steps: int
    """Optimiser steps, of which the first is not timed."""
    threads: int


def prepare(work: Path, *, longest: int, ends: float, steps: int, threads: int) -> Path:
    """Write model, questions and setting; the setting's path.

    Args:
        work: the folder.
        longest: most tokens of a completion.
        ends: about the chance that a token is the last one; 0: every completion has `longest` tokens.
        steps: optimiser steps.
        threads: of arithmetic.
    """
    work.mkdir(parents=True, exist_ok=True)
    model = _model(ends)
    tokenizer = _tokenizer()
    model.save_pretrained(work / "model")
    tokenizer.save_pretrained(work / "model")
    record = {"role": "instruct", "recipe": "benchmark", "recipe_digest": "", "parent_model": None}
    (work / "model" / "mathmill.json").write_text(
        json.dumps({**record, "corpus_digest": None, "mlflow_run_id": ""}), encoding="utf-8"
    )
    draws = random.Random(0)  # noqa: S311 - not a secret
    words = [f"w{number}" for number in range(FIRST, VOCABULARY)]
    rows = [
        {"id": str(number), "question": " ".join(draws.choices(words, k=PROMPT)), "answer": "0"}
        for number in range(PROMPTS * steps)
    ]
    (work / "questions.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    setting = Setting(str(work / "model"), str(work / "questions.jsonl"), longest, steps, threads)
    path = work / "setting.json"
    path.write_text(json.dumps(asdict(setting)), encoding="utf-8")
    return path


def _model(ends: float) -> LlamaForCausalLM:
    """A LLaMA of 6.8 million parameters.

    The first component of every embedding is great, so that of the last hidden state is about sqrt(width), and the
    head's weight for it sets the chance of the end token, whatever the rest.
    """
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=688,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=512,
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=PAD,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = 8.0
        model.lm_head.weight[:, 0] = 0.0
        logit = torch.tensor(ends * VOCABULARY).log() if ends else torch.tensor(-80.0)
        model.lm_head.weight[END, 0] = logit / WIDTH**0.5
    return model


def _tokenizer() -> PreTrainedTokenizerFast:
    """Words `w2` to `w4095`, a token each."""
    vocabulary = {"<pad>": PAD, "<eos>": END, **{f"w{number}": number for number in range(FIRST, VOCABULARY)}}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))  # noqa: S106 - no secret
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="<eos>")  # noqa: S106
    fast.chat_template = TEMPLATE
    return fast
