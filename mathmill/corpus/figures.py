"""Plots that the corpus's jobs leave in their MLflow runs."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

BARS = 50


def score_bars(counts: Mapping[int, int], bins: int) -> list[int]:
    """Pages by score in `BARS` equal bins of [0, 1].

    Args:
        counts: pages of each of the `bins` equal bins of [0, 1], those with none left out.
        bins: how many bins there are.
    """
    bars = [0] * BARS
    for number, count in counts.items():
        bars[min(number * BARS // bins, BARS - 1)] += count
    return bars


def score_histogram(bars: Sequence[int], cut: float) -> Figure:
    """Pages by score, with the cut.

    Args:
        bars: as `score_bars` makes them.
        cut: the lowest score that is kept.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.bar([(bar + 0.5) / BARS for bar in range(BARS)], bars, width=0.9 / BARS)
    axes.axvline(cut, color="tab:red", label=f"kept from {cut:.3f} on")
    axes.set(xlabel="score", ylabel="pages", yscale="log" if any(bars) else "linear", title="Pages by score")
    axes.legend()
    return figure


def growth(pages: Sequence[int], new: Sequence[int], tokens: Sequence[int]) -> Figure:
    """What each iteration collected: pages, of which some for the first time, and tokens.

    Args:
        pages: pages collected, by iteration.
        new: those of them that the iteration before had not collected.
        tokens: tokens collected, by iteration.
    """
    numbers = range(1, len(pages) + 1)
    figure = Figure(figsize=(8, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    known = [all_ - fresh for all_, fresh in zip(pages, new, strict=True)]
    left.bar(numbers, known, label="collected before")
    left.bar(numbers, new, bottom=known, label="new")
    left.set(xlabel="iteration", ylabel="pages", title="Pages collected", xticks=list(numbers))
    left.legend(loc="lower right")
    right.plot(numbers, tokens, marker="o")
    right.set(xlabel="iteration", ylabel="tokens", title="Tokens collected", xticks=list(numbers), ylim=(0, None))
    return figure
