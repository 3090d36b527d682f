"""Take GRPO steps with TRL's GRPOTrainer, set to the paper's Eq. 3; the last line of output is a JSON object.

The same figures as reinforcement_ours.py tells. Runs in the peer's environment, which is also why it knows nothing of
our modules.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from datasets import load_dataset
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

PROMPTS, GROUP = 8, 8
TOKENS = []


class Clock(TrainerCallback):
    """When each step was done."""

    def __init__(self) -> None:
        self.cpu: list[float] = []
        self.wall: list[float] = []

    def on_step_end(self, _arguments: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Note the time."""
        self.cpu.append(time.process_time())
        self.wall.append(time.monotonic())


def shortness(completion_ids: list[list[int]], **_: Any) -> list[float]:
    """The reward: less for longer completions."""
    TOKENS.append(sum(map(len, completion_ids)))
    return [-len(ids) / 128 for ids in completion_ids]


def main() -> int:
    """Train as the setting says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("setting", type=Path)
    setting = json.loads(parser.parse_args().setting.read_text(encoding="utf-8"))
    torch.set_num_threads(setting["threads"])
    clock = Clock()
    with tempfile.TemporaryDirectory() as out:
        rows = load_dataset("json", data_files=setting["questions"], split="train", cache_dir=out)
        trainer = GRPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(setting["model"], dtype=torch.float32),
            processing_class=PreTrainedTokenizerFast.from_pretrained(setting["model"]),
            reward_funcs=shortness,
            train_dataset=rows.select_columns(["question"]).rename_column("question", "prompt"),
            callbacks=[clock],
            args=GRPOConfig(
                output_dir=out,
                max_steps=setting["steps"],
                per_device_train_batch_size=PROMPTS * GROUP,
                num_generations=GROUP,
                max_completion_length=setting["longest"],
                loss_type="grpo",
                beta=0.04,
                use_bias_correction_kl=False,
                temperature=1.0,
                top_k=0,
                learning_rate=1e-6,
                lr_scheduler_type="constant",
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
        )
        trainer.train()
    print(
        json.dumps(
            {
                "cpu_seconds": [after - before for before, after in zip(clock.cpu, clock.cpu[1:], strict=False)],
                "wall_seconds": [after - before for before, after in zip(clock.wall, clock.wall[1:], strict=False)],
                "tokens": sum(TOKENS),
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
