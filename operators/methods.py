"""The reinforcement runs that `rl_comparison` is made of, and the reward models that they need."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from mathmill import home
from mathmill.errors import UserError
from mathmill.output import is_finished, require_finished
from mathmill.recipe import Recipe
from mathmill.recipe_file import load_recipe
from mathmill.recipe_reinforcement import ReinforceRecipe
from mathmill.reinforcement.methods import METHODS, SECTION, reward_kinds, samples_drawn
from mathmill.training.model_directory import RewardKind, newest_reward_model, read_record
from operators.plan import Plan, override_arguments
from operators.variants import measure

COMPARED = "compared"
"""XCom key of the arguments that name the trained models alone."""
OPTIONS: dict[RewardKind, str] = {"outcome": "--reward", "process": "--process-reward"}
"""The option of `mathmill train rl` that takes a kind of reward model."""
FIXED = f"{SECTION}.validation"
CURVE_POINTS = 10
"""Measurements of a run after the first, where the recipe does not say how often to validate."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

Changes = dict[str, Any]
"""Keys of a recipe and their values."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A way of reinforcement that is compared with others."""

    changes: Changes
    settings: ReinforceRecipe


@task
def missing_rewards(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """A training for each kind of reward model that is needed, and is neither given nor in the home."""
    try:
        return reward_trainings(Plan(**plan), get_current_context()["params"])
    except UserError as error:
        raise AirflowFailException(str(error)) from None


@task(trigger_rule="none_failed")
def method_runs(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """One run of each method and variant with each seed; where no reward model was missing, their task was skipped."""
    try:
        runs = reinforcements(Plan(**plan), get_current_context()["params"])
    except UserError as error:
        raise AirflowFailException(str(error)) from None
    models = [run["out"] for run in runs]
    measure([plan["inputs"]["instruct"], *models])
    get_current_context()["ti"].xcom_push(key=COMPARED, value=["--model", *models])
    return runs


def reward_trainings(plan: Plan, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The arguments of each training of a reward model; the whole comparison is checked before the first.

    Args:
        plan: of the DAG run.
        params: of the DAG run.

    Raises:
        UserError: a method, a variant or a given reward model cannot be used.
    """
    kinds = needed_kinds(entries(plan, params))
    instruct = plan.inputs["instruct"]
    return [
        {"out": str(_own_reward(plan, kind)), "arguments": ["--model", instruct, "--kind", kind]}
        for kind in kinds
        if _reward_model(plan, params, kind) is None
    ]


def reinforcements(plan: Plan, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The arguments of each run: every method and variant with the first seed, then with the next.

    Raises:
        UserError: a method or a variant cannot be used, or a reward model is not there.
    """
    compared = entries(plan, params)
    rewards = {
        kind: _reward_model(plan, params, kind) or newest_reward_model(plan.name, kind)
        for kind in needed_kinds(compared)
    }
    runs = []
    for seed, (name, entry) in product(params["seeds"], compared.items()):
        arguments = ["--model", plan.inputs["instruct"]]
        for kind in reward_kinds(entry.settings):
            arguments += [OPTIONS[kind], str(rewards[kind])]
        changes = {**entry.changes, "seed": seed}
        runs.append({"out": f"{plan.out}/{name}-seed-{seed}", "changes": changes, "arguments": arguments})
    return runs


def needed_kinds(compared: Mapping[str, Entry]) -> list[RewardKind]:
    """The kinds of reward model that the runs ask for, each once."""
    return list(dict.fromkeys(kind for entry in compared.values() for kind in reward_kinds(entry.settings)))


def entries(plan: Plan, params: Mapping[str, Any]) -> dict[str, Entry]:
    """What is compared, by name: the methods, then the variants, each of which changes the recipe itself.

    Raises:
        UserError: there is nothing; one makes no recipe, or one that draws more or fewer samples than the recipe does;
            or two are the same.
    """
    recipe = plan.load()
    variants: Mapping[str, Changes] = params["variants"] or {}
    for name, changes in variants.items():
        _check_variant(name, changes)
    asked = {name: METHODS[name].changes() for name in params["methods"] or []} | dict(variants)
    if not asked:
        raise UserError("params methods and variants are empty: name what to compare")
    found = {name: _entry(plan, recipe, name, changes) for name, changes in asked.items()}
    for (one, first), (other, second) in combinations(found.items(), 2):
        if first.settings == second.settings:
            raise UserError(f"{one} and {other} have the same settings: leave one of them out")
    return found


def _entry(plan: Plan, recipe: Recipe, name: str, changes: Changes) -> Entry:
    whole = {**_validation(recipe), **changes}
    try:
        settings = load_recipe(plan.recipe, override_arguments({**plan.overrides, **whole})).reinforce
    except UserError as error:
        raise UserError(f"{name}: {error}") from error
    drawn, budget = samples_drawn(settings), samples_drawn(recipe.reinforce)
    if drawn != budget:
        raise UserError(
            f"param variants: {name} draws {drawn} samples and the recipe {budget}, and only equal budgets compare:"
            " change questions_per_step, group, steps and resamples for all, in overrides"
        )
    return Entry(whole, settings)


def _validation(recipe: Recipe) -> Changes:
    """How runs are measured while they learn: as the recipe says, else as figure 5 does, on what is evaluated.

    Raises:
        UserError: the recipe has nothing to measure on.
    """
    if recipe.reinforce.validation is not None:
        return {}
    if not recipe.evaluation.tasks:
        raise UserError(f"recipe {recipe.name} has no evaluation.tasks to measure the methods on: add some")
    first = next(iter(recipe.evaluation.tasks.values()))
    return {
        FIXED: {
            "questions": first.model_dump(mode="json"),
            "steps": max(1, recipe.reinforce.steps // CURVE_POINTS),
            "samples": recipe.evaluation.samples,
            "sampling": recipe.evaluation.sampling.model_dump(mode="json"),
        }
    }


def _check_variant(name: str, changes: Changes) -> None:
    if name in METHODS or not NAME.fullmatch(name):
        raise UserError(
            f"param variants: {name!r} cannot name a variant: take letters, digits, - and _, and no method's name"
        )
    for key in changes:
        if not key.startswith(f"{SECTION}.") or key.startswith(FIXED):
            raise UserError(
                f"param variants: {name} changes {key}: methods differ in keys of {SECTION} but {FIXED}; change others"
                " for all, in overrides"
            )


def _own_reward(plan: Plan, kind: RewardKind) -> Path:
    """Where this run trains a reward model: in the home, so that later runs find it."""
    return home.outputs(plan.name, "reward") / f"{Path(plan.out).name}-{kind}"


def _reward_model(plan: Plan, params: Mapping[str, Any], kind: RewardKind) -> Path | None:
    """The reward model given, else this run's own, else the recipe's newest; None where there is none yet.

    Raises:
        UserError: the one given is none of this kind.
    """
    if given := params[f"{kind}_reward"]:
        folder = require_finished(Path(given), "mathmill train reward")
        if (record := read_record(folder)).role != "reward" or (record.kind or "outcome") != kind:
            raise UserError(f"param {kind}_reward: {folder} is no {kind} reward model: give another")
        return folder
    own = _own_reward(plan, kind)
    if is_finished(own):
        return own
    try:
        return newest_reward_model(plan.name, kind)
    except UserError:
        return None
