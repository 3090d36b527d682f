"""95% intervals of shares, and of means over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from mathmill.evaluation.accuracy import wilson


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and its 95% interval."""

    value: float
    low: float
    high: float

    @property
    def holds_zero(self) -> bool:
        """Whether the figure cannot be told from 0."""
        return self.low <= 0 <= self.high


def over_seeds(values: Sequence[float]) -> Interval:
    """The mean of at least two runs that differ in their seed, with Student's t-interval."""
    from scipy.stats import t

    mean = fmean(values)
    spread = float(t.ppf(0.975, len(values) - 1)) * stdev(values) / sqrt(len(values))
    return Interval(mean, mean - spread, mean + spread)


def of_share(share: float, questions: int) -> Interval:
    """A share of right answers with Wilson's interval."""
    return Interval(share, *wilson(share, questions))
