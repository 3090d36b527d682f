"""Pretraining on two real DeepSpeed ranks, from small shards to a model that plain transformers loads."""

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM

from mathmill.launcher.launcher import JobSpec, JobStatus, Resources
from mathmill.launcher.slurm import SlurmLauncher
from mathmill.output import partial_path
from mathmill.training import launch
from mathmill.training.launch import distributed_command
from tests.byte_tokenizer import byte_tokenizer
from tests.launcher.jobs import ended
from tests.processes import kill_all, wait_until
from tests.tiny_pretraining import TINY, write_shards

RECIPE: dict[str, Any] = {
    **TINY,
    "pretrain": {
        "total_tokens": 7680,
        "batch_tokens": 256,
        "micro_batch": 2,
        "checkpoint_steps": 5,
        "validation_documents": 8,
        "optimizer": {"learning_rate": 0.003, "schedule": "multi_step", "warmup_steps": 2},
    },
}
NODES = ("--set", "launch.nodes=2", "--set", "launch.processes=1")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A build with a byte tokenizer and shards of a text that can be learned, and other shards beside it."""
    root = tmp_path / "build"
    fast = byte_tokenizer()
    fast.save_pretrained(root / "tokens" / "tokenizer")
    generator = np.random.default_rng(0)
    sums = [f"{a} plus {b} is {a + b}. " * 4 for a, b in generator.integers(0, 50, (200, 2))]
    write_shards(root / "tokens" / "shards", sums, fast)
    write_shards(root / "code", [f"def f{n}(x): return x + {n}\n" * 3 for n in range(100)], fast)
    noise = ["".join(map(chr, generator.integers(33, 127, 250))) for _ in range(8)]
    write_shards(root / "with_noise", sums + noise, fast)
    return root


def _recipe(tmp_path: Path, corpus: Path, *, stage: int = 1, **pretrain: Any) -> Path:
    recipe = copy.deepcopy(RECIPE)
    recipe["deepspeed"] = {"zero_optimization": {"stage": stage}}
    recipe["pretrain"] |= {
        "mixture": [{"name": "sums", "weight": 0.75}, {"name": "code", "weight": 0.25, "path": str(corpus / "code")}],
        **pretrain,
    }
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def _command(recipe: Path, corpus: Path, out: Path, *more: str) -> list[str]:
    arguments = ["train", "pretrain", "--recipe", str(recipe), "--input", str(corpus), "--out", str(out), *more]
    return [sys.executable, "-m", "mathmill.cli", *arguments]


def _trace(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "trace.jsonl").read_text().splitlines()]


def _kill_after_a_checkpoint(command: list[str], out: Path) -> None:
    job = subprocess.Popen(command, start_new_session=True)
    wait_until((partial_path(out) / "checkpoints" / "latest").is_file, job)
    kill_all(job)
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 3])
def test_a_killed_job_ends_as_a_clean_one_on_as_many_ranks_or_others(stage: int, tmp_path: Path, corpus: Path) -> None:
    recipe = _recipe(tmp_path, corpus, stage=stage)
    clean, killed, fewer = tmp_path / "clean", tmp_path / "killed", tmp_path / "fewer"
    subprocess.run(_command(recipe, corpus, clean), check=True)
    _kill_after_a_checkpoint(_command(recipe, corpus, killed), killed)
    shutil.copytree(partial_path(killed), partial_path(fewer))
    subprocess.run(_command(recipe, corpus, killed), check=True)

    figures = json.loads((clean / "job.json").read_text())["figures"]
    assert figures["last_loss"] < figures["first_loss"] - 1
    assert (figures["total_share/sums"], figures["total_share/code"]) == (0.75, 0.25)
    assert json.loads((killed / "job.json").read_text())["figures"] == figures
    assert _trace(killed) == _trace(clean)
    ours, theirs = load_file(clean / "model.safetensors"), load_file(killed / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert AutoModelForCausalLM.from_pretrained(clean).num_parameters() == figures["parameters"]
    assert json.loads((clean / "mathmill.json").read_text())["role"] == "base"

    subprocess.run(_command(recipe, corpus, fewer, "--set", "launch.processes=1"), check=True)
    for ours, theirs in zip(_trace(fewer), _trace(clean), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)


@pytest.fixture
def cluster(slurm_configuration: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SlurmLauncher:
    """A Slurm of two nodes."""
    monkeypatch.setenv("SLURM_CONF", str(slurm_configuration))
    return SlurmLauncher(tmp_path / "jobs", grace=1.0)


def _on_two_nodes(launcher: SlurmLauncher, *arguments: str) -> JobStatus:
    """How a job of one rank on each of two nodes ends."""
    command = distributed_command("pretrain", [*arguments, *NODES])
    launcher.submit(JobSpec(command, resources=Resources(nodes=2)), "job")
    return ended(launcher, "job", seconds=900)


@pytest.mark.slow
def test_two_machines_learn_what_two_ranks_of_one_learn(cluster: SlurmLauncher, tmp_path: Path, corpus: Path) -> None:
    recipe = _recipe(tmp_path, corpus)
    one, two = tmp_path / "one", tmp_path / "two"
    subprocess.run(_command(recipe, corpus, one), check=True)
    status = _on_two_nodes(cluster, "--recipe", str(recipe), "--input", str(corpus), "--out", str(two))
    assert status.succeeded, cluster.read_log("job", 0)[0]
    assert _trace(two) == _trace(one)


@pytest.mark.slow
def test_a_mistake_on_two_machines_is_told_as_one(cluster: SlurmLauncher, tmp_path: Path, corpus: Path) -> None:
    recipe, missing = _recipe(tmp_path, corpus), tmp_path / "missing"
    status = _on_two_nodes(cluster, "--recipe", str(recipe), "--input", str(missing), "--out", str(tmp_path / "out"))
    assert status.exit_code == 2
    assert f"mathmill: error: {missing} has no tokenizer" in cluster.read_log("job", 0)[0]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("seed=1", "has no tokenizer in"),
        (
            "tokenizer={pretrained: no/such-tokenizer, train: null}",
            "tokenizer.pretrained no/such-tokenizer is no folder",
        ),
    ],
)
def test_a_tokenizer_that_is_not_there_is_told_in_one_line(
    tmp_path: Path,
    corpus: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    setting: str,
    told: str,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    shutil.rmtree(corpus / "tokens" / "tokenizer")
    recipe = _recipe(tmp_path, corpus)
    one_rank = ["--set", "launch.processes=1", "--set", setting]
    arguments = ["--recipe", str(recipe), "--input", str(corpus), "--out", str(tmp_path / "out"), *one_rank]
    assert launch.main(["pretrain", *arguments]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert [line for line in lines if told in line] == lines[-1:]
    assert lines[-1].startswith("mathmill: error: ")


@pytest.mark.slow
def test_a_spike_is_skipped_and_its_sequences_with_it(tmp_path: Path, corpus: Path) -> None:
    mixture = [{"name": "sums", "weight": 1.0, "path": str(corpus / "with_noise")}]
    rule = {"spike": 0.5, "window": 8, "action": "skip_back", "skips": 9}
    recipe = _recipe(tmp_path, corpus, mixture=mixture, attention="within_documents", divergence=rule)
    out = tmp_path / "out"
    subprocess.run(_command(recipe, corpus, out, "--set", "launch.processes=1"), check=True)
    figures = json.loads((out / "job.json").read_text())["figures"]
    assert figures["skips"] > 0
    losses = [row["loss"] for row in _trace(out)]
    assert [row["step"] for row in _trace(out)] == list(range(1, 31))
    assert max(losses[9:]) < losses[8] + 0.5
    stopped = tmp_path / "stopped"
    done = subprocess.run(
        _command(recipe, corpus, stopped, "--set", "launch.processes=1", "--set", "pretrain.divergence.action=stop"),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "more than 0.5 above the median of the last 8 losses, at step" in done.stderr.splitlines()[-1]
    assert not stopped.exists()
