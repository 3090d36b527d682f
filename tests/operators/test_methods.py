"""Which reinforcement runs a comparison is made of, and which reward models are trained for them."""

import json
from pathlib import Path
from typing import Any

import pytest

from mathmill.errors import UserError
from mathmill.recipe_file import load_recipe
from mathmill.reinforcement.methods import METHODS
from operators.methods import entries, reinforcements, reward_trainings
from operators.plan import Plan, override_arguments

PLAN = Plan(recipe="demo", name="demo", overrides={"reinforce.steps": 40}, out="/out/first", inputs={"instruct": "/i"})


def _params(**given: Any) -> dict[str, Any]:
    empty = {"methods": None, "seeds": [0], "variants": None, "outcome_reward": None, "process_reward": None}
    return {**empty, **given}


def _reward(folder: Path, kind: str) -> Path:
    """A finished reward model, as far as its record says."""
    folder.mkdir(parents=True)
    record = {"role": "reward", "recipe": "demo", "recipe_digest": "", "parent_model": None, "corpus_digest": None}
    (folder / "mathmill.json").write_text(json.dumps({**record, "mlflow_run_id": "", "kind": kind}))
    (folder / "_SUCCESS").touch()
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MATHMILL_HOME", str(tmp_path))
    return tmp_path / "outputs" / "demo" / "reward"


def test_methods_and_seeds_multiply_seed_by_seed() -> None:
    runs = reinforcements(PLAN, _params(methods=["rft", "grpo_rule"], seeds=[3, 5]))
    assert [(run["out"], run["changes"]["seed"]) for run in runs] == [
        ("/out/first/rft-seed-3", 3),
        ("/out/first/grpo_rule-seed-3", 3),
        ("/out/first/rft-seed-5", 5),
        ("/out/first/grpo_rule-seed-5", 5),
    ]
    for run in runs:
        assert run["arguments"] == ["--model", "/i"]
    recipe = load_recipe("demo", override_arguments({**PLAN.overrides, **runs[2]["changes"]}))
    assert (recipe.seed, recipe.reinforce.algorithm, recipe.reinforce.source) == (5, "rft", "offline")


def test_every_method_is_a_recipe_of_one_budget() -> None:
    found = entries(PLAN, _params(methods=list(METHODS)))
    assert list(found) == list(METHODS)
    settings = [one.settings for one in found.values()]
    assert {(one.questions_per_step, one.group, one.steps) for one in settings} == {(16, 16, 40)}
    process = found["grpo_process"].settings
    assert ([part.kind for part in process.rewards], process.supervision) == (["process_model"], "process")
    assert found["grpo_iterative"].settings.iterations == 2
    assert (found["modern"].settings.clip_high, found["modern"].settings.kl_coefficient) == (0.28, 0.0)


def test_curves_are_of_the_first_task_where_the_recipe_validates_nothing() -> None:
    silent = Plan(**{**PLAN.to_xcom(), "overrides": {**PLAN.overrides, "reinforce.validation": None}})
    validation = entries(silent, _params(methods=["rft"]))["rft"].settings.validation
    assert validation is not None
    assert validation.questions == load_recipe("demo").evaluation.tasks["sums"]
    assert (validation.steps, validation.samples, validation.sampling.temperature) == (4, 1, 0.0)
    own = {"questions": validation.questions.model_dump(), "steps": 7}
    told = Plan(**{**PLAN.to_xcom(), "overrides": {"reinforce.validation": own}})
    assert entries(told, _params(methods=["rft"]))["rft"].settings.validation.steps == 7


def test_missing_reward_models_are_trained_once_a_kind(home: Path) -> None:
    params = _params(methods=["rft", "ppo", "grpo_outcome", "grpo_process"], seeds=[0, 1])
    assert reward_trainings(PLAN, params) == [
        {"out": str(home / f"first-{kind}"), "arguments": ["--model", "/i", "--kind", kind]}
        for kind in ("outcome", "process")
    ]
    assert reward_trainings(PLAN, _params(methods=["rft", "online_rft", "dpo", "sft", "modern"])) == []
    with pytest.raises(UserError, match="outcome reward model"):
        reinforcements(PLAN, params)


def test_reward_models_are_those_given_then_the_run_s_own_then_the_newest(home: Path, tmp_path: Path) -> None:
    given = _reward(tmp_path / "given", "process")
    params = _params(methods=["grpo_outcome", "grpo_process"], process_reward=str(given))
    newest = _reward(home / "older", "outcome")
    assert reward_trainings(PLAN, params) == []

    def rewards() -> list[list[str]]:
        return [run["arguments"][2:] for run in reinforcements(PLAN, params)]

    assert rewards() == [["--reward", str(newest)], ["--process-reward", str(given)]]
    own = _reward(home / "first-outcome", "outcome")
    _reward(home / "later", "outcome")
    assert rewards()[0] == ["--reward", str(own)]


def test_a_given_reward_model_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    given = _reward(tmp_path / "given", "outcome")
    with pytest.raises(UserError, match=r"param process_reward: .* is no process reward model"):
        reward_trainings(PLAN, _params(methods=["grpo_process"], process_reward=str(given)))


def test_a_variant_changes_the_recipe_itself(home: Path) -> None:
    weighed = [{"kind": "rule"}, {"kind": "outcome_model", "weight": 0.5}]
    params = _params(methods=["rft"], variants={"both": {"reinforce.rewards": weighed}})
    assert [one["arguments"][-1] for one in reward_trainings(PLAN, params)] == ["outcome"]
    settings = entries(PLAN, params)["both"].settings
    assert (settings.algorithm, settings.steps, len(settings.rewards)) == ("grpo", 40, 2)


def test_a_variant_may_cut_the_budget_otherwise() -> None:
    halved = {"reinforce.group": 8, "reinforce.steps": 80}
    assert entries(PLAN, _params(variants={"narrow": halved}))["narrow"].settings.group == 8


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("long", {"reinforce.steps": 80}, "long draws 20480 samples and the recipe 10240"),
        ("more", {"reinforce.resamples": 1}, "more draws 20480 samples"),
        ("wide", {"reinforce.group": 17}, "wide draws 10880 samples"),
        ("seeded", {"seed": 4}, "seeded changes seed"),
        ("seen", {"reinforce.validation.steps": 4}, "seen changes reinforce.validation.steps"),
        ("rft", {"reinforce.clip": 0.1}, "'rft' cannot name a variant"),
        ("a/b", {"reinforce.clip": 0.1}, "'a/b' cannot name a variant"),
        ("plain", {"reinforce.clip": 0.2}, "grpo_rule and plain have the same settings"),
        ("wrong", {"reinforce.clip": -1}, "wrong: .*reinforce.clip"),
    ],
)
def test_a_variant_that_does_not_compare_is_refused_before_anything_is_trained(
    name: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        reward_trainings(PLAN, _params(methods=["grpo_rule"], variants={name: changes}))


def test_nothing_to_compare_is_refused() -> None:
    with pytest.raises(UserError, match="methods and variants are empty"):
        reward_trainings(PLAN, _params())
