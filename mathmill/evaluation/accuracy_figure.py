"""The plot of accuracies with their intervals: of tasks, of levels or of subjects, models side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mathmill.evaluation.accuracy import Proportion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 8.5
"""Inches."""
LINE = 0.21
"""Inches that a bar takes, the space between two groups, or a line of the legend."""
Colour = tuple[float, float, float, float]
"""Red, green, blue and opacity, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One accuracy."""

    group: str
    """The task, level or subject."""
    label: str
    """The model's."""
    n: int
    """Questions."""
    accuracy: Proportion


def accuracy_figure(bars: Sequence[Bar], title: str) -> "Figure":
    """Bars from the left, grouped by what was measured, one colour a model, with Wilson's 95% intervals."""
    from matplotlib.figure import Figure

    groups, labels = list(dict.fromkeys(bar.group for bar in bars)), list(dict.fromkeys(bar.label for bar in bars))
    step, columns = len(labels) + 1, legend_columns(labels, WIDTH)
    lines = len(labels) / columns + step * len(groups)
    figure = Figure(figsize=(WIDTH, 1.4 + LINE * lines), layout="constrained")
    axes = figure.add_subplot()
    for number, (label, colour) in enumerate(zip(labels, model_colours(len(labels)), strict=True)):
        mine = [bar for bar in bars if bar.label == label]
        _draw(axes, mine, [groups.index(bar.group) * step + number for bar in mine], colour)
    sizes = {bar.group: bar.n for bar in bars}
    middle = (len(labels) - 1) / 2
    axes.set_yticks(
        [place * step + middle for place in range(len(groups))], [f"{group}\nn = {sizes[group]:,}" for group in groups]
    )
    axes.set_ylim(len(groups) * step - 0.5, -1)
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 109), xlabel="accuracy, % (lines: Wilson's 95% interval)", title=title)
    axes.set_xticks(range(0, 101, 20))
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=columns, frameon=False)
    return figure


def model_colours(count: int) -> list[Colour]:
    """A colour for each model; over 20 they come again."""
    from matplotlib import colormaps

    colours = colormaps["tab10" if count <= 10 else "tab20"]
    return [colours(number % colours.N) for number in range(count)]


def legend_columns(labels: Sequence[str], width: float) -> int:
    """How many entries of a legend fit side by side into so many inches."""
    widest = 0.7 + 0.1 * max(map(len, labels))
    return max(1, min(len(labels), int(width / widest)))


def _draw(axes: "Axes", bars: Sequence[Bar], places: Sequence[int], colour: Colour) -> None:
    shares = [100 * bar.accuracy.share for bar in bars]
    lows = [100 * bar.accuracy.low for bar in bars]
    highs = [100 * bar.accuracy.high for bar in bars]
    axes.barh(places, shares, 0.85, color=colour, alpha=0.8, label=bars[0].label)
    axes.hlines(places, lows, highs, color="black", linewidth=1.1)
    axes.plot([*lows, *highs], [*places, *places], "|", color="black", markersize=5)
    for place, share, high in zip(places, shares, highs, strict=True):
        axes.annotate(
            f"{share:.1f}", (high, place), (4, 0), textcoords="offset points", va="center", fontsize="x-small"
        )
