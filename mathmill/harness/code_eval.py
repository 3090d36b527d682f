"""The metric `code_eval` of the evaluate library, with its programs in mathmill's sandbox.

HumanEval, MBPP and their like in lm-evaluation-harness score programs by `evaluate.load("code_eval")`, which fetches a
script from the hub and runs what the model wrote as a child process with all the user's rights. Within
`confined_code_eval` that call gives the metric of this module instead; nothing else of the tasks is touched.
"""

import inspect
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from mathmill.errors import UserError
from mathmill.evaluation.estimators import pass_at
from mathmill.recipe_sandbox import SandboxRecipe
from mathmill.sandbox import RunResult, Sandbox

CONFINED = ("humaneval", "humaneval_infilling", "mbpp")
"""Folders of the harness's tasks that run programs by `code_eval` alone."""

_sandbox: ContextVar[Callable[[], Sandbox]] = ContextVar("sandbox")


class CodeEval:
    """Share of problems whose tests a program passes."""

    def compute(
        self, *, references: Sequence[str], predictions: Sequence[Sequence[str]], k: Sequence[int] = (1, 10, 100)
    ) -> tuple[dict[str, float], dict[int, list[tuple[int, dict[str, Any]]]]]:
        """Run each program with its problem's tests after it; see the evaluate library's `code_eval`.

        Args:
            references: tests of each problem, as a program's text that raises where a test fails.
            predictions: programs for each problem.
            k: of the pass@k wanted.

        Returns:
            `pass@k` by name, for each `k` of which all problems have as many programs; and by problem the number of
            each program with what became of it.
        """
        # A program that exits with code 0 before its tests has not passed them.
        mark = secrets.token_hex(16)
        places = [(problem, number) for problem, programs in enumerate(predictions) for number in range(len(programs))]
        results = _sandbox.get()().run(
            [f"{predictions[problem][number]}\n{references[problem]}\n{_marking(mark)}" for problem, number in places]
        )
        told: dict[int, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
        for (problem, number), result in zip(places, results, strict=True):
            passed = result.outcome == "ok" and mark in result.stdout
            verdict = {"task_id": problem, "passed": passed, "result": "passed" if passed else _failure(result)}
            told[problem].append((number, {**verdict, "completion_id": number}))
        right = [sum(verdict["passed"] for _, verdict in told[problem]) for problem in range(len(predictions))]
        counts = [len(programs) for programs in predictions]
        shares = {
            f"pass@{size}": sum(pass_at(*one, size) for one in zip(counts, right, strict=True)) / len(counts)
            for size in k
            if size <= min(counts)
        }
        return shares, dict(told)


@contextmanager
def confined_code_eval(recipe: SandboxRecipe) -> Iterator[None]:
    """Within it `evaluate.load("code_eval")` gives `CodeEval`. A sandbox is started for the first program.

    A program that cannot be confined is refused with a `UserError`, and never run otherwise.
    """
    import evaluate

    load = evaluate.load

    def confined(path: str, *arguments: Any, **settings: Any) -> Any:
        return CodeEval() if path.rpartition("/")[2] == "code_eval" else load(path, *arguments, **settings)

    with ExitStack() as stack:
        token = _sandbox.set(cache(lambda: stack.enter_context(Sandbox(recipe))))
        evaluate.load = confined
        try:
            yield
        finally:
            evaluate.load = load
            _sandbox.reset(token)


def check_confined(tasks: Mapping[str, Any]) -> None:
    """See that each task of the harness that says it runs a model's programs does so by `code_eval`.

    Raises:
        UserError: one of them runs them itself.
    """
    for name, task in tasks.items():
        if getattr(task, "UNSAFE_CODE", False) and not all(map(_is_confined, task.config.metric_list)):
            raise UserError(
                f"task '{name}' runs programs that the model wrote by means of its own, with all the rights of this"
                f" process: it is refused; those of {', '.join(CONFINED)} run in the sandbox"
            )


def _is_confined(entry: Mapping[str, Any]) -> bool:
    import lm_eval.tasks

    metric = entry["metric"]
    folders = [Path(lm_eval.tasks.__file__).parent / name for name in CONFINED]
    return callable(metric) and Path(inspect.getfile(metric)).parent in folders


def _marking(mark: str) -> str:
    return f"__import__('os').write(1, b'{mark}')\n"


def _failure(result: RunResult) -> str:
    if result.outcome == "timed_out":
        return "timed out"
    return f"failed: {result.error.strip().rpartition(chr(10))[2] or result.outcome}"
