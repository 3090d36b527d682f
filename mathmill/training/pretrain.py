"""Pretrain a causal language model on token shards (section 2.3 of the paper)."""

import argparse
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mathmill import home
from mathmill.corpus.layout import Build
from mathmill.errors import UserError
from mathmill.job import Figures, Job, run_job
from mathmill.progress import progress
from mathmill.recipe import LlamaShape, Recipe
from mathmill.tracking import PARENT_MODEL
from mathmill.training import data
from mathmill.training.arguments import training_parser
from mathmill.training.chat import set_chat_template
from mathmill.training.model_directory import ModelRecord, save_model
from mathmill.training.session import Session, rank, start_distributed, total, world_size


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point; every rank runs it."""
    arguments = training_parser("pretrain").parse_args(argv)
    return run_job("pretrain", arguments, lambda job: pretrain(job, arguments), resume=True)


def pretrain(job: Job, arguments: argparse.Namespace) -> Figures:
    """Train and save the base model; `job.out` becomes the model folder."""
    recipe = job.recipe
    build = Build(arguments.input or home.newest_output(recipe.name, "corpus"))
    device = start_distributed(recipe.seed)
    tokenizer = _tokenizer(recipe, build)
    model = _initial_model(recipe, tokenizer)
    sources = [
        data.load_source(
            Path(source.path) if source.path else build.shards,
            held_out=recipe.pretrain.validation_documents,
            seed=recipe.seed,
            cache=job.out / "datasets" / str(rank()),
        )
        for source in recipe.pretrain.mixture
    ]
    packed = [data.PackedSource(one.training, context=recipe.model.context, seed=recipe.seed) for one in sources]
    batch = recipe.pretrain.batch_tokens // recipe.model.context
    steps = recipe.pretrain.total_tokens // recipe.pretrain.batch_tokens
    mixture = data.Mixture(recipe.pretrain.mixture, steps * batch)
    accumulation = batch // (recipe.pretrain.micro_batch * world_size())
    session = Session(model, recipe, recipe.pretrain.optimizer, steps=steps, accumulation=accumulation)
    state = session.restore(job.out) or {"step": 0, "losses": [], "before": _validate(session, sources, recipe, device)}
    losses: list[float] = state["losses"]
    job.run.log_metrics({"validation_loss": state["before"]}, step=0)
    first = state["step"]
    for step in progress(range(first, steps), total=steps, unit="steps", start=first):
        began = time.monotonic()
        loss = _train_step(session, packed, mixture, step, recipe, device)
        if not math.isfinite(loss):
            raise UserError(f"pretrain: the loss is {loss} at step {step}: lower pretrain.optimizer.learning_rate")
        losses.append(loss)
        rate = recipe.pretrain.batch_tokens / (time.monotonic() - began)
        job.run.log_metrics({"loss": loss, "tokens_per_second": rate, **session.figures()}, step=step + 1)
        if (step + 1) % recipe.pretrain.checkpoint_steps == 0 and step + 1 < steps:
            session.save(job.out, step + 1, {"losses": losses, "before": state["before"]})
    after = _validate(session, sources, recipe, device)
    job.run.log_metrics({"validation_loss": after}, step=steps)
    session.close(job.out)
    if rank() == 0:
        _finish(job, session, tokenizer, build, losses)
    return {
        "steps": steps,
        "tokens": steps * recipe.pretrain.batch_tokens,
        "parameters": sum(parameter.numel() for parameter in session.model.parameters()),
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "validation_loss_before": state["before"],
        "validation_loss_after": after,
    }


def _train_step(
    session: Session,
    packed: Sequence[data.PackedSource],
    mixture: data.Mixture,
    step: int,
    recipe: Recipe,
    device: torch.device,
) -> float:
    """One optimiser step; the mean loss over the ranks. Sequences are dealt to ranks round robin."""
    micro = recipe.pretrain.micro_batch
    batch = recipe.pretrain.batch_tokens // recipe.model.context
    mine = range(step * batch + rank(), (step + 1) * batch, world_size())
    loss_sum = 0.0
    for start in range(0, len(mine), micro):
        rows = [packed[mixture.source[i]][int(mixture.number[i])] for i in mine[start : start + micro]]
        ids = torch.from_numpy(np.stack(rows)).to(device)
        loss = session.engine(input_ids=ids, labels=ids, use_cache=False).loss
        session.backward(loss)
        session.step()
        loss_sum += float(loss.detach())
    return total(loss_sum, device) / (len(mine) // micro * world_size())


@torch.no_grad()
def _validate(session: Session, sources: Sequence[data.Held], recipe: Recipe, device: torch.device) -> float:
    """Mean loss a token over the held-out documents of all sources, each cut to the context."""
    session.engine.eval()
    loss_sum = tokens = 0.0
    documents = [row["input_ids"][: recipe.model.context] for one in sources for row in one.validation]
    for ids in documents[rank() :: world_size()]:
        row = torch.tensor([ids], device=device)
        if row.shape[1] > 1:
            loss_sum += float(session.model(input_ids=row, labels=row, use_cache=False).loss) * (row.shape[1] - 1)
            tokens += row.shape[1] - 1
    session.engine.train()
    return total(loss_sum, device) / max(total(tokens, device), 1)


def _tokenizer(recipe: Recipe, build: Build) -> Any:
    from transformers import AutoTokenizer

    place = recipe.tokenizer.pretrained or build.tokenizer
    tokenizer = AutoTokenizer.from_pretrained(place)
    if tokenizer.chat_template is None:
        set_chat_template(tokenizer)
    return tokenizer


def _initial_model(recipe: Recipe, tokenizer: Any) -> Any:
    from transformers import AutoModelForCausalLM

    if recipe.model.checkpoint is not None:
        return AutoModelForCausalLM.from_pretrained(recipe.model.checkpoint, dtype=torch.float32)
    shape = recipe.model.shape
    if shape is None:
        raise UserError(f"recipe {recipe.name}: model needs a checkpoint or a shape")
    return AutoModelForCausalLM.from_config(_configuration(shape, recipe, tokenizer))


def _configuration(shape: LlamaShape, recipe: Recipe, tokenizer: Any) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.attention_heads,
        num_key_value_heads=shape.key_value_heads,
        tie_word_embeddings=shape.tie_embeddings,
        max_position_embeddings=recipe.model.context,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _finish(job: Job, session: Session, tokenizer: Any, build: Build, losses: Sequence[float]) -> None:
    import shutil

    from mathmill.training.figures import step_curve

    if (cache := job.out / "datasets").is_dir():
        shutil.rmtree(cache)
    record = ModelRecord(
        role="base",
        recipe=job.recipe.name,
        recipe_digest=job.recipe.digest(),
        parent_model=job.recipe.model.checkpoint,
        corpus_digest=data.digest(build.shards),
        mlflow_run_id=job.run.run_id,
    )
    save_model(session.model, tokenizer, job.out, record)
    job.run.register_model(job.final, job.recipe.name, "base", {PARENT_MODEL: str(job.recipe.model.checkpoint)})
    job.run.log_figure(step_curve(losses, "Pretraining loss", "loss (nats a token)"), "loss.png")
    job.run.log_text("\n".join(f"{loss:.9g}" for loss in losses), "losses.txt")


if __name__ == "__main__":
    sys.exit(main())
