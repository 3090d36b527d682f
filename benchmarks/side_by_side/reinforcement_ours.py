"""Take GRPO steps with our own loop; the last line of output is a JSON object of what they cost.

`cpu_seconds` and `wall_seconds` by step, `tokens` drawn in all steps, and the `peak` resident size in bytes. What the
first step costs is left out. With --algorithm ppo the same by PPO, whose critic is a second network.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from side_by_side.reinforcement_inputs import GROUP, PROMPTS
from typing_extensions import override

from mathmill.job import Job
from mathmill.recipe import Recipe
from mathmill.reinforcement.train import reinforce
from mathmill.tracking.task_run import NoRun
from mathmill.training.arguments import training_parser


class Clock(NoRun):
    """Notes the time, and the tokens, when a step's figures are logged."""

    def __init__(self) -> None:
        super().__init__()
        self.cpu: list[float] = []
        self.wall: list[float] = []
        self.figures: list[Mapping[str, float]] = []

    @override
    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        self.cpu.append(time.process_time())
        self.wall.append(time.monotonic())
        self.figures.append(metrics)


def main() -> int:
    """Train as the setting says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("setting", type=Path)
    parser.add_argument("--algorithm", default="grpo")
    arguments = parser.parse_args()
    setting = json.loads(arguments.setting.read_text(encoding="utf-8"))
    torch.set_num_threads(setting["threads"])
    clock = Clock()
    with tempfile.TemporaryDirectory() as out:
        job = Job("rl", _recipe(setting, arguments.algorithm), Path(out), Path(out), clock)
        reinforce(job, training_parser("rl").parse_args(["--model", setting["model"]]))
    print(
        json.dumps(
            {
                "cpu_seconds": [after - before for before, after in zip(clock.cpu, clock.cpu[1:], strict=False)],
                "wall_seconds": [after - before for before, after in zip(clock.wall, clock.wall[1:], strict=False)],
                "tokens": sum(figures["num_tokens"] for figures in clock.figures),
                "split": {name: clock.figures[-1][f"seconds/{name}"] for name in ("generate", "reward", "train")},
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        )
    )
    return 0


def _recipe(setting: Mapping[str, object], algorithm: str) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "benchmark",
            "launch": {"processes": 1, "threads": setting["threads"]},
            "deepspeed": {"zero_optimization": {"stage": 0}},
            "prompt": {"suffix": ""},
            "reinforce": {
                "algorithm": algorithm,
                "questions": [{"kind": "file", "path": setting["questions"]}],
                "rewards": [{"kind": "overlong", "margin": setting["longest"]}],
                "group": GROUP,
                "questions_per_step": PROMPTS,
                "steps": setting["steps"],
                "micro_batch": PROMPTS * GROUP,
                "sampling": {"max_new_tokens": setting["longest"]},
                "checkpoint_steps": 1000,
            },
        }
    )


if __name__ == "__main__":
    sys.exit(main())
