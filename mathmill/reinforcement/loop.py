"""The loop of reinforcement: take samples, learn, measure; and the iterations around it (algorithm 1 of the paper)."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file

from mathmill.errors import UserError
from mathmill.job import Job
from mathmill.progress import progress
from mathmill.questions import Question
from mathmill.recipe_reinforcement import PREFERENCES
from mathmill.reinforcement.advantages import coefficients
from mathmill.reinforcement.engines import ROLLOUT_ROWS
from mathmill.reinforcement.exploration import Explored
from mathmill.reinforcement.questions import Selection
from mathmill.reinforcement.record import judged_samples, of_all_ranks, sample_figures, write_samples
from mathmill.reinforcement.refresh import LivePolicy, refresh
from mathmill.reinforcement.rewards import Judges
from mathmill.reinforcement.sample import Group
from mathmill.reinforcement.sources import Pending, Source
from mathmill.reinforcement.update import Learner, update
from mathmill.reinforcement.validation import validate
from mathmill.reward.scoring import RewardModel
from mathmill.rollout.engine import Engine
from mathmill.training.keeping import keep_checkpoint
from mathmill.training.session import rank, world_size

CRITIC = "critic"
"""Folder of the critic's checkpoints."""
VALIDATION_SAMPLES = "validation_samples.json"
"""The table in MLflow of what was answered in validations so far."""


@dataclass(slots=True)
class Progress:
    """Where a run stands; it is in every checkpoint."""

    step: int
    """Steps done."""
    history: list[dict[str, float]]
    validations: list[dict[str, float]]
    shown: list[dict[str, Any]]
    """Completions of the validations, each with its `step`."""


def dealt(state: Mapping[str, Any]) -> Pending:
    """This rank's part of what was drawn ahead when a checkpoint was written, by whatever number of ranks."""
    return {
        step: Explored([group for _, group in pairs], [index for index, _ in pairs])
        for step, everyone in state["pending"].items()
        for pairs in [everyone[rank() :: world_size()]]
    }


