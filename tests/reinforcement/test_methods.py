"""Methods are told from settings."""

import json

import pytest

from mathmill.recipe_file import load_recipe
from mathmill.recipe_reinforcement import ReinforceRecipe
from mathmill.reinforcement.methods import METHODS, labels, method_name, reward_kinds, samples_drawn


def _settings(**values) -> ReinforceRecipe:
    return ReinforceRecipe.model_validate(values)


@pytest.mark.parametrize("name", METHODS)
def test_each_method_is_told_from_the_recipe_it_makes(name: str) -> None:
    changes = [f"{key}={json.dumps(value)}" for key, value in METHODS[name].changes().items()]
    assert method_name(load_recipe("demo", changes).reinforce) == name


def test_other_settings_are_called_by_their_algorithm() -> None:
    assert method_name(_settings(algorithm="ppo", rewards=[{"kind": "format"}])) == "ppo"


def test_namesakes_are_told_apart_by_what_they_differ_in() -> None:
    rule = [{"kind": "rule"}]
    runs = [_settings(rewards=rule), _settings(rewards=rule, clip_high=0.28), _settings()]
    assert labels(runs) == ["grpo_rule clip_high=None", "grpo_rule clip_high=0.28", "grpo_outcome"]


def test_kinds_of_reward_models_and_the_budget() -> None:
    settings = _settings(rewards=[{"kind": "rule"}, {"kind": "process_model"}], group=4, steps=10, resamples=2)
    assert reward_kinds(settings) == ["process"]
    assert samples_drawn(settings) == 16 * 4 * 10 * 3
