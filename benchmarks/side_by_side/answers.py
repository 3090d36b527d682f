"""Real answers for the grader: of every published question set, rewritten, and of models with published verdicts."""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from mathmill.grading.extraction import extract_answer
from mathmill.questions import BadRow, read_questions
from mathmill.recipe_questions import FileSource, Layout

LAYOUTS: dict[str, Layout] = {
    "gsm8k/*.jsonl": "gsm8k",
    "deepseekmath_files/gsm8k_test.jsonl": "question",
    "gsm8k_backward/*.jsonl": "question",
    "gsm_hard/*.jsonl": "mawps",
    "math/*.jsonl": "math",
    "agieval/*.jsonl": "agieval",
    "cmath/*.jsonl": "cmath",
    "mgsm_zh/*.jsonl": "mgsm",
    "sat/*.jsonl": "sat",
    "ocw/*.jsonl": "ocw",
    "mmlu_stem/*.jsonl": "mmlu",
    "mmlu_stem/dev/*.csv": "mmlu",
    "mathqa/*.jsonl": "mathqa",
    "svamp/*.json*": "svamp",
    "asdiv/*": "asdiv",
    "mawps/*.jsonl": "mawps",
    "more/aime24.jsonl": "math",
    "more/amc23.jsonl": "question",
    "more/cn_middle_school.jsonl": "choice_answer",
    "more/college_math.jsonl": "question",
    "more/gaokao2023en.jsonl": "question",
    "more/gaokao2024_mix.jsonl": "choice_answer",
    "more/minerva_math.jsonl": "math",
    "more/olympiadbench.jsonl": "olympiadbench",
}
"""Globs below the folder of benchmarks, with their layouts; miniF2F, which is to be proved, has no answers."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A model's final answer with the verdict that its publisher gives."""

    place: str
    answer: str
    gold: str
    right: bool


def gold_answers(benchmarks: Path) -> dict[str, dict[str, str]]:
    """The gold answers of every file: its path below `benchmarks` to the answers by their places."""
    found: dict[str, dict[str, str]] = {}
    for pattern, layout in LAYOUTS.items():
        for path in sorted(benchmarks.glob(pattern)):
            name = str(path.relative_to(benchmarks))
            rows = read_questions(FileSource(kind="file", path=str(path), layout=layout))
            found[name] = {place.removeprefix(str(path)): _answer(question, place) for question, place in rows}
    return found


def _answer(question: object, place: str) -> str:
    if isinstance(question, BadRow):
        raise TypeError(f"{place}: {question.problem}")
    return str(question.answer)  # type: ignore[attr-defined]


def deranged(answers: list[str], seed: int) -> list[str]:
    """The answers in another order, each at the place of one that is written differently wherever that can be."""
    draws = random.Random(seed)  # noqa: S311 -- for one order, and always the same
    groups = [[answer] * count for answer, count in Counter(answers).items()]
    draws.shuffle(groups)
    order = [answer for group in groups for answer in group]
    shift = max(map(len, groups))
    moved = order[shift:] + order[:shift]
    others: dict[str, list[str]] = {}
    for answer, other in zip(order, moved, strict=True):
        others.setdefault(answer, []).append(other)
    for one in others.values():
        draws.shuffle(one)
    return [others[answer].pop() for answer in answers]


def openai_solutions(sft: Path) -> Iterator[Judged]:
    """Four models' solutions of GSM8K's test (openai/grade-school-math), which end in `A: ` and the answer."""
    path = sft / "gsm8k_example_model_solutions.jsonl"
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        row = json.loads(line)
        gold = row["ground_truth"].rpartition("A:")[2].strip()
        for name, solution in row.items():
            if isinstance(solution, dict):
                _, mark, answer = solution["solution"].rpartition("\nA:")
                yield Judged(f"{number} {name}", answer.strip() if mark else "", gold, solution["is_correct"])


def mathcoder_solutions(sft: Path) -> Iterator[Judged]:
    """MathCoder-CL-34b's solutions of GSM8K's test, ending in a box, in a file of right ones and of wrong ones."""
    for verdict in ("correct", "wrong"):
        (path,) = (sft / "mathcoder_outputs").glob(f"*-{verdict}.jsonl")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            row = json.loads(line)
            steps = "\n".join(step["content"] for step in row["debug_result"] if step["role"] == "text")
            answer = extract_answer(steps) or ""
            yield Judged(f"{verdict} {number}", answer, row["ground_truth"]["answer"], verdict == "correct")


def rewritten(answer: str, draws: random.Random) -> str:
    """The same answer as another hand may write it: decimals, other fractions, brackets that grow, spaces, a unit."""
    fraction = re.fullmatch(r"(-?)\\d?frac\{(\d+)\}\{(\d+)\}", answer)
    if fraction and (decimal := _decimal(Fraction(int(fraction[2]), int(fraction[3])))):
        return fraction[1] + decimal
    if re.fullmatch(r"-?\d+", answer):
        return draws.choice([f"{answer}.0", f"x = {answer}", f"{answer} \\text{{ cm}}", f"{int(answer):,}"])
    if re.fullmatch(r"[\[(][^()\[\]]*[)\]]", answer):
        return f"\\left{answer[:-1]}\\right{answer[-1]}".replace(",", " , ")
    return re.sub(r"\\frac(?=\{)", r"\\dfrac", answer).replace("+", " + ").replace(",", ", ")


def _decimal(number: Fraction) -> str | None:
    """`number` in digits where they end."""
    rest = number.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return str(Decimal(number.numerator) / number.denominator) if rest == 1 else None
