"""Checks theories with an external command, such as Isabelle.

A theory that a model wrote is a stranger's, and Isabelle's ML can do what any program can: unless the recipe's
`sandbox.isolation` is `none`, the command runs confined (`mathmill.sandbox.external`).
"""

import shutil
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mathmill.errors import UserError
from mathmill.progress import progress
from mathmill.recipe_proofs import ProofRecipe
from mathmill.sandbox.external import PATH, SCRATCH, is_visible, isolated, run_external

Verdict = Literal["proved", "failed", "timed_out"]
KEY = "evaluation.proofs"
WITHOUT = "give --no-check to write the theories without checking them"


@dataclass(frozen=True, slots=True)
class Theory:
    """A theory file."""

    name: str
    """As it calls itself, and as its file must be called."""
    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What the command made of a theory."""

    verdict: Verdict
    output: str
    """The end of what it wrote."""
    seconds: float


class ProofChecker:
    """Runs the recipe's command on theories."""

    def __init__(self, recipe: ProofRecipe, *, isolation: Literal["required", "none"]) -> None:
        """Look for the command.

        Args:
            recipe: the command and its limits.
            isolation: the recipe's `sandbox.isolation`.

        Raises:
            UserError: there is no such command, or it would not see itself.
        """
        self._recipe = recipe
        self._isolated = isolation == "required"
        self._program = _program(recipe, self._isolated)

    def check(self, theories: Sequence[Theory]) -> list[Checked]:
        """The verdicts, in order; several theories are checked at once."""
        ending = threading.Event()
        pool = ThreadPoolExecutor(self._recipe.processes, thread_name_prefix="proofs")
        try:
            checks = [pool.submit(self._check, theory, ending) for theory in theories]
            return [check.result() for check in progress(checks, total=len(checks), unit="theories")]
        finally:
            ending.set()
            pool.shutdown(cancel_futures=True)

    def probe(self, right: Theory, wrong: Theory) -> None:
        """See that the command can tell a right theory from a wrong one.

        Raises:
            UserError: it cannot.
        """
        accepted, refused = self.check([right, wrong])
        if accepted.verdict != "proved":
            said = " ".join(accepted.output.split())[-300:] or "nothing"
            raise UserError(
                f"{KEY}: the command does not accept a proof of `True` ({accepted.verdict} after"
                f" {accepted.seconds:.0f} s; it says: {said}): mend {KEY}.command, folders or seconds, or {WITHOUT}"
            )
        if refused.verdict == "proved":
            raise UserError(
                f"{KEY}.command accepts a proof of `False`: name one that ends with an exit code other than 0"
            )

    def _check(self, theory: Theory, ending: threading.Event) -> Checked:
        with tempfile.TemporaryDirectory(prefix="mathmill-proof-") as folder:
            file = Path(folder, f"{theory.name}.thy")
            file.write_text(theory.text, encoding="utf-8")
            file.chmod(0o644)
            inside = SCRATCH if self._isolated else folder
            places = {"{file}": f"{inside}/{file.name}", "{dir}": inside, "{theory}": theory.name}
            command = [self._program, *(_filled(word, places) for word in self._recipe.command[1:])]
            if self._isolated:
                command = isolated(command, file, self._recipe.folders)
            ended = run_external(command, file.parent, self._recipe.seconds, ending.is_set)
        verdict: Verdict = "timed_out" if ended.code is None else "proved" if ended.code == 0 else "failed"
        return Checked(verdict, ended.output, ended.seconds)


def _program(recipe: ProofRecipe, isolated: bool) -> str:
    """The path of the command's program.

    Raises:
        UserError: it is not there, or cannot be seen in the sandbox.
    """
    name = recipe.command[0]
    # In the sandbox there is no other path than this.
    found = shutil.which(name, path=PATH if isolated else None) or shutil.which(name)
    if found is None:
        raise UserError(
            f"{KEY}.command: there is no program '{name}' here: install Isabelle and name its bin/isabelle there, or"
            f" {WITHOUT}"
        )
    for folder in recipe.folders:
        if not Path(folder).is_absolute() or not Path(folder).is_dir():
            raise UserError(f"{KEY}.folders: {folder} is no folder: name those that the command needs, by whole paths")
    program = Path(found).absolute()
    if isolated and not is_visible(program, recipe.folders):
        raise UserError(
            f"{KEY}.folders: {program.resolve()} is in none of them, so that the command would not see itself in the"
            " sandbox: add its folder"
        )
    return str(program)


def _filled(word: str, places: dict[str, str]) -> str:
    for mark, place in places.items():
        word = word.replace(mark, place)
    return word
