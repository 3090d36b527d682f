"""Plots that a training job leaves in its MLflow run."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure


def step_curve(values: Sequence[float], title: str, label: str) -> Figure:
    """A figure of every optimiser step."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(values) + 1), values)
    axes.set(xlabel="step", ylabel=label, title=title)
    axes.grid(alpha=0.3)
    return figure


def loss_curves(trace: Sequence[Mapping[str, float]], validations: Sequence[Mapping[str, float]]) -> Figure:
    """Training losses of every step as lines, validation losses as dots, both by source; in nats a token."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name in _names(trace):
        rows = [row for row in trace if name in row]
        axes.plot([row["step"] for row in rows], [row[name] for row in rows], linewidth=0.8, label=name)
    for name in _names(validations):
        rows = [row for row in validations if name in row]
        axes.plot([row["step"] for row in rows], [row[name] for row in rows], "o", markersize=4, label=name)
    axes.set(xlabel="step", ylabel="loss (nats a token)", title="Pretraining loss")
    axes.legend(fontsize="small")
    axes.grid(alpha=0.3)
    return figure


def _names(rows: Sequence[Mapping[str, float]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row if name != "step"))
