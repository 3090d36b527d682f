"""Which pretrainings a comparison is made of."""

from pathlib import Path

import pytest

from mathmill.errors import UserError
from operators.plan import Plan
from operators.variants import pretrainings

PLAN = Plan(recipe="demo", name="demo", overrides={"pretrain.total_tokens": 40960}, out="/out")
CODE = {"name": "code", "weight": 0.5, "path": "/code"}
MIXED = {"pretrain.mixture": [{"name": "corpus", "weight": 0.5}, CODE]}


def test_one_for_each_corpus() -> None:
    assert pretrainings(PLAN, ["/a/wide", "/b/narrow"], [], {}) == [
        {"out": "/out/1-wide", "changes": {}, "arguments": ["--input", "/a/wide"]},
        {"out": "/out/2-narrow", "changes": {}, "arguments": ["--input", "/b/narrow"]},
    ]


def test_cuts_and_mixtures_multiply_and_only_the_corpus_itself_is_cut() -> None:
    runs = pretrainings(PLAN, ["/a/wide"], [1_000_000, 3_000_000], {"mixed": MIXED, "plain": {}})
    assert [run["out"] for run in runs] == [
        "/out/top-1M-mixed",
        "/out/top-1M-plain",
        "/out/top-3M-mixed",
        "/out/top-3M-plain",
    ]
    corpus, code = runs[0]["changes"]["pretrain.mixture"]
    assert (corpus["top_tokens"], code["top_tokens"], code["path"]) == (1_000_000, None, "/code")
    assert [one["top_tokens"] for one in runs[3]["changes"]["pretrain.mixture"]] == [3_000_000]


def test_without_a_corpus_the_newest_build_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATHMILL_HOME", str(tmp_path))
    build = tmp_path / "outputs" / "demo" / "corpus" / "monthly"
    with pytest.raises(UserError, match="corpus"):
        pretrainings(PLAN, [], [], {})
    build.mkdir(parents=True)
    (build / "_SUCCESS").touch()
    (run,) = pretrainings(PLAN, [], [], {})
    assert (run["out"], run["arguments"]) == ("/out/monthly", ["--input", str(build)])


def test_a_variant_that_is_no_recipe_is_told_before_anything_is_trained() -> None:
    with pytest.raises(UserError, match=r"weights of mixture add up to 0\.5"):
        pretrainings(PLAN, ["/a"], [], {"half": {"pretrain.mixture": [CODE]}})
