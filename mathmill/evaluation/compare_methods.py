"""Set reinforcement methods side by side: accuracy over seeds, gain over the first model, order, and cost."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from mathmill.errors import UserError
from mathmill.evaluation.accuracy import Score
from mathmill.evaluation.methods_figure import Curve, methods_figure
from mathmill.evaluation.paired import Comparison, compare
from mathmill.evaluation.results import read_results, read_verdicts
from mathmill.evaluation.uncertainty import Interval, of_share, over_seeds
from mathmill.job import Figures, Job
from mathmill.job_record import JobRecord
from mathmill.output import require_finished, write_text
from mathmill.recipe_reinforcement import ReinforceRecipe
from mathmill.reinforcement.history import History
from mathmill.reinforcement.methods import labels
from mathmill.training.model_directory import read_record

log = logging.getLogger("mathmill")

TABLE = "comparison.json"
ORDER = "order.json"
FIRST = "instruct"
"""Names the first model in the table."""
SECONDS = ("generate", "reward", "train")

Row = dict[str, Any]
Scores = Mapping[tuple[str, str], Score]
"""By the model's folder and the task."""
Verdicts = Mapping[tuple[str, str], Mapping[str, Sequence[bool]]]
"""Of each question's samples, by question, likewise."""


@dataclass(frozen=True, slots=True)
class Run:
    """A model that reinforcement made."""

    path: Path
    history: History
    parent: Path


@dataclass(frozen=True, slots=True)
class Compared:
    """The runs of one method, which differ in their seed."""

    name: str
    settings: ReinforceRecipe
    runs: dict[int, Run]
    """By seed."""

    @property
    def folders(self) -> list[Path]:
        """The models, by rising seed."""
        return [run.path for run in self.runs.values()]

    def accuracies(self, task: str, scores: Scores) -> dict[int, float]:
        """The accuracy of each seed's model."""
        return {seed: scores[str(run.path), task].accuracy for seed, run in self.runs.items()}


def compare_methods(job: Job, models: Sequence[Path], evaluation: Path | None) -> Figures:
    """Write table and order of the rl models, and log them with their plot.

    Raises:
        UserError: the models do not start from one, two of them are the same run, or the evaluation lacks one.
    """
    methods = compared([_run(path) for path in models])
    first = next(iter(methods[0].runs.values())).parent
    scores, verdicts = _figures(evaluation, [first, *models])
    tasks = list(dict.fromkeys(task for _, task in scores))
    rows = [_first_row(first, tasks, scores), *(_row(method, first, tasks, scores, verdicts) for method in methods)]
    order = [line for task in tasks for line in ordering(methods, task, scores, verdicts)]
    for line in order:
        log.info("%s", line["words"])
    for name, lines in ((TABLE, rows), (ORDER, order)):
        write_text(job.out / name, json.dumps(lines, indent=2, ensure_ascii=False))
        columns = list(dict.fromkeys(column for line in lines for column in line))
        if lines:
            job.run.log_table({column: [line.get(column) for line in lines] for column in columns}, name)
    job.run.log_figure(methods_figure(rows, [_curve(method) for method in methods], tasks), "comparison.png")
    return {
        f"{column}/{row['method']}": value
        for row in rows
        for column, value in row.items()
        if isinstance(value, int | float)
    }


def compared(runs: Sequence[Run]) -> list[Compared]:
    """The runs by method, in the order in which methods first come.

    Raises:
        UserError: they start from different models, or two have one method and seed.
    """
    if len(parents := {run.parent for run in runs}) > 1:
        raise UserError(f"--model: these start from different models ({', '.join(map(str, sorted(parents)))})")
    groups: list[tuple[ReinforceRecipe, dict[int, Run]]] = []
    for run in runs:
        settings, seed = run.history.reinforce(), run.history.seed
        members = next((members for known, members in groups if known == settings), None)
        if members is None:
            groups.append((settings, {seed: run}))
        elif seed in members:
            raise UserError(f"--model {run.path} has the settings and the seed of {members[seed].path}: leave one out")
        else:
            members[seed] = run
    names = labels([settings for settings, _ in groups])
    return [
        Compared(name, settings, dict(sorted(members.items())))
        for name, (settings, members) in zip(names, groups, strict=True)
    ]


def ordering(methods: Sequence[Compared], task: str, scores: Scores, verdicts: Verdicts) -> list[Row]:
    """Each method beside the next worse one: the difference of their accuracies, and whether it is inside the noise.

    Two that share several seeds are compared seed by seed, with the t-interval of the differences; others question by
    question.
    """
    ranked = sorted(methods, key=lambda one: -fmean(one.accuracies(task, scores).values()))
    lines = []
    for better, worse in pairwise(ranked):
        ours, theirs = better.accuracies(task, scores), worse.accuracies(task, scores)
        shared = [seed for seed in ours if seed in theirs]
        if len(shared) > 1:
            gap, how = over_seeds([ours[seed] - theirs[seed] for seed in shared]), f"over {len(shared)} seeds, paired"
        else:
            found = _compare(better.folders, worse.folders, task, verdicts)
            gap, how = found.difference, f"over {found.n} questions, paired; {found.test}, p = {found.p:.2g}"
        noise = "inside the noise" if gap.holds_zero else "outside the noise"
        lines.append(
            {
                "task": task,
                "better": better.name,
                "worse": worse.name,
                "difference": gap.value,
                "low": gap.low,
                "high": gap.high,
                "inside_noise": gap.holds_zero,
                "words": f"{task}: {better.name} is {100 * gap.value:.1f} points above {worse.name}"
                f" (95% interval {100 * gap.low:.1f} to {100 * gap.high:.1f} {how}): {noise}",
            }
        )
    return lines


