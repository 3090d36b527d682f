"""The steps of a solution, as text and as tokens."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from mathmill.errors import UserError

OPENING = re.compile(r"\\begin\{|(?<!\\)\\\[")
CLOSING = re.compile(r"\\end\{|(?<!\\)\\\]")


def split_steps(solution: str) -> list[str]:
    r"""The steps of a solution: its lines, as models and data sets write them.

    Blank lines are none, and lines within a LaTeX environment, `\[ … \]` or `$$ … $$` are one step together.
    """
    steps: list[str] = []
    goes_on = False
    for line in solution.strip().split("\n"):
        if goes_on:
            steps[-1] += f"\n{line.rstrip()}"
        elif line.strip():
            steps.append(line.rstrip())
        goes_on = bool(steps) and _within_formula(steps[-1])
    return steps


def _within_formula(text: str) -> bool:
    """Whether a displayed formula or an environment that `text` begins goes on after it."""
    return len(OPENING.findall(text)) > len(CLOSING.findall(text)) or text.count("$$") % 2 == 1


def step_tokens(tokenizer: Any, steps: Sequence[str]) -> tuple[list[int], list[int]]:
    """The tokens of a solution, one step a line, and where each step ends.

    The solution is tokenised as a whole, as `mathmill.training.chat.answer_ids` does it, so that a model reads what
    it learned to write. A line break is no part of a step, unless the tokenizer joins it to the step's last character.

    Args:
        tokenizer: a fast tokenizer, which knows the characters of each token.
        steps: none empty.

    Returns:
        Token ids, end-of-sequence token included, and for each step the index among them of its last token.

    Raises:
        UserError: the tokenizer is not a fast one.
    """
    if not tokenizer.is_fast:
        raise UserError(f"{tokenizer.name_or_path}: a process reward model needs a fast tokenizer (tokenizer.json)")
    encoded = tokenizer(
        " " + "\n".join(steps) + tokenizer.eos_token, add_special_tokens=False, return_offsets_mapping=True
    )
    begins = [begin for begin, _ in encoded["offset_mapping"]]
    ends = []
    place = 1
    for step in steps:
        ends.append(bisect_left(begins, place + len(step)) - 1)
        place += len(step) + 1
    return list(encoded["input_ids"]), ends


def drawn_step_ends(tokenizer: Any, token_ids: Sequence[int], steps: Sequence[str]) -> list[int]:
    """Where each step of a drawn solution ends: the index among its tokens of the step's last one.

    A model may draw other tokens than the tokenizer would make of its text, so steps are found by what the tokens say:
    a step ends with the token that brings its last character which is no white space.

    Args:
        tokenizer: of the model that drew.
        token_ids: the drawn tokens.
        steps: of their text, by `split_steps`.
    """
    ends: list[int] = []
    wanted = 0
    for step in steps:
        wanted += _visible(step)
        counts = range(1, len(token_ids) + 1)
        place = bisect_left(
            counts,
            wanted,
            lo=ends[-1] if ends else 0,
            key=lambda count: _visible(tokenizer.decode(token_ids[:count], skip_special_tokens=True)),
        )
        ends.append(min(place, len(token_ids) - 1))
    return ends


def _visible(text: str) -> int:
    """Characters that are no white space."""
    return len("".join(text.split()))
