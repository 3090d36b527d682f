"""Train a tuned model by reinforcement (sections 4 and 5.2): data source, rewards and algorithm by recipe."""

import argparse
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mathmill import home
from mathmill.errors import UserError
from mathmill.grading.grader import Grader
from mathmill.job import Figures, Job, run_job
from mathmill.questions import Question
from mathmill.questions.benchmarks import benchmark_name
from mathmill.questions.digest import questions_digest
from mathmill.recipe import Recipe
from mathmill.reinforcement.critic import CriticLearner
from mathmill.reinforcement.engines import Engines
from mathmill.reinforcement.exploration import Explorer
from mathmill.reinforcement.history import History
from mathmill.reinforcement.loop import CRITIC, Loop, Progress, dealt
from mathmill.reinforcement.methods import REWARD_KINDS
from mathmill.reinforcement.policy import load_policy, load_reference
from mathmill.reinforcement.questions import Selection, training_questions, validation_questions
from mathmill.reinforcement.record import curves, sample_table
from mathmill.reinforcement.rewards import Judges
from mathmill.reinforcement.sources import (
    LaggedSource,
    OfflineSource,
    Pending,
    PolicySource,
    SolutionSource,
    Source,
)
from mathmill.reinforcement.update import Learner
from mathmill.reward.scoring import RewardModel
from mathmill.rollout.engine import Engine
from mathmill.tracking.model_names import PARENT_MODEL
from mathmill.training.arguments import training_parser
from mathmill.training.keeping import remove_checkpoints, restore_checkpoint
from mathmill.training.model_directory import (
    ModelRecord,
    newest_reward_model,
    of_wrapped,
    read_record,
    save_model,
)
from mathmill.training.session import Session, end_rank, rank, start_distributed, world_size

