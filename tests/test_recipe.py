"""The records of a recipe."""

import pytest

from mathmill.errors import UserError
from mathmill.recipe_file import load_recipe


def test_the_defaults_are_the_papers() -> None:
    recipe = load_recipe("deepseekmath-7b")
    assert recipe.pretrain.total_tokens == 500_000_000_000
    assert recipe.pretrain.optimizer.learning_rate == 4.2e-4
    assert [source.weight for source in recipe.pretrain.mixture] == [0.56, 0.04, 0.10, 0.20, 0.10]
    assert (recipe.instruct.steps, recipe.instruct.batch, recipe.instruct.optimizer.learning_rate) == (500, 256, 5e-5)
    assert (recipe.reinforce.group, recipe.reinforce.kl_coefficient) == (64, 0.04)
    classifier = recipe.corpus.classifier
    assert (classifier.positives, classifier.dim, classifier.word_ngrams) == (500_000, 256, 3)


def test_overrides_change_the_digest() -> None:
    one, other = load_recipe("demo"), load_recipe("demo", ["instruct.steps=7"])
    assert other.instruct.steps == 7
    assert one.digest() != other.digest()
    assert one.digest() == load_recipe("demo").digest()


def test_who_is_told_or_asked_is_no_part_of_the_digest() -> None:
    asked = load_recipe("demo", ["evaluation.promotion=person", "alerts.connection=team"])
    assert (asked.evaluation.promotion.mode, asked.alerts.connection) == ("person", "team")
    assert asked.digest() == load_recipe("demo").digest()


def test_annotation_is_named_by_its_mode_alone() -> None:
    assert load_recipe("demo", ["corpus.annotation=person"]).corpus.annotation.mode == "person"
    with pytest.raises(UserError, match=r"annotation\.mode: Input should be 'auto' or 'person'"):
        load_recipe("demo", ["corpus.annotation=nobody"])
