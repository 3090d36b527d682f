"""The job end to end: a random model, and a model that knows its proofs, with a real command as the checker."""

import json
import shutil

import mlflow
import pyarrow.parquet as pq
import pytest
import yaml

from mathmill.evaluation.accuracy import wilson
from mathmill.proofs import prove
from mathmill.proofs.proofs import prompt_text, read_problems
from mathmill.recipe_file import load_recipe
from mathmill.rollout.engine import Completion
from tests.proofs.proof_command import write_command

NAMES = ("first", "second", "third")


def problem(name):
    return {
        "problem_name": name,
        "formal_statement": f'theorem {name}:\n  shows "(1::nat) + 1 = 2"',
        "informal_statement": "Show that $1 + 1 = 2$.",
        "informal_proof": "Count.",
        "header": f"theory {name}\n  imports Main\nbegin\n\n",
        "id": f"test-{NAMES.index(name)}",
    }


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data" / "minif2f"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text("".join(f"{json.dumps(problem(name))}\n" for name in NAMES))
    return folder.parent


@pytest.fixture
def write_recipe(tmp_path):
    def write(**evaluation):
        path = tmp_path / "tiny.yaml"
        sampling = {"temperature": 1.0, "max_new_tokens": 8}
        recipe = {"name": "tiny", "evaluation": {"batch": 4, "sampling": sampling, **evaluation}}
        if shutil.which("bwrap") is None:
            recipe["sandbox"] = {"isolation": "none"}
        path.write_text(yaml.safe_dump(recipe))
        return str(path)

    return write


class Scripted:
    """An engine whose completions are written in advance, by problem and sample."""

    def __init__(self, script):
        self.script = script
        self.asked = []

    def generate(self, prompts, sampling, *, samples, seed, stop):
        self.asked += prompts
        groups = [self.script[len(self.asked) - len(prompts) + number] for number in range(len(prompts))]
        return [[Completion([1, 2], [0.0, 0.0], "stop", text) for text in group] for group in groups]


def test_a_random_model_leaves_unchecked_theories_and_no_figure(data, write_recipe, make_model, tmp_path, capsys):
    model, out = make_model("base"), tmp_path / "out"
    arguments = ["--recipe", write_recipe(), "--model", str(model), "--data", str(data), "--samples", "2"]
    assert prove.main([*arguments, "--out", str(out)]) == 0
    said = "prove: no checker, so the theories are unchecked and no accuracy is given: set evaluation.proofs\n"
    assert capsys.readouterr().err.count(said) == 1
    (result,) = json.loads((out / "proofs.json").read_text())
    assert (result["problems"], result["samples"]) == (3, 2)
    assert (result["proved"], result["passed"]) == (None, {})
    assert set(result["verdicts"]) <= {"refused", "unchecked"}
    rows = pq.read_table(out / "items.parquet").to_pylist()
    assert [(row["problem"], row["sample"]) for row in rows] == [(name, k) for name in NAMES for k in (0, 1)]
    problems = read_problems(data / "minif2f" / "test.jsonl")
    assert [row["prompt"] for row in rows[::2]] == [prompt_text(one) for one in problems]
    for row in rows:
        file = out / "theories" / "base" / f"{row['problem']}-{row['sample']}.thy"
        assert file.read_bytes().decode() == row["theory"]
        assert row["theory"].startswith(f"theory {row['problem']}\n")
    figures = json.loads((out / "job.json").read_text())["figures"]
    assert figures["theorems/base/minif2f_test"] == 3
    assert not any("proved" in name or "pass_at" in name for name in figures)


