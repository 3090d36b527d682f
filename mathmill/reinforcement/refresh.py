"""Between two iterations a reward model learns on, from what the policy drew and from some of what it knew.

Algorithm 1 of the paper: "continuous training using a replay mechanism", with 10% historical data.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from mathmill.grading.grader import Grader
from mathmill.job import Job
from mathmill.output import SUCCESS, partial_path, write_text
from mathmill.recipe import Recipe
from mathmill.reward.completions import Labelled, label_solutions
from mathmill.reward.lessons import Lesson
from mathmill.reward.outcome import outcome_lessons
from mathmill.reward.parts import Row
from mathmill.reward.reading import Reader
from mathmill.reward.scoring import RewardModel
from mathmill.reward.solutions import Judged
from mathmill.rollout.engine import Engine
from mathmill.tracking.task_run import NoRun
from mathmill.training.model_directory import ModelRecord, read_record, save_model
from mathmill.training.reward import SAMPLES, learn
from mathmill.training.session import Session, rank, world_size


@dataclass(frozen=True, slots=True)
class LivePolicy:
    """The policy as it is, to complete solutions with."""

    tokenizer: Any
    engine: Engine
    rows: int
    """Completions to draw at a time."""

    def portion(self, samples: int) -> int:
        """Prompts to draw for in one go, with `samples` completions each."""
        return max(1, self.rows // samples)


def refresh(
    job: Job, old: Path, judged: Sequence[Judged], policy: LivePolicy, grader: Grader, device: torch.device, out: Path
) -> Path:
    """Train the reward model in `old` on, into `out`; done once, whatever the job goes through.

    Args:
        job: of the policy.
        old: folder of the reward model.
        judged: what the policy drew in the iteration.
        policy: completes its steps, where a process model learns.
        grader: judges what it completes.
        device: where to compute.
        out: of the new model.

    Returns:
        `out`.
    """
    if (out / SUCCESS).is_file():
        return out
    recipe = job.recipe
    partial = partial_path(out)
    partial.mkdir(exist_ok=True)
    rewarded = RewardModel.load(old, recipe.prompt.suffix, device)
    if rewarded.kind == "outcome":
        fresh: list[Row] = [asdict(one) for one in judged]
    else:
        labelled, _ = label_solutions(partial / "completions", policy, judged, grader, recipe)
        fresh = [asdict(one) for one in labelled]
    known = _rows(old / SAMPLES)
    lessons = _lessons([*fresh, *replayed(known, len(fresh), recipe)], rewarded.reader, recipe)
    settings = recipe.reward
    steps = max(1, settings.epochs * len(lessons) // settings.batch)
    accumulation = settings.batch // (settings.micro_batch * world_size())
    session = Session(rewarded.model, recipe, settings.optimizer, steps=steps, accumulation=accumulation)
    # Its losses have steps of their own, which the policy's run has no place for.
    learn(replace(job, out=partial, run=NoRun()), session, lessons, rewarded.reader, steps, device)
    weights = session.whole_weights()
    if rank() == 0:
        record = read_record(old)
        made = ModelRecord(
            "reward", recipe.name, recipe.digest(), str(old), record.corpus_digest, job.run.run_id, rewarded.kind
        )
        save_model(session.model, rewarded.reader.tokenizer, partial, made, weights)
        rows = [json.dumps(row, ensure_ascii=False) for row in [*known, *fresh]]
        write_text(partial / SAMPLES, "".join(f"{row}\n" for row in rows))
    session.close(partial)
    if rank() == 0:
        write_text(partial / SUCCESS, "")
        partial.rename(out)
    dist.barrier()
    return out


def replayed(known: Sequence[Row], fresh: int, recipe: Recipe) -> list[Row]:
    """As many of the historical rows as make the recipe's share of all, drawn by its seed; not those held out."""
    share = recipe.reinforce.refresh.replay
    learned = [row for row in known if not row["held_out"]]
    count = min(len(learned), round(fresh * share / (1 - share)))
    chosen = np.random.default_rng([recipe.seed, len(known)]).choice(len(learned), count, replace=False)
    return [learned[index] for index in sorted(chosen)]


def _lessons(rows: Sequence[Row], reader: Reader, recipe: Recipe) -> Sequence[Lesson]:
    if reader.kind == "outcome":
        return outcome_lessons([Judged(**row) for row in rows], reader, recipe).learning
    labelled = [Labelled(**row) for row in rows]
    examples = [reader.steps(one.question, one.steps, one.labels) for one in labelled]
    return [(one,) for one in examples if one.ends and len(one.ids) <= recipe.model.context]


def _rows(path: Path) -> list[Row]:
    return [json.loads(row) for row in path.read_text(encoding="utf-8").split("\n") if row]
