"""Set models side by side: base models of several pretrainings, or rl models of several methods and seeds.

Base models by their losses, bits a byte of held-out text and accuracy; rl models by the evaluation of them and of the
model that they start from.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mathmill.errors import UserError
from mathmill.evaluation.compare_methods import compare_methods
from mathmill.evaluation.comparison_figure import comparison_figure
from mathmill.evaluation.held_out_text import bits_per_byte, held_out_texts
from mathmill.evaluation.results import read_results
from mathmill.job import Figures, Job, job_parser, run_job
from mathmill.job_record import JobRecord
from mathmill.output import require_finished, write_text
from mathmill.progress import progress
from mathmill.training.model_directory import read_record

TABLE = "comparison.json"
DATASETS = "datasets"

Row = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__, stage="comparison")
    parser.add_argument(
        "--model", type=Path, nargs="+", required=True, metavar="DIR", help="base models, or rl models of one start"
    )
    parser.add_argument(
        "--evaluation",
        type=Path,
        metavar="DIR",
        help="output of `mathmill evaluate` on these models; rl models need it",
    )
    arguments = parser.parse_args(argv)
    return run_job("compare", arguments, lambda job: compare(job, arguments))


def compare(job: Job, arguments: argparse.Namespace) -> Figures:
    """Compare the models by what they are.

    Raises:
        UserError: they are no models that can be compared with each other.
    """
    paths = [require_finished(path.resolve(), "mathmill train") for path in arguments.model]
    roles = {read_record(path).role for path in paths}
    if roles == {"rl"}:
        return compare_methods(job, paths, arguments.evaluation)
    if roles == {"base"}:
        return _compare_pretrainings(job, paths, arguments.evaluation)
    raise UserError(f"--model: {' and '.join(sorted(roles))} models cannot be compared: give base models, or rl models")


def _compare_pretrainings(job: Job, paths: Sequence[Path], evaluation: Path | None) -> Figures:
    """Write the table, and log it with its plot."""
    models = {path.name: path for path in paths}
    if len(models) < len(paths):
        raise UserError("two of --model have one folder name, by which the table tells models apart: rename one")
    texts = held_out_texts(_corpora(models), job.recipe, job.out / DATASETS)
    shutil.rmtree(job.out / DATASETS, ignore_errors=True)
    bits = _bits_per_byte(models, texts)
    accuracies = _accuracies(evaluation)
    rows = [
        {"model": name, **_training(path), **bits[name], **accuracies.get(str(path), {})}
        for name, path in models.items()
    ]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    write_text(job.out / TABLE, json.dumps(rows, indent=2, ensure_ascii=False))
    job.run.log_table({column: [row.get(column) for row in rows] for column in columns}, TABLE)
    traces = {name: _trace(path) for name, path in models.items()}
    counts = {corpus: len(some) for corpus, some in texts.items()}
    job.run.log_figure(comparison_figure(rows, traces, counts), "comparison.png")
    figures = {f"{column}/{row['model']}": row[column] for row in rows for column in columns[1:] if column in row}
    return figures | {f"held_out_texts/{corpus}": count for corpus, count in counts.items()}


def _bits_per_byte(models: Mapping[str, Path], texts: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    """What every model needs for the held-out texts of every corpus."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    found = {}
    for name, path in progress(models.items(), total=len(models), unit="models"):
        network = AutoModelForCausalLM.from_pretrained(path, dtype="auto").eval()
        tokenizer = AutoTokenizer.from_pretrained(path)
        found[name] = {
            f"bits_per_byte/{corpus}": bits_per_byte(network, tokenizer, some) for corpus, some in texts.items() if some
        }
    return found


def _corpora(models: Mapping[str, Path]) -> dict[str, Path]:
    """The corpora that the models learned from, each once, by a name."""
    inputs = {name: JobRecord.read(path).arguments["input"] for name, path in models.items()}
    if unknown := [name for name, place in inputs.items() if place == "None"]:
        raise UserError(f"--model {models[unknown[0]]} was trained without --input, so its corpus is not known")
    distinct = [Path(place) for place in dict.fromkeys(inputs.values())]
    names = [place.name for place in distinct]
    return {
        name if names.count(name) == 1 else f"{number}-{name}": place
        for number, (name, place) in enumerate(zip(names, distinct, strict=True), start=1)
    }


def _training(path: Path) -> Row:
    """Figures of the model's own training."""
    figures = JobRecord.read(path).figures
    shown = ("parameters", "tokens", "last_loss", "validation_loss_after")
    return {name: figures[name] for name in shown} | {
        name: value for name, value in figures.items() if name.startswith(("total_share/", "total_epochs/"))
    }


def _accuracies(evaluation: Path | None) -> dict[str, Row]:
    """Accuracy on each task with Wilson's 95% interval, by the model's folder."""
    rows: dict[str, Row] = {}
    for result in read_results(require_finished(evaluation, "mathmill evaluate")) if evaluation else []:
        score = result.score
        rows.setdefault(result.model, {}).update(
            {
                f"accuracy/{result.task}": score.accuracy,
                f"accuracy_low/{result.task}": score.low,
                f"accuracy_high/{result.task}": score.high,
            }
        )
    return rows


def _trace(path: Path) -> list[dict[str, float]]:
    """The model's training losses, step by step."""
    lines = (path / "trace.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


if __name__ == "__main__":
    sys.exit(main())
