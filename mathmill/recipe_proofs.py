"""The recipe's section on checking formal proofs."""

from typing import Annotated

from pydantic import Field

from mathmill.recipe_types import PositiveCount, Rate, Section

HAMMER = (
    "by ((simp; fail) | (auto; fail) | (blast; fail) | (fastforce; fail) | (force; fail) | (eval; fail)"
    " | (presburger; fail) | (arith; fail) | (linarith; fail) | (auto simp: field_simps; fail))"
)


class ProofRecipe(Section):
    """The checker of formal proofs, an Isabelle of your own; its methods are those of the paper's evaluation code."""

    command: Annotated[list[str], Field(min_length=1)] = [
        "isabelle",
        "process",
        "-l",
        "HOL-Number_Theory",
        "-T",
        "{theory}",
    ]
    """Program and arguments that end with exit code 0 when a theory is right, run in the theory's folder. `{file}` is
    the theory's file, `{dir}` the folder, `{theory}` the file's name without `.thy`."""
    folders: list[str] = []
    """Folders outside `/usr` that the command needs, its own among them. In the sandbox it sees these, read-only."""
    seconds: Rate = 300.0
    """Longest time for one theory."""
    processes: PositiveCount = 2
    """Theories that are checked at once."""
    hammer: str | None = HAMMER
    """What stands in a theory where the model wrote `sledgehammer`: by default one of the methods that the paper's
    checker tries before Isabelle's own search. Null: the word is left, for a command that searches itself."""
