"""Accuracy, its uncertainty, and what several samples of one question say together."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt

from mathmill.evaluation.equality import normalise
from mathmill.evaluation.grading import Verdict

Z_95 = 1.959964
"""Standard normal quantile of a two-sided 95% interval."""


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


def majority_is_right(group: Sequence[Verdict]) -> bool:
    """Whether the most frequent answer is right; of equally frequent ones the first drawn counts.

    Answers are one when their normalised text is. A completion without an answer has no vote.
    """
    votes = Counter(normalise(verdict.answer) for verdict in group if verdict.answer is not None)
    if not votes:
        return False
    winner = votes.most_common(1)[0][0]
    return any(v.right for v in group if v.answer is not None and normalise(v.answer) == winner)
