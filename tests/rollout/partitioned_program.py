"""One rank that draws from a tiny model under DeepSpeed; the first prints what all drew as JSON.

The argument is the stage of ZeRO. Ranks draw for different numbers of prompts, the last one for none: where weights are
dealt out, each must still make every forward pass.
"""

import json
import sys

import torch
import torch.distributed as dist
from transformers import LlamaConfig, LlamaForCausalLM

from mathmill.recipe_file import load_recipe
from mathmill.recipe_sampling import SamplingRecipe
from mathmill.rollout.llama_decoder import suits
from mathmill.rollout.transformers_engine import TransformersEngine
from mathmill.training.session import Session, end_rank, rank, start_distributed, world_size
from tests.byte_tokenizer import byte_tokenizer

PROMPTS = [[3, 4], [5, 6, 7], [8]]
SAMPLING = SamplingRecipe(temperature=0.8, max_new_tokens=12)


def model() -> LlamaForCausalLM:
    """The same on every rank."""
    torch.manual_seed(1)
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=259, eos_token_id=257, bos_token_id=256, initializer_range=0.3, **shape)
    )


def drawn(engine: TransformersEngine, prompts: list[list[int]]) -> list[list[list[int]]]:
    """Tokens of three samples of each prompt."""
    groups = engine.generate(prompts, SAMPLING, samples=3, seed=7)
    return [[one.token_ids for one in group] for group in groups]


if __name__ == "__main__":
    start_distributed(0)
    stage = int(sys.argv[1])
    recipe = load_recipe("demo", [f'deepspeed={{"zero_optimization": {{"stage": {stage}}}}}'])
    session = Session(model(), recipe, recipe.pretrain.optimizer, steps=1, accumulation=1)
    assert all((parameter.numel() == 0) == (stage == 3) for parameter in session.model.parameters())
    assert suits(session.model) == (stage < 3)
    engine = TransformersEngine(session.model, byte_tokenizer(), batch=4)
    mine = PROMPTS if rank() == 0 else []
    everyone = [None] * world_size()
    dist.all_gather_object(everyone, drawn(engine, mine))
    if rank() == 0:
        print(json.dumps(everyone))
    end_rank(0)
