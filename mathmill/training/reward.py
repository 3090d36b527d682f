"""Train the outcome reward model, which says whether a solution reaches the right answer (section 4.2).

Solutions are drawn from the instruct model, judged by their answers, and learned by the base model with a head of one
logit. Accuracy and AUC are measured on questions that were held out.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from mathmill import home
from mathmill.errors import UserError
from mathmill.evaluation.grading import Grader
from mathmill.job import Figures, Job, run_job
from mathmill.output import write_text
from mathmill.progress import progress
from mathmill.questions import Question, evaluation_questions, load_questions
from mathmill.recipe import Recipe
from mathmill.tracking import PARENT_MODEL
from mathmill.training.arguments import training_parser
from mathmill.training.chat import answer_ids, prompt_ids
from mathmill.training.figures import step_curve
from mathmill.training.model_directory import ModelRecord, read_record, save_model
from mathmill.training.session import Session, rank, start_distributed, total, world_size

SAMPLES = "samples.jsonl"


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point; every rank runs it."""
    arguments = training_parser("reward").parse_args(argv)
    return run_job("reward", arguments, lambda job: train(job, arguments), resume=True)


@dataclass(frozen=True, slots=True)
class Judged:
    """A drawn solution and whether its answer is right."""

    question_id: str
    question: str
    solution: str
    right: bool
    held_out: bool


def train(job: Job, arguments: argparse.Namespace) -> Figures:
    """Draw, judge, learn, measure and save; `job.out` becomes the model folder."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    recipe = job.recipe
    settings = recipe.reward
    instruct = arguments.model or home.newest_output(recipe.name, "instruct")
    parent = read_record(instruct)
    if parent.parent_model is None:
        raise UserError(f"{instruct} names no base model in mathmill.json: train the reward model from a tuned one")
    device = start_distributed(recipe.seed)
    tokenizer = AutoTokenizer.from_pretrained(instruct)
    judged = _judged(job, instruct, tokenizer, device)
    learning = [one for one in judged if not one.held_out]
    testing = [one for one in judged if one.held_out]
    model = AutoModelForSequenceClassification.from_pretrained(
        parent.parent_model, num_labels=1, dtype=torch.float32, pad_token_id=tokenizer.pad_token_id
    )
    steps = max(1, settings.epochs * len(learning) // settings.batch)
    accumulation = settings.batch // (settings.micro_batch * world_size())
    session = Session(model, recipe, settings.optimizer, steps=steps, accumulation=accumulation)
    state = session.restore(job.out) or {"step": 0, "losses": []}
    losses: list[float] = state["losses"]
    order = np.concatenate(
        [np.random.default_rng([recipe.seed, n]).permutation(len(learning)) for n in range(settings.epochs + 1)]
    )
    first = state["step"]
    for step in progress(range(first, steps), total=steps, unit="steps", start=first):
        chosen = order[step * settings.batch : (step + 1) * settings.batch][rank() :: world_size()]
        losses.append(_train_step(session, [learning[i] for i in chosen], tokenizer, recipe, device))
        job.run.log_metrics({"loss": losses[-1], **session.figures()}, step=step + 1)
        if (step + 1) % settings.checkpoint_steps == 0 and step + 1 < steps:
            session.save(job.out, step + 1, {"losses": losses})
    figures = _measure(session, testing, tokenizer, recipe, device)
    session.close(job.out)
    if rank() == 0:
        base = str(parent.parent_model)
        record = ModelRecord("reward", recipe.name, recipe.digest(), base, parent.corpus_digest, job.run.run_id)
        save_model(session.model, tokenizer, job.out, record)
        job.run.register_model(job.final, recipe.name, "reward", {PARENT_MODEL: base})
        job.run.log_figure(step_curve(losses, "Reward model loss", "loss (nats a solution)"), "loss.png")
        shown = [asdict(one) for one in judged[:100]]
        job.run.log_table({name: [row[name] for row in shown] for name in shown[0]}, "samples.json")
    return {
        "samples": len(judged),
        "share_right": float(np.mean([one.right for one in judged])),
        "steps": steps,
        "last_loss": losses[-1],
        **figures,
    }


def _judged(job: Job, instruct: Path, tokenizer: Any, device: torch.device) -> list[Judged]:
    """The solutions drawn on all ranks, the same on each; kept in the output, so drawn once."""
    cached = job.out / SAMPLES
    present: list[bool] = [cached.is_file()]
    dist.broadcast_object_list(present)
    if not present[0]:
        parts: list[list[Judged] | None] = [None] * world_size()
        dist.all_gather_object(parts, _draw(job.recipe, instruct, tokenizer, device))
        if rank() == 0:
            rows = [json.dumps(asdict(one), ensure_ascii=False) for part in parts if part for one in part]
            write_text(cached, "\n".join(rows))
        dist.barrier()
    return [Judged(**json.loads(row)) for row in cached.read_text(encoding="utf-8").splitlines()]


def _draw(recipe: Recipe, instruct: Path, tokenizer: Any, device: torch.device) -> list[Judged]:
    """This rank's share of the questions, `reward.samples` solutions each."""
    from transformers import AutoModelForCausalLM

    from mathmill.rollout.transformers_engine import TransformersEngine

    settings = recipe.reward
    questions = _questions(recipe)
    held = set(np.random.default_rng(recipe.seed).permutation(len(questions))[: _held_out(recipe, len(questions))])
    mine = list(enumerate(questions))[rank() :: world_size()]
    model = AutoModelForCausalLM.from_pretrained(instruct, dtype=torch.float32).to(device).eval()
    engine = TransformersEngine(model, tokenizer, batch=recipe.evaluation.batch)
    prompts = [prompt_ids(tokenizer, question.question, recipe.prompt.suffix) for _, question in mine]
    drawn = engine.generate(prompts, settings.sampling, samples=settings.samples, seed=recipe.seed)
    flat = [(index, question, one.text) for (index, question), group in zip(mine, drawn, strict=True) for one in group]
    with Grader(processes=1) as grader:
        verdicts = grader.grade([text for _, _, text in flat], [question.answer for _, question, _ in flat])
    return [
        Judged(question.id, question.question, text.strip(), verdict.right, index in held)
        for (index, question, text), verdict in zip(flat, verdicts, strict=True)
    ]


