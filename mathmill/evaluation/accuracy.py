"""Accuracy, its uncertainty, and what several samples of one question say together."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt
from typing import Self

from mathmill.evaluation.equality import normalise
from mathmill.evaluation.grading import Verdict
from mathmill.training.model_directory import RewardKind

Z_95 = 1.959964
"""Standard normal quantile of a two-sided 95% interval."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share of questions."""

    share: float
    low: float
    high: float
    """Wilson's 95% interval."""

    @classmethod
    def of(cls, share: float, n: int) -> Self:
        """The share seen in `n` questions."""
        return cls(share, *wilson(share, n))


@dataclass(frozen=True, slots=True)
class Verified:
    """What a reward model makes of several samples a question."""

    reward: str
    """The reward model's folder."""
    kind: RewardKind
    best: Proportion
    """Best-of-samples: the questions whose sample of the highest score is right."""
    weighted_majority: Proportion
    """The questions whose answer of the greatest sum of scores is right."""


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one model on one task."""

    n: int
    """Questions."""
    samples: int
    """Completions a question."""
    accuracy: float
    """Share of the completions that are right."""
    low: float
    high: float
    """Wilson's 95% interval of `accuracy`, as of `n` independent trials: samples of one question are not."""
    majority: float | None
    """Maj@samples: share of the questions whose most frequent answer is right; None with one sample."""
    passed: float | None
    """Pass@samples: share of the questions with a right completion; None with one sample."""
    verified: Verified | None = None
    """None without a reward model."""

    def proportions(self) -> dict[str, Proportion]:
        """What several samples of a question give together, by the names of the metrics; nothing with one sample."""
        if self.majority is None or self.passed is None:
            return {}
        proportions = {f"maj_at_{self.samples}": Proportion.of(self.majority, self.n)}
        if self.verified is not None:
            proportions[f"best_of_{self.samples}"] = self.verified.best
            proportions[f"weighted_maj_at_{self.samples}"] = self.verified.weighted_majority
        return {**proportions, f"pass_at_{self.samples}": Proportion.of(self.passed, self.n)}


def score(groups: Sequence[Sequence[Verdict]]) -> Score:
    """The figures of a task from the verdicts on each question's samples, which are equally many."""
    n, samples = len(groups), len(groups[0])
    right = [sum(verdict.right for verdict in group) for group in groups]
    accuracy = sum(right) / (n * samples)
    low, high = wilson(accuracy, n)
    several = samples > 1
    return Score(
        n=n,
        samples=samples,
        accuracy=accuracy,
        low=low,
        high=high,
        majority=sum(map(majority_is_right, groups)) / n if several else None,
        passed=sum(pass_at(samples, count, samples) for count in right) / n if several else None,
    )


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95% score interval (E. B. Wilson, 1927) of a share observed in `n` independent trials."""
    centre = share + Z_95**2 / (2 * n)
    spread = Z_95 * sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    scale = 1 + Z_95**2 / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def pass_at(samples: int, right: int, k: int) -> float:
    """Unbiased estimate, from `samples` of which `right` are right, of the chance that one of `k` is.

    Equation 1 of "Evaluating Large Language Models Trained on Code" (arXiv 2107.03374).
    """
    return 1 - comb(samples - right, k) / comb(samples, k)


def best_is_right(group: Sequence[Verdict], scores: Sequence[float]) -> bool:
    """Whether the completion of the highest score is right; of equal ones the first drawn counts."""
    return group[max(range(len(group)), key=scores.__getitem__)].right


def majority_is_right(group: Sequence[Verdict], weights: Sequence[float] | None = None) -> bool:
    """Whether the answer of the most votes is right; of equal ones the first drawn counts.

    Answers are one when their normalised text is. A completion without an answer has no vote.

    Args:
        group: verdicts on the samples of a question.
        weights: of their votes, which count one each by default; a reward model's scores for the verification of
            Math-Shepherd (arXiv 2312.08935, section 3.4).
    """
    votes: dict[str, float] = {}
    for verdict, weight in zip(group, [1.0] * len(group) if weights is None else weights, strict=True):
        if verdict.answer is not None:
            answer = normalise(verdict.answer)
            votes[answer] = votes.get(answer, 0.0) + weight
    if not votes:
        return False
    winner = max(votes, key=votes.__getitem__)
    return any(v.right for v in group if v.answer is not None and normalise(v.answer) == winner)
