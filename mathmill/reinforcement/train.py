"""Reinforcement learning on questions with known answers (section 4 of the paper)."""

import argparse
import copy
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mathmill import home
from mathmill.errors import UserError
from mathmill.evaluation.grading import Grader
from mathmill.job import Figures, Job, job_parser, run_job
from mathmill.progress import progress
from mathmill.questions import Question, load_questions
from mathmill.recipe import Recipe
from mathmill.reinforcement.advantages import accepted, group_advantages
from mathmill.reinforcement.objectives import grpo_objective
from mathmill.rollout.engine import Completion
from mathmill.rollout.transformers_engine import TransformersEngine
from mathmill.tracking import PARENT_MODEL
from mathmill.training.chat import prompt_ids
from mathmill.training.figures import step_curve
from mathmill.training.model_directory import ModelRecord, read_record, save_model
from mathmill.training.session import Session, rank, start_distributed, total, world_size


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point; every rank runs it."""
    parser = job_parser(__doc__, stage="rl")
    parser.add_argument("--model", type=Path, help="folder of the instruct model (default: the recipe's newest)")
    arguments = parser.parse_args(argv)
    return run_job("rl", arguments, lambda job: reinforce(job, arguments), resume=True)


@dataclass(frozen=True, slots=True)
class Sample:
    """A completion with what it earned."""

    prompt: list[int]
    completion: Completion
    right: bool
    reward: float


def reinforce(job: Job, arguments: argparse.Namespace) -> Figures:
    """Train and save the policy; `job.out` becomes the model folder."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    recipe = job.recipe
    settings = recipe.reinforce
    if any(part.kind != "rule" for part in settings.rewards):
        raise UserError(f"recipe {recipe.name}: reinforce.rewards: only `rule` can be computed so far; remove the rest")
    parent_path = arguments.model or home.newest_output(recipe.name, "instruct")
    parent = read_record(parent_path)
    device = start_distributed(recipe.seed)
    tokenizer = AutoTokenizer.from_pretrained(parent_path)
    model = AutoModelForCausalLM.from_pretrained(parent_path, dtype=torch.float32)
    reference = copy.deepcopy(model).eval().requires_grad_(requires_grad=False).to(device)
    questions = _questions(recipe)
    per_rank = settings.questions_per_step // world_size() * settings.group
    passes = -(-per_rank // settings.micro_batch)
    steps = settings.steps * settings.updates
    session = Session(model, recipe, settings.optimizer, steps=steps, accumulation=passes)
    state = session.restore(job.out) or {"step": 0, "accuracies": []}
    accuracies: list[float] = state["accuracies"]
    first = state["step"]
    engine = TransformersEngine(session.model, tokenizer, batch=per_rank)
    with Grader(processes=1) as grader:
        for step in progress(range(first, settings.steps), total=settings.steps, unit="steps", start=first):
            began = time.monotonic()
            session.engine.eval()
            samples = _sample(engine, tokenizer, grader, questions, recipe, step)
            sampled = time.monotonic()
            session.engine.train()
            figures = _update(session, reference, samples, recipe, tokenizer.pad_token_id or 0, device)
            figures |= _sample_figures(samples, settings.group, device)
            accuracies.append(figures["accuracy"])
            times = {"seconds/sample": sampled - began, "seconds/train": time.monotonic() - sampled}
            job.run.log_metrics({**figures, **session.figures(), **times}, step=step + 1)
            if rank() == 0 and (step + 1) % settings.checkpoint_steps == 0:
                _log_samples(job, samples, tokenizer, step + 1)
            if (step + 1) % settings.checkpoint_steps == 0 and step + 1 < settings.steps:
                session.save(job.out, step + 1, {"accuracies": accuracies})
    session.close(job.out)
    if rank() == 0:
        record = ModelRecord("rl", recipe.name, recipe.digest(), str(parent_path), parent.corpus_digest, job.run.run_id)
        save_model(session.model, tokenizer, job.out, record)
        job.run.register_model(job.final, recipe.name, "rl", {PARENT_MODEL: str(parent_path)})
        job.run.log_figure(step_curve(accuracies, "Accuracy of the samples", "share right"), "accuracy.png")
    tenth = max(1, len(accuracies) // 10)
    return {
        "steps": settings.steps,
        "questions": len(questions),
        "accuracy_of_first_steps": float(np.mean(accuracies[:tenth])),
        "accuracy_of_last_steps": float(np.mean(accuracies[-tenth:])),
    }


def _questions(recipe: Recipe) -> list[Question]:
    held_out = {one.question for task in recipe.evaluation.tasks.values() for one in load_questions(task)}
    questions = [one for source in recipe.reinforce.questions for one in load_questions(source)]
    questions = [one for one in questions if one.question not in held_out]
    if len(questions) < recipe.reinforce.questions_per_step:
        raise UserError(
            f"recipe {recipe.name}: reinforce.questions hold {len(questions)} questions that are not evaluated on:"
            f" a step needs {recipe.reinforce.questions_per_step}"
        )
    return questions


def _sample(
    engine: TransformersEngine, tokenizer: Any, grader: Grader, questions: Sequence[Question], recipe: Recipe, step: int
) -> list[Sample]:
    """This rank's completions of a step, group after group; a function of seed and step alone."""
    settings = recipe.reinforce
    order = np.random.default_rng([recipe.seed, step]).permutation(len(questions))
    chosen = [questions[i] for i in order[: settings.questions_per_step][rank() :: world_size()]]
    prompts = [prompt_ids(tokenizer, question.question, recipe.prompt.suffix) for question in chosen]
    seed = recipe.seed * 1_000_003 + step
    groups = engine.generate(prompts, settings.sampling, samples=settings.group, seed=seed)
    flat = [
        (prompt, completion, question.answer)
        for prompt, group, question in zip(prompts, groups, chosen, strict=True)
        for completion in group
    ]
    verdicts = grader.grade([completion.text for _, completion, _ in flat], [gold for _, _, gold in flat])
    weight = sum(part.weight for part in settings.rewards)
    return [
        Sample(prompt, completion, verdict.right, weight * verdict.right)
        for (prompt, completion, _), verdict in zip(flat, verdicts, strict=True)
    ]


def _update(
    session: Session, reference: Any, samples: Sequence[Sample], recipe: Recipe, pad: int, device: torch.device
) -> dict[str, float]:
    """`updates` optimiser steps on one batch of samples; figures as means over the ranks."""
    settings = recipe.reinforce
    grpo = settings.algorithm == "grpo"
    rewards = torch.tensor([sample.reward for sample in samples]).view(-1, settings.group)
    right = torch.tensor([sample.right for sample in samples])
    coefficients = group_advantages(rewards, settings.advantage_epsilon).flatten() if grpo else accepted(right)
    sums = {"kl": 0.0, "clip_ratio": 0.0, "loss": 0.0}
    gap = 0.0
    chunks = range(0, len(samples), settings.micro_batch)
    for _ in range(settings.updates):
        for start in chunks:
            part = samples[start : start + settings.micro_batch]
            ids, mask, sampler = _padded(part, pad, device)
            temperature = settings.sampling.temperature
            policy = _log_probs(session.engine, ids, temperature)
            with torch.no_grad():
                frozen = _log_probs(reference, ids, temperature)
            output = grpo_objective(
                policy,
                sampler,
                frozen,
                coefficients[start : start + settings.micro_batch].to(device),
                mask,
                clip=settings.clip,
                kl_coefficient=settings.kl_coefficient if grpo else 0.0,
            )
            # DeepSpeed takes the mean over passes; a last, smaller pass counts by its completions.
            session.backward(output.loss * (len(part) * len(chunks) / len(samples)))
            session.step()
            share = len(part) / len(samples) / settings.updates
            for name, value in (("kl", output.kl), ("clip_ratio", output.clipped), ("loss", output.loss)):
                sums[name] += float(value.detach()) * share
            gap = max(gap, float(((policy.detach() - sampler).abs() * mask).max()))
    means = {name: total(value, device) / world_size() for name, value in sums.items()}
    return means | {"rollout/logprob_abs_diff_max": gap}


def _padded(
    samples: Sequence[Sample], pad: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids (completions, width), and for the width - 1 predicted tokens the mask and the sampler's log-probs."""
    width = max(len(sample.prompt) + len(sample.completion.token_ids) for sample in samples)
    ids = torch.full((len(samples), width), pad)
    mask = torch.zeros(len(samples), width - 1)
    sampler = torch.zeros(len(samples), width - 1)
    for row, sample in enumerate(samples):
        tokens = sample.prompt + sample.completion.token_ids
        answer = slice(len(sample.prompt) - 1, len(tokens) - 1)
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, answer] = 1
        sampler[row, answer] = torch.tensor(sample.completion.log_probs)
    return ids.to(device), mask.to(device), sampler.to(device)


def _log_probs(model: Any, ids: torch.Tensor, temperature: float) -> torch.Tensor:
    """Log-probability of every token but the first, at the sampler's temperature: (rows, width - 1)."""
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1].float() / temperature
    chosen = logits.gather(2, ids[:, 1:, None]).squeeze(2)
    return chosen - torch.logsumexp(logits, dim=2)


def _sample_figures(samples: Sequence[Sample], group: int, device: torch.device) -> dict[str, float]:
    rewards = np.array([sample.reward for sample in samples]).reshape(-1, group)
    lengths = [len(sample.completion.token_ids) for sample in samples]
    mine = {
        "reward": float(rewards.mean()),
        "reward_std": float(rewards.std(axis=1).mean()),
        "frac_reward_zero_std": float((rewards.std(axis=1) == 0).mean()),
        "accuracy": float(np.mean([sample.right for sample in samples])),
        "completions/mean_length": float(np.mean(lengths)),
        "completions/clipped_ratio": float(np.mean([s.completion.finish_reason == "length" for s in samples])),
    }
    return {name: total(value, device) / world_size() for name, value in mine.items()}


def _log_samples(job: Job, samples: Sequence[Sample], tokenizer: Any, step: int) -> None:
    shown = samples[:32]
    columns = {
        "step": [step] * len(shown),
        "prompt": [tokenizer.decode(sample.prompt) for sample in shown],
        "completion": [sample.completion.text for sample in shown],
        "reward": [sample.reward for sample in shown],
    }
    job.run.log_table(columns, "samples.json")


if __name__ == "__main__":
    sys.exit(main())
