"""Plots that a training job leaves in its MLflow run."""

from collections.abc import Sequence

from matplotlib.figure import Figure


def step_curve(values: Sequence[float], title: str, label: str) -> Figure:
    """A figure of every optimiser step."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(values) + 1), values)
    axes.set(xlabel="step", ylabel=label, title=title)
    axes.grid(alpha=0.3)
    return figure
