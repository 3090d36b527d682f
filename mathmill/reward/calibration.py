"""How far the scores of a reward model can be trusted: accuracy, AUC and calibration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 10
"""Bins of equal width over [0, 1]; each holds its lower edge, the last one both."""


@dataclass(frozen=True, slots=True)
class Bin:
    """The scores that fall into one bin."""

    low: float
    """Its lower edge."""
    count: int
    predicted: float
    """Mean of the scores."""
    observed: float
    """Mean of the labels: the share that is right."""


def reliability(scores: Sequence[float], labels: Sequence[float]) -> list[Bin]:
    """The bins that are not empty, by rising score."""
    members: list[list[int]] = [[] for _ in range(BINS)]
    for index, score in enumerate(scores):
        members[min(int(score * BINS), BINS - 1)].append(index)
    return [
        Bin(
            low=number / BINS,
            count=len(inside),
            predicted=sum(scores[i] for i in inside) / len(inside),
            observed=sum(labels[i] for i in inside) / len(inside),
        )
        for number, inside in enumerate(members)
        if inside
    ]


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Mean distance of predicted from observed, each bin weighted by its count (arXiv 1706.04599, equation 3)."""
    return sum(one.count * abs(one.predicted - one.observed) for one in bins) / sum(one.count for one in bins)


def held_out_figures(scores: Sequence[float], labels: Sequence[float]) -> dict[str, float]:
    """Accuracy, AUC where both right and wrong ones are among them, and expected calibration error (`ece`).

    For accuracy and AUC a soft label counts as right from one half on, as a score does.
    """
    from sklearn.metrics import roc_auc_score

    truth = [label >= 0.5 for label in labels]
    accuracy = sum((score >= 0.5) == right for score, right in zip(scores, truth, strict=True)) / len(truth)
    auc = {"auc": float(roc_auc_score(truth, scores))} if len(set(truth)) == 2 else {}
    return {"accuracy": accuracy, **auc, "ece": expected_calibration_error(reliability(scores, labels))}


def reliability_figure(curves: Mapping[str, Sequence[Bin]]) -> "Figure":
    """Observed against predicted shares, and beneath it how many scores fall into each bin.

    Args:
        curves: what is scored (solutions, steps), with its bins.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 6.5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], color="grey", linestyle=":", label="perfect")
    for place, (name, bins) in enumerate(curves.items()):
        error = expected_calibration_error(bins)
        predicted, observed = [one.predicted for one in bins], [one.observed for one in bins]
        upper.plot(predicted, observed, "o-", label=f"{name} (ECE {error:.3f})")
        width = 0.8 / BINS / len(curves)
        lefts = [one.low + 0.1 / BINS + place * width for one in bins]
        lower.bar(lefts, [one.count for one in bins], width, align="edge", label=name)
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="share right", title="Reliability on held-out questions")
    upper.legend()
    upper.grid(alpha=0.3)
    lower.set(xlabel="score", ylabel="count")
    return figure
