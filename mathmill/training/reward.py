"""Train a reward model: an outcome model of whole solutions, or a process model of their steps (section 4.2).

The base model, with a head of one logit, learns from solutions that the instruct model draws and whose answers are
judged; the process model from what becomes of their steps when they are completed, or from published labels. Accuracy,
AUC and calibration are measured on questions that were held out.
"""

import argparse
import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from mathmill import home
from mathmill.errors import UserError
from mathmill.grading.grader import Grader
from mathmill.job import Figures, Job, run_job
from mathmill.output import write_text
from mathmill.progress import progress
from mathmill.questions.benchmarks import benchmark_name
from mathmill.recipe import Recipe
from mathmill.reward import losses
from mathmill.reward.calibration import held_out_figures, reliability, reliability_figure
from mathmill.reward.completions import label_solutions
from mathmill.reward.labelled import read_labelled
from mathmill.reward.lessons import Lesson, Lessons
from mathmill.reward.outcome import outcome_lessons
from mathmill.reward.process import process_lessons
from mathmill.reward.reading import Example, Reader
from mathmill.reward.scoring import solution_score
from mathmill.reward.solutions import Policy, draw_solutions
from mathmill.tracking.model_names import PARENT_MODEL
from mathmill.training.arguments import training_parser
from mathmill.training.figures import step_curve
from mathmill.training.keeping import keep_checkpoint, remove_checkpoints, restore_checkpoint
from mathmill.training.model_directory import ModelRecord, RewardKind, read_record, save_model
from mathmill.training.passes import indices_of_step
from mathmill.training.session import Session, end_rank, rank, start_distributed, total, world_size

