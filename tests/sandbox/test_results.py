"""Only a result is taken for one."""

import pytest

from mathmill.sandbox.results import RunResult, Unconfined, read_answer

MESSAGE = {"outcome": "ok", "stdout": "1", "error": "", "seconds": 0.5}


def test_a_result_is_read():
    assert read_answer(MESSAGE) == RunResult("ok", "1", "", 0.5)


def test_a_failure_to_confine_is_told_apart():
    assert read_answer({"failure": "OSError: mount"}) == Unconfined("OSError: mount")


@pytest.mark.parametrize(
    "changed",
    [
        {"outcome": "right"},
        {"stdout": 1},
        {"error": None},
        {"seconds": "1"},
        {"outcome": None, "failure": 1},
        {"outcome": ["ok"]},
    ],
)
def test_anything_else_is_refused(changed):
    with pytest.raises(ValueError, match="result"):
        read_answer(MESSAGE | changed)
