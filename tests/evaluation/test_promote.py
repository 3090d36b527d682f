"""The champion is the best evaluated version; an evaluation run twice changes nothing."""

import pytest

from mathmill.errors import UserError
from mathmill.evaluation import promote
from mathmill.evaluation.accuracy import Score
from mathmill.evaluation.results import Result, write_results
from mathmill.grading.grader import OUTCOMES
from mathmill.recipe_file import load_recipe
from mathmill.tracking.registry import PROMOTED_BY, champion
from mathmill.tracking.server import tracking_client
from mathmill.tracking.task_run import task_run


@pytest.fixture
def recipe_path(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text("name: tiny\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def register(recipe_path, tmp_path):
    """Register a model folder and return it."""

    def add(name, role="rl"):
        path = tmp_path / name
        path.mkdir()
        with task_run(load_recipe(recipe_path), role) as run:
            run.register_model(path, "tiny", role, {})
        return path

    return add


@pytest.fixture
def evaluated(tmp_path):
    """A finished evaluation with the given accuracies, by model and role."""

    def make(name, accuracies, *, task="sums", form="cot", n=100):
        out = tmp_path / name
        out.mkdir()
        results = [
            Result(
                model=str(path),
                role=role,
                label=role,
                task=task,
                form=form,
                score=Score(n, 1, accuracy, 0.0, 1.0),
                outcomes=dict.fromkeys(OUTCOMES, 0),
                cut=0,
            )
            for path, role, accuracy in accuracies
        ]
        write_results(out, results, [])
        (out / "_SUCCESS").touch()
        return out

    return make


def test_the_better_version_is_champion(register, evaluated):
    first, second, third = register("a"), register("b"), register("c")
    assert champion("tiny", "rl") is None
    assert promote.promote(evaluated("e1", [(first, "rl", 0.5)]), "tiny") == {"promoted/rl": 1.0}
    assert promote.promote(evaluated("e2", [(second, "rl", 0.4)]), "tiny") == {"promoted/rl": 0.0}
    assert champion("tiny", "rl").path == first
    assert promote.promote(evaluated("e3", [(third, "rl", 0.5)]), "tiny") == {"promoted/rl": 1.0}
    assert (champion("tiny", "rl").path, champion("tiny", "rl").accuracy) == (third, 0.5)


def test_promoting_twice_changes_nothing(register, evaluated):
    model = register("a")
    evaluation = evaluated("e", [(model, "rl", 0.5)])
    assert promote.promote(evaluation, "tiny") == promote.promote(evaluation, "tiny") == {"promoted/rl": 1.0}
    assert champion("tiny", "rl").number == "1"


def test_a_champion_of_other_tasks_gives_way(register, evaluated):
    first, second = register("a"), register("b")
    promote.promote(evaluated("e1", [(first, "rl", 0.9)], task="easy"), "tiny")
    promote.promote(evaluated("e2", [(second, "rl", 0.1)], task="hard"), "tiny")
    assert champion("tiny", "rl").path == second


def test_a_champion_of_another_form_gives_way(register, evaluated):
    first, second = register("a"), register("b")
    promote.promote(evaluated("e1", [(first, "rl", 0.9)], form="tool"), "tiny")
    promote.promote(evaluated("e2", [(second, "rl", 0.1)], form="cot"), "tiny")
    assert champion("tiny", "rl").path == second


def test_each_role_has_its_champion(register, evaluated):
    base, rl = register("a", "base"), register("b", "rl")
    promote.promote(evaluated("e", [(base, "base", 0.1), (rl, "rl", 0.2)]), "tiny")
    assert (champion("tiny", "base").path, champion("tiny", "rl").path) == (base, rl)


def test_a_chosen_model_is_champion_though_its_accuracy_is_less(register, evaluated):
    first, second = register("a"), register("b")
    promote.promote(evaluated("e1", [(first, "rl", 0.5)]), "tiny")
    worse = evaluated("e2", [(second, "rl", 0.4)])
    assert promote.promote(worse, "tiny", ["tiny-rl/2"], "ann") == {"promoted/rl": 1.0}
    assert (champion("tiny", "rl").path, champion("tiny", "rl").accuracy) == (second, 0.4)
    tags = [tracking_client().get_model_version("tiny-rl", number).tags[PROMOTED_BY] for number in "12"]
    assert tags == ["auto", "ann"]


def test_who_chooses_none_leaves_the_champion(register, evaluated):
    first, second = register("a"), register("b")
    promote.promote(evaluated("e1", [(first, "rl", 0.5)]), "tiny")
    assert promote.promote(evaluated("e2", [(second, "rl", 0.9)]), "tiny", [], "ann") == {"promoted/rl": 0.0}
    assert champion("tiny", "rl").path == first


def test_only_an_evaluated_model_can_be_chosen(register, evaluated):
    evaluation = evaluated("e", [(register("a"), "rl", 0.5)])
    with pytest.raises(UserError, match="evaluates no tiny-rl/7: choose among tiny-rl/1"):
        promote.promote(evaluation, "tiny", ["tiny-rl/1", "tiny-rl/7"], "ann")
    assert champion("tiny", "rl") is None


def test_a_model_outside_the_registry_is_a_user_error(tmp_path, evaluated):
    with pytest.raises(UserError, match="the registry has no tiny-rl at"):
        promote.promote(evaluated("e", [(tmp_path / "x", "rl", 0.1)]), "tiny")


def test_command(recipe_path, register, evaluated, capsys):
    model = register("a")
    evaluation = evaluated("e", [(model, "rl", 0.5)])
    assert promote.main(["--recipe", recipe_path, "--evaluation", str(evaluation)]) == 0
    assert champion("tiny", "rl").path == model
    assert promote.main(["--recipe", recipe_path, "--evaluation", str(evaluation), "--crown", "tiny-rl/2"]) == 2
    assert "choose among tiny-rl/1" in capsys.readouterr().err
    assert promote.main(["--recipe", recipe_path]) == 2
    assert "mathmill evaluate" in capsys.readouterr().err
