"""A real command checks theories, in bubblewrap and bare."""

import shutil
import signal
import threading
import time

import pytest

from mathmill.errors import UserError
from mathmill.proofs.checker import ProofChecker, Theory
from mathmill.recipe_proofs import ProofRecipe
from tests.proofs.proof_command import write_command

GOOD = Theory("Good", "theory Good imports Main begin end")
WRONG = Theory("Wrong", "theory Wrong imports Main begin WRONG end")
HANGING = Theory("Hanging", "theory Hanging imports Main begin HANG end")


@pytest.fixture(params=["required", "none"])
def isolation(request):
    if request.param == "required" and shutil.which("bwrap") is None:
        pytest.skip("no bwrap on the path: install bubblewrap to test the checker in it")
    return request.param


def test_each_theory_has_its_verdict_in_order(isolation, tmp_path):
    checker = ProofChecker(ProofRecipe(**write_command(tmp_path / "suite")), isolation=isolation)
    checked = checker.check([WRONG, HANGING, GOOD])
    assert [one.verdict for one in checked] == ["failed", "timed_out", "proved"]
    assert [one.output for one in checked] == ["*** Failed to finish proof\n", "", "Finished Good\n"]
    assert 4.0 <= checked[1].seconds < 30


def test_several_are_checked_at_once(tmp_path):
    slow = write_command(tmp_path / "suite", "#!/bin/bash\nsleep 1.5\n")
    started = time.monotonic()
    checker = ProofChecker(ProofRecipe(**slow | {"seconds": 20.0, "processes": 8}), isolation="none")
    assert [one.verdict for one in checker.check([GOOD] * 8)] == ["proved"] * 8
    assert time.monotonic() - started < 4 * 1.5


def test_an_interruption_ends_what_runs(tmp_path):
    recipe = ProofRecipe(**write_command(tmp_path / "suite") | {"seconds": 600.0, "processes": 1})
    checker = ProofChecker(recipe, isolation="none")
    started = time.monotonic()
    main = threading.main_thread().ident
    threading.Timer(0.5, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        checker.check([HANGING] * 50)
    assert time.monotonic() - started < 30


def test_an_absent_command_is_named_with_the_mend():
    with pytest.raises(UserError, match=r"proofs\.command: there is no program 'isabelle-of-none' here: install"):
        ProofChecker(ProofRecipe(command=["isabelle-of-none"]), isolation="none")


def test_a_command_outside_its_folders_is_refused_in_isolation(tmp_path):
    section = write_command(tmp_path / "suite")
    with pytest.raises(UserError, match=r"evaluation\.proofs\.folders: .*/suite/check is in none of them"):
        ProofChecker(ProofRecipe(**section | {"folders": []}), isolation="required")
    with pytest.raises(UserError, match=r"folders: /no/such is no folder"):
        ProofChecker(ProofRecipe(**section | {"folders": ["/no/such"]}), isolation="required")


def test_a_probe_finds_a_command_that_cannot_tell(tmp_path):
    true, false = Theory("P", 'theory P begin theorem "True" end'), Theory("P", 'theory P begin theorem "False" end')
    ProofChecker(ProofRecipe(**write_command(tmp_path / "right")), isolation="none").probe(true, false)
    yes = write_command(tmp_path / "yes", "#!/bin/bash\ntrue\n")
    with pytest.raises(UserError, match=r"accepts a proof of `False`"):
        ProofChecker(ProofRecipe(**yes), isolation="none").probe(true, false)
    no = write_command(tmp_path / "no", "#!/bin/bash\necho 'Missing heap image'; exit 2\n")
    reason = r"does not accept a proof of `True` \(failed after \d+ s; it says: Missing heap"
    with pytest.raises(UserError, match=reason):
        ProofChecker(ProofRecipe(**no), isolation="none").probe(true, false)
