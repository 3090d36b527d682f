"""Drawing from a model under DeepSpeed on real ranks, also where ZeRO-3 has dealt out its weights."""

import json
from pathlib import Path

import pytest

from mathmill.recipe_file import load_recipe
from mathmill.rollout.transformers_engine import TransformersEngine
from mathmill.training.launch import run_ranks
from tests.byte_tokenizer import byte_tokenizer
from tests.rollout import partitioned_program


@pytest.mark.slow
@pytest.mark.parametrize("stage", [0, 1, 3])
def test_ranks_with_unequal_work_draw_what_one_would(stage, monkeypatch, capfd):
    tests = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", f"{tests}:{tests.parents[1]}")
    assert run_ranks("partitioned_program", [str(stage)], load_recipe("demo", ["launch.processes=2"])) == 0
    first, second = json.loads(capfd.readouterr().out.splitlines()[-1])
    engine = TransformersEngine(partitioned_program.model(), byte_tokenizer())
    assert first == partitioned_program.drawn(engine, partitioned_program.PROMPTS)
    assert second == []
