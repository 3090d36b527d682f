"""Train a tuned model by reinforcement: GRPO or online RFT on questions with known answers (section 4 of the paper)."""

import argparse
import math
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
from mathmill.job import Figures, Job, run_job
from mathmill.progress import progress
from mathmill.questions import Question
from mathmill.recipe import Recipe
from mathmill.reinforcement.record import curves, of_all_ranks, sample_figures, sample_table, write_samples
from mathmill.reinforcement.sampling import draw, judge, training_questions
from mathmill.reinforcement.update import coefficients, update
from mathmill.reward.scoring import RewardModel
from mathmill.rollout.transformers_engine import TransformersEngine
from mathmill.tracking import PARENT_MODEL
from mathmill.training.arguments import training_parser
from mathmill.training.model_directory import ModelRecord, read_record, save_model
from mathmill.training.passes import indices_of_step
from mathmill.training.session import Session, end_rank, rank, start_distributed, world_size

SECONDS = ("seconds/generate", "seconds/reward", "seconds/train")
ROLLOUT_ROWS = 256
"""Completions that a rank draws at a time, at most."""


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point; every rank runs it."""
    arguments = training_parser("rl").parse_args(argv)
    return run_job("rl", arguments, lambda job: reinforce(job, arguments), resume=True)


@dataclass(frozen=True, slots=True)
class Loop:
    """What every step needs."""

    job: Job
    session: Session
    reference: Any | None
    """The model that the policy began as; None where the objective does not need it."""
    tokenizer: Any
    engine: TransformersEngine
    questions: list[Question]
    grader: Grader
    outcome_model: RewardModel | None
    device: torch.device

    def step(self, number: int) -> dict[str, float]:
        """Explore, judge and update; `number` counts from 0. The figures are the same on every rank."""
        recipe = self.job.recipe
        settings = recipe.reinforce
        chosen = indices_of_step(len(self.questions), number, settings.questions_per_step, recipe.seed)
        mine = [self.questions[i] for i in chosen[rank() :: world_size()]]
        began = time.monotonic()
        self.session.engine.eval()
        drawn = draw(self.engine, self.tokenizer, mine, recipe, number)
        generated = time.monotonic()
        samples = judge(drawn, self.grader, self.outcome_model, recipe)
        everyone = of_all_ranks(samples)
        rewarded = time.monotonic()
        self.session.engine.train()
        pad = self.tokenizer.pad_token_id or 0
        figures = update(self.session, self.reference, samples, recipe, pad, self.device)
        trained = time.monotonic()
        if rank() == 0:
            write_samples(self.job.out, number + 1, everyone, coefficients(everyone, settings).tolist())
        tokens = sum(len(sample.completion.token_ids) for sample in everyone)
        return {
            **sample_figures(everyone, settings.group),
            **figures,
            **self.session.figures(),
            "num_tokens": tokens,
            "seconds/generate": generated - began,
            "seconds/reward": rewarded - generated,
            "seconds/train": trained - rewarded,
            "tokens_per_second": tokens / (trained - began),
        }


def reinforce(job: Job, arguments: argparse.Namespace) -> Figures:
    """Train and save the policy; `job.out` becomes the model folder."""
    recipe, settings = job.recipe, job.recipe.reinforce
    parent_path = arguments.model or home.newest_output(recipe.name, "instruct")
    parent = read_record(parent_path)
    with Grader(processes=1) as grader:
        loop = _loop(job, parent_path, arguments.reward, grader)
        state = loop.session.restore(job.out) or {"step": 0, "history": []}
        history: list[dict[str, float]] = state["history"]
        first = state["step"]
        for step in progress(range(first, settings.steps), total=settings.steps, unit="steps", start=first):
            figures = loop.step(step)
            if not math.isfinite(figures["objective"]):
                raise UserError(f"rl: the objective is {figures['objective']} at step {step + 1}: lower the rate")
            history.append(figures)
            job.run.log_metrics(figures, step=step + 1)
            if (step + 1) % settings.checkpoint_steps == 0 and step + 1 < settings.steps:
                loop.session.save(job.out, step + 1, {"history": history})
    weights = loop.session.whole_weights()
    if rank() == 0:
        record = ModelRecord("rl", recipe.name, recipe.digest(), str(parent_path), parent.corpus_digest, job.run.run_id)
        save_model(loop.session.model, loop.tokenizer, job.out, record, weights)
        job.run.register_model(job.final, recipe.name, "rl", {PARENT_MODEL: str(parent_path)})
        job.run.log_figure(curves(history), "curves.png")
        job.run.log_table(sample_table(job.out, sorted({1, settings.steps})), "samples.json")
    loop.session.close(job.out)
    return _summary(history, len(loop.questions))


def _loop(job: Job, parent: Path, reward: Path | None, grader: Grader) -> Loop:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    recipe, settings = job.recipe, job.recipe.reinforce
    questions = training_questions(recipe)
    device = start_distributed(recipe.seed)
    tokenizer = AutoTokenizer.from_pretrained(parent)
    model = AutoModelForCausalLM.from_pretrained(parent, dtype=torch.float32)
    mine = settings.questions_per_step // world_size() * settings.group
    accumulation = -(-mine // settings.micro_batch)
    steps = settings.steps * settings.updates
    session = Session(model, recipe, settings.optimizer, steps=steps, accumulation=accumulation)
    reference = None
    if settings.algorithm == "grpo" and settings.kl_coefficient > 0:
        reference = AutoModelForCausalLM.from_pretrained(parent, dtype=session.model.dtype).to(device).eval()
    return Loop(
        job=job,
        session=session,
        reference=reference,
        tokenizer=tokenizer,
        engine=TransformersEngine(session.model, tokenizer, batch=ROLLOUT_ROWS),
        questions=questions,
        grader=grader,
        outcome_model=_outcome_model(recipe, reward, device),
        device=device,
    )


def _outcome_model(recipe: Recipe, folder: Path | None, device: torch.device) -> RewardModel | None:
    """The reward model, where some part of the reward asks for it.

    Raises:
        UserError: it judges steps.
    """
    if all(part.kind != "outcome_model" for part in recipe.reinforce.rewards):
        return None
    folder = folder or home.newest_output(recipe.name, "reward")
    model = RewardModel.load(folder, recipe.prompt.suffix, device)
    if model.kind != "outcome":
        raise UserError(f"{folder} is a process model, and reinforce.rewards has outcome_model: give --reward another")
    return model


def _summary(history: Sequence[dict[str, float]], questions: int) -> Figures:
    """Accuracy of the samples in the first and last tenth of the steps, and where the seconds went."""
    tenth = max(1, len(history) // 10)

    def mean(name: str, part: Sequence[dict[str, float]]) -> float:
        return float(np.mean([figures[name] for figures in part]))

    return {
        "steps": len(history),
        "questions": questions,
        "accuracy_first": mean("accuracy", history[:tenth]),
        "accuracy_last": mean("accuracy", history[-tenth:]),
        "kl_last": mean("kl", history[-tenth:]),
        **{f"{name}_total": sum(figures[name] for figures in history) for name in SECONDS},
    }


if __name__ == "__main__":
    end_rank(main())