def test_a_checker_judges_what_the_model_wrote(data, write_recipe, make_model, tmp_path, monkeypatch):
    model, out = make_model("base"), tmp_path / "out"
    recipe = write_recipe(proofs=write_command(tmp_path / "suite") | {"hammer": "by auto"})
    script = [
        ["\n  sledgehammer\n\n\n\nInformal:", "\n  by WRONG"],
        ["\n  sorry", "\n  by HANG"],
        ['\n if "False" by simp', "\n  by (WRONG)\n"],
    ]
    engine = Scripted(script)
    tokenizer = prove.load_model(prove.choose_models(None, [model])[0], load_recipe(recipe))[1]
    monkeypatch.setattr(prove, "load_model", lambda *_: (engine, tokenizer))
    arguments = ["--recipe", recipe, "--model", str(model), "--data", str(data), "--samples", "2"]
    assert prove.main([*arguments, "--out", str(out)]) == 0

    rows = pq.read_table(out / "items.parquet").to_pylist()
    assert [row["verdict"] for row in rows] == ["proved", "failed", "refused", "timed_out", "refused", "failed"]
    assert [row["output"] for row in rows] == [
        "Finished first\n",
        "*** Failed to finish proof\n",
        "'sorry' proves nothing",
        "",
        "'if' begins no proof",
        "*** Failed to finish proof\n",
    ]
    assert rows[0]["theory"] == (
        'theory first\n  imports Main\nbegin\n\ntheorem first:\n  shows "(1::nat) + 1 = 2"\nby auto\n\nend\n'
    )
    assert tokenizer.decode(engine.asked[0]) == rows[0]["prompt"]
    (result,) = json.loads((out / "proofs.json").read_text())
    assert result["verdicts"] == {"proved": 1, "failed": 2, "refused": 2, "timed_out": 1}
    low, high = wilson(1 / 6, 3)
    assert result["proved"] == {"share": 1 / 6, "low": low, "high": high}
    assert {k: seen["share"] for k, seen in result["passed"].items()} == {"1": 1 / 6, "2": 1 / 3}

    client = mlflow.MlflowClient()
    run = client.get_run(json.loads((out / "job.json").read_text())["mlflow_run_id"])
    assert run.data.metrics["pass_at_2/base/minif2f_test"] == 1 / 3
    assert run.data.metrics["timed_out_attempts/base/minif2f_test"] == 1
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {"proofs.json", "samples.json"}


class Interrupted:
    """An engine that a Ctrl-C meets in its second portion."""

    def __init__(self, engine):
        self.engine = engine
        self.portions = 0

    def generate(self, prompts, *arguments, **options):
        self.portions += 1
        if self.portions == 2:
            raise KeyboardInterrupt
        return self.engine.generate(prompts, *arguments, **options)


def test_what_was_drawn_before_an_interruption_is_not_drawn_again(
    data, write_recipe, make_model, tmp_path, monkeypatch
):
    load, engines = prove.load_model, []

    def load_interrupted(model, recipe):
        engine, tokenizer = load(model, recipe)
        engines.append(Interrupted(engine))
        return engines[-1], tokenizer

    recipe = write_recipe(batch=1)  # four attempts a portion
    arguments = ["--recipe", recipe, "--model", str(make_model("base")), "--data", str(data), "--samples", "4"]
    assert prove.main([*arguments, "--out", str(tmp_path / "whole")]) == 0
    monkeypatch.setattr(prove, "load_model", load_interrupted)
    for code in (130, 130, 0):  # each try draws one of the three portions
        assert prove.main([*arguments, "--out", str(tmp_path / "out")]) == code
    assert [engine.portions for engine in engines] == [2, 2, 1]
    whole, pieced = (pq.read_table(tmp_path / name / "items.parquet").to_pylist() for name in ("whole", "out"))
    assert pieced == whole
    assert not (tmp_path / "out" / "drawn").exists()


@pytest.mark.parametrize(
    ("evaluation", "arguments", "message"),
    [
        ({"proofs": {"command": ["isabelle-of-none"]}}, [], "evaluation.proofs.command: there is no program"),
        ({}, ["--check"], "--check needs a checker: set evaluation.proofs in the recipe"),
        ({"sampling": {"temperature": 0.0}}, ["--samples", "2"], "--samples 2 at temperature 0 are all the same"),
        ({}, ["--split", "validation"], "validation.jsonl: cannot read these problems"),
    ],
)
def test_bad_input_is_one_line_and_code_2(evaluation, arguments, message, data, write_recipe, tmp_path, capsys):
    arguments = ["--recipe", write_recipe(**evaluation), "--model", "none", "--data", str(data), *arguments]
    assert prove.main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


def test_an_absent_checker_is_no_matter_where_nothing_is_to_be_checked(data, write_recipe, make_model, tmp_path):
    recipe = write_recipe(proofs={"command": ["isabelle-of-none"]})
    arguments = ["--recipe", recipe, "--model", str(make_model("base")), "--data", str(data), "--limit", "1"]
    assert prove.main([*arguments, "--no-check", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "theories" / "base" / "first-0.thy").is_file()
