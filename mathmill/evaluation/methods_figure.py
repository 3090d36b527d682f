"""The plot of reinforcement methods side by side: the paper's figures 5 and 6, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mathmill.evaluation.uncertainty import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABEL = {"facecolor": "white", "edgecolor": "none", "pad": 1}
"""The ground of a bar's figure, which its interval may cross."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Accuracy on the validation's questions while a method learns."""

    method: str
    seeds: int
    steps: list[int]
    points: list[Interval]
    iterations: list[int]
    """The steps at which its rounds after the first begin."""


def methods_figure(rows: Sequence[Mapping[str, Any]], curves: Sequence[Curve], tasks: Sequence[str]) -> "Figure":
    """Validation accuracy over steps, and final accuracy on each task.

    Args:
        rows: the table: the first model, then a row for each of `curves`.
        curves: of the methods.
        tasks: of the evaluation.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 5), layout="constrained")
    learning, final = figure.subplots(1, 2, width_ratios=[3, 2])
    for number, curve in enumerate(curves):
        _draw_curve(learning, curve, f"C{number}")
    learning.set(xlabel=_steps_label(curves), ylabel="accuracy", title="validation questions, mean over seeds")
    learning.grid(alpha=0.3)
    _draw_bars(final, rows, tasks)
    final.set(ylabel="accuracy", title="evaluation of the final models")
    handles, labels = final.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(6, len(labels)))
    for axes in (learning, final):
        # Student's interval knows nothing of a share's bounds.
        low, high = axes.get_ylim()
        axes.set_ylim(max(0.0, low), min(1.0, high))
    figure.supxlabel(_caption(curves), fontsize="small")
    return figure


def _draw_curve(axes: "Axes", curve: Curve, colour: str) -> None:
    axes.plot(curve.steps, [one.value for one in curve.points], "o-", markersize=3, color=colour)
    lows, highs = [one.low for one in curve.points], [one.high for one in curve.points]
    axes.fill_between(curve.steps, lows, highs, facecolor=colour, alpha=0.12, edgecolor=colour, linewidth=0.8)
    for step in curve.iterations:
        axes.axvline(step, color=colour, linestyle=":")


def _draw_bars(axes: "Axes", rows: Sequence[Mapping[str, Any]], tasks: Sequence[str]) -> None:
    """A group of bars for each task; the first model's is grey, the others have their curves' colours."""
    width = 0.85 / len(rows)
    for place, row in enumerate(rows):
        places = [group + (place - (len(rows) - 1) / 2) * width for group in range(len(tasks))]
        heights = [row[f"accuracy/{task}"] for task in tasks]
        below = [height - row[f"accuracy_low/{task}"] for height, task in zip(heights, tasks, strict=True)]
        above = [row[f"accuracy_high/{task}"] - height for height, task in zip(heights, tasks, strict=True)]
        axes.bar(places, heights, width * 0.9, color=f"C{place - 1}" if place else "lightgrey", label=row["method"])
        axes.errorbar(places, heights, yerr=[below, above], fmt="none", ecolor="black", capsize=2)
        for centre, height in zip(places, heights, strict=True):
            axes.text(centre, 0.02, f"{100 * height:.1f}", ha="center", fontsize="x-small", bbox=LABEL)
    axes.set_xticks(range(len(tasks)), tasks)


def _steps_label(curves: Sequence[Curve]) -> str:
    return "step (dotted: an iteration begins)" if any(curve.iterations for curve in curves) else "step"


def _caption(curves: Sequence[Curve]) -> str:
    """Which intervals the plot shows."""
    several = sorted({curve.seeds for curve in curves if curve.seeds > 1})
    parts = [f"Student's t over {' or '.join(map(str, several))} seeds"] if several else []
    if any(curve.seeds == 1 for curve in curves):
        parts.append("Wilson's over the questions for a single seed")
    return f"Bands and bars' lines: 95% intervals, {'; '.join(parts)}. The first model: Wilson's."
