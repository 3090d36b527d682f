"""What a person is shown before a model becomes champion: its figures and the champion's, side by side."""

from collections.abc import Sequence
from pathlib import Path

from mathmill.evaluation.accuracy import Score
from mathmill.evaluation.leaderboard import Evaluation, finished_evaluations
from mathmill.evaluation.paired import Comparison, compare
from mathmill.evaluation.promote import Candidate
from mathmill.evaluation.results import Result, read_verdicts

HEAD = "| task | new: version {new} | champion: version {old} | difference | p |\n|---|---|---|---|---|"
ALONE = "| task | new: version {new} |\n|---|---|"
NOTE = (
    "Accuracies with Wilson's 95% interval in %, and the number of questions; the difference is on those that both were"
    " asked."
)

Verdicts = dict[str, list[bool]]


def proposal(candidates: Sequence[Candidate], evaluation: Path, recipe_name: str) -> str:
    """A Markdown table for each candidate: its accuracy on each task, the champion's, and how far they are apart.

    The champion's are those of the newest finished evaluation in the home in which it did the task in the same form.

    Args:
        candidates: of the evaluation.
        evaluation: its folder.
        recipe_name: whose earlier evaluations are looked through.
    """
    earlier = finished_evaluations(recipe_name)
    return "\n\n".join([*(_section(one, evaluation, earlier) for one in candidates), NOTE])


def _section(candidate: Candidate, evaluation: Path, earlier: Sequence[Evaluation]) -> str:
    reigning, new = candidate.reigning, candidate.version.number
    title = f"**{candidate.version.name}**: {_verdict(candidate)}"
    if reigning is None or candidate.reigns:
        rows = [f"| {_task(result)} | {_accuracy(result.score)} |" for result in candidate.results]
        return "\n".join([title, "", ALONE.format(new=new), *rows])
    rows = [_row(result, str(reigning.path), evaluation, earlier) for result in candidate.results]
    return "\n".join([title, "", HEAD.format(new=new, old=reigning.number), *rows])


def _verdict(candidate: Candidate) -> str:
    """What accuracy alone would decide."""
    if candidate.reigns:
        return "is champion already."
    if candidate.reigning is None:
        return "has no champion yet; by accuracy it becomes the first."
    if candidate.reigning.tasks != candidate.tasks:
        return "the champion won on other questions; by accuracy alone the new one takes its place."
    return f"by accuracy the {'new one becomes' if candidate.wins else 'present one stays'} champion."


def _row(result: Result, champion: str, evaluation: Path, earlier: Sequence[Evaluation]) -> str:
    found = _measured(champion, result, earlier)
    if found is None:
        return f"| {_task(result)} | {_accuracy(result.score)} | not measured | | |"
    folder, theirs = found
    paired = _paired(read_verdicts(evaluation)[result.model, result.task], read_verdicts(folder)[champion, result.task])
    cells = ["no question in common", ""] if paired is None else [_difference(paired), f"{paired.p:.3g}, {paired.test}"]
    return f"| {' | '.join([_task(result), _accuracy(result.score), _accuracy(theirs.score), *cells])} |"


def _measured(model: str, like: Result, earlier: Sequence[Evaluation]) -> tuple[Path, Result] | None:
    """The newest result of `model` on the task and in the form of `like`, with its evaluation's folder."""
    for evaluation in reversed(earlier):
        for result in evaluation.results:
            if (result.model, result.task, result.form) == (model, like.task, like.form):
                return evaluation.folder, result
    return None


def _paired(ours: Verdicts, theirs: Verdicts) -> Comparison | None:
    shared = [question for question in ours if question in theirs]
    return compare([ours[one] for one in shared], [theirs[one] for one in shared]) if shared else None


def _task(result: Result) -> str:
    return f"{result.task} ({result.form})"


def _accuracy(score: Score) -> str:
    return f"{score.accuracy:.1%} [{100 * score.low:.1f}, {100 * score.high:.1f}] on {score.n}"


def _difference(paired: Comparison) -> str:
    value, low, high = (100 * end for end in (paired.difference.value, paired.difference.low, paired.difference.high))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}] on {paired.n}"
