"""Plots that a training job leaves in its MLflow run."""

from collections.abc import Sequence

from matplotlib.figure import Figure


def loss_curve(losses: Sequence[float], title: str) -> Figure:
    """The loss of every optimiser step."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(losses) + 1), losses)
    axes.set(xlabel="optimiser step", ylabel="loss (nats a token)", title=title)
    axes.grid(alpha=0.3)
    return figure
