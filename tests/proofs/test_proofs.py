"""Prompts, the cut of completions, what is no proof, and whole theories."""

import json
import re

import pytest

from mathmill.errors import UserError
from mathmill.proofs.examples import EXAMPLES
from mathmill.proofs.proofs import (
    STOP,
    Problem,
    probe_text,
    prompt_text,
    proof_of,
    read_problems,
    refusal,
    theory_text,
)

PROBLEM = Problem(
    problem_name="sum_of_two",
    formal_statement='theorem sum_of_two:\n  fixes a :: nat\n  assumes "a = 1"\n  shows "a + a = 2"\n',
    informal_statement="If $a = 1$, what is $a + a$? Show that it is 2.",
    informal_proof="It is $1 + 1$.",
    header='theory sum_of_two imports\n  Main "HOL-Number_Theory.Number_Theory"\nbegin\n\n',
)


def test_the_prompt_ends_where_the_proof_begins():
    prompt = prompt_text(PROBLEM)
    assert prompt.endswith(
        "\n\n\n\nInformal:\n(*### Problem\n\nIf $a = 1$, what is $a + a$? Show that it is 2.\n\n### Solution\n\n"
        'It is $1 + 1$.*)\n\nFormal:\ntheorem sum_of_two:\n  fixes a :: nat\n  assumes "a = 1"\n  shows "a + a = 2"'
    )
    assert prompt.count(STOP[0]) == len(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.formal.split()[1])
def test_an_example_is_a_statement_with_a_proof_of_our_rules(example):
    name, statement, proof = re.fullmatch(
        r'theorem (\w+):\n(.*?")\n((?:proof -|  sledgehammer).*)', example.formal, re.DOTALL
    ).groups()
    assert statement.count('"') % 2 == 0
    assert refusal(proof_of(f"{proof}\n\n\n\nInformal:")) is None
    assert len(re.findall(r"\bproof\b", proof)) == len(re.findall(r"\bqed\b", proof))
    assert len(re.findall(r"\(\*", proof)) == len(re.findall(r"\*\)", proof))
    assert "Show that" in example.informal_statement
    assert name


@pytest.mark.shared
def test_no_example_is_a_problem_of_the_benchmark(shared_data):
    folder = shared_data / "benchmarks" / "minif2f"
    problems = [one for split in ("test", "validation") for one in read_problems(folder / f"{split}.jsonl")]
    assert len(problems) == 488

    def propositions(formal):
        quoted = re.findall(r'"([^"]*)"', formal)
        return {re.sub(r"[\s()]|::\w+", "", one) for one in quoted}

    ours = [propositions(one.formal.partition("proof -")[0]) for one in EXAMPLES]
    assert all(ours)
    for problem in problems:
        theirs = propositions(problem.formal_statement)
        assert not any(mine <= theirs for mine in ours), problem.problem_name


@pytest.mark.shared
def test_every_header_names_its_theory_and_is_followed_by_the_proof(shared_data):
    for split in ("test", "validation"):
        for problem in read_problems(shared_data / "benchmarks" / "minif2f" / f"{split}.jsonl"):
            theory = theory_text(problem, "by auto", None)
            assert re.search(rf"^theory {problem.problem_name}\b", theory, re.MULTILINE)
            assert theory.endswith(f"{problem.formal_statement.strip()}\nby auto\n\nend\n")


@pytest.mark.parametrize(
    ("completion", "proof"),
    [
        (
            "\nproof -\n  show ?thesis by simp\nqed\n\n\n\nInformal:\n(*### Problem",
            "proof -\n  show ?thesis by simp\nqed",
        ),
        ("\n  sledgehammer\n\nend\n\ntheory More", "sledgehammer"),
        ("\n  by auto\n\nlemma more: True", "by auto"),
        ("\n  using assms by (rule theorem_of_end)", "using assms by (rule theorem_of_end)"),
        ("\nend", ""),
    ],
)
def test_a_proof_ends_before_what_is_none(completion, proof):
    assert proof_of(completion) == proof


@pytest.mark.parametrize(
    "proof",
    [
        "by simp",
        ".",
        "..",
        "(* easy *) using assms\n by auto",
        "sledgehammer",
        "apply simp\ndone",
        "unfolding x_def by simp",
    ],
)
def test_proofs_may_begin_so(proof):
    assert refusal(proof) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no proof"),
        ("sorry", "'sorry' proves nothing"),
        ("proof -\n  show ?thesis oops", "'oops' proves nothing"),
        ("\\<proof>", r"'\<proof>' proves nothing"),
        ("by (tactic \\<open>Skip_Proof.cheat_tac @{context} 1\\<close>)", "'tactic' proves nothing"),
        ('by ("\\116actic" \\<open>all_tac\\<close>)', r"'\1' proves nothing"),
        ("proof -\n  ML_prf \\<open>OS.Process.exit OS.Process.success\\<close>", "'ML_prf' proves nothing"),
        ("using [[quick_and_dirty]] by simp", "'quick_and_dirty' proves nothing"),
        ("(* sorry *) by simp", "'sorry' proves nothing"),
        ('if "False" by simp', "'if' begins no proof"),
        ('and "True"', "'and' begins no proof"),
        ('(* (* *) by *) if "False" by simp', "'(*' begins no proof"),
        ("We see that it is right.", "'We' begins no proof"),
    ],
)
def test_what_is_no_proof_is_refused(text, reason):
    assert refusal(text) == reason


def test_a_theory_is_header_statement_proof_and_end():
    proof = 'proof -\n  have "a = 1"\n    using assms sledgehammer [timeout = 9]\n  show ?thesis sledgehammer\nqed'
    assert theory_text(PROBLEM, proof, "by auto") == (
        'theory sum_of_two imports\n  Main "HOL-Number_Theory.Number_Theory"\nbegin\n\n'
        'theorem sum_of_two:\n  fixes a :: nat\n  assumes "a = 1"\n  shows "a + a = 2"\n'
        'proof -\n  have "a = 1"\n    using assms by auto\n  show ?thesis by auto\nqed\n\nend\n'
    )
    assert "sledgehammer [timeout = 9]" in theory_text(PROBLEM, proof, None)
    assert probe_text(PROBLEM, "False").endswith('begin\n\ntheorem probe: "False"\n  by simp\n\nend\n')


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"header": None}, "no text in 'header'"),
        ({"problem_name": "../../etc/x"}, "'../../etc/x' is no name of a theory"),
    ],
)
def test_a_bad_row_is_named(change, message, tmp_path):
    row = {name: getattr(PROBLEM, name) for name in Problem.__slots__}
    path = tmp_path / "test.jsonl"
    path.write_text(f"{json.dumps(row)}\n{json.dumps(row | change)}\n")
    with pytest.raises(UserError, match=re.escape(f"{path}:2: {message}")):
        read_problems(path)
    assert read_problems(path, 1) == [PROBLEM]
    with pytest.raises(UserError, match=r"none\.jsonl: cannot read these problems"):
        read_problems(tmp_path / "none.jsonl")
