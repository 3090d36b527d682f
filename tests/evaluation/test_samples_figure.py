"""The plot over K: a panel a measure, a line a model."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from mathmill.evaluation.accuracy import score
from mathmill.evaluation.results import Result
from mathmill.evaluation.samples_figure import samples_figure
from mathmill.grading.grader import Verdict

RIGHT, WRONG = Verdict("7", "right"), Verdict("8", "wrong")


def result(label, groups, scores=None):
    return Result(label, "rl", label, "math", "cot", score(groups, [1, 2, 4], scores), {}, 0)


GROUPS = {"instruct": [[RIGHT, WRONG, WRONG, WRONG]] * 20, "rl": [[RIGHT, RIGHT, WRONG, RIGHT]] * 20}


@pytest.mark.parametrize("rated", [False, True])
def test_every_measure_has_its_panel_and_every_model_its_line(rated):
    scores = [[0.5, 0.4, 0.3, 0.2]] * 20 if rated else None
    results = [result(label, groups, scores) for label, groups in GROUPS.items()]
    figure = samples_figure(results)
    FigureCanvasAgg(figure).draw()
    assert [axes.get_title() for axes in figure.axes] == [
        "Maj@K",
        "Pass@K",
        *(["best-of-K", "weighted Maj@K"] if rated else []),
    ]
    for axes, name in zip(figure.axes, ("majority", "passed", "best", "weighted_majority"), strict=False):
        assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "2", "4"]
        for line, one in zip(axes.lines, results, strict=True):
            assert line.get_xdata().tolist() == [1, 2, 4]
            assert line.get_ydata().tolist() == [100 * getattr(several, name).share for several in one.score.several]
        low, high = axes.get_ylim()
        assert (low >= 0, high <= 101) == (True, True)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["instruct", "rl"]
