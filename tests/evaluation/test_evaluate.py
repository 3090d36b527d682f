"""The job end to end on random models, and its figures on completions written by hand."""

import json
import shutil
from pathlib import Path

import mlflow
import pyarrow.parquet as pq
import pytest
import torch

from mathmill import home
from mathmill.evaluation import evaluate
from mathmill.evaluation.models import EvaluatedModel, load_model
from mathmill.evaluation.results import Verification, read_results
from mathmill.evaluation.verification import Verifier
from mathmill.questions import load_questions
from mathmill.recipe_file import load_recipe
from mathmill.reward.scoring import RewardModel
from mathmill.training.chat import prompt_ids

RECIPE = """
name: tiny
prompt: {shots: 2, suffix: " Answer in \\\\boxed{}."}
instruct:
  sources:
    - questions: {kind: reasoning_gym, generator: chain_sum, size: 30, seed: 100, config: {max_terms: 2, max_digits: 1}}
evaluation:
  sampling: {temperature: 0.0, max_new_tokens: 8}
  batch: 8
  tasks:
    sums: {kind: reasoning_gym, generator: chain_sum, size: 12, seed: 1, config: {max_terms: 2, max_digits: 1}}
"""


@pytest.fixture
def recipe_path(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return str(path)


def task_questions(recipe_path):
    recipe = load_recipe(recipe_path)
    return load_questions(recipe.evaluation.tasks["sums"])


def test_job_grades_base_with_examples_and_tuned_without(recipe_path, make_model, tmp_path):
    base = make_model("base")
    rl = make_model("rl", parent=base)
    out = tmp_path / "out"
    assert evaluate.main(["--recipe", recipe_path, "--model", str(base), str(rl), "--out", str(out)]) == 0

    questions = task_questions(recipe_path)
    results = read_results(out)
    assert [(result.role, result.task, result.score.n) for result in results] == [
        ("base", "sums", len(questions)),
        ("rl", "sums", len(questions)),
    ]
    rows = pq.read_table(out / "items.parquet").to_pylist()
    assert [row["question_id"] for row in rows] == [question.id for question in questions] * 2
    first = questions[0].question
    assert rows[len(questions)]["prompt"] == f"User: {first} Answer in \\boxed{{}}.\n\nAssistant:"
    assert rows[0]["prompt"].endswith(f"User: {first} Answer in \\boxed{{}}.\n\nAssistant:")
    assert rows[0]["prompt"].count("Assistant: ") == 2
    assert all(row["tokens"] <= 8 and row["finish_reason"] in ("stop", "length") for row in rows)

    client = mlflow.MlflowClient()
    run = client.get_run(json.loads((out / "job.json").read_text())["mlflow_run_id"])
    assert run.data.metrics["accuracy/rl/sums"] == results[1].score.accuracy
    assert run.data.metrics["questions/base/sums"] == len(questions)
    beneath = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
    of_models = {one.info.run_name: one.data.metrics["accuracy/sums"] for one in beneath}
    assert of_models == {"base": results[0].score.accuracy, "rl": results[1].score.accuracy}
    artifacts = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert artifacts >= {"accuracy.png", "samples.json", "paired.json", "leaderboard.json", "leaderboard.html"}
    (pair,) = json.loads((out / "paired.json").read_text())
    assert (pair["model"], pair["against"], pair["n"]) == ("rl", "base", len(questions))
    assert pair["difference"] == pytest.approx(results[1].score.accuracy - results[0].score.accuracy)
    board = json.loads((out / "leaderboard.json").read_text())
    assert [(entry["role"], entry["model"], entry["evaluation"]) for entry in board] == [
        ("base", str(base), str(out)),
        ("rl", str(rl), str(out)),
    ]

    again = tmp_path / "again"
    assert evaluate.main(["--recipe", recipe_path, "--model", str(base), str(rl), "--out", str(again)]) == 0
    assert pq.read_table(again / "items.parquet").to_pylist() == rows


def test_newest_rl_model_and_its_ancestors_are_the_default(recipe_path, make_model, tmp_path):
    base = make_model("base")
    instruct = make_model("instruct", parent=base)
    rl = make_model("rl", parent=instruct)
    place = home.outputs("tiny", "rl") / "one"
    shutil.copytree(rl, place)
    (place / "_SUCCESS").touch()
    assert evaluate.main(["--recipe", recipe_path, "--out", str(tmp_path / "out")]) == 0
    results = read_results(tmp_path / "out")
    assert [result.label for result in results] == ["base", "instruct", "rl"]
    assert [result.model for result in results] == [str(base), str(instruct), str(place)]


@pytest.mark.parametrize("kind", ["outcome", "process"])
def test_a_reward_model_chooses_among_samples(kind, recipe_path, make_model, tmp_path):
    rl, reward, out = make_model("rl"), make_model("reward", kind=kind), tmp_path / "out"
    arguments = ["--samples", "4", "--set", "evaluation.sampling.temperature=1", "--model", str(rl)]
    assert evaluate.main(["--recipe", recipe_path, *arguments, "--reward", str(reward), "--out", str(out)]) == 0

    (result,) = read_results(out)
    assert result.verification == Verification(str(reward), kind)
    *_, four = result.score.several
    items = pq.read_table(out / "items.parquet").to_pandas()
    questions = {question.question: question for question in task_questions(recipe_path)}
    model = RewardModel.load(reward, " Answer in \\boxed{}.", torch.device("cpu"))
    scores = model([questions[asked] for asked in items.question], list(items.completion))
    assert items.score.tolist() == pytest.approx(scores, abs=1e-6)
    assert items.score.nunique() > 1
    if kind == "process":
        assert [min(steps, default=0.0) for steps in items.step_scores] == items.score.tolist()
        assert items.step_scores.map(len).max() > 1
    else:
        assert items.step_scores.isna().all()
    best = items.loc[items.groupby("question_id", sort=False).score.idxmax()].right.mean()
    assert (four.k, four.best.share) == (4, best)

    client = mlflow.MlflowClient()
    run = client.get_run(json.loads((out / "job.json").read_text())["mlflow_run_id"])
    for name, seen in result.score.proportions().items():
        assert run.data.metrics[f"{name}/rl/sums"] == seen.share
        assert run.data.metrics[f"{name}_low/rl/sums"] == seen.low
    artifact = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/several_samples.json")
    table = json.loads(Path(artifact).read_text())
    measures = [f"{name}_{k}" for k in (1, 2, 4) for name in ("maj_at", "best_of", "weighted_maj_at", "pass_at")]
    assert [(row[6], row[2]) for row in table["data"]] == [
        (grader, measure) for grader in ("strict", "paper") for measure in measures
    ]


@pytest.mark.parametrize("kind", ["best_of", "beam"])
def test_an_answer_is_sought_under_a_reward_model(kind, recipe_path, make_model, tmp_path):
    rl, reward, out = make_model("rl"), make_model("reward", kind="process"), tmp_path / "out"
    search = f'evaluation.search={{"kind": "{kind}", "samples": 6, "width": 2, "expansions": 2, "trees": 2}}'
    arguments = [
        "--set",
        "evaluation.sampling.temperature=1",
        "--set",
        search,
        "--model",
        str(rl),
        "--reward",
        str(reward),
    ]
    assert evaluate.main(["--recipe", recipe_path, *arguments, "--out", str(out)]) == 0

    (result,) = read_results(out)
    assert (result.score.samples, result.score.several) == (1, ())
    assert result.verification == Verification(str(reward), "process")
    items = pq.read_table(out / "items.parquet").to_pandas()
    recipe = load_recipe(recipe_path, ["evaluation.sampling.temperature=1"])
    engine, tokenizer = load_model(EvaluatedModel(rl, "rl", "rl"), recipe)
    prompts = [prompt_ids(tokenizer, asked, recipe.prompt.suffix) for asked in items.question]
    groups = engine.generate(prompts, recipe.evaluation.sampling, samples=6, seed=0)
    verifier = Verifier.load(reward, recipe)
    ratings = verifier.rate(task_questions(recipe_path), [[one.text for one in group] for group in groups])
    best = [max(rating.score for rating in given) for given in ratings]
    if kind == "best_of":
        assert items.score.tolist() == pytest.approx(best, abs=1e-6)
    else:
        mean = sum(rating.score for given in ratings for rating in given) / (6 * len(ratings))
        assert items.score.mean() > mean


def test_beam_needs_a_process_model(recipe_path, make_model, tmp_path, capsys):
    rl, reward = make_model("rl"), make_model("reward", kind="outcome")
    search = ["--set", "evaluation.sampling.temperature=1", "--set", 'evaluation.search={"kind": "beam"}']
    arguments = ["--model", str(rl), "--reward", str(reward), "--out", str(tmp_path / "out"), *search]
    assert evaluate.main(["--recipe", recipe_path, *arguments]) == 2
    assert "name a process model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--reward", "somewhere"], "--reward chooses among several samples of a question"),
        (["--tasks", "sums,products"], "no task 'products': there are sums"),
        (["--set", "evaluation.search={}", "--set", "evaluation.sampling.temperature=1"], "give --reward DIR"),
        (["--data", "somewhere"], "--data needs --tasks"),
        (["--samples", "4"], "--samples 4 at temperature 0"),
        (["--set", "evaluation.at=[4]"], "at asks for K = 4 of 1 samples"),
        (["--model", "nowhere"], "no config.json there"),
        ([], "mathmill train rl"),
    ],
)
def test_mistakes_are_one_line(arguments, message, recipe_path, make_model, tmp_path, capsys):
    if arguments and "--model" not in arguments:
        arguments = [*arguments, "--model", str(make_model("rl"))]
    assert evaluate.main(["--recipe", recipe_path, "--out", str(tmp_path / "out"), *arguments]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("mathmill: error: ")
    assert message in error


@pytest.mark.parametrize("option", ["--limit", "--samples"])
def test_a_number_of_nothing_is_refused_by_name(option, recipe_path, capsys):
    with pytest.raises(SystemExit) as ended:
        evaluate.main(["--recipe", recipe_path, option, "0"])
    assert ended.value.code == 2
    assert f"argument {option}: '0' is no whole number from 1 on" in capsys.readouterr().err
