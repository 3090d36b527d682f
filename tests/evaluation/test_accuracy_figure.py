"""The plot of accuracies: what it draws, and that nothing covers anything else."""

from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from mathmill.evaluation.accuracy import Proportion
from mathmill.evaluation.accuracy_figure import Bar, accuracy_figure, model_colours

LONG = ["high_school_computer_science", "Intermediate Algebra", "Counting & Probability", "gaokao_mathcloze"]


def bars(groups, labels):
    return [
        Bar(group, label, 40 + place, Proportion.of((place + number) / (len(groups) + len(labels)), 40 + place))
        for place, group in enumerate(groups)
        for number, label in enumerate(labels)
    ]


@pytest.mark.parametrize(
    ("groups", "labels"),
    [
        (["sums"], ["base"]),
        ([f"level {level}" for level in range(1, 6)], ["base", "instruct", "rl"]),
        ([f"{LONG[number % 4]} {number}" for number in range(18)], ["base", "instruct", "rl"]),
        (LONG, [f"instruct-2026110{day}T101500Z" for day in range(1, 5)]),
        (["sums", "products"], ["instruct", *(f"rl-method-{seed}" for seed in range(15))]),
    ],
)
def test_no_text_covers_another_or_leaves_the_page(groups, labels):
    figure = accuracy_figure(bars(groups, labels), "accuracy")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    (axes,) = figure.axes
    texts = [*axes.get_yticklabels(), *axes.get_xticklabels(), *axes.texts, axes.title, axes.xaxis.label]
    texts += figure.legends[0].get_texts()
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in texts if text.get_text()]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert all(figure.bbox.contains(*corner) for box in boxes for corner in box.corners())


def test_up_to_twenty_models_have_colours_of_their_own():
    for count in (3, 10, 20):
        assert len(set(model_colours(count))) == count


def test_a_bar_stands_for_each_accuracy_with_its_interval():
    shown = bars(["level 1", "level 2"], ["base", "rl"])
    (axes,) = accuracy_figure(shown, "math: accuracy by level").axes
    base, rl = axes.containers
    assert [bar.get_width() for bar in base] == [100 * shown[0].accuracy.share, 100 * shown[2].accuracy.share]
    assert [bar.get_width() for bar in rl] == [100 * shown[1].accuracy.share, 100 * shown[3].accuracy.share]
    ends = [line[:, 0].tolist() for line in axes.collections[0].get_segments()]
    assert ends == [[100 * one.accuracy.low, 100 * one.accuracy.high] for one in (shown[0], shown[2])]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["level 1\nn = 40", "level 2\nn = 41"]
