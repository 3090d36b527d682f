"""The form's fields say and take what the recipe says and takes."""

from typing import Any

import pytest
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import ParamValidationError

from mathmill.errors import UserError
from operators.recipe_field import recipe_field, recipe_fields
from operators.run_params import requested_overrides, run_params


def _schema(key: str) -> dict[str, Any]:
    schema = dict(recipe_field(key, "Section").schema)
    assert schema.pop("section") == "Section"
    return schema


@pytest.mark.parametrize(
    ("key", "schema"),
    [
        ("pretrain.total_tokens", {"type": ["integer", "null"], "minimum": 1}),
        ("corpus.min_score", {"type": ["number", "null"], "minimum": 0, "maximum": 1}),
        ("corpus.iterations", {"type": ["integer", "null"], "minimum": 1, "maximum": 4}),
        ("reward.optimizer.learning_rate", {"type": ["number", "null"], "exclusiveMinimum": 0}),
        ("corpus.contact", {"type": ["string", "null"]}),
        # A number or a section that changes with the steps: the field takes the number.
        ("reinforce.kl_coefficient", {"type": ["number", "null"], "minimum": 0}),
        (
            "evaluation.at",
            {"type": ["array", "null"], "items": {"type": "integer", "minimum": 1}, "minItems": 1},
        ),
    ],
)
def test_a_field_has_the_type_and_bounds_of_its_key(key: str, schema: dict[str, Any]) -> None:
    assert _schema(key) == schema


def test_a_field_of_choices_offers_them_and_the_recipe_s_own() -> None:
    schema = _schema("corpus.annotation.mode")
    assert schema["enum"] == [None, "auto", "person"]
    assert schema["values_display"] == {"null": "(as the recipe says)"}


def test_a_field_tells_meaning_bounds_and_default() -> None:
    assert recipe_field("corpus.converged_share", "Mining").description == (
        "Mining stops when so much of an iteration's pages had been collected before. At least 0 and at most 1."
        " Left empty: the recipe's own value, 0.98 where it says nothing."
    )
    # The default of the section it stands in, not of the section's kind.
    assert "own value, 0.00042 where" in str(recipe_field("pretrain.optimizer.learning_rate", "Optimiser").description)


@pytest.mark.parametrize("key", ["spark.conf", "evaluation.search", "corpus.benchmarks"])
def test_what_no_field_can_hold_has_none(key: str) -> None:
    with pytest.raises(ValueError, match=key):
        recipe_field(key, "Section")


@pytest.mark.parametrize(
    ("key", "value"),
    [("corpus.iterations", 5), ("corpus.min_score", 1.5), ("corpus.iterations", "2"), ("corpus.annotation.mode", "me")],
)
def test_an_invalid_value_is_refused_by_the_field_s_name(key: str, value: object) -> None:
    params = ParamsDict(dict(recipe_fields({"Mining": [key]})))
    with pytest.raises(ParamValidationError, match=f"param {key}: "):
        params[key] = value


@pytest.mark.parametrize("reference", ["demo", "deepseekmath-1.3b", "/recipes/of/mine.yaml"])
def test_a_recipe_is_a_known_name_or_a_path(reference: str) -> None:
    assert run_params()["recipe"].resolve(reference) == reference


@pytest.mark.parametrize("reference", ["demos", "", "deepseekmath-1x3b", "mine.yaml", None])
def test_another_recipe_is_refused(reference: str | None) -> None:
    with pytest.raises(ParamValidationError):
        run_params()["recipe"].resolve(reference)


def test_what_is_filled_in_changes_the_recipe_beside_overrides() -> None:
    params = {
        "recipe": "demo",
        "corpus": "/corpus",
        "pretrain.total_tokens": 4096,
        "corpus.contact": "",
        "pretrain.micro_batch": None,
        "overrides": {"launch.processes": 1},
    }
    assert requested_overrides(params) == {"pretrain.total_tokens": 4096, "launch.processes": 1}
    assert requested_overrides({"recipe": "demo", "overrides": None}) == {}


def test_a_key_is_changed_in_one_place() -> None:
    params = {"pretrain.total_tokens": 4096, "overrides": {"pretrain.total_tokens": 2048}}
    with pytest.raises(UserError, match=r"param pretrain\.total_tokens is filled in and stands in param overrides"):
        requested_overrides(params)
