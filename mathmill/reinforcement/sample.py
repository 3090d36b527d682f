"""A completion and what it earned."""

from dataclasses import dataclass

from mathmill.grading.grader import Verdict
from mathmill.questions import Question
from mathmill.rollout.engine import Completion


@dataclass(frozen=True, slots=True)
class Steps:
    """What the process reward model says of a completion's steps."""

    ends: list[int]
    """Index among the completion's tokens of each step's last one, ascending."""
    rewards: list[float]
    """Of each step, weighed."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A completion and what it earned."""

    question: Question
    prompt: list[int]
    completion: Completion
    verdict: Verdict
    rewards: dict[str, float]
    """By kind of reward function."""
    reward: float
    """Their weighted sum."""
    steps: Steps | None = None
    """With process supervision."""
    whole: float = 0.0
    """With process supervision, the weighted sum of the rewards that are of no step."""

    @property
    def written(self) -> list[bool]:
        """Whether the policy drew each token; a tool's tokens are not learned."""
        return self.completion.written or [True] * len(self.completion.token_ids)


Group = list[Sample]
"""The samples of one question."""