class Loop:
    """Steps from where a run stands to its end."""

    def __init__(
        self,
        job: Job,
        learner: Learner,
        source: Source,
        selection: Selection,
        judges: Judges,
        engine: Engine,
        held_out: Sequence[Question],
        rewards: Mapping[str, Path],
        progress: Progress,
    ) -> None:
        """Put the parts together.

        Args:
            job: its folder gets samples and checkpoints.
            learner: what learns.
            source: of samples.
            selection: remembers how questions were answered.
            judges: of samples; their reward models change with the iterations.
            engine: draws from the policy as it is.
            held_out: questions of the validation.
            rewards: folders of the reward models, by kind.
            progress: where to begin.
        """
        self._job = job
        self._learner = learner
        self._source = source
        self._selection = selection
        self._judges = judges
        self._engine = engine
        self._held_out = held_out
        self._rewards = dict(rewards)
        self.progress = progress

    def run(self) -> None:
        """Take all steps that are still to take."""
        settings = self._job.recipe.reinforce
        first, total = self.progress.step, settings.steps
        length = total // settings.iterations
        if first == 0:
            self._validate()
        for step in progress(range(first, total), total=total, unit="steps", start=first):
            if step == first or step % length == 0:
                self._begin(step, step // length, length)
            figures = self._step(step)
            if not math.isfinite(figures["objective"]):
                raise UserError(
                    f"rl: the objective is {figures['objective']} at step {step + 1}: lower"
                    " reinforce.optimizer.learning_rate"
                )
            self.progress.step = step + 1
            self.progress.history.append(figures)
            self._job.run.log_metrics(figures, step=step + 1)
            last = step + 1 == total
            if settings.validation and ((step + 1) % settings.validation.steps == 0 or last):
                self._validate()
            if (step + 1) % settings.checkpoint_steps == 0 and not last:
                self._save()

    def _step(self, step: int) -> dict[str, float]:
        """Explore, and update; the figures are the same on every rank."""
        learner = self._learner
        began = time.monotonic()
        learner.session.engine.eval()
        explored = self._source.take(step)
        everyone: list[Group] = of_all_ranks(explored.groups)
        self._selection.learn(self._shares(explored, everyone))
        if rank() == 0:
            write_samples(self._job.out, step + 1, everyone, self._coefficients(everyone))
        taken = time.monotonic()
        learner.session.engine.train()
        figures = update(learner, explored.groups, everyone, step)
        self._source.updated(step + 1)
        trained = time.monotonic()
        tokens = sum(len(sample.completion.token_ids) for group in everyone for sample in group)
        if learner.critic is not None:
            figures |= {f"critic/{name}": value for name, value in learner.critic.session.figures().items()}
        return {
            **sample_figures(everyone),
            **figures,
            **learner.session.figures(),
            "num_tokens": tokens,
            "groups_replaced": sum(of_all_ranks([explored.replaced])),
            **{f"seconds/{name}": seconds for name, seconds in explored.seconds.items()},
            "seconds/train": trained - taken,
            "tokens_per_second": tokens / (trained - began),
        }

    def _shares(self, explored: Explored, everyone: Sequence[Group]) -> list[tuple[int, float]]:
        """Of each question of the step, on all ranks, the share of right samples."""
        indices = of_all_ranks(explored.indices)
        return [
            (index, sum(sample.verdict.right for sample in group) / len(group))
            for index, group in zip(indices, everyone, strict=True)
        ]

    def _coefficients(self, everyone: Sequence[Group]) -> Sequence[float | None]:
        """The mean coefficient of each sample's tokens, where rewards alone decide it."""
        settings = self._job.recipe.reinforce
        if settings.algorithm in ("ppo", *PREFERENCES):
            return [None] * sum(map(len, everyone))
        return [float(tokens.mean()) for tokens in coefficients(everyone, settings)]

    def _begin(self, step: int, iteration: int, length: int) -> None:
        """Begin an iteration, or go on within one: its rewards, its reference, its samples."""
        if iteration > 0:
            for kind, folder in self._rewards.items():
                self._refresh(kind, folder, iteration, length)
            self._renew_reference(iteration)
        self._source.begin(step, (iteration + 1) * length)

    def _refresh(self, kind: str, folder: Path, iteration: int, length: int) -> None:
        job, learner = self._job, self._learner
        for number in range(1, iteration + 1):
            steps = range((number - 1) * length + 1, number * length + 1)
            out = job.out / f"{kind}-{number + 1}"
            judged = judged_samples(job.out, steps, job.recipe.reinforce.refresh.samples)
            policy = LivePolicy(self._judges.tokenizer, self._engine, ROLLOUT_ROWS)
            folder = refresh(job, folder, judged, policy, self._judges.grader, learner.device, out)
        self._judges.models[kind] = RewardModel.load(folder, job.recipe.prompt.suffix, learner.device)

    def _renew_reference(self, iteration: int) -> None:
        """The reference becomes the policy as it was when the iteration began."""
        reference = self._learner.reference
        if reference is None:
            return
        file = self._job.out / f"reference-{iteration + 1}.safetensors"
        weights = self._weights()
        if rank() == 0 and not file.is_file():
            part = file.with_suffix(".part")
            save_file({name: tensor.clone() for name, tensor in weights.items()}, part)
            part.rename(file)
        dist.barrier()
        reference.become(load_file(file))

    def _weights(self) -> Mapping[str, torch.Tensor]:
        session = self._learner.session
        whole = session.whole_weights()
        return session.model.state_dict() if whole is None else whole

    def _validate(self) -> None:
        settings = self._job.recipe.reinforce.validation
        if settings is None:
            return
        self._engine.adopt(self.progress.step, self._weights)
        seen = validate(
            self._engine, self._judges.tokenizer, self._held_out, self._judges.grader, self._job.recipe, settings
        )
        now = self.progress
        now.validations.append({"step": now.step, **seen.figures})
        now.shown += [{"step": now.step, **row} for row in seen.shown]
        self._job.run.log_metrics(seen.figures, step=now.step)
        self._job.run.log_rows(now.shown, VALIDATION_SAMPLES)

    def _save(self) -> None:
        job, learner, now = self._job, self._learner, self.progress
        pending = {
            step: of_all_ranks(list(zip(explored.indices, explored.groups, strict=True)))
            for step, explored in sorted(self._source.pending().items())
        }
        if learner.critic is not None:
            learner.critic.session.save(job.out / CRITIC, now.step, {}, kept=2)
        keep_checkpoint(
            job,
            learner.session,
            now.step,
            {
                "history": now.history,
                "validations": now.validations,
                "shown": now.shown,
                "shares": self._selection.shares,
                "pending": pending,
            },
        )
