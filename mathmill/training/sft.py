"""Tune a base model on solved questions (section 3 of the paper)."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from typing import Any

import torch

from mathmill import home
from mathmill.errors import UserError
from mathmill.job import Figures, Job, run_job
from mathmill.output import write_text
from mathmill.progress import progress
from mathmill.questions import Question, evaluation_questions, load_questions
from mathmill.recipe import Recipe
from mathmill.tracking import PARENT_MODEL
from mathmill.training.arguments import training_parser
from mathmill.training.chat import answer_ids, prompt_ids, set_chat_template
from mathmill.training.figures import step_curve
from mathmill.training.model_directory import ModelRecord, read_record, save_model
from mathmill.training.packing import IGNORED, Example, collate, pack
from mathmill.training.session import Session, rank, start_distributed, total, world_size

REJECTS = "rejected_questions.jsonl"


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point; every rank runs it."""
    arguments = training_parser("sft").parse_args(argv)
    return run_job("sft", arguments, lambda job: tune(job, arguments), resume=True)


def tune(job: Job, arguments: argparse.Namespace) -> Figures:
    """Train and save the instruct model; `job.out` becomes the model folder."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    recipe = job.recipe
    base = arguments.model or home.newest_output(recipe.name, "base")
    parent = read_record(base)
    device = start_distributed(recipe.seed)
    tokenizer = AutoTokenizer.from_pretrained(base)
    if tokenizer.chat_template is None:
        set_chat_template(tokenizer)
    examples, rejected = _examples(recipe, tokenizer)
    if rank() == 0:
        write_text(job.out / REJECTS, "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rejected))
    batches = _Batches(examples, recipe)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="sdpa")
    settings = recipe.instruct
    accumulation = settings.batch // (settings.micro_batch * world_size())
    session = Session(model, recipe, settings.optimizer, steps=settings.steps, accumulation=accumulation)
    state = session.restore(job.out) or {"step": 0, "losses": []}
    losses: list[float] = state["losses"]
    first = state["step"]
    for step in progress(range(first, settings.steps), total=settings.steps, unit="steps", start=first):
        loss = _train_step(session, batches.sequences(step), recipe, tokenizer.pad_token_id or 0, device)
        if not math.isfinite(loss):
            raise UserError(f"sft: the loss is {loss} at step {step}: lower instruct.optimizer.learning_rate")
        losses.append(loss)
        job.run.log_metrics({"loss": loss, **session.figures()}, step=step + 1)
        if (step + 1) % settings.checkpoint_steps == 0 and step + 1 < settings.steps:
            session.save(job.out, step + 1, {"losses": losses})
    session.close(job.out)
    if rank() == 0:
        record = ModelRecord("instruct", recipe.name, recipe.digest(), str(base), parent.corpus_digest, job.run.run_id)
        save_model(session.model, tokenizer, job.out, record)
        job.run.register_model(job.final, job.recipe.name, "instruct", {PARENT_MODEL: str(base)})
        job.run.log_figure(step_curve(losses, "Instruction tuning loss", "loss (nats a token)"), "loss.png")
        job.run.log_artifact(job.out / REJECTS)
    return {
        "steps": settings.steps,
        "examples": len(examples),
        "rejected": len(rejected),
        "epochs": settings.steps * settings.batch / len(batches),
        "first_loss": losses[0],
        "last_loss": losses[-1],
    }


class _Batches:
    """Packed sequences by optimiser step; every pass over the examples packs them anew."""

    def __init__(self, examples: Sequence[Example], recipe: Recipe) -> None:
        self._examples = examples
        self._recipe = recipe
        self._passes: list[list[list[int]]] = []

    def __len__(self) -> int:
        return len(self._packed(0))

    def sequences(self, step: int) -> list[list[Example]]:
        """The examples of each sequence of a step, those of this rank."""
        size = self._recipe.instruct.batch
        mine = range(step * size + rank(), (step + 1) * size, world_size())
        return [[self._examples[i] for i in self._sequence(number)] for number in mine]

    def _sequence(self, number: int) -> list[int]:
        done = 0
        for index in range(number + 1):
            packed = self._packed(index)
            if number < done + len(packed):
                return packed[number - done]
            done += len(packed)
        raise AssertionError(number)

    def _packed(self, index: int) -> list[list[int]]:
        while len(self._passes) <= index:
            seed = self._recipe.seed + len(self._passes)
            lengths = [len(example) for example in self._examples]
            self._passes.append(pack(lengths, self._recipe.model.context, seed))
        return self._passes[index]


def _train_step(
    session: Session, sequences: Sequence[Sequence[Example]], recipe: Recipe, pad: int, device: torch.device
) -> float:
    """One optimiser step; the mean loss of the answers' tokens over all ranks."""
    micro = recipe.instruct.micro_batch
    targets = total(sum(len(example.answer) for sequence in sequences for example in sequence), device)
    passes = len(sequences) // micro
    loss_sum = 0.0
    for start in range(0, len(sequences), micro):
        inputs = _batch(sequences[start : start + micro], pad, device)
        labels = inputs.pop("labels")
        logits = session.engine(**inputs, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=IGNORED, reduction="sum"
        )
        # DeepSpeed divides by ranks and passes; the loss is the mean over the targets of the whole step.
        session.backward(loss * (passes * world_size() / targets))
        session.step()
        loss_sum += float(loss.detach())
    return total(loss_sum, device) / targets


def _batch(sequences: Sequence[Sequence[Example]], pad: int, device: torch.device) -> dict[str, torch.Tensor]:
    width = max(sum(len(example) for example in sequence) for sequence in sequences)
    rows = [collate(sequence, width, pad) for sequence in sequences]
    return {name: torch.cat([row[name] for row in rows]).to(device) for name in rows[0]}


def _examples(recipe: Recipe, tokenizer: Any) -> tuple[list[Example], list[dict[str, str]]]:
    """Examples that fit the context, and the questions left out, each with its reason.

    Raises:
        UserError: no example is left.
    """
    held_out = evaluation_questions(recipe)
    examples: list[Example] = []
    rejected: list[dict[str, str]] = []
    for source in recipe.instruct.sources:
        for question in load_questions(source.questions):
            solution = rf"\boxed{{{question.answer}}}" if source.format == "answer" else question.solution
            example, reason = _example(question, solution, recipe, tokenizer, held_out)
            if example is None:
                rejected.append({"id": question.id, "question": question.question, "reason": reason})
            else:
                examples.append(example)
    if not examples:
        raise UserError(f"recipe {recipe.name}: instruct.sources hold no usable example: name a source with solutions")
    return examples, rejected


def _example(
    question: Question, solution: str | None, recipe: Recipe, tokenizer: Any, held_out: set[str]
) -> tuple[Example | None, str]:
    if question.question in held_out:
        return None, "evaluation question"
    if not solution:
        return None, "no solution"
    prompt = prompt_ids(tokenizer, question.question, recipe.prompt.suffix)
    example = Example(prompt, answer_ids(tokenizer, solution))
    if len(example) > recipe.model.context:
        return None, f"{len(example)} tokens are more than the context"
    return example, ""


if __name__ == "__main__":
    sys.exit(main())
