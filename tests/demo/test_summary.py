"""The closing table."""

import json
from dataclasses import asdict
from pathlib import Path

from mathmill.demo.summary import summary
from mathmill.evaluation.accuracy import Score
from mathmill.evaluation.results import Result, write_results
from mathmill.job import Figures
from mathmill.job_record import RECORD, JobRecord


def _output(folder: Path, seconds: float, figures: Figures) -> Path:
    """A folder with the record of a job that took `seconds`."""
    folder.mkdir()
    record = JobRecord(
        stage=folder.name,
        recipe="demo",
        recipe_digest="",
        arguments={},
        figures=dict(figures),
        seconds=seconds,
        mlflow_run_id="",
        mlflow_experiment_id="",
        finished="",
    )
    (folder / RECORD).write_text(json.dumps(asdict(record)), encoding="utf-8")
    return folder


def _result(role: str, accuracy: float, low: float, high: float) -> Result:
    score = Score(n=298, samples=1, accuracy=accuracy, low=low, high=high)
    return Result(model=role, role=role, label=role, task="sums", form="cot", score=score, outcomes={}, cut=0)


def test_each_figure_stands_in_its_column_beside_its_stage(tmp_path: Path) -> None:
    evaluation = _output(tmp_path / "evaluation", 68.4, {})
    results = [_result("base", 0.0, 0.0, 0.0127), _result("rl", 0.9765, 0.952, 0.9886)]
    write_results(evaluation, results, [])
    outputs = {
        "instruct": _output(tmp_path / "instruct", 1252.1, {"first_loss": 5.0823, "last_loss": 0.1}),
        "evaluation": evaluation,
    }
    assert summary(outputs, began=0.0, seconds=2000.0).splitlines() == [
        "  instruct    loss, first step          5.082",
        "              loss, last step           0.100",
        "              seconds                    1252",
        "  evaluation  accuracy of base on sums   0.0%  298 held-out questions, 95% interval 0.0% to 1.3%",
        "              accuracy of rl on sums    97.7%  298 held-out questions, 95% interval 95.2% to 98.9%",
        "              seconds                      68",
        "  chain       seconds                    2000",
        "              of them outside jobs       100%",
    ]
