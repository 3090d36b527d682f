"""Accuracy, its uncertainty, and what several samples of one question say together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean
from typing import Self

from mathmill.errors import UserError
from mathmill.evaluation.estimators import best_of, majority_at, pass_at
from mathmill.grading.grader import Verdict

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

    def metrics(self, name: str, place: str) -> dict[str, float]:
        """The share and its interval as metrics: `<name>/<place>`, `<name>_low/<place>` and `<name>_high/<place>`."""
        return {f"{name}/{place}": self.share, f"{name}_low/{place}": self.low, f"{name}_high/{place}": self.high}


@dataclass(frozen=True, slots=True)
class Several:
    """What K samples of a question give together: unbiased estimates from all that were drawn.

    The intervals are those of the questions. A question's estimate is a chance in [0, 1], which varies less over
    questions than a yes or no of the same mean, so that they are too wide rather than too narrow.
    """

    k: int
    majority: Proportion
    """Maj@K: the questions whose most frequent answer is right."""
    passed: Proportion
    """Pass@K: the questions with a right sample."""
    best: Proportion | None = None
    """Best-of-K: the questions whose sample of the highest score is right; None without a reward model."""
    weighted_majority: Proportion | None = None
    """The questions whose answer of the greatest sum of scores is right; None without a reward model."""

    def proportions(self) -> dict[str, Proportion]:
        """The figures there are, by the names of the metrics."""
        named = {
            f"maj_at_{self.k}": self.majority,
            f"best_of_{self.k}": self.best,
            f"weighted_maj_at_{self.k}": self.weighted_majority,
            f"pass_at_{self.k}": self.passed,
        }
        return {name: proportion for name, proportion in named.items() if proportion is not None}


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
    several: tuple[Several, ...] = ()
    """By rising K; empty with one sample."""

    @property
    def share(self) -> Proportion:
        """`accuracy` with its interval."""
        return Proportion(self.accuracy, self.low, self.high)

    def proportions(self) -> dict[str, Proportion]:
        """What several samples of a question give together, by the names of the metrics; nothing with one sample."""
        return {name: proportion for one in self.several for name, proportion in one.proportions().items()}


def chosen_k(at: Sequence[int] | None, samples: int) -> list[int]:
    """The K that several samples are measured at, rising; none with one sample.

    Args:
        at: the recipe's `evaluation.at`; None: the powers of 2 up to `samples`, and `samples`.
        samples: completions a question.

    Raises:
        UserError: a K is greater than `samples`.
    """
    if at is not None and max(at) > samples:
        raise UserError(
            f"evaluation.at asks for K = {max(at)} of {samples} samples: draw as many with --samples, or leave it out"
        )
    if samples == 1:
        return []
    return sorted({2**power for power in range(samples.bit_length())} | {samples} if at is None else set(at))


def score(
    groups: Sequence[Sequence[Verdict]], at: Sequence[int], scores: Sequence[Sequence[float]] | None = None
) -> Score:
    """The figures of a task.

    Args:
        groups: the verdicts on each question's samples, which are equally many.
        at: the K of `Several`.
        scores: a reward model's, in [0, 1], of each of the samples; None without one.
    """
    n, samples = len(groups), len(groups[0])
    accuracy = fmean(verdict.right for group in groups for verdict in group)
    low, high = wilson(accuracy, n)
    return Score(n, samples, accuracy, low, high, tuple(_several(groups, k, scores) for k in at))


def _several(groups: Sequence[Sequence[Verdict]], k: int, scores: Sequence[Sequence[float]] | None) -> Several:
    def share(chances: Iterable[float]) -> Proportion:
        return Proportion.of(fmean(chances), len(groups))

    scored = None if scores is None else list(zip(groups, scores, strict=True))
    return Several(
        k,
        majority=share(majority_at(group, k) for group in groups),
        passed=share(pass_at(len(group), sum(verdict.right for verdict in group), k) for group in groups),
        best=None if scored is None else share(best_of(*one, k) for one in scored),
        weighted_majority=None if scored is None else share(majority_at(group, k, given) for group, given in scored),
    )


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95% score interval (E. B. Wilson, 1927) of a share observed in `n` independent trials."""
    centre = share + Z_95**2 / (2 * n)
    spread = Z_95 * sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    scale = 1 + Z_95**2 / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
