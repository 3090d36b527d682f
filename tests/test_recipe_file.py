"""A recipe is valid, or one line says what to mend."""

from pathlib import Path

import pytest

from mathmill.errors import UserError
from mathmill.recipe_file import load_recipe, recipe_names


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_are_valid(name: str) -> None:
    assert load_recipe(name).name == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: x\ncorpsu: {}", "unknown key 'corpsu': did you mean 'corpus'?"),
        ("name: x\ncorpus: {classifier: {dimension: 8}}", "unknown key 'corpus.classifier.dimension'"),
        ("name: x\ncorpus: {iterations: many}", "corpus.iterations: Input should be a valid integer, got 'many'"),
        ("name: x\ncorpus: {iterations: 9}", "corpus.iterations"),
        ("name: x\nname: y", "key 'name' stands twice"),
        ("name: [", "not valid YAML"),
        ("- a", "a recipe is a mapping"),
        ("{}", "name: Field required"),
        ("name: x\npretrain: {mixture: [{name: a, weight: 0.5}]}", "add up to 0.5, not to 1"),
        ("name: x\npretrain: {batch_tokens: 1000}", "pretrain.batch_tokens 1000 must be a multiple of"),
        ("name: x\nmodel: {checkpoint: null}", "give either `checkpoint` or `shape`"),
        ("name: x\nevaluation: {samples: 4}", "4 samples at temperature 0 are all the same"),
        ("name: x\ndeepspeed: {train_batch_size: 8}", "deepspeed.train_batch_size follows from the batch"),
    ],
)
def test_a_broken_recipe_is_one_line_with_file_and_key(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        load_recipe(str(path))
    message = str(error.value)
    assert message.startswith(str(path))
    assert expected in message
    assert "\n" not in message


def test_numbers_are_read_as_yaml_1_2_has_them(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text("name: x\npretrain: {total_tokens: 300e9}\nreward: {optimizer: {learning_rate: 5e-5}}")
    recipe = load_recipe(str(path))
    assert recipe.pretrain.total_tokens == 300_000_000_000
    assert recipe.reward.optimizer.learning_rate == 5e-5


def test_an_override_without_a_value_is_refused() -> None:
    with pytest.raises(UserError, match=r"write it as section\.key=value"):
        load_recipe("demo", ["instruct.steps"])


def test_an_unknown_recipe_lists_those_there_are() -> None:
    with pytest.raises(UserError, match="demo"):
        load_recipe("nothing")


def test_a_section_written_as_its_mode_takes_an_override_of_another_key(tmp_path: Path) -> None:
    path = tmp_path / "short.yaml"
    path.write_text("name: x\ncorpus: {annotation: person}\nevaluation: {promotion: person}")
    recipe = load_recipe(str(path), ["corpus.annotation.min_pages=9", "evaluation.promotion.response_timeout=2"])
    assert (recipe.corpus.annotation.mode, recipe.corpus.annotation.min_pages) == ("person", 9)
    assert (recipe.evaluation.promotion.mode, recipe.evaluation.promotion.response_timeout) == ("person", 2)
