"""One rank that trains a tiny model in several ways; the first one prints the losses of each as JSON.

The arguments are JSON objects, the arguments of `losses`.
"""

import json
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from mathmill.recipe_file import load_recipe
from mathmill.training.causal_loss import CausalLoss
from mathmill.training.session import Session, end_rank, rank, start_distributed, total, world_size

STEPS, ROWS, CONTEXT = 5, 8, 12


def losses(stage: int, passes: int, *, offload: bool = False, recompute: bool = False) -> list[float]:
    """Mean loss a token before each of the steps, the norm of the last gradient, and those of the final matrices."""
    zero = {"stage": stage, **({"offload_optimizer": {"device": "cpu"}} if offload else {})}
    recipe = load_recipe("demo", [f"deepspeed={json.dumps({'zero_optimization': zero})}"])
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        tie_word_embeddings=True,
    )
    llama = LlamaForCausalLM(config)
    if recompute:
        llama.activation_checkpointing_enable({"use_reentrant": False})
    model = CausalLoss(llama)
    optimizer = recipe.pretrain.optimizer.model_copy(update={"warmup_steps": 0, "learning_rate": 0.01})
    session = Session(model, recipe, optimizer, steps=STEPS, accumulation=passes)
    device = torch.device("cpu")
    found = []
    for step in range(STEPS):
        rows = torch.randint(64, (ROWS, CONTEXT), generator=torch.Generator().manual_seed(step % 2))
        mine = rows[rank() :: world_size()]
        loss_sum = 0.0
        for part in mine.split(len(mine) // passes):
            loss = session.engine(part, part[:, 1:], [len(part)]).sum()
            session.backward(loss * passes * world_size() / (ROWS * (CONTEXT - 1)))
            session.step()
            loss_sum += loss.item()
        found.append(total(loss_sum, device) / (ROWS * (CONTEXT - 1)))
    weights = session.whole_weights() or session.model.state_dict()
    sizes = [float(weights[name].norm()) for name in sorted(weights) if name.endswith("_proj.weight")]
    return [*found, session.figures()["grad_norm"], *(sizes if rank() == 0 else [])]


if __name__ == "__main__":
    start_distributed(0)
    table = [losses(**json.loads(argument)) for argument in sys.argv[1:]]
    if rank() == 0:
        print(json.dumps(table))
    end_rank(0)
