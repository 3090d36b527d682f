"""Reinforcement methods side by side, from what their runs leave to table, order and plot."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from matplotlib.colors import to_rgba

from mathmill.evaluation.accuracy import Score, wilson
from mathmill.evaluation.compare import main
from mathmill.evaluation.compare_methods import ordering
from mathmill.evaluation.methods_figure import Curve, methods_figure
from mathmill.evaluation.results import Item, Result, write_results
from mathmill.evaluation.uncertainty import Interval
from mathmill.recipe_reinforcement import ReinforceRecipe
from mathmill.reinforcement.history import History
from mathmill.reinforcement.methods import METHODS
from mathmill.tracking.server import tracking_client
from mathmill.training.model_directory import ModelRecord

STEPS = 4
QUESTIONS = 100


def _folder(folder: Path, role: Any, parent: Path | None) -> Path:
    folder.mkdir()
    record = ModelRecord(role, "demo", "", None if parent is None else str(parent), None, "")
    (folder / "mathmill.json").write_text(json.dumps(asdict(record)))
    (folder / "_SUCCESS").touch()
    return folder


def _run(folder: Path, parent: Path, method: str, seed: int, validated: Sequence[float], **settings: Any) -> Path:
    """A model as `mathmill train rl` leaves it, but for the weights."""
    _folder(folder, "rl", parent)
    values = {"steps": STEPS, "group": 8, "questions_per_step": 2, **METHODS[method].settings(), **settings}
    step = {"groups_replaced": 0, "seconds/reward": 1.0, "seconds/train": 3.0, "completions/mean_length": 5.0 + seed}
    if ReinforceRecipe.model_validate(values).source == "policy":
        step["seconds/generate"] = 2.0
    validations = [
        {
            "step": 2.0 * number,
            "validation/accuracy": share,
            "validation/accuracy_low": share - 0.1,
            "validation/accuracy_high": share + 0.1,
        }
        for number, share in enumerate(validated)
    ]
    reinforce = ReinforceRecipe.model_validate(values).model_dump(mode="json")
    History(seed, reinforce, [step] * STEPS, validations).write(folder)
    job = {"stage": "rl", "recipe": "demo", "recipe_digest": "", "arguments": {}, "figures": {}, "seconds": 30.0}
    (folder / "job.json").write_text(
        json.dumps({**job, "mlflow_run_id": "", "mlflow_experiment_id": "", "finished": ""})
    )
    return folder


def _evaluation(folder: Path, accuracies: Mapping[Path, float]) -> Path:
    folder.mkdir()
    results = [
        Result(str(path), "rl", path.name, "sums", "cot", _score(accuracy), {}, 0)
        for path, accuracy in accuracies.items()
    ]
    write_results(
        folder,
        results,
        [_item(path, number, accuracy) for path, accuracy in accuracies.items() for number in range(QUESTIONS)],
    )
    (folder / "_SUCCESS").touch()
    return folder


def _item(path: Path, number: int, accuracy: float) -> Item:
    """The verdict on a question; the first ones are right."""
    right = number < round(accuracy * QUESTIONS)
    return Item(
        str(path),
        path.name,
        "sums",
        f"q{number}",
        "",
        "7",
        "",
        0,
        "",
        None,
        "right" if right else "missing",
        right,
        "",
        1,
    )


def _score(accuracy: float) -> Score:
    return Score(QUESTIONS, 1, accuracy, *wilson(accuracy, QUESTIONS))


def _compare(out: Path, evaluation: Path | None, *models: Path) -> int:
    given = [] if evaluation is None else ["--evaluation", str(evaluation)]
    return main(["--recipe", "demo", "--out", str(out), *given, "--model", *map(str, models)])


@pytest.fixture
def instruct(tmp_path: Path) -> Path:
    return _folder(tmp_path / "start", "instruct", None)


def test_table_order_and_plot(tmp_path: Path, instruct: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [
        _run(tmp_path / f"{method}-{seed}", instruct, method, seed, [0.4, 0.5, 0.6 + seed / 10])
        for method in ("rft", "grpo_iterative")
        for seed in (0, 1)
    ]
    measured = dict(zip([instruct, *runs], [0.40, 0.50, 0.54, 0.60, 0.66], strict=True))
    evaluation = _evaluation(tmp_path / "evaluation", measured)
    assert _compare(tmp_path / "out", evaluation, *runs) == 0

    first, rft, iterative = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert (first["method"], first["accuracy/sums"]) == ("instruct", 0.40)
    assert (rft["method"], rft["seeds"], rft["steps"], rft["samples"]) == ("rft", "0, 1", STEPS, STEPS * 2 * 8)
    # t(0.975) of one degree of freedom is 12.706, and the deviation of 0.50 and 0.54 is 0.04/sqrt(2).
    assert rft["accuracy/sums"] == pytest.approx(0.52)
    assert rft["accuracy_high/sums"] - 0.52 == pytest.approx(12.706 * 0.02, abs=1e-4)
    # Question by question 1 on 10, 1/2 on 4 and 0 on 86: the variance is (11 - 100 x 0.12^2) / 99, and t(0.975) of 99
    # degrees of freedom 1.9842.
    half = 1.9842 * ((11 - 1.44) / 99 / 100) ** 0.5
    assert rft["gain/sums"] == pytest.approx(0.12)
    assert (rft["gain_low/sums"], rft["gain_high/sums"]) == pytest.approx((0.12 - half, 0.12 + half), abs=1e-4)
    assert (iterative["seconds"], iterative["seconds/generate"], iterative["seconds/train"]) == (30.0, 8.0, 12.0)
    assert (iterative["iterations"], iterative["mean_length"], rft["seconds/generate"]) == (2, 5.5, None)

    (line,) = json.loads((tmp_path / "out" / "order.json").read_text())
    # Seed by seed 0.10 and 0.12 apart: 0.11 plus or minus 12.706 x 0.01.
    assert (line["better"], line["worse"], line["inside_noise"]) == ("grpo_iterative", "rft", True)
    assert (line["low"], line["high"]) == pytest.approx((0.11 - 0.12706, 0.11 + 0.12706), abs=1e-4)
    words = "sums: grpo_iterative is 11.0 points above rft (95% interval -1.7 to 23.7 over 2 seeds, paired): inside the"
    assert words in line["words"]
    assert words in capsys.readouterr().err
    client = tracking_client()
    run_id = json.loads((tmp_path / "out" / "job.json").read_text())["mlflow_run_id"]
    found = {file.path for file in client.list_artifacts(run_id)}
    assert found == {"comparison.json", "comparison.png", "order.json"}
    assert client.get_run(run_id).data.metrics["gain/sums/rft"] == pytest.approx(0.12)


def test_one_seed_has_wilson_s_intervals(tmp_path: Path, instruct: Path) -> None:
    runs = [_run(tmp_path / name, instruct, name, 0, [0.4, 0.6]) for name in ("rft", "ppo")]
    evaluation = _evaluation(tmp_path / "evaluation", {instruct: 0.3, runs[0]: 0.5, runs[1]: 0.8})
    assert _compare(tmp_path / "out", evaluation, *runs) == 0
    _, rft, _ = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert (rft["accuracy_low/sums"], rft["accuracy_high/sums"]) == pytest.approx(wilson(0.5, QUESTIONS))
    (line,) = json.loads((tmp_path / "out" / "order.json").read_text())
    assert (line["better"], line["inside_noise"]) == ("ppo", False)
    # Of 30 questions that only one of them has right ppo has all.
    assert f"over 100 questions, paired; exact McNemar, p = {2 / 2**30:.2g}): outside the noise" in line["words"]


def test_the_plot_has_a_curve_and_a_bar_for_each_method_and_a_line_for_each_iteration() -> None:
    points = [Interval(0.4, 0.3, 0.5), Interval(0.6, 0.5, 0.7)]
    curves = [Curve("rft", 1, [0, 4], points, []), Curve("grpo_iterative", 3, [0, 4], points, [2])]
    rows = [
        {"method": name, "accuracy/sums": 0.5, "accuracy_low/sums": 0.4, "accuracy_high/sums": 0.7}
        for name in ("instruct", "rft", "grpo_iterative")
    ]
    figure = methods_figure(rows, curves, ["sums"])
    learning, final = figure.axes
    drawn = [list(line.get_xdata()) for line in learning.lines]
    assert drawn == [[0, 4], [0, 4], [2, 2]]
    (band, _) = learning.collections
    assert {tuple(point) for point in band.get_paths()[0].vertices} == {(0, 0.3), (0, 0.5), (4, 0.5), (4, 0.7)}
    assert [bar.get_height() for bar in final.patches] == [0.5, 0.5, 0.5]
    assert [bar.get_facecolor() for bar in final.patches[1:]] == [
        to_rgba(line.get_color()) for line in learning.lines[:2]
    ]
    assert "Student's t over 3 seeds; Wilson's over the questions for a single seed" in figure.get_supxlabel()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["instruct", "rft", "grpo_iterative"]


def test_one_method_has_no_order() -> None:
    assert ordering([], "sums", {}, {}) == []


def test_mistakes_are_one_line(tmp_path: Path, instruct: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = _run(tmp_path / "one", instruct, "rft", 0, [0.4])
    twin = _run(tmp_path / "twin", instruct, "rft", 0, [0.4])
    blind = _run(tmp_path / "blind", instruct, "rft", 1, [])
    elsewhere = _run(tmp_path / "elsewhere", twin, "rft", 1, [0.4])
    unmeasured = _run(tmp_path / "unmeasured", instruct, "rft", 2, [0.4])
    evaluation = _evaluation(tmp_path / "evaluation", {instruct: 0.3, one: 0.5})
    mistakes = [
        ((None, one), "--evaluation is missing"),
        ((evaluation, one, twin), "has the settings and the seed of"),
        ((evaluation, blind), "was trained without reinforce.validation"),
        ((evaluation, one, elsewhere), "start from different models"),
        ((evaluation, one, unmeasured), f"has no figures of {unmeasured}"),
        ((evaluation, one, instruct), "instruct and rl models cannot be compared"),
    ]
    for (given, *models), message in mistakes:
        assert _compare(tmp_path / "out", given, *models) == 2
        assert message in capsys.readouterr().err
