"""Only a result is taken for one."""

import pytest

from mathmill.sandbox.results import RunResult, read_result

MESSAGE = {"outcome": "ok", "stdout": "1", "error": "", "seconds": 0.5}


def test_a_result_is_read():
    assert read_result(MESSAGE) == RunResult("ok", "1", "", 0.5)


@pytest.mark.parametrize(
    "changed", [{"outcome": "right"}, {"stdout": 1}, {"error": None}, {"seconds": "1"}, {"outcome": ["ok"]}]
)
def test_anything_else_is_refused(changed):
    with pytest.raises(ValueError, match="result"):
        read_result(MESSAGE | changed)
