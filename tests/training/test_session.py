"""How DeepSpeed deals out a training changes nothing that is learned."""

import json
from pathlib import Path

import pytest

from mathmill.recipe_file import load_recipe
from mathmill.training.launch import run_ranks

WAYS = {
    "no ZeRO": {"stage": 0, "passes": 1},
    "no ZeRO, four passes": {"stage": 0, "passes": 4},
    "no ZeRO, activations recomputed": {"stage": 0, "passes": 1, "recompute": True},
    "ZeRO-1": {"stage": 1, "passes": 1},
    "ZeRO-1, two passes": {"stage": 1, "passes": 2},
    "ZeRO-2": {"stage": 2, "passes": 2},
    "ZeRO-2, offloaded": {"stage": 2, "passes": 1, "offload": True},
    "ZeRO-3": {"stage": 3, "passes": 2},
    "ZeRO-3, activations recomputed": {"stage": 3, "passes": 1, "recompute": True},
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
