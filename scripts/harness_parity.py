"""Ask one model the same through mathmill's adapter and through lm-evaluation-harness's own `hf` model, and compare.

Both have the same weights, in float32. For each task it prints how many items have the same answers (completions, or
greedy flags) and the same figures, how far log-likelihoods are apart, and the CPU seconds of both sides; then each
completion that differs, with the gap of the two likeliest tokens' logits at the place where the two part.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lm_eval.evaluator import simple_evaluate
from lm_eval.models.huggingface import HFLM

from mathmill.evaluation.models import EvaluatedModel, load_network
from mathmill.harness.harness import load_tasks
from mathmill.harness.model import HarnessModel
from mathmill.job import CommandParser, exit_code


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="model folder")
    parser.add_argument("--tasks", required=True, metavar="A,B", help="names of tasks")
    parser.add_argument("--include", type=Path, metavar="DIR", help="folder of task files of your own")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="items of each task (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=8, metavar="N", help="rows of a pass (default: %(default)s)")
    arguments = parser.parse_args(argv)
    return exit_code(lambda: compare(arguments))


def compare(arguments: argparse.Namespace) -> None:
    """Ask both, task by task, and print what was found."""
    network, tokenizer = load_network(EvaluatedModel(arguments.model, "base", "base"))
    network = network.float()
    ours = HarnessModel(network, tokenizer, batch=arguments.batch, seed=0)
    theirs = HFLM(pretrained=network, tokenizer=tokenizer, batch_size=arguments.batch)
    for task in load_tasks(arguments.tasks.split(","), arguments.include):
        [name] = [task.task_name]
        (own_rows, own_seconds), (rows, seconds) = (_ask(one, task, arguments.limit) for one in (ours, theirs))
        pairs = list(zip(own_rows, rows, strict=True))
        answers = sum(_said(one) == _said(other) for one, other in pairs)
        figures = sum(_figures(one) == _figures(other) for one, other in pairs)
        gap = max(
            (
                abs(number - other_number)
                for one, other in pairs
                for number, other_number in zip(_numbers(one), _numbers(other), strict=True)
            ),
            default=0.0,
        )
        print(
            f"{name}: {len(pairs)} items, same answers {answers}, same figures {figures}, greatest gap of"
            f" log-likelihoods {gap:.2g} nats, ours {own_seconds:.0f} s of CPU, hf {seconds:.0f} s",
            flush=True,
        )
        for one, other in pairs:
            if _said(one) != _said(other):
                print(f"  item {one['doc_id']}: {_parting(network, tokenizer, one, other)}", flush=True)


def _ask(lm: Any, task: Any, limit: int) -> tuple[list[dict[str, Any]], float]:
    """The harness's rows of one task, a row for each item and filter, and the seconds of CPU it took."""
    started = time.process_time()
    told = simple_evaluate(lm, tasks=[task], limit=limit, bootstrap_iters=0)
    seconds = time.process_time() - started
    return told["samples"][task.task_name], seconds


def _responses(row: dict[str, Any]) -> list[Any]:
    return [response for repeats in row["resps"] for response in repeats]


def _said(row: dict[str, Any]) -> list[Any]:
    """Completions, or greedy flags."""
    return [one[1] if isinstance(one, tuple) else one for one in _responses(row) if not isinstance(one, float)]


def _numbers(row: dict[str, Any]) -> list[float]:
    """Log-likelihoods."""
    return [one[0] if isinstance(one, tuple) else one for one in _responses(row) if isinstance(one, tuple | float)]


def _figures(row: dict[str, Any]) -> list[Any]:
    return [row[name] for name in row["metrics"]]


@torch.no_grad()
def _parting(network: Any, tokenizer: Any, one: dict[str, Any], other: dict[str, Any]) -> str:
    """Where two completions part, and how near the two likeliest tokens are there."""
    context = one["arguments"][0][0]
    said = [tokenizer.encode(_said(row)[0], add_special_tokens=False) for row in (one, other)]
    same = next((place for place, (a, b) in enumerate(zip(*said, strict=False)) if a != b), min(map(len, said)))
    ids = torch.tensor([tokenizer.encode(context) + said[0][:same]])
    best = network(input_ids=ids.to(network.device), logits_to_keep=1).logits[0, -1].topk(2)
    return (
        f"the same {same} tokens, then {tokenizer.decode(best.indices[0])!r} is {best.values[0] - best.values[1]:.2g}"
        f" above {tokenizer.decode(best.indices[1])!r}"
    )


if __name__ == "__main__":
    sys.exit(main())
