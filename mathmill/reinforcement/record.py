"""What reinforcement leaves behind: figures, samples as Parquet by step, and in the end a table and curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch.distributed as dist
from matplotlib.figure import Figure

from mathmill.grading.grader import count_outcomes
from mathmill.reinforcement.sample import Group
from mathmill.reward.solutions import Judged

SAMPLES = "samples"
SHOWN = 64
"""Samples of a step in the MLflow table."""


def of_all_ranks(mine: Sequence[Any]) -> list[Any]:
    """What ranks have one by one of, in the order in which it was dealt to them; the same on every rank."""
    gathered: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, list(mine))
    return [one for dealt in zip(*gathered, strict=True) for one in dealt]


def sample_figures(groups: Sequence[Group]) -> dict[str, float]:
    """Figures of a step's samples, named as TRL names them."""
    samples = [sample for group in groups for sample in group]
    rewards = np.array([[sample.reward for sample in group] for group in groups])
    spread = rewards.std(axis=1)
    lengths = [len(sample.completion.token_ids) for sample in samples]
    outcomes = count_outcomes(sample.verdict for sample in samples)
    kinds: dict[str, float] = {}
    for kind in samples[0].rewards:
        values = [sample.rewards[kind] for sample in samples]
        kinds |= {f"rewards/{kind}/mean": float(np.mean(values)), f"rewards/{kind}/std": float(np.std(values))}
    return {
        "reward": float(rewards.mean()),
        "reward_std": float(spread.mean()),
        "frac_reward_zero_std": float((spread == 0).mean()),
        "accuracy": outcomes["right"] / len(samples),
        **kinds,
        "reward/missing_answers": outcomes["missing"] / len(samples),
        "reward/parse_failures": outcomes["unparsable"] + outcomes["failed"],
        "reward/timeouts": outcomes["timed_out"],
        "completions/mean_length": float(np.mean(lengths)),
        "completions/min_length": min(lengths),
        "completions/max_length": max(lengths),
        "completions/clipped_ratio": float(np.mean([one.completion.finish_reason == "length" for one in samples])),
    }


def write_samples(folder: Path, step: int, groups: Sequence[Group], coefficients: Sequence[float | None]) -> None:
    """Write the samples of a step to `folder`/samples, one Parquet file a step.

    Args:
        folder: the job's output.
        step: counted from 1.
        groups: of all ranks.
        coefficients: the mean weight of each sample's tokens in the objective; None where rewards alone do not decide
            it.
    """
    samples = [sample for group in groups for sample in group]
    rows = [
        {
            "step": step,
            "question_id": sample.question.id,
            "question": sample.question.question,
            "gold": sample.question.answer,
            "completion": sample.completion.text,
            "answer": sample.verdict.answer,
            "outcome": sample.verdict.outcome,
            "reward": sample.reward,
            **{f"reward_{kind}": value for kind, value in sample.rewards.items()},
            "step_ends": sample.steps and sample.steps.ends,
            "step_rewards": sample.steps and sample.steps.rewards,
            "coefficient": coefficient,
            "version": sample.completion.version,
            "finish_reason": sample.completion.finish_reason,
            "token_ids": sample.completion.token_ids,
            "log_probs": sample.completion.log_probs,
        }
        for sample, coefficient in zip(samples, coefficients, strict=True)
    ]
    (folder / SAMPLES).mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), _file(folder, step), compression="zstd")


def sample_table(folder: Path, steps: Sequence[int]) -> dict[str, list[Any]]:
    """The first samples of some steps, as columns of a table to look at."""
    columns = ["step", "question", "gold", "completion", "answer", "outcome", "reward", "coefficient"]
    parts = [pq.read_table(_file(folder, step), columns=columns).slice(0, SHOWN) for step in steps]
    table: dict[str, list[Any]] = pa.concat_tables(parts).to_pydict()
    return table


def judged_samples(folder: Path, steps: Sequence[int], newest: int) -> list[Judged]:
    """The newest samples of some steps, with their verdicts, for a reward model to learn from; none is held out."""
    columns = ["question_id", "question", "gold", "completion", "outcome"]
    rows = pa.concat_tables([pq.read_table(_file(folder, step), columns=columns) for step in steps]).to_pylist()
    return [
        Judged(
            row["question_id"],
            row["question"],
            row["gold"],
            row["completion"].strip(),
            row["outcome"] == "right",
            False,
        )
        for row in rows[-newest:]
    ]


def curves(history: Sequence[Mapping[str, float]], validations: Sequence[Mapping[str, float]]) -> Figure:
    """Reward, accuracy and validation, divergence and entropy, and length of the completions by step."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    panels = (("reward", "accuracy"), ("kl", "entropy"), ("completions/mean_length",))
    steps = range(1, len(history) + 1)
    for axes, names in zip(figure.subplots(1, len(panels)), panels, strict=True):
        for name in names:
            if name in history[0]:
                axes.plot(steps, [figures[name] for figures in history], label=name)
        if "accuracy" in names and validations:
            measured = [(one["step"], one["validation/accuracy"]) for one in validations]
            axes.plot(*zip(*measured, strict=True), "o--", label="validation/accuracy")
        axes.set_xlabel("step")
        axes.legend()
        axes.grid(alpha=0.3)
    return figure


def _file(folder: Path, step: int) -> Path:
    return folder / SAMPLES / f"step-{step:06d}.parquet"
