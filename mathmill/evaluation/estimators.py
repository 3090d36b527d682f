"""The chance that K samples of a question give a right answer together, estimated without bias from n >= K of them.

Each estimate is the mean, over the K-subsets of the n samples, of what the subset gives: any K of n samples that are
drawn independently are K such samples, so that the mean has no bias (W. Hoeffding, "A Class of Statistics with
Asymptotically Normal Distribution", 1948). A subset keeps the order of drawing; with K = n the estimate is the plain
figure of all samples.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any

from mathmill.grading.equality import normalise
from mathmill.grading.grader import Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUBSETS = 1_000
"""Subsets that a majority is counted in. Where there are no more it is exact; else these are drawn with a seed, which
adds a standard deviation of at most 0.5 / sqrt(1000) = 0.016 to one question's chance, and less by the square root of
the questions to a task's."""


def pass_at(samples: int, right: int, k: int) -> float:
    """The chance that one of `k` samples is right, from `samples` of which `right` are.

    Equation 1 of "Evaluating Large Language Models Trained on Code" (arXiv 2107.03374).
    """
    return 1 - comb(samples - right, k) / comb(samples, k)


def best_of(group: Sequence[Verdict], scores: Sequence[float], k: int) -> float:
    """The chance that of `k` samples the one of the highest score is right; of equal ones the first drawn counts.

    Exact: with the n samples in order of falling score, the r-th (from 0) is the best of the K-subsets that have it and
    K-1 of the n-1-r after it, so of comb(n-1-r, K-1) of all comb(n, K).
    """
    n = len(group)
    ranked = sorted(range(n), key=lambda place: -scores[place])
    ways = sum(comb(n - 1 - rank, k - 1) for rank, place in enumerate(ranked) if group[place].right)
    return ways / comb(n, k)


def majority_at(group: Sequence[Verdict], k: int, weights: Sequence[float] | None = None) -> float:
    """The chance that of `k` samples the answer of the most votes is right; of equal ones the first drawn counts.

    Answers are one when their normalised text is. A completion without an answer has no vote.

    Args:
        group: verdicts on the samples of a question.
        k: samples that vote.
        weights: of their votes, in [0, 1], which count one each by default; a reward model's scores for the
            verification of Math-Shepherd (arXiv 2312.08935, section 3.4).
    """
    import numpy as np

    answers = [None if verdict.answer is None else normalise(verdict.answer) for verdict in group]
    kinds = list(dict.fromkeys(answer for answer in answers if answer is not None))
    right = np.array([any(v.right for v, a in zip(group, answers, strict=True) if a == kind) for kind in kinds])
    if not right.any() or (right.all() and None not in answers):
        return float(right.any())
    subsets = _subsets(len(group), k)
    # Those without an answer are of a last kind, whose votes are struck.
    voted = np.array([len(kinds) if answer is None else kinds.index(answer) for answer in answers])[subsets]
    weight = np.ones(len(group)) if weights is None else np.asarray(weights, dtype=np.float64)
    rows = np.arange(len(subsets))[:, None] * (len(kinds) + 1)
    votes = np.bincount((rows + voted).ravel(), weight[subsets].ravel(), minlength=rows.size * (len(kinds) + 1))
    votes = votes.reshape(len(subsets), -1)
    votes[:, -1] = -1
    leads = np.take_along_axis(votes, voted, axis=1) == votes.max(axis=1, keepdims=True)
    winner = np.take_along_axis(voted, leads.argmax(axis=1, keepdims=True), axis=1)
    return float(np.append(right, False)[winner].mean())


@lru_cache(maxsize=64)
def _subsets(n: int, k: int) -> "NDArray[np.int64]":
    """K-subsets of `range(n)`, each rising: all of them, or `SUBSETS` drawn with a seed; shape [subsets, k]."""
    import numpy as np

    if comb(n, k) <= SUBSETS:
        every: Any = list(combinations(range(n), k))
        return np.array(every)
    shuffled = np.random.default_rng(n).permuted(np.tile(np.arange(n), (SUBSETS, 1)), axis=1)
    return np.sort(shuffled[:, :k], axis=1)
