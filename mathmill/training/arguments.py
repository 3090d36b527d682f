"""The arguments of the training stages, apart from the modules that do them: help and mistakes need no torch."""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

from mathmill.job import job_parser


@dataclass(frozen=True, slots=True)
class _Stage:
    description: str
    makes: str
    """Folder of its outputs in the home."""
    inputs: dict[str, str]
    """Option, which takes a path, and its help."""
    choices: dict[str, tuple[list[str], str]] = field(default_factory=dict)
    """Option, the words that it takes, and its help."""


_INSTRUCT = "folder of the instruct model (default: the recipe's newest)"
_STAGES = {
    "pretrain": _Stage(
        "Pretrain a causal language model on token shards (section 2.3 of the paper).",
        "base",
        {"--input": "a corpus build, or a folder with shards/ and tokenizer/ (default: the recipe's newest build)"},
    ),
    "sft": _Stage(
        "Tune a base model on solved questions (section 3 of the paper).",
        "instruct",
        {"--model": "folder of the base model (default: the recipe's newest)"},
    ),
    "reward": _Stage(
        "Train a reward model, which says whether a solution is right, or each of its steps (section 4.2).",
        "reward",
        {"--model": _INSTRUCT, "--completer": "folder of the model that completes steps (default: the instruct model)"},
        {"--kind": (["outcome", "process"], "what it judges (default: the recipe's reward.kind)")},
    ),
    "rl": _Stage(
        "Train a tuned model by reinforcement: GRPO, PPO, DPO, or fine-tuning on right answers (sections 4 and 5.2).",
        "rl",
        {
            "--model": _INSTRUCT,
            "--reward": "folder of the outcome reward model (default: the recipe's newest)",
            "--process-reward": "folder of the process reward model (default: the recipe's newest)",
        },
    ),
}


def training_parser(stage: str) -> argparse.ArgumentParser:
    """The parser of `mathmill train STAGE`, and of the ranks that it starts."""
    about = _STAGES[stage]
    parser = job_parser(about.description, stage=about.makes)
    for option, text in about.inputs.items():
        parser.add_argument(option, type=Path, help=text)
    for option, (words, text) in about.choices.items():
        parser.add_argument(option, choices=words, help=text)
    return parser