def _compare(ours: Sequence[Path], theirs: Sequence[Path], task: str, verdicts: Verdicts) -> Comparison:
    """Compare models, each given by its folders of all seeds, on the questions of a task; seeds count as samples."""
    questions = verdicts[str(ours[0]), task]

    def seeds(paths: Sequence[Path]) -> list[list[bool]]:
        return [[right for path in paths for right in verdicts[str(path), task][one]] for one in questions]

    return compare(seeds(ours), seeds(theirs))


def _run(path: Path) -> Run:
    history, parent = History.read(path), read_record(path).parent_model
    if not history.validations:
        raise UserError(f"--model {path} was trained without reinforce.validation, so it has no curve: set it for all")
    if parent is None:
        raise UserError(f"--model {path}: its record names no parent model, so no gain can be told")
    return Run(path, history, Path(parent).resolve())


def _figures(evaluation: Path | None, models: Sequence[Path]) -> tuple[Scores, Verdicts]:
    """The figures of these models, and what they come from.

    Raises:
        UserError: there is no evaluation, or one of the models is not in it.
    """
    command = f"mathmill evaluate --model {models[0]} …"
    if evaluation is None:
        raise UserError(f"--evaluation is missing: rl models are compared by that of `{command}`")
    results = read_results(require_finished(evaluation, command))
    scores = {(result.model, result.task): result.score for result in results}
    tasks = {task for _, task in scores}
    for model in models:
        if any((str(model), task) not in scores for task in tasks):
            raise UserError(f"--evaluation {evaluation} has no figures of {model}: evaluate it with the others")
    ours = {key: one for key, one in scores.items() if key[0] in set(map(str, models))}
    return ours, read_verdicts(evaluation)


def _pooled(method: Compared, task: str, scores: Scores) -> Interval:
    """The mean over seeds with Wilson's interval, as of one test of all questions."""
    path = str(next(iter(method.runs.values())).path)
    return of_share(fmean(method.accuracies(task, scores).values()), scores[path, task].n)


def _first_row(first: Path, tasks: Sequence[str], scores: Scores) -> Row:
    row: Row = {"method": FIRST, "seeds": ""}
    for task in tasks:
        score = scores[str(first), task]
        row |= _columns("accuracy", task, of_share(score.accuracy, score.n))
    return row


def _row(method: Compared, first: Path, tasks: Sequence[str], scores: Scores, verdicts: Verdicts) -> Row:
    """A method's line of the table; seconds and samples are those of one run."""
    runs = list(method.runs.values())
    steps = [figures for run in runs for figures in run.history.steps]
    late = [figures for run in runs for figures in run.history.steps[-max(1, len(run.history.steps) // 10) :]]
    settings = method.settings
    replaced = sum(figures["groups_replaced"] for figures in steps) / len(runs)
    row: Row = {
        "method": method.name,
        "seeds": ", ".join(map(str, method.runs)),
        "steps": settings.steps,
        "iterations": settings.iterations,
        "samples": (settings.steps * settings.questions_per_step + replaced) * settings.samples,
    }
    for task in tasks:
        values = list(method.accuracies(task, scores).values())
        pooled = _pooled(method, task, scores)
        row |= _columns("accuracy", task, over_seeds(values) if len(values) > 1 else pooled)
        row |= _columns("gain", task, _compare(method.folders, [first], task, verdicts).difference)
    row["seconds"] = fmean(JobRecord.read(run.path).seconds for run in runs)
    for name in SECONDS:
        measured = [figures[key] for figures in steps if (key := f"seconds/{name}") in figures]
        row[f"seconds/{name}"] = sum(measured) / len(runs) if measured else None
    row["mean_length"] = fmean(figures["completions/mean_length"] for figures in late)
    return row


def _columns(name: str, task: str, interval: Interval) -> Row:
    return {
        f"{name}/{task}": interval.value,
        f"{name}_low/{task}": interval.low,
        f"{name}_high/{task}": interval.high,
    }


def _curve(method: Compared) -> Curve:
    """Validation accuracy by step: the mean over seeds with its t-interval, or one seed's with Wilson's."""
    traces = [run.history.validations for run in method.runs.values()]
    points = []
    for same in zip(*traces, strict=True):
        if len(same) > 1:
            points.append(over_seeds([one["validation/accuracy"] for one in same]))
        else:
            points.append(Interval(*(same[0][f"validation/accuracy{end}"] for end in ("", "_low", "_high"))))
    length = method.settings.steps // method.settings.iterations
    return Curve(
        method=method.name,
        seeds=len(traces),
        steps=[int(one["step"]) for one in traces[0]],
        points=points,
        iterations=list(range(length, method.settings.steps, length)),
    )
