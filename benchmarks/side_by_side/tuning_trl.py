"""Tune with TRL's SFTTrainer; the last line of output is a JSON object: `tokens`, `cpu_seconds`, `loss`.

What the first step costs is left out, and so is what comes before it. Tokens are those that are no padding. Runs in the
peer's environment, which is also why it knows nothing of our modules.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from datasets import load_dataset
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback
from trl import SFTConfig, SFTTrainer


class Clock(TrainerCallback):
    """When the first step was done."""

    began = 0.0

    def on_step_end(self, _arguments: Any, state: Any, _control: Any, **_: Any) -> None:
        """Start after the first step."""
        if state.global_step == 1:
            self.began = time.process_time()


class Counting(SFTTrainer):
    """Counts the tokens of all steps but the first."""

    tokens = 0

    def training_step(self, model: Any, inputs: Any, *rest: Any) -> torch.Tensor:
        """One forward and backward pass."""
        if self.state.global_step:
            mask = inputs.get("attention_mask")
            self.tokens += inputs["input_ids"].numel() if mask is None else int(mask.sum())
        return super().training_step(model, inputs, *rest)


def main() -> int:
    """Train as the setting says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("setting", type=Path)
    parser.add_argument("--packing", action="store_true")
    arguments = parser.parse_args()
    setting = json.loads(arguments.setting.read_text(encoding="utf-8"))
    portion, micro = setting["examples_per_step"], setting["micro_examples"]
    if arguments.packing:
        # Its packed rows have a mask over all they hold: one sequence a forward pass is its fastest way.
        portion, micro = setting["batch"], 1
    clock = Clock()
    with tempfile.TemporaryDirectory() as out:
        trainer = Counting(
            model=AutoModelForCausalLM.from_pretrained(setting["model"], dtype=torch.float32),
            processing_class=PreTrainedTokenizerFast.from_pretrained(setting["model"]),
            train_dataset=load_dataset("json", data_files=setting["examples"], split="train", cache_dir=out),
            callbacks=[clock],
            args=SFTConfig(
                output_dir=out,
                max_steps=setting["steps"],
                per_device_train_batch_size=micro,
                gradient_accumulation_steps=portion // micro,
                max_length=setting["context"],
                packing=arguments.packing,
                completion_only_loss=True,
                learning_rate=5e-5,
                lr_scheduler_type="constant",
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
        )
        result = trainer.train()
        seconds = time.process_time() - clock.began
    print(json.dumps({"tokens": trainer.tokens, "cpu_seconds": seconds, "loss": result.training_loss}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
