"""Tune a base model on solved questions (section 3 of the paper)."""

import argparse
import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from mathmill import home
from mathmill.errors import UserError
from mathmill.job import Figures, Job, run_job
from mathmill.output import write_text
from mathmill.progress import progress
from mathmill.questions.benchmarks import benchmark_name
from mathmill.recipe import Recipe
from mathmill.tracking.model_names import PARENT_MODEL
from mathmill.training.arguments import training_parser
from mathmill.training.chat import set_chat_template
from mathmill.training.examples import load_examples
from mathmill.training.figures import step_curve
from mathmill.training.keeping import keep_checkpoint, remove_checkpoints, restore_checkpoint
from mathmill.training.model_directory import ModelRecord, read_record, save_model
from mathmill.training.packing import Example, Packed, lay_out
from mathmill.training.segment_attention import enable_segment_attention
from mathmill.training.session import Session, end_rank, rank, start_distributed, total, world_size
from mathmill.training.tuning_batches import Batches

REJECTS = "rejected_questions.jsonl"


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point; every rank runs it."""
    arguments = training_parser("sft").parse_args(argv)
    return run_job("sft", arguments, lambda job: tune(job, arguments), resume=True)


def tune(job: Job, arguments: argparse.Namespace) -> Figures:
    """Train and save the instruct model; `job.out` becomes the model folder."""
    from transformers import AutoTokenizer

    recipe = job.recipe
    base = arguments.model or home.newest_output(recipe.name, "base")
    parent = read_record(base)
    device = start_distributed(recipe.seed)
    tokenizer = AutoTokenizer.from_pretrained(base)
    if tokenizer.chat_template is None:
        set_chat_template(tokenizer)
    examples, rejected = load_examples(recipe, tokenizer)
    if rank() == 0:
        rows = [json.dumps(asdict(one), ensure_ascii=False) for one in rejected]
        write_text(job.out / REJECTS, "".join(f"{row}\n" for row in rows))
        learned = hashlib.sha256(b"".join(one.ids.tobytes() for one in examples)).hexdigest()
        sources = ", ".join(benchmark_name(source.questions) for source in recipe.instruct.sources)
        job.run.log_input("instruct", digest=learned, source=sources, context="instruction tuning")
    batches = Batches(examples, recipe)
    settings = recipe.instruct
    accumulation = settings.batch // (settings.micro_batch * world_size())
    model = load_model(base)
    session = Session(model, recipe, settings.optimizer, steps=settings.steps, accumulation=accumulation)
    losses = _train(job, session, batches, device)
    weights = session.whole_weights()
    if rank() == 0:
        record = ModelRecord(
            "instruct", recipe.name, recipe.digest(), str(base), parent.corpus_digest, job.run.known_id()
        )
        save_model(session.model, tokenizer, job.out, record, weights)
        job.run.register_model(job.final, job.recipe.name, "instruct", {PARENT_MODEL: str(base)})
        job.run.log_figure(step_curve(losses, "Instruction tuning loss", "loss (nats a token)"), "loss.png")
        job.run.log_artifact(job.out / REJECTS)
    remove_checkpoints(job, session)
    return {
        "steps": settings.steps,
        "examples": len(examples),
        "rejected": len(rejected),
        **{f"rejected_{reason}": count for reason, count in sorted(Counter(one.reason for one in rejected).items())},
        "epochs": settings.steps * settings.batch / len(batches),
        "first_loss": losses[0],
        "last_loss": losses[-1],
    }


def load_model(place: Any) -> Any:
    """The causal language model at `place`, for packed rows: its calls need `segment_lengths`."""
    from transformers import AutoModelForCausalLM

    attention = enable_segment_attention()
    return AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32, attn_implementation=attention)


def _train(job: Job, session: Session, batches: Batches, device: torch.device) -> list[float]:
    """The losses of all steps, of which those before the newest checkpoint are not taken again."""
    settings = job.recipe.instruct
    state = restore_checkpoint(job, session) or {"step": 0, "losses": []}
    losses: list[float] = state["losses"]
    first = state["step"]
    for step in progress(range(first, settings.steps), total=settings.steps, unit="steps", start=first):
        began = time.monotonic()
        sequences = batches.sequences(step)
        loss = train_step(session, sequences, job.recipe, device)
        if not math.isfinite(loss):
            raise UserError(f"sft: the loss is {loss} at step {step}: lower instruct.optimizer.learning_rate")
        losses.append(loss)
        tokens = total(sum(len(example) for sequence in sequences for example in sequence), device)
        rate = tokens / (time.monotonic() - began)
        job.run.log_metrics({"loss": loss, "tokens_per_second": rate, **session.figures()}, step=step + 1)
        if (step + 1) % settings.checkpoint_steps == 0 and step + 1 < settings.steps:
            keep_checkpoint(job, session, step + 1, {"losses": losses})
    return losses


def train_step(session: Session, sequences: Sequence[Sequence[Example]], recipe: Recipe, device: torch.device) -> float:
    """One optimiser step on this rank's sequences; the mean loss of all targets over all ranks."""
    micro = recipe.instruct.micro_batch
    across = recipe.instruct.attention == "across_examples"
    rows = [
        lay_out(sequences[start : start + micro], across_examples=across).to(device)
        for start in range(0, len(sequences), micro)
    ]
    targets = total(sum(len(row.targets) for row in rows), device)
    loss_sum = 0.0
    for row in rows:
        loss = summed_loss(session.engine, row)
        # DeepSpeed divides by ranks and passes; the loss is the mean over the targets of the whole step.
        session.backward(loss * (len(rows) * world_size() / targets))
        session.step()
        loss_sum += float(loss.detach())
    return total(loss_sum, device) / targets


def summed_loss(model: Any, row: Packed) -> torch.Tensor:
    """The cross-entropy summed over a row's targets; the vocabulary's logits are computed before these alone."""
    logits = model(
        input_ids=row.input_ids,
        position_ids=row.position_ids,
        segment_lengths=row.segment_lengths,
        logits_to_keep=row.predicting,
        use_cache=False,
    ).logits
    exact = torch.promote_types(logits.dtype, torch.float32)
    return torch.nn.functional.cross_entropy(logits[0].to(exact), row.targets, reduction="sum")


if __name__ == "__main__":
    end_rank(main())
