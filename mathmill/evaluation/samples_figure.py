"""The plot of what K samples of a question give together, over K: the paper's figure 7, with intervals."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mathmill.evaluation.accuracy import Proportion, Several
from mathmill.evaluation.accuracy_figure import LINE, Colour, legend_columns, model_colours
from mathmill.evaluation.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 10.0
"""Inches."""
MEASURES = {
    "majority": "Maj@K",
    "passed": "Pass@K",
    "best": "best-of-K",
    "weighted_majority": "weighted Maj@K",
}
"""The fields of `Several` and how the field calls them."""


def samples_figure(results: Sequence[Result]) -> "Figure":
    """A panel a measure, over the K that were measured, one colour a model.

    Args:
        results: of one task, on several samples each.
    """
    from matplotlib.figure import Figure

    measured = [name for name in MEASURES if any(_points(result, name) for result in results)]
    rows = (len(measured) + 1) // 2
    columns = legend_columns([result.label for result in results], WIDTH)
    height = 0.8 + LINE * len(results) / columns + 3.6 * rows
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panels = figure.subplots(rows, 2, sharey=True, squeeze=False).flatten()
    for axes, name in zip(panels, measured, strict=True):
        for result, colour in zip(results, model_colours(len(results)), strict=True):
            _draw_line(axes, result, _points(result, name), colour)
        axes.set(title=MEASURES[name], xlabel="K")
    ticks = sorted({one.k for result in results for one in result.score.several})
    for axes in panels:
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [str(k) for k in ticks])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[::2]:
        axes.set_ylabel("questions answered right, %")
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(max(0.0, low), min(100.5, high))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False)
    first = results[0]
    figure.supxlabel(
        f"{first.task}, {first.score.n:,} questions. Bands: Wilson's 95% interval. Each K is estimated from all"
        f" {first.score.samples} samples of a question.",
        fontsize="small",
    )
    return figure


def _points(result: Result, name: str) -> list[tuple[int, Proportion]]:
    """A measure by K."""
    points: list[tuple[Several, Proportion | None]] = [(one, getattr(one, name)) for one in result.score.several]
    return [(one.k, proportion) for one, proportion in points if proportion is not None]


def _draw_line(axes: "Axes", result: Result, points: Sequence[tuple[int, Proportion]], colour: Colour) -> None:
    ks = [k for k, _ in points]
    axes.plot(ks, [100 * one.share for _, one in points], "o-", markersize=4, color=colour, label=result.label)
    lows, highs = [100 * one.low for _, one in points], [100 * one.high for _, one in points]
    axes.fill_between(ks, lows, highs, facecolor=colour, alpha=0.14, edgecolor=colour, linewidth=0.6)
