"""Drawing groups anew where nothing can be learned from them, and drawing ahead of the learner."""

from collections.abc import Sequence

import pytest

from mathmill.grading.grader import Grader
from mathmill.questions import Question
from mathmill.recipe import Recipe
from mathmill.reinforcement.exploration import Explored, Explorer, sampling_seed
from mathmill.reinforcement.questions import Selection
from mathmill.reinforcement.rewards import Judges
from mathmill.reinforcement.sources import LaggedSource
from mathmill.rollout.engine import Completion
from tests.boxing_policy import boxing_policy

pytestmark = pytest.mark.usefixtures("one_rank")
QUESTIONS = [Question(str(number), f"Q{number}", "2", None, "made", "en") for number in range(24)]


class Answers:
    """An engine of known answers: questions of even number get right and wrong ones, the others wrong ones only."""

    def __init__(self, tokenizer) -> None:
        self._tokenizer = tokenizer
        self.version = 0
        self.adopted: list[tuple[int, object]] = []

    def adopt(self, version, weights) -> None:
        self.version = version
        self.adopted.append((version, weights()))

    def generate(self, prompts: Sequence[list[int]], sampling, *, samples: int, seed: int, stop=()):
        texts = [self._tokenizer.decode(prompt) for prompt in prompts]
        even = [int(text.partition("Q")[2].partition("\n")[0]) % 2 == 0 for text in texts]
        return [[self._completion(n == 0 and mixed) for n in range(samples)] for mixed in even]

    def _completion(self, right: bool) -> Completion:
        return Completion([7, 1], [-0.5, -0.5], "stop", rf"\boxed{{{2 if right else 3}}}", self.version)


def make_explorer(grader, **settings) -> Explorer:
    whole = {"group": 3, "questions_per_step": 4, "rewards": [{"kind": "rule"}], "steps": 8, **settings}
    recipe = Recipe.model_validate(
        {"name": "t", "launch": {"processes": 1}, "prompt": {"suffix": ""}, "reinforce": whole}
    )
    _, tokenizer = boxing_policy()
    selection = Selection(len(QUESTIONS), recipe)
    return Explorer(Answers(tokenizer), QUESTIONS, selection, Judges(grader, tokenizer), recipe)


def explored_by(explorer: Explorer, step: int = 0, version: int = 0) -> Explored:
    return explorer.explore(step, version, explorer.choose(step))


@pytest.fixture(scope="module")
def grader():
    with Grader(processes=1) as one:
        yield one


def test_each_step_samples_with_a_seed_of_its_own():
    assert sampling_seed(0, 1) != sampling_seed(1, 0)
    assert len({sampling_seed(seed, step) for seed in range(10) for step in range(100)}) == 1000


def test_groups_of_equal_rewards_are_kept_unless_asked_otherwise(grader):
    explored = explored_by(make_explorer(grader))
    assert explored.replaced == 0
    assert len(explored.groups) == 4
    assert any(index % 2 for index in explored.indices)


def test_groups_of_equal_rewards_are_replaced(grader):
    """DAPO's dynamic sampling: with enough tries every group has right and wrong answers."""
    explored = explored_by(make_explorer(grader, resamples=8))
    assert len(explored.groups) == 4
    assert all(index % 2 == 0 for index in explored.indices)
    assert explored.replaced > 0
    assert [group[0].question.id for group in explored.groups] == [str(index) for index in explored.indices]


def test_dull_groups_fill_up_when_the_tries_are_over(grader):
    explorer = make_explorer(grader, resamples=1)
    for step in range(6):
        explored = explored_by(explorer, step)
        assert len(explored.groups) == 4


def test_samples_of_other_weights_are_refused(grader):
    explorer = make_explorer(grader)
    explorer.engine.adopt(3, dict)
    with pytest.raises(RuntimeError, match=r"of the weights of version 4 were asked for, and these are of \{3\}"):
        explored_by(explorer, version=4)


def test_a_lagged_source_draws_from_weights_so_many_steps_old(grader):
    explorer = make_explorer(grader)
    now = {"weights": 0}
    source = LaggedSource(explorer, lambda: dict(now), 2, {})
    source.begin(0, 5)
    versions = []
    for step in range(5):
        explored = source.take(step)
        versions.append(explored.groups[0][0].completion.version)
        now["weights"] = step + 1
        source.updated(step + 1)
    assert versions == [0, 0, 0, 1, 2]
    # Each version came with the weights as they were when it was the newest.
    assert explorer.engine.adopted == [(0, {"weights": 0})] * 3 + [(1, {"weights": 1}), (2, {"weights": 2})]
    assert source.pending() == {}


def test_what_was_drawn_ahead_is_not_drawn_again(grader):
    explorer = make_explorer(grader)
    source = LaggedSource(explorer, dict, 1, {})
    source.begin(0, 4)
    source.take(0)
    source.updated(1)
    ahead = source.pending()
    assert sorted(ahead) == [1, 2]
    again = make_explorer(grader)
    resumed = LaggedSource(again, dict, 1, ahead)
    resumed.begin(1, 4)
    assert resumed.take(1) is ahead[1]
    assert again.engine.adopted == []


def test_questions_are_chosen_when_their_weights_come(grader):
    """Not when the thread gets to them: what is learned in between would make that a matter of luck."""
    explorer = make_explorer(grader, order="pass_rate")
    chosen = explorer.choose(1)
    source = LaggedSource(explorer, dict, 1, {})
    source.begin(0, 2)
    explorer.selection.learn((index, 1.0) for index in chosen[0])
    assert explorer.choose(1) != chosen
    assert source.take(1).indices == chosen[0]