OFFLINE = "offline"
"""In the folder of an unfinished job: what the first model drew."""


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point; every rank runs it."""
    arguments = training_parser("rl").parse_args(argv)
    return run_job("rl", arguments, lambda job: reinforce(job, arguments), resume=True)


def reinforce(job: Job, arguments: argparse.Namespace) -> Figures:
    """Train and save the policy; `job.out` becomes the model folder."""
    parent = arguments.model or home.newest_output(job.recipe.name, "instruct")
    record = read_record(parent)
    with ExitStack() as stack:
        loop, learner, tokenizer = _loop(job, parent, arguments, stack)
        loop.run()
    _save(job, learner, tokenizer, parent, record.corpus_digest, loop.progress)
    remove_checkpoints(job, learner.session)
    return _summary(loop.progress)


def _loop(job: Job, parent: Path, arguments: argparse.Namespace, stack: ExitStack) -> tuple[Loop, Learner, Any]:
    from transformers import AutoTokenizer

    recipe, settings = job.recipe, job.recipe.reinforce
    questions = training_questions(recipe)
    names = ", ".join(benchmark_name(source) for source in settings.questions)
    job.run.log_input("reinforce", digest=questions_digest(questions), source=names, context="reinforcement")
    rewards = _reward_folders(recipe, arguments)
    device = start_distributed(recipe.seed)
    tokenizer = AutoTokenizer.from_pretrained(parent)
    models = {kind: load_reward_model(folder, kind, recipe, device) for kind, folder in rewards.items()}
    judges = Judges(stack.enter_context(Grader(processes=1)), tokenizer, models)
    learner = _learner(recipe, parent, device)
    engines = Engines(recipe, parent, tokenizer, stack)
    engine = engines.live(learner.session.model.model)
    sampler = engines.vllm() if recipe.rollout.engine == "vllm" else engine
    offline = None
    if settings.source == "offline":
        offline = OfflineSource(job.out / OFFLINE, sampler, questions, judges, recipe)
    state = _restored(job, learner)
    selection = Selection(len(questions), recipe, state["shares"])
    source = offline or _source(learner, engines, sampler, questions, selection, judges, dealt(state))
    progress = Progress(state["step"], state["history"], state["validations"], state["shown"])
    held_out = validation_questions(recipe)
    return Loop(job, learner, source, selection, judges, engine, held_out, rewards, progress), learner, tokenizer


def _learner(recipe: Recipe, parent: Path, device: torch.device) -> Learner:
    settings = recipe.reinforce
    mine = settings.questions_per_step // world_size() * settings.samples
    passes = -(-mine // settings.micro_batch)
    policy = load_policy(parent, settings.lora)
    session = Session(policy, recipe, settings.optimizer, steps=settings.steps * settings.updates, accumulation=passes)
    reference = load_reference(parent, session.model, settings, next(session.model.parameters()).dtype)
    critic = CriticLearner.load(parent, recipe, passes) if settings.algorithm == "ppo" else None
    return Learner(session, passes, reference, critic, recipe, device)


def _restored(job: Job, learner: Learner) -> dict[str, Any]:
    """The state of the newest checkpoint, or that of a run that begins."""
    state = restore_checkpoint(job, learner.session)
    if state is None:
        return {"step": 0, "history": [], "validations": [], "shown": [], "shares": {}, "pending": {}}
    if learner.critic is not None:
        learner.critic.session.restore(job.out / CRITIC, state["step"])
    return state


def _source(
    learner: Learner,
    engines: Engines,
    sampler: Engine,
    questions: list[Question],
    selection: Selection,
    judges: Judges,
    pending: Pending,
) -> Source:
    recipe, session = learner.recipe, learner.session
    settings = recipe.reinforce
    if settings.source == "solutions":
        return SolutionSource(questions, selection, judges.tokenizer, recipe)
    if settings.lag == 0:
        explorer = Explorer(sampler, questions, selection, judges, recipe)
        return PolicySource(explorer, session.model.model.state_dict)
    if recipe.rollout.engine == "transformers":
        copy = load_policy(engines.folder, settings.lora).model
        sampler = engines.copy(copy.to(learner.device, next(session.model.parameters()).dtype))
    explorer = Explorer(sampler, questions, selection, judges, recipe)
    return LaggedSource(explorer, lambda: _copied(session), settings.lag, pending)


def _copied(session: Session) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in session.model.model.state_dict().items()}


def _reward_folders(recipe: Recipe, arguments: argparse.Namespace) -> dict[str, Path]:
    """The folders of the reward models that the rewards ask for, by the kind of reward."""
    asked = {part.kind for part in recipe.reinforce.rewards}
    given = {"outcome_model": arguments.reward, "process_model": arguments.process_reward}
    return {
        kind: folder or newest_reward_model(recipe.name, REWARD_KINDS[kind])
        for kind, folder in given.items()
        if kind in asked
    }


def load_reward_model(folder: Path, kind: str, recipe: Recipe, device: torch.device) -> RewardModel:
    """The model in `folder`.

    Raises:
        UserError: it judges something else.
    """
    model = RewardModel.load(folder, recipe.prompt.suffix, device)
    if model.kind != REWARD_KINDS[kind]:
        option = "--reward" if kind == "outcome_model" else "--process-reward"
        raise UserError(f"{folder} is a {model.kind} model, and reinforce.rewards has {kind}: give {option} another")
    return model


def _save(
    job: Job, learner: Learner, tokenizer: Any, parent: Path, corpus_digest: str | None, progress: Progress
) -> None:
    """Leave the model, its figures and its record; every rank must call it."""
    recipe, session = job.recipe, learner.session
    weights = of_wrapped(session.whole_weights())
    if rank() != 0:
        return
    model = session.model.model
    if recipe.reinforce.lora is not None:
        model = model.merge_and_unload()
    record = ModelRecord("rl", recipe.name, recipe.digest(), str(parent), corpus_digest, job.run.known_id())
    save_model(model, tokenizer, job.out, record, weights)
    history = History.of(recipe, progress.history, progress.validations).write(job.out)
    for name in (CRITIC, OFFLINE):
        shutil.rmtree(job.out / name, ignore_errors=True)
    for file in job.out.glob("reference-*.safetensors"):
        file.unlink()
    job.run.register_model(job.final, recipe.name, "rl", {PARENT_MODEL: str(parent)})
    job.run.log_figure(curves(progress.history, progress.validations), "curves.png")
    job.run.log_table(sample_table(job.out, sorted({1, recipe.reinforce.steps})), "samples.json")
    job.run.log_artifact(history)


def _summary(progress: Progress) -> Figures:
    """Accuracy of the samples in the first and last tenth of the steps, and where the seconds went."""
    history = progress.history
    tenth = max(1, len(history) // 10)

    def mean(name: str, part: Sequence[dict[str, float]]) -> float:
        return float(np.mean([figures[name] for figures in part]))

    seconds = sorted({name for figures in history for name in figures if name.startswith("seconds/")})
    validated = {}
    if progress.validations:
        first, last = (progress.validations[place]["validation/accuracy"] for place in (0, -1))
        validated = {"validation_accuracy_first": first, "validation_accuracy_last": last}
    return {
        "steps": len(history),
        "accuracy_first": mean("accuracy", history[:tenth]),
        "accuracy_last": mean("accuracy", history[-tenth:]),
        **({"kl_last": mean("kl", history[-tenth:])} if "kl" in history[-1] else {}),
        **validated,
        **{f"{name}_total": sum(figures.get(name, 0.0) for figures in history) for name in seconds},
    }


if __name__ == "__main__":
    end_rank(main())
