"""Tokens a second of our decode loop against `model.generate`, on a small random model whose lengths vary.

Both draw 8 samples of 8 prompts at temperature 1 in one batch of 64 rows. The end token's logit is raised until a
completion is about 50 tokens of at most 128. Rates are tokens up to each row's end per second of CPU time on one
thread, so that they hold on a busy machine. Prints one JSON list in the form of docs/benchmarks.
"""

import json
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

from mathmill.recipe_sampling import SamplingRecipe
from mathmill.rollout.transformers_engine import TransformersEngine

VOCABULARY, END, PROMPTS, SAMPLES, LIMIT = 4096, 1, 8, 8, 128
TILT = 4.3
"""Added to the end token's logit."""
RUNS = 5


class NoText:
    """Stands in for a tokenizer: text is not part of what is timed."""

    eos_token_id = END

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str:
        """No text."""
        del token_ids, skip_special_tokens
        return ""


def make_model() -> LlamaForCausalLM:
    """A random Llama of 5.8 million parameters that ends its completions."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=688,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=512,
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config).eval()
    head = torch.nn.Linear(config.hidden_size, VOCABULARY)
    head.weight = model.lm_head.weight
    torch.nn.init.zeros_(head.bias)
    head.bias.data[END] = TILT
    model.lm_head = head
    return model


def ours(model: LlamaForCausalLM, prompts: list[list[int]]) -> int:
    """Tokens that the decode loop draws."""
    engine = TransformersEngine(model, NoText(), batch=PROMPTS * SAMPLES)
    groups = engine.generate(prompts, SamplingRecipe(max_new_tokens=LIMIT), samples=SAMPLES, seed=0)
    return sum(len(completion.token_ids) for group in groups for completion in group)


def peer(model: LlamaForCausalLM, prompts: list[list[int]]) -> int:
    """Tokens that `generate` draws, up to each row's end."""
    width = max(map(len, prompts))
    rows = [[0] * (width - len(prompt)) + prompt for prompt in prompts for _ in range(SAMPLES)]
    input_ids = torch.tensor(rows)
    torch.manual_seed(0)
    with torch.no_grad():
        output: Any = model.generate(
            input_ids=input_ids,
            attention_mask=(input_ids != 0).long(),
            do_sample=True,
            top_k=0,
            max_new_tokens=LIMIT,
        )
    drawn = output[:, width:].tolist()
    return sum(row.index(END) + 1 if END in row else len(row) for row in drawn)


def rate(draw: Callable[[], int]) -> float:
    """Tokens per second of CPU time."""
    started = time.process_time()
    return draw() / (time.process_time() - started)


def main() -> int:
    """Time both in turns and print the medians."""
    torch.set_num_threads(1)
    model = make_model()
    draws = random.Random(0)  # noqa: S311
    prompts = [[draws.randrange(2, VOCABULARY) for _ in range(draws.randint(30, 48))] for _ in range(PROMPTS)]
    ours(model, prompts)
    pairs = [(rate(lambda: ours(model, prompts)), rate(lambda: peer(model, prompts))) for _ in range(RUNS)]
    our_rate, peer_rate = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    entry = {
        "name": "rollout of a 5.8M Llama, lengths varying, 1 thread",
        "ours": round(our_rate, 1),
        "peer": round(peer_rate, 1),
        "peer_version": f"transformers {transformers.__version__} generate",
        "unit": "tokens/CPU-s",
        "ratio": round(statistics.median(one / other for one, other in pairs), 2),
        "goal": 2.0,
        "runs": RUNS,
        "machine": f"{platform.machine()}, torch {torch.__version__}",
        "command": "python benchmarks/rollout.py",
    }
    print(json.dumps([entry], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