def _questions(recipe: Recipe) -> list[Question]:
    held_out = evaluation_questions(recipe)
    loaded = [one for source in recipe.reward.questions for one in load_questions(source)]
    questions = [one for one in loaded if one.question not in held_out]
    if len(questions) < 2:
        raise UserError(f"recipe {recipe.name}: reward.questions hold no two questions to learn from: name a source")
    return questions


def _held_out(recipe: Recipe, count: int) -> int:
    return min(count - 1, max(1, round(count * recipe.reward.held_out)))


def _train_step(
    session: Session, judged: Sequence[Judged], tokenizer: Any, recipe: Recipe, device: torch.device
) -> float:
    """One optimiser step; the mean loss over the ranks."""
    micro = recipe.reward.micro_batch
    loss_sum = 0.0
    for start in range(0, len(judged), micro):
        part = judged[start : start + micro]
        target = torch.tensor([float(one.right) for one in part], device=device)
        logits = _logits(session.engine, part, tokenizer, recipe, device)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
        session.backward(loss)
        session.step()
        loss_sum += float(loss.detach()) * len(part)
    return total(loss_sum, device) / max(total(len(judged), device), 1)


@torch.no_grad()
def _measure(
    session: Session, judged: Sequence[Judged], tokenizer: Any, recipe: Recipe, device: torch.device
) -> dict[str, float]:
    """Accuracy at one half, and AUC where both right and wrong solutions were held out."""
    from sklearn.metrics import roc_auc_score

    session.engine.eval()
    micro = recipe.reward.micro_batch
    parts = [judged[start : start + micro] for start in range(0, len(judged), micro)]
    scores = torch.cat([_logits(session.model, part, tokenizer, recipe, device) for part in parts]).tolist()
    truth = [one.right for one in judged]
    figures = {
        "held_out": len(judged),
        "held_out_share_right": float(np.mean(truth)),
        "accuracy": float(np.mean([(score > 0) == right for score, right in zip(scores, truth, strict=True)])),
    }
    return figures | ({"auc": float(roc_auc_score(truth, scores))} if len(set(truth)) == 2 else {})


def _logits(model: Any, judged: Sequence[Judged], tokenizer: Any, recipe: Recipe, device: torch.device) -> torch.Tensor:
    """The head's logit of each solution, read at its end: float, shape (solutions,)."""
    rows = [
        prompt_ids(tokenizer, one.question, recipe.prompt.suffix) + answer_ids(tokenizer, one.solution)
        for one in judged
    ]
    width = max(map(len, rows))
    ids = torch.tensor([row + [tokenizer.pad_token_id] * (width - len(row)) for row in rows], device=device)
    mask = (ids != tokenizer.pad_token_id).long()
    return model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, 0].float()


if __name__ == "__main__":
    sys.exit(main())
