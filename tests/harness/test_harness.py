"""The job end to end on random models and local tasks: no hub, no network."""

import json
import sys
from pathlib import Path

import lm_eval.tasks
import mlflow
import pyarrow.parquet as pq
import pytest
import yaml
from lm_eval.tasks._index import TaskIndex

from mathmill.harness import harness

SUMS = {
    "task": "sums",
    "output_type": "generate_until",
    "doc_to_text": "{{question}}\n",
    "doc_to_target": "{{answer}}",
    "num_fewshot": 1,
    "generation_kwargs": {"until": ["\n"], "max_gen_toks": 8},
    "metric_list": [{"metric": "exact_match"}],
    "filter_list": [
        {"name": "whole", "filter": [{"function": "take_first"}]},
        {"name": "digits", "filter": [{"function": "regex", "regex_pattern": "([0-9]+)"}, {"function": "take_first"}]},
    ],
}
CHOICES = {
    "task": "choices",
    "output_type": "multiple_choice",
    "doc_to_text": "{{question}}",
    "doc_to_choice": ["1", "2", "3", "4", "5", "6"],
    "doc_to_target": "{{answer|int - 1}}",
    "num_fewshot": 0,
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}
TEXTS = {
    "task": "texts",
    "output_type": "loglikelihood_rolling",
    "doc_to_text": "",
    "doc_to_target": "{{question}} {{answer}}",
    "metric_list": [{"metric": "bits_per_byte"}],
}
QUESTIONS = [{"question": f"{n} + 1 =", "answer": str(n + 1)} for n in range(6)]


@pytest.fixture(autouse=True)
def _few_stock_tasks(monkeypatch):
    """The harness looks into each of its 14,000 task files, which takes seconds; here it has some of them only."""
    every_file, stock = TaskIndex._iter_yaml_files, Path(lm_eval.tasks.__file__).parent  # noqa: SLF001
    kept = [stock / "gsm8k", stock / "humaneval", stock / "mmlu"]
    monkeypatch.setattr(
        TaskIndex,
        "_iter_yaml_files",
        lambda root: [one for folder in (kept if root == stock else [root]) for one in every_file(folder)],
    )


@pytest.fixture
def include(tmp_path):
    """A folder of task files, each on rows of its own."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    for task in (SUMS, CHOICES, TEXTS):
        add_task(folder, task["task"], {**task, **local_data(folder, task["task"], QUESTIONS)})
    return folder


def add_task(folder, name, task):
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")


def local_data(folder, name, rows):
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(path)}}, "test_split": "test"}


def run(*arguments):
    return harness.main([str(one) for one in arguments])


def test_figures_answers_and_run(include, make_model, tmp_path):
    base, rl, out = make_model("base"), make_model("rl"), tmp_path / "out"
    tasks = "sums,choices,texts"
    assert run("--model", base, rl, "--tasks", tasks, "--include", include, "--limit", 4, "--out", out) == 0

    measures = json.loads((out / "measures.json").read_text())
    assert [(one["label"], one["task"], one["metric"], one["filter"]) for one in measures] == [
        (label, *rest)
        for label in ("base", "rl")
        for rest in (
            ("sums", "exact_match", "whole"),
            ("sums", "exact_match", "digits"),
            ("choices", "acc", "none"),
            ("texts", "bits_per_byte", "none"),
        )
    ]
    assert {(one["task"], one["n"], one["shots"]) for one in measures} == {
        ("sums", 4, 1),
        ("choices", 4, 0),
        ("texts", 4, 0),
    }
    rows = pq.read_table(out / "samples.parquet").to_pylist()
    assert len(rows) == 2 * (4 + 4 + 4 + 4)
    acc = [json.loads(row["metrics"])["acc"] for row in rows if (row["label"], row["task"]) == ("rl", "choices")]
    [told] = [one for one in measures if (one["label"], one["task"]) == ("rl", "choices")]
    assert told["value"] == sum(acc) / 4
    asked = json.loads(rows[0]["requests"])[0][0]
    assert asked.count(" + 1 =\n") == 2
    assert asked.endswith("0 + 1 =\n")

    client = mlflow.MlflowClient()
    logged = client.get_run(json.loads((out / "job.json").read_text())["mlflow_run_id"])
    assert logged.data.metrics["acc/rl/choices"] == told["value"]
    assert logged.data.metrics["acc_stderr/rl/choices"] == pytest.approx(told["stderr"])
    assert "exact_match.digits/base/sums" in logged.data.metrics
    assert {file.path for file in client.list_artifacts(logged.info.run_id)} >= {"harness.json", "samples.json"}


def test_examples_and_turns_of_a_conversation(include, make_model, tmp_path):
    model, out = make_model("rl"), tmp_path / "out"
    assert run("--model", model, "--tasks", "sums", "--include", include, "--shots", 2, "--chat", "--out", out) == 0
    first = json.loads(pq.read_table(out / "samples.parquet").to_pylist()[0]["requests"])[0][0]
    assert first.count("User: ") == first.count("Assistant:") == 3
    assert first.endswith("User: 0 + 1 =\n\n\nAssistant:")


@pytest.fixture
def programs(include, tmp_path):
    """The stock HumanEval on three problems, whose functions stand in the prompts: a model writes a comment's end."""
    secret = tmp_path / "secret"
    secret.write_text("gold")
    bodies = {"right": "return 1", "wrong": "return 2", "reads": f"return int(open({str(secret)!r}).read() == 'gold')"}
    problems = [
        {
            "prompt": f"def {name}():\n    {body}\n\n# ",
            "test": "def check(candidate):\n    assert candidate() == 1\n",
            "entry_point": name,
        }
        for name, body in bodies.items()
    ]
    task = {
        "task": "humaneval",
        **local_data(include, "programs", problems),
        "generation_kwargs": {"until": ["\n", "\r", "\x00"], "max_gen_toks": 4},
    }
    add_task(include, "programs", {"group": "programs", "task": [task]})
    return include


