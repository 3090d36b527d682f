"""How DeepSpeed deals out a training changes nothing that is learned."""

import json
from pathlib import Path

import pytest

from mathmill.recipe_file import load_recipe
from mathmill.training.launch import run_ranks

WAYS = {
    "no ZeRO": [0, 1, False],
    "no ZeRO, four passes": [0, 4, False],
    "ZeRO-1": [1, 1, False],
    "ZeRO-1, two passes": [1, 2, False],
    "ZeRO-2": [2, 2, False],
    "ZeRO-2, offloaded": [2, 1, True],
    "ZeRO-3": [3, 2, False],
}


def _losses(
    processes: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> dict[str, list[float]]:
    """The losses of five steps, the last gradient's norm and those of the final matrices, by way."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    recipe = load_recipe("demo", [f"launch.processes={processes}"])
    arguments = [json.dumps(way) for way in WAYS.values()]
    assert run_ranks("conformance_program", arguments, recipe) == 0
    return dict(zip(WAYS, json.loads(capfd.readouterr().out.splitlines()[-1]), strict=True))


@pytest.mark.slow
def test_processes_zero_stages_and_accumulation_agree(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    found = {(way, n): losses for n in (1, 2) for way, losses in _losses(n, monkeypatch, capfd).items()}
    expected = found["no ZeRO", 1]
    assert expected[4] < expected[0] - 0.05
    for where, losses in found.items():
        assert losses == pytest.approx(expected, rel=2e-5), where
        assert len(losses) == 5 + 1 + 2 * 7
