"""Every command explains itself at once, and a user's mistake is one line and exit code 2."""

import copy
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mathmill.cli import COMMANDS, main
from mathmill.errors import UserError
from mathmill.recipe_file import load_recipe, recipe_path

HEAVY = ("torch", "transformers", "deepspeed", "mlflow", "airflow", "datasets", "fasttext")


def _mistake(path: Path) -> str:
    """What `load_recipe` says is wrong with the recipe; empty when it is valid."""
    try:
        load_recipe(str(path))
    except UserError as error:
        return str(error)
    return ""


def test_every_command_has_help_that_needs_no_heavy_import() -> None:
    script = f"""
        import contextlib, io, json, sys
        from mathmill.cli import COMMANDS, main
        class Wall:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in {HEAVY!r}:
                    raise ImportError("imports " + name)
        sys.meta_path.insert(0, Wall())
        wrong = {{}}
        for name in COMMANDS:
            text = io.StringIO()
            try:
                with contextlib.redirect_stdout(text):
                    main([*name.split(), "--help"])
                wrong[name] = "came back"
            except SystemExit as end:
                if end.code or "usage: mathmill " + name.split()[0] not in text.getvalue():
                    wrong[name] = [end.code, text.getvalue()]
            except ImportError as error:
                wrong[name] = str(error)
        print(json.dumps(wrong))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {}


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for name, (_, summary) in COMMANDS.items():
        assert f"mathmill {name} " in text
        assert summary in text


@pytest.mark.parametrize(
    "words",
    [["nothing"], ["corpus", "nothing"], ["corpus", "nothing", "--help"], ["train", "demo"], ["--nothing"], [""]],
)
def test_an_unknown_command_is_one_line(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(words) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("mathmill: error: ")
    assert output.err.count("\n") == 1


def test_no_command_shows_the_help_and_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "mathmill demo" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "code"), [(["train"], 2), (["train", "--help"], 0), (["train", "-h"], 0)])
def test_a_group_of_commands_lists_its_own(capsys: pytest.CaptureFixture[str], words: list[str], code: int) -> None:
    assert main(words) == code
    listed = [line.split()[1:3] for line in capsys.readouterr().out.splitlines() if line.startswith("  mathmill ")]
    assert listed == [["train", "pretrain"], ["train", "sft"], ["train", "reward"], ["train", "rl"]]


@pytest.mark.parametrize(
    ("text", "key", "mend"),
    [
        ("name: x\ncorpsu: {}", "corpsu", "did you mean 'corpus'?"),
        ("name: x\nreinforce: {optimizer: {learningrate: 1.0}}", "reinforce.optimizer.learningrate", "'learning_rate'"),
        ("name: x\ninstruct: {steps: ten}", "instruct.steps", "valid integer, got 'ten'"),
        ("name: x\nreinforce: {group: true}", "reinforce.group", "valid integer, got True"),
        ("name: x\npretrain: {optimizer: {learning_rate: .inf}}", "pretrain.optimizer.learning_rate", "finite"),
        ("name: x\ncorpus: {input: one.warc.gz}", "corpus.input", "valid list"),
        ("name: x\nreinforce: {group: 1}", "reinforce", "take 2 or more"),
        ("name: x\nreinforce: {questions: [{kind: file}]}", "reinforce.questions.0.file.path", "Field required"),
        ("name: x\nreinforce: {questions: [{kind: csv}]}", "reinforce.questions.0", "'huggingface'"),
        ("name: x\nlaunch: {processes: 3}", "pretrain.batch_tokens", "must be a multiple of"),
        ("name: x\ncorpus: {iterations: 2, tokens: [10]}", "corpus", "give one an iteration"),
        ("name: x\nmodel: {checkpoint: null}", "model", "give either `checkpoint` or `shape`"),
        ("name: Über", "name", "match pattern"),
        ("name: x\nname: y", "name", "stands twice"),
        ("name: [\nseed: 1", "line 2, column 8", "but got '<stream end>' (while parsing a flow sequence from line 1)"),
        ("name: x\ndescription: 2026-13-45", "", "not valid YAML"),
        ("name: x\n? [a, b]\n: 1", "", "not valid YAML"),
        ("name: x\nseed: !!bool maybe", "", "not valid YAML"),
        ("\x00", "", "not valid YAML"),
        ("", "", "a recipe is a mapping"),
    ],
)
def test_a_broken_recipe_is_one_line_with_file_key_and_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, key: str, mend: str
) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text, encoding="utf-8")
    assert main(["recipe", "check", str(path)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"mathmill: error: {path}: ")
    assert output.err.count("\n") == 1
    assert key in output.err
    assert mend in output.err


def test_a_recipe_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for reference in (tmp_path / "none.yaml", tmp_path):
        assert main(["recipe", "check", str(reference)]) == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        assert str(reference) in message
        assert "demo" in message


def test_a_binary_file_is_no_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00name")
    assert main(["recipe", "check", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_check_says_where_the_recipe_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe", "check", "recipes/deepseekmath-7b.yaml"]) == 0
    output = capsys.readouterr()
    assert "deepseekmath-7b.yaml: valid" in output.out
    assert output.err == ""


def test_show_prints_a_recipe_that_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe", "show", "demo", "--set", "seed=3"]) == 0
    path = tmp_path / "shown.yaml"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert load_recipe(str(path)) == load_recipe("demo", ["seed=3"])


def test_show_prints_the_schema_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe", "show", "demo", "--schema"]) == 0
    assert "reinforce" in json.loads(capsys.readouterr().out)["properties"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("[]{}:,-!&*#|>'\"\n %@`?0a"), max_size=40))
def test_whatever_a_file_holds_it_is_a_recipe_or_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "any.yaml"
    path.write_text("name: x\n" + text, encoding="utf-8")
    mistake = _mistake(path)
    assert len(mistake.splitlines()) <= 1
    assert mistake.startswith(f"{path}: ") or mistake == ""


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=5,
)


def _places(values: object) -> list[tuple[str | int, ...]]:
    if isinstance(values, dict):
        return [(key, *rest) for key, value in values.items() for rest in [(), *_places(value)]]
    if isinstance(values, list):
        return [(index, *rest) for index, value in enumerate(values) for rest in [(), *_places(value)]]
    return []


DEMO = yaml.safe_load(recipe_path("demo").read_text(encoding="utf-8"))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(_places(DEMO)), ANYTHING)
def test_whatever_stands_at_a_key_it_is_a_recipe_or_one_line(
    tmp_path: Path, place: tuple[str | int, ...], value: object
) -> None:
    values = copy.deepcopy(DEMO)
    section = values
    for part in place[:-1]:
        section = section[part]
    section[place[-1]] = value
    path = tmp_path / "any.yaml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    mistake = _mistake(path)
    assert len(mistake.splitlines()) <= 1
    assert mistake.startswith(f"{path}: ") or mistake == ""
