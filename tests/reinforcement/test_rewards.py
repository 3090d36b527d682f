"""What completions earn, by hand and by the real grader."""

import pytest

from mathmill.grading.grader import Grader, Verdict
from mathmill.questions import Question
from mathmill.recipe import Recipe
from mathmill.reinforcement.rewards import Drawn, Judges, judge, overlong, rule, well_formed
from mathmill.rollout.engine import Completion
from tests.boxing_policy import boxing_policy

QUESTION = Question("q", "1 + 1 =", "2", None, "made", "en")


def make_recipe(rewards: list[dict], **settings) -> Recipe:
    return Recipe.model_validate({"name": "t", "reinforce": {"rewards": rewards, "group": 2, **settings}})


class Scores:
    """Stands where a reward model does: scores decided by the test."""

    def __init__(self, scores: list[list[float]]) -> None:
        self._scores = scores

    def __call__(self, questions, solutions):
        return [scores[-1] for scores in self._scores]

    def step_scores(self, questions, solutions):
        return self._scores


@pytest.mark.parametrize(
    ("outcome", "noise", "expected"),
    [("right", 0.0, 1.0), ("wrong", 0.0, 0.0), ("missing", 0.0, 0.0), ("right", 0.1, 1.125), ("wrong", 0.1, -0.125)],
)
def test_rule_by_hand(outcome, noise, expected):
    assert rule(Verdict("2", outcome), noise) == pytest.approx(expected)


def test_flipped_verdicts_give_the_true_reward_on_average():
    """With a fifth of the verdicts flipped, four parts of a right answer's reward and one of a wrong one's make 1."""
    right, wrong = Verdict("2", "right"), Verdict("2", "wrong")
    assert 0.8 * rule(right, 0.2) + 0.2 * rule(wrong, 0.2) == pytest.approx(1.0)
    assert 0.8 * rule(wrong, 0.2) + 0.2 * rule(right, 0.2) == pytest.approx(0.0)


@pytest.mark.parametrize(("length", "expected"), [(10, 0.0), (12, 0.0), (14, -0.5), (16, -1.0)])
def test_overlong_by_hand(length, expected):
    assert overlong(length, 16, 4) == expected


@pytest.mark.parametrize(
    ("text", "finish", "expected"),
    [
        (r"So \boxed{3}", "stop", 1.0),
        (r"So \boxed{3}", "length", 0.0),
        (r"\boxed{3} or \boxed{4}", "stop", 0.0),
        ("So 3", "stop", 0.0),
    ],
)
def test_well_formed(text, finish, expected):
    verdict = Verdict("3", "wrong") if "boxed" in text else Verdict(None, "missing")
    assert well_formed(Completion([5], [-1.0], finish, text), verdict) == expected


def test_judging_keeps_order_and_every_reward():
    texts = [r"\boxed{2}", r"\boxed{3}", "two"]
    drawn = [Drawn(QUESTION, [5], Completion([7, 1], [-0.1, -0.2], "stop", text)) for text in texts]
    recipe = make_recipe([{"kind": "rule"}, {"kind": "outcome_model", "weight": 0.25}])
    with Grader(processes=1) as grader:
        judges = Judges(grader, tokenizer=None, models={"outcome_model": Scores([[0.8]] * 3)})
        samples = judge(drawn, judges, recipe)
    assert [sample.reward for sample in samples] == pytest.approx([1.2, 0.2, 0.2])
    assert [sample.rewards for sample in samples] == [{"rule": r, "outcome_model": 0.8} for r in (1.0, 0.0, 0.0)]
    assert [sample.verdict.outcome for sample in samples] == ["right", "wrong", "missing"]
    assert all(sample.steps is None for sample in samples)


def test_steps_end_at_the_token_that_ends_their_line():
    _, tokenizer = boxing_policy()
    text = "1 + 1\n\n is 2\n\\boxed{2}"
    ids = tokenizer(f" {text}{tokenizer.eos_token}", add_special_tokens=False)["input_ids"]
    recipe = make_recipe([{"kind": "rule"}, {"kind": "process_model", "weight": 0.5}], supervision="process")
    drawn = [Drawn(QUESTION, [5], Completion(ids, [-1.0] * len(ids), "stop", f" {text}"))]
    with Grader(processes=1) as grader:
        (sample,) = judge(drawn, Judges(grader, tokenizer, models={"process_model": Scores([[0.8, 0.6, 0.4]])}), recipe)
    assert sample.steps is not None
    assert [tokenizer.decode(ids[: end + 1]) for end in sample.steps.ends] == [" 1 + 1", " 1 + 1\n\n is 2", f" {text}"]
    assert sample.steps.rewards == pytest.approx([0.4, 0.3, 0.2])
    assert sample.whole == 1.0
    assert sample.rewards == {"rule": 1.0, "process_model": 0.4}
    assert sample.reward == pytest.approx(1.2)
