"""Which questions are trained on, and what their completions earn."""

import pytest

from mathmill.errors import UserError
from mathmill.evaluation.grading import Grader, Verdict
from mathmill.questions import Question, load_questions
from mathmill.recipe import Recipe, RewardPart
from mathmill.reinforcement.rewards import rule, weighted_sum
from mathmill.reinforcement.sampling import judge, sampling_seed, training_questions
from mathmill.rollout.engine import Completion

CHAIN = {"kind": "reasoning_gym", "generator": "chain_sum", "size": 40, "config": {"max_terms": 2, "max_digits": 1}}


def make_recipe(**reinforce) -> Recipe:
    settings = {"questions": [CHAIN | {"seed": 1}], "group": 2, "questions_per_step": 8, **reinforce}
    tasks = {"chain_sum": CHAIN | {"seed": 1000}}
    launch = {"processes": 1, "threads": 1}
    values = {"name": "t", "launch": launch, "reinforce": settings, "evaluation": {"tasks": tasks}}
    return Recipe.model_validate(values)


def test_each_step_samples_with_a_seed_of_its_own():
    assert sampling_seed(0, 1) != sampling_seed(1, 0)
    assert len({sampling_seed(seed, step) for seed in range(10) for step in range(100)}) == 1000


def test_no_evaluation_question_is_trained_on():
    # There are only 200 sums of two digits, so that 40 drawn from each of two seeds share some.
    recipe = make_recipe()
    without_tasks = recipe.model_copy(update={"evaluation": recipe.evaluation.model_copy(update={"tasks": {}})})
    held_out = {one.question for one in load_questions(recipe.evaluation.tasks["chain_sum"])}
    everything = [one.question for one in training_questions(without_tasks)]
    assert held_out & set(everything)
    assert [one.question for one in training_questions(recipe)] == [one for one in everything if one not in held_out]


def test_too_few_questions_is_a_user_error():
    with pytest.raises(UserError, match=r"recipe t: reinforce.questions hold \d+ questions"):
        training_questions(make_recipe(questions_per_step=64))


def test_weighted_sum_by_hand():
    verdicts = [Verdict("3", "right"), Verdict("4", "wrong"), Verdict(None, "missing"), Verdict("x", "timed_out")]
    parts = [RewardPart(kind="rule", weight=2.0), RewardPart(kind="outcome_model", weight=0.5)]
    assert rule(verdicts) == [1.0, 0.0, 0.0, 0.0]
    rewards = {"rule": rule(verdicts), "outcome_model": [0.5, 1.0, 0.0, 0.2]}
    assert weighted_sum(parts, rewards) == [2.25, 0.5, 0.0, 0.1]


def test_judging_keeps_order_and_every_reward():
    question = Question("q", "1 + 1 =", "2", None, "made", "en")
    texts = [r"\boxed{2}", r"\boxed{3}", "two"]
    drawn = [(question, [5], Completion([7, 1], [-0.1, -0.2], "stop", text)) for text in texts]
    parts = [{"kind": "rule"}, {"kind": "outcome_model", "weight": 0.25}]
    with Grader(processes=1) as grader:
        samples = judge(drawn, grader, lambda asked, given: [0.8] * len(given), make_recipe(rewards=parts))
    assert [sample.reward for sample in samples] == [1.2, 0.2, 0.2]
    assert [sample.rewards for sample in samples] == [{"rule": r, "outcome_model": 0.8} for r in (1.0, 0.0, 0.0)]
    assert [sample.verdict.outcome for sample in samples] == ["right", "wrong", "missing"]