SOLUTIONS = "solutions"
COMPLETIONS = "completions"
SAMPLES = "samples.jsonl"
REJECTS = "rejected.jsonl"
SHOWN = 100
"""Solutions in the MLflow table."""


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point; every rank runs it."""
    arguments = training_parser("reward").parse_args(argv)
    return run_job("reward", arguments, lambda job: train(job, arguments), resume=True)


def train(job: Job, arguments: argparse.Namespace) -> Figures:
    """Draw, judge, learn, measure and save; `job.out` becomes the model folder."""
    from transformers import AutoTokenizer

    recipe, settings = job.recipe, job.recipe.reward
    kind: RewardKind = arguments.kind or settings.kind
    _check(kind, arguments.completer, recipe)
    instruct = arguments.model or home.newest_output(recipe.name, "instruct")
    parent = read_record(instruct)
    if parent.parent_model is None:
        raise UserError(f"{instruct} names no base model in mathmill.json: train the reward model from a tuned one")
    device = start_distributed(recipe.seed)
    reader = Reader(kind, AutoTokenizer.from_pretrained(instruct), recipe.prompt.suffix)
    lessons = _lessons(job, reader, instruct, arguments.completer, device)
    learned = hashlib.sha256(json.dumps(list(lessons.samples)).encode()).hexdigest()
    names = [benchmark_name(one) for one in settings.questions] + [one.path for one in settings.labelled]
    job.run.log_input("reward", digest=learned, source=", ".join(names), context="reward")
    # Whether solutions were drawn just now or by an earlier try, the head begins with the same weights.
    torch.manual_seed(recipe.seed)
    model = _headed_model(parent.parent_model, reader)
    steps = max(1, settings.epochs * len(lessons.learning) // settings.batch)
    accumulation = settings.batch // (settings.micro_batch * world_size())
    session = Session(model, recipe, settings.optimizer, steps=steps, accumulation=accumulation)
    curve = learn(job, session, lessons.learning, reader, steps, device)
    figures, bins = _measure(session, lessons.testing, reader, recipe, device)
    weights = session.whole_weights()
    if rank() == 0:
        base = parent.parent_model
        record = ModelRecord(
            "reward", recipe.name, recipe.digest(), base, parent.corpus_digest, job.run.known_id(), kind
        )
        save_model(session.model, reader.tokenizer, job.out, record, weights)
        job.run.register_model(job.final, recipe.name, "reward", {PARENT_MODEL: base})
        job.run.log_figure(step_curve(curve, "Reward model loss", f"loss (nats a {_term(kind, recipe)})"), "loss.png")
        job.run.log_figure(reliability_figure(bins), "reliability.png")
        _keep(job, lessons)
    remove_checkpoints(job, session)
    return {**lessons.figures, "rejected": len(lessons.rejected), "steps": steps, "last_loss": curve[-1], **figures}


def _check(kind: RewardKind, completer: Path | None, recipe: Recipe) -> None:
    if kind == "outcome" and completer is not None:
        raise UserError("--completer completes steps, which an outcome model does not judge: add --kind process")
    if kind == "outcome" and recipe.reward.labelled and not recipe.reward.questions:
        raise UserError(f"recipe {recipe.name}: reward.labelled labels steps: add --kind process, or reward.questions")


def _lessons(job: Job, reader: Reader, instruct: Path, completer: Path | None, device: torch.device) -> Lessons:
    """What there is to learn, drawn or read; the same on every rank. The models drawn from are gone afterwards."""
    recipe = job.recipe
    if reader.kind == "process" and not recipe.reward.questions:
        published, rejected = read_labelled(recipe)
        return process_lessons(published, rejected, {}, reader, recipe)
    policy = Policy(instruct, recipe.evaluation.batch, device)
    with Grader(processes=1) as grader:
        judged = draw_solutions(job.out / SOLUTIONS, policy, grader, recipe)
        if reader.kind == "outcome":
            return outcome_lessons(judged, reader, recipe)
        if completer is not None:
            policy = Policy(completer, recipe.evaluation.batch, device)
        labelled, figures = label_solutions(job.out / COMPLETIONS, policy, judged, grader, recipe)
    published, rejected = read_labelled(recipe)
    return process_lessons([*labelled, *published], rejected, figures, reader, recipe)


def _headed_model(base: str, reader: Reader) -> torch.nn.Module:
    """The base model with a new head of one logit: for whole sequences, or for each token."""
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification

    head = AutoModelForSequenceClassification if reader.kind == "outcome" else AutoModelForTokenClassification
    config = AutoConfig.from_pretrained(base, num_labels=1)
    config.pad_token_id = reader.pad
    # Else the library gives heads of tokens a dropout of 0.1 that no one asked for.
    config.classifier_dropout = 0.0
    model: torch.nn.Module = head.from_pretrained(base, config=config, dtype=torch.float32)
    return model


def learn(
    job: Job, session: Session, lessons: Sequence[Lesson], reader: Reader, steps: int, device: torch.device
) -> list[float]:
    """All optimiser steps that are still to do; the loss of every one, those done before included."""
    recipe, settings = job.recipe, job.recipe.reward
    state = restore_checkpoint(job, session) or {"step": 0, "losses": []}
    curve: list[float] = state["losses"]
    first = state["step"]
    for step in progress(range(first, steps), total=steps, unit="steps", start=first):
        chosen = indices_of_step(len(lessons), step, settings.batch, recipe.seed)[rank() :: world_size()]
        curve.append(_train_step(session, [lessons[index] for index in chosen], reader, recipe, device))
        if not math.isfinite(curve[-1]):
            raise UserError(f"reward: the loss is {curve[-1]} at step {step + 1}: lower reward.optimizer.learning_rate")
        job.run.log_metrics({"loss": curve[-1], **session.figures()}, step=step + 1)
        if (step + 1) % settings.checkpoint_steps == 0 and step + 1 < steps:
            keep_checkpoint(job, session, step + 1, {"losses": curve})
    return curve


def _train_step(
    session: Session, lessons: Sequence[Lesson], reader: Reader, recipe: Recipe, device: torch.device
) -> float:
    """One optimiser step; the mean loss over the solutions, pairs or steps of all ranks."""
    micro = recipe.reward.micro_batch
    pairs = _term(reader.kind, recipe) == "pair"
    terms = total(sum(1 if pairs else len(lesson[0].labels) for lesson in lessons), device)
    passes = len(lessons) // micro
    loss_sum = 0.0
    for start in range(0, len(lessons), micro):
        examples = [example for lesson in lessons[start : start + micro] for example in lesson]
        logits = reader.logits(session.engine, examples, device)
        labels = torch.tensor([label for example in examples for label in example.labels], device=device)
        loss = losses.pairwise(logits) if pairs else losses.pointwise(logits, labels)
        # DeepSpeed divides by ranks and passes; the loss is the mean over the terms of the whole step.
        session.backward(loss * (passes * world_size() / terms))
        session.step()
        loss_sum += float(loss.detach())
    return total(loss_sum, device) / terms


def _term(kind: RewardKind, recipe: Recipe) -> str:
    """What the loss is a mean over."""
    if kind == "process":
        return "step"
    return "pair" if recipe.reward.loss == "pairwise" else "solution"


@torch.no_grad()
def _measure(
    session: Session, testing: Sequence[Example], reader: Reader, recipe: Recipe, device: torch.device
) -> tuple[dict[str, float], dict[str, Any]]:
    """Figures of the held-out solutions and, of a process model, of their steps; and the bins of their reliability."""
    session.engine.eval()
    micro = recipe.reward.micro_batch
    scores: list[list[float]] = []
    for start in range(0, len(testing), micro):
        part = testing[start : start + micro]
        probabilities = torch.sigmoid(reader.logits(session.model, part, device))
        scores += [values.tolist() for values in probabilities.split([len(example.ends) for example in part])]
    solutions, verdicts = [solution_score(one) for one in scores], [example.labels[-1] for example in testing]
    figures = {
        "held_out": len(testing),
        "held_out_share_right": sum(verdicts) / len(verdicts),
        **held_out_figures(solutions, verdicts),
    }
    bins = {"solutions": reliability(solutions, verdicts)}
    if reader.kind == "process":
        steps = [score for one in scores for score in one]
        labels = [label for example in testing for label in example.labels]
        figures |= {f"step_{name}": value for name, value in held_out_figures(steps, labels).items()}
        bins["steps"] = reliability(steps, labels)
    return figures, bins


def _keep(job: Job, lessons: Lessons) -> None:
    """Leave every solution and every rejected row in the output, and show some of the solutions in MLflow."""
    for name, rows in ((SAMPLES, lessons.samples), (REJECTS, lessons.rejected)):
        write_text(job.out / name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    job.run.log_artifact(job.out / REJECTS)
    job.run.log_rows(lessons.samples[:SHOWN], "samples.json")


if __name__ == "__main__":
    end_rank(main())
