"""The first task settles the recipe with what the form changes, or refuses it by the name of the key."""

from typing import Any

import pytest

from mathmill.errors import UserError
from operators.plan import Plan
from operators.prepare import PrepareOperator


def _plan(**request: Any) -> Plan:
    return PrepareOperator(makes="corpus").plan("manual__2026", {"recipe": "demo", "overrides": {}, **request})


def test_fields_and_overrides_are_the_plan_s() -> None:
    plan = _plan(**{"corpus.iterations": 1, "corpus.min_score": None, "overrides": {"seed": 3}})
    assert plan.overrides == {"corpus.iterations": 1, "seed": 3}
    assert (plan.load().corpus.iterations, plan.load().seed) == (1, 3)


def test_what_no_field_can_tell_alone_is_refused_by_the_keys_names() -> None:
    with pytest.raises(UserError, match=r"tokens has 2 budgets for 3 iterations"):
        _plan(**{"corpus.iterations": 3})


def test_a_section_written_as_its_mode_takes_its_other_keys_too() -> None:
    plan = _plan(**{"overrides": {"corpus.annotation": "person"}, "corpus.annotation.response_timeout": 2})
    annotation = plan.load().corpus.annotation
    assert (annotation.mode, annotation.response_timeout) == ("person", 2)
