"""The plot of base models side by side."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = Mapping[str, Any]


def comparison_figure(
    rows: Sequence[Row], traces: Mapping[str, Sequence[Mapping[str, float]]], texts: Mapping[str, int]
) -> "Figure":
    """Training losses over tokens, bits a byte of each corpus's held-out text, and accuracy on each task.

    Args:
        rows: the table, a row a model.
        traces: `step` and `loss` of every step, by model.
        texts: how many texts of each corpus were held out.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 4.5), layout="constrained")
    learning, text, accuracy = figure.subplots(1, 3)
    for row in rows:
        trace = traces[row["model"]]
        tokens_of_a_step = row["tokens"] / len(trace)
        learning.plot(
            [one["step"] * tokens_of_a_step / 1e6 for one in trace],
            [one["loss"] for one in trace],
            linewidth=0.8,
            label=row["model"],
        )
    learning.set(xlabel="tokens (millions)", ylabel="nats a token", title="training loss, each on its own data")
    _bars(text, rows, "bits_per_byte/", with_intervals=False)
    text.set(ylabel="bits a byte", title="held-out text of each corpus (lower is better)")
    text.set_xticks(text.get_xticks(), [f"{corpus}\nn = {texts[corpus]}" for corpus in texts if texts[corpus]])
    _bars(accuracy, rows, "accuracy/", with_intervals=True)
    accuracy.set(ylabel="accuracy (95% interval)", title="questions", ylim=(0, 1))
    handles, labels = learning.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(6, len(labels)))
    return figure


def _bars(axes: "Axes", rows: Sequence[Row], prefix: str, *, with_intervals: bool) -> None:
    """A group of bars for each column with the prefix, a bar a model."""
    columns = list(dict.fromkeys(column for row in rows for column in row if column.startswith(prefix)))
    width = 0.8 / len(rows)
    for position, row in enumerate(rows):
        places = [group + (position - (len(rows) - 1) / 2) * width for group in range(len(columns))]
        heights = [row.get(column, float("nan")) for column in columns]
        bars = axes.bar(places, heights, width * 0.9)
        axes.bar_label(bars, [f"{height:.3g}" for height in heights], fontsize="x-small")
        if with_intervals:
            lows = [
                height - row.get(f"accuracy_low/{_end(column)}", height)
                for height, column in zip(heights, columns, strict=True)
            ]
            highs = [
                row.get(f"accuracy_high/{_end(column)}", height) - height
                for height, column in zip(heights, columns, strict=True)
            ]
            axes.errorbar(places, heights, yerr=[lows, highs], fmt="none", ecolor="black", capsize=2)
    axes.set_xticks(range(len(columns)), [_end(column) for column in columns], fontsize="small")


def _end(column: str) -> str:
    return column.partition("/")[2]
