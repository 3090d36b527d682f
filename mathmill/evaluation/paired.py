"""Two models on the same questions: how far one is above the other, and whether chance alone may do that."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from statistics import fmean
from typing import Literal

from mathmill.evaluation.accuracy import wilson
from mathmill.evaluation.results import Item
from mathmill.evaluation.uncertainty import Interval

PAIRED = "paired.json"

Test = Literal["exact McNemar", "paired t"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Shares of right answers set against each other, question by question."""

    n: int
    """Questions that both were asked."""
    difference: Interval
    better: int
    """Questions on which the first has the greater share of right answers."""
    worse: int
    p: float
    """Two-sided, of a difference at least so great between models that are equally good."""
    test: Test


@dataclass(frozen=True, slots=True)
class PairedRow:
    """A line of `paired.json`: two models on a task. No `p` is corrected for how many lines there are."""

    task: str
    model: str
    """The label of the one that is later in the evaluation's order."""
    against: str
    n: int
    accuracy: float
    accuracy_against: float
    difference: float
    low: float
    high: float
    """95% interval of `difference`."""
    better: int
    worse: int
    p: float
    test: Test


def paired_rows(items: Iterable[Item]) -> list[PairedRow]:
    """Every pair of models on every task, by the strict grader."""
    tasks: dict[str, dict[str, dict[str, list[bool]]]] = {}
    for item in items:
        questions = tasks.setdefault(item.task, {}).setdefault(item.label, {})
        questions.setdefault(item.question_id, []).append(item.right)
    rows = []
    for task, models in tasks.items():
        for against, model in combinations(models, 2):
            shared = [question for question in models[model] if question in models[against]]
            ours, theirs = ([models[label][question] for question in shared] for label in (model, against))
            found = compare(ours, theirs)
            rows.append(
                PairedRow(
                    task,
                    model,
                    against,
                    n=found.n,
                    accuracy=fmean(map(fmean, ours)),
                    accuracy_against=fmean(map(fmean, theirs)),
                    difference=found.difference.value,
                    low=found.difference.low,
                    high=found.difference.high,
                    better=found.better,
                    worse=found.worse,
                    p=found.p,
                    test=found.test,
                )
            )
    return rows


def compare(ours: Sequence[Sequence[bool]], theirs: Sequence[Sequence[bool]]) -> Comparison:
    """Compare the verdicts of two models on each question's samples.

    With one sample a question: McNemar's exact test (Q. McNemar, Psychometrika 12, 1947), a binomial test of the
    questions that one has right and the other wrong, and Newcombe's interval. With several: Student's t of the
    differences between the questions' shares of right answers, as "Adding Error Bars to Evals" (arXiv 2411.00640,
    section 4) compares models. Where those differences are all equal t has no spread to go by, and their signs are
    tested as with one sample.

    Args:
        ours: a list of verdicts for each question, at least one.
        theirs: those of the other model on the same questions in the same order.
    """
    from scipy.stats import binomtest, ttest_1samp

    one, other = [fmean(group) for group in ours], [fmean(group) for group in theirs]
    differences = [a - b for a, b in zip(one, other, strict=True)]
    better, worse = sum(value > 0 for value in differences), sum(value < 0 for value in differences)
    several = max(len(group) for group in [*ours, *theirs]) > 1
    if several and len(set(differences)) > 1:
        found = ttest_1samp(differences, 0)
        low, high = found.confidence_interval(0.95)
        interval = Interval(fmean(differences), float(low), float(high))
        return Comparison(len(one), interval, better, worse, float(found.pvalue), "paired t")
    p = float(binomtest(better, better + worse).pvalue) if better + worse else 1.0
    return Comparison(len(one), paired_difference(one, other), better, worse, p, "exact McNemar")


def paired_difference(one: Sequence[float], other: Sequence[float]) -> Interval:
    """How far the mean of `one` is above that of the `other`, with Newcombe's interval for pairs.

    Method 10 of R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based on
    paired data" (Statistics in Medicine 17, 1998): both Wilson intervals and the correlation of the pairs, which is
    corrected for continuity where it is positive.

    Args:
        one: 0 or 1 for each question.
        other: likewise, in the same order.
    """
    n, ours, theirs = len(one), sum(one), sum(other)
    together = n * sum(a * b for a, b in zip(one, other, strict=True)) - ours * theirs
    spread = sqrt(ours * (n - ours) * theirs * (n - theirs))
    correlation = (max(0.0, together - n / 2) if together > 0 else together) / spread if spread else 0.0
    p, q = ours / n, theirs / n
    (p_low, p_high), (q_low, q_high) = wilson(p, n), wilson(q, n)

    def distance(of_one: float, of_other: float) -> float:
        return sqrt(of_one**2 + of_other**2 - 2 * correlation * of_one * of_other)

    return Interval(p - q, p - q - distance(p - p_low, q_high - q), p - q + distance(p_high - p, q - q_low))