@pytest.mark.usefixtures("bubblewrap")
def test_programs_of_the_stock_task_run_in_the_sandbox(programs, make_model, tmp_path):
    out = tmp_path / "out"
    assert run("--model", make_model("rl"), "--tasks", "programs", "--include", programs, "--out", out) == 0
    rows = pq.read_table(out / "samples.parquet").to_pylist()
    passed = {json.loads(row["doc"])["entry_point"]: json.loads(row["metrics"])["pass@1"] for row in rows}
    assert passed == {"right": 1, "wrong": 0, "reads": 0}


def test_programs_are_refused_without_a_sandbox(programs, make_model, tmp_path, capsys, monkeypatch):
    # As in a fresh process: the task's functions try `code_eval` when they are loaded.
    monkeypatch.delitem(sys.modules, "lm_eval.tasks.humaneval.utils", raising=False)
    monkeypatch.setattr("mathmill.sandbox.bubblewrap.shutil.which", lambda _: None)
    monkeypatch.setattr(harness, "measure", None)
    assert run("--model", make_model("rl"), "--tasks", "programs", "--include", programs, "--out", tmp_path / "o") == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mathmill: error: ")]
    assert line.startswith("mathmill: error: sandbox: no bwrap on the path")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tasks", "gsm9k"], "--tasks gsm9k: lm-evaluation-harness has no such task: did you mean gsm8k"),
        (["--tasks", "sums", "--limit", "0"], "--limit 0: give 1 or more"),
        (["--tasks", "sums", "--include", "nowhere"], "--include nowhere is no folder"),
        (
            ["--tasks", "mmlu_anatomy"],
            "--tasks mmlu_anatomy: the data cannot be had (Couldn't reach 'cais/mmlu' on the",
        ),
        (["--tasks", "gone"], "--tasks gone: the data cannot be had (Unable to find"),
        (["--tasks", "mistaken"], "--tasks mistaken: lm-evaluation-harness cannot make the tasks ("),
    ],
)
def test_mistakes_are_one_line(arguments, message, include, make_model, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    data = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(tmp_path / "gone.jsonl")}}}
    add_task(include, "gone", {**SUMS, "task": "gone", **data, "test_split": "test"})
    data = local_data(include, "mistaken", QUESTIONS)
    add_task(include, "mistaken", {**CHOICES, "task": "mistaken", **data, "doc_to_choice": "{{nothing}}"})
    assert run("--model", make_model("rl"), "--include", include, "--out", tmp_path / "out", *arguments) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mathmill: error: ")]
    assert line.startswith(f"mathmill: error: {message}")


def test_a_model_must_be_named(capsys):
    with pytest.raises(SystemExit) as ended:
        run("--tasks", "sums", "--out", "somewhere")
    assert ended.value.code == 2
    assert "--model" in capsys.readouterr().err
