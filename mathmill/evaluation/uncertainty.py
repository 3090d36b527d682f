"""95% intervals of means over seeds, and of differences."""

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


def difference(one: Interval, other: Interval) -> Interval:
    """How far `one` share is above the `other`, from their Wilson intervals as of independent samples.

    Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, method 10). On the same questions it is too wide
    rather than too narrow.
    """
    value = one.value - other.value
    below = sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    above = sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    return Interval(value, value - below, value + above)
