"""Formal proofs of miniF2F in Isabelle: prompts, and theories made of what a model answers.

The paper's setting (section 2.3, after Jiang et al., "Draft, Sketch, and Prove", arXiv 2210.12283): the model is shown
examples, then an informal statement, its informal proof and the formal statement, and writes a proof sketch whose steps
it may leave to `sledgehammer`. It stops where it goes on to a problem of its own.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathmill.errors import UserError
from mathmill.proofs.examples import EXAMPLES
from mathmill.questions.rows import NoRowsError, read_rows

STOP = ("\nInformal:",)
"""Where a model goes on to another problem (the paper's evaluation code stops there)."""
NEXT = re.compile(
    r"^[ \t]*(Informal:|Formal:|(theory|theorem|lemma|corollary|proposition|definition|fun|function|end)\b)",
    re.MULTILINE,
)
"""What stands after a proof, and never in one, at the start of a line."""
FIRST = re.compile(
    r"(\(\*((?!\(\*|\*\)).)*\*\)\s*)*"
    r"((sledgehammer|proof|by|using|unfolding|supply|including|apply|subgoal)\b|\.\.?(?=\s|$))",
    re.DOTALL,
)
"""How a proof may begin, after comments that hold no other. Anything else might change what is stated, as `if "False"`
would."""
NO_PROOF = re.compile(r"\b(sorry|oops|quick_and_dirty|skip_proofs|tactic|raw_tactic|S?ML\w*)\b|\\<proof>|\\\d")
"""What gives a proof up or may pretend one: Isabelle's words for it, programs in its own ML, and the escapes in which
such a word could hide. Refused wherever it stands: what is a comment to us need not be one to Isabelle."""
HAMMER = re.compile(r"\bsledgehammer\b([ \t]*\[[^\]\n]*\])?")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_']*")


@dataclass(frozen=True, slots=True)
class Problem:
    """A statement to prove; a row of miniF2F."""

    problem_name: str
    """Names the theory and the theorem."""
    formal_statement: str
    """From `theorem` to where the proof begins."""
    informal_statement: str
    informal_proof: str
    header: str
    """From `theory` to `begin`, and what the statement is in terms of."""


def read_problems(path: Path, limit: int | None = None) -> list[Problem]:
    """The problems of a file in miniF2F's layout, or the first `limit` of them.

    Raises:
        UserError: it cannot be read, or a row is no problem.
    """
    try:
        rows = read_rows(path)[:limit]
    except NoRowsError as reason:
        raise UserError(f"{path}: cannot read these problems: {reason}") from reason
    return [_problem(row, f"{path}:{(number or 0) + 1}") for number, row in rows]


def _problem(row: Any, place: str) -> Problem:
    values = {name: row.get(name) for name in Problem.__slots__}
    if wrong := [name for name, value in values.items() if not isinstance(value, str)]:
        raise UserError(f"{place}: no text in '{wrong[0]}', which a problem of miniF2F has: fix the row")
    problem = Problem(**values)
    # It becomes the name of a file.
    if not NAME.fullmatch(problem.problem_name):
        raise UserError(f"{place}: '{problem.problem_name}' is no name of a theory: use letters, digits and _")
    return problem


def prompt_text(problem: Problem) -> str:
    """The examples and the problem, up to where its proof begins."""
    shown = [f"{_informal(one.informal_statement, one.informal_proof)}{one.formal}\n\n\n\n" for one in EXAMPLES]
    asked = _informal(problem.informal_statement, problem.informal_proof) + problem.formal_statement.strip()
    return "".join([*shown, asked])


def _informal(statement: str, proof: str) -> str:
    return f"Informal:\n(*### Problem\n\n{statement.strip()}\n\n### Solution\n\n{proof.strip()}*)\n\nFormal:\n"


def prompt_token_ids(tokenizer: Any, problem: Problem) -> list[int]:
    """Token ids of the prompt. Tuned models get it as text, too: none was tuned on formal proofs."""
    text = f"{tokenizer.bos_token or ''}{prompt_text(problem)}"
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def proof_of(completion: str) -> str:
    """The proof that a completion begins with."""
    found = NEXT.search(completion)
    return completion[: found.start() if found else None].strip()


def refusal(proof: str) -> str | None:
    """Why a text is no proof, whatever the checker would say; None if it may be one."""
    if not proof:
        return "no proof"
    if found := NO_PROOF.search(proof):
        return f"'{found[0]}' proves nothing"
    if not FIRST.match(proof):
        return f"'{proof.split(maxsplit=1)[0]}' begins no proof"
    return None


def theory_text(problem: Problem, proof: str, hammer: str | None) -> str:
    """The whole theory file, with `hammer` wherever the proof says `sledgehammer`."""
    if hammer is not None:
        proof = HAMMER.sub(lambda _: hammer, proof)
    return f"{problem.header.rstrip()}\n\n{problem.formal_statement.strip()}\n{proof}\n\nend\n"


def probe_text(problem: Problem, proposition: str) -> str:
    """A theory under the problem's imports that is right if `simp` proves the proposition."""
    return f'{problem.header.rstrip()}\n\ntheorem probe: "{proposition}"\n  by simp\n\nend\n'
