"""Presets, and combinations that make no sense."""

import pytest
from pydantic import ValidationError

from mathmill.recipe_reinforcement import ReinforceRecipe

PROCESS = [{"kind": "process_model"}]


def test_the_paper_is_the_default():
    assert ReinforceRecipe.model_validate({"preset": "paper"}) == ReinforceRecipe()


def test_a_preset_gives_way_to_what_is_written():
    modern = ReinforceRecipe.model_validate({"preset": "modern", "clip_high": 0.3})
    assert (modern.advantage, modern.aggregation, modern.kl_coefficient) == ("group_centred", "token", 0.0)
    assert (modern.clip, modern.clip_high, modern.importance_cap) == (0.2, 0.3, 2.0)


@pytest.mark.parametrize(
    ("algorithm", "source", "samples"),
    [
        ("sft", "solutions", 1),
        ("rft", "offline", 64),
        ("online_rft", "policy", 64),
        ("dpo", "offline", 64),
        ("ppo", "policy", 64),
        ("grpo", "policy", 64),
    ],
)
def test_algorithms_have_the_papers_data(algorithm, source, samples):
    settings = ReinforceRecipe(algorithm=algorithm)
    assert (settings.source, settings.samples) == (source, samples)


@pytest.mark.parametrize(
    ("settings", "mend"),
    [
        ({"algorithm": "sft", "data": "policy"}, "`sft` takes|`sft` learns"),
        ({"algorithm": "grpo", "data": "solutions"}, "only `sft` does"),
        ({"group": 1}, "take 2 or more"),
        ({"sampling": {"temperature": 0.0}}, "raise sampling.temperature"),
        ({"algorithm": "rft", "lag": 1}, "are of the live policy"),
        ({"supervision": "process"}, "needs a process_model"),
        ({"supervision": "process", "rewards": PROCESS, "algorithm": "dpo"}, "is defined for ppo and for grpo"),
        ({"algorithm": "dpo", "kl_coefficient": 0.0}, "needs a kl_coefficient"),
        ({"rewards": [{"kind": "rule"}, {"kind": "rule"}]}, "two of rewards have one kind"),
        ({"steps": 10, "iterations": 3}, "must be a multiple of iterations"),
        ({"iterations": 2, "lora": {}}, "the reference is the model without adapters"),
        ({"steps": 4, "iterations": 2, "lag": 2}, "lower it"),
        ({"rewards": [{"kind": "rule", "noise": 0.5}]}, "less than 0.5"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_mend(settings, mend):
    with pytest.raises(ValidationError, match=mend):
        ReinforceRecipe.model_validate(settings)
