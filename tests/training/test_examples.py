"""Every row of a source is an example or is listed with its place and reason; the targets are what a model writes."""
# ruff: noqa: RUF001 -- Chinese has punctuation of its own

import json
import re

import pytest

from mathmill.errors import UserError
from mathmill.questions import load_questions
from mathmill.recipe import Recipe
from mathmill.recipe_questions import FileSource
from mathmill.training.examples import load_examples

GOOD = {"question": "1+1?", "solution": "It is \\boxed{2}.", "format": "cot", "answer": "2", "language": "en"}
TOOL = "```python\nprint(2)\n```\n```output\n2\n```\nSo \\boxed{2}."
BAD = {
    "unreadable": "{",
    "not_of_layout": json.dumps({"question": "2+1?", "solution": "3"}),
    "no_solution": json.dumps({"question": "2+2?", "answer": "4"}),
    "bad_tool_output": json.dumps({**GOOD, "solution": "```python\n1\n```\n```output\n1"}),
    "too_long": json.dumps({**GOOD, "question": "1+1? " * 200}),
    "evaluation_question": json.dumps({**GOOD, "question": "9+9?"}),
    "duplicate": json.dumps(GOOD),
}


def write(path, lines):
    path.write_text("\n".join(lines), encoding="utf-8")
    return {"kind": "file", "path": str(path)}


def recipe(sources, evaluation=None, context=256, **instruct):
    return Recipe(
        name="tiny",
        model={"checkpoint": None, "shape": SHAPE, "context": context},
        tokenizer={"pretrained": None, "train": {"vocabulary": 300}},
        pretrain={"batch_tokens": context * 64},
        instruct={"sources": sources, **instruct},
        evaluation={"tasks": {"held": evaluation} if evaluation else {}},
    )


SHAPE = {"hidden_size": 8, "intermediate_size": 8, "layers": 1, "attention_heads": 1, "key_value_heads": 1}


def told(example, tokenizer):
    """The whole conversation, and its targets with a mark where they were cut."""
    pieces = "".join(
        tokenizer.decode([token]) if is_target else "\0"
        for token, is_target in zip(example.ids.tolist(), example.target, strict=True)
    )
    return tokenizer.decode(example.ids.tolist()), re.sub("\0+", "|", pieces)


def test_every_bad_row_is_listed_with_its_place_and_reason(tmp_path, tokenizer):
    held = write(tmp_path / "held.jsonl", [json.dumps({"question": "9+9?", "answer": "18"})])
    source = write(tmp_path / "mixed.jsonl", [json.dumps(GOOD), *BAD.values()])
    examples, rejected = load_examples(recipe([{"questions": source}], held), tokenizer)
    assert len(examples) == 1
    assert {one.reason: one.place for one in rejected} == {
        reason: f"{source['path']}:{line}" for line, reason in enumerate(BAD, start=2)
    }
    assert all(one.detail for one in rejected)
    assert {one.question for one in rejected if one.reason == "evaluation_question"} == {"9+9?"}


@pytest.mark.parametrize("reason", ["unreadable", "not_of_layout"])
def test_judging_by_questions_keeps_refusing_bad_rows(reason, tmp_path):
    source = write(tmp_path / "mixed.jsonl", [json.dumps(GOOD), BAD[reason]])
    with pytest.raises(UserError, match=r"mixed\.jsonl:2: "):
        load_questions(FileSource(**source))


def test_a_source_of_bad_rows_alone_is_one_line(tmp_path, tokenizer):
    sources = [
        {"questions": write(tmp_path / "good.jsonl", [json.dumps(GOOD)])},
        {"questions": write(tmp_path / "bad.jsonl", [BAD["unreadable"], BAD["no_solution"]])},
    ]
    with pytest.raises(UserError, match=r"instruct\.sources\.1: none of its 2 rows .*bad\.jsonl:1: not val") as raised:
        load_examples(recipe(sources), tokenizer)
    assert "\n" not in str(raised.value)


def test_no_source_is_one_line(tokenizer):
    with pytest.raises(UserError, match=r"instruct\.sources is empty"):
        load_examples(recipe([]), tokenizer)


@pytest.mark.parametrize(
    ("row", "source_format", "asked", "learned"),
    [
        (GOOD, "cot", "1+1?\nPlease reason step by step, and put", "| It is \\boxed{2}.<e>"),
        (GOOD, "tool", "1+1?\nPlease reason step by step, and put", "| It is \\boxed{2}.<e>"),
        (GOOD, "answer", "1+1?\nPlease reason step by step, and put", "| \\boxed{2}<e>"),
        (
            {**GOOD, "solution": TOOL, "format": "tool"},
            "cot",
            "1+1?\nPlease integrate natural language reasoning with programs",
            "| ```python\nprint(2)\n```\n```output|So \\boxed{2}.<e>",
        ),
        (
            {**GOOD, "question": "几?", "solution": "是2", "format": "cot"},
            "cot",
            "几?\n请通过逐步推理来解答问题，",
            "| 是2<e>",
        ),
        (
            {"question": "1+1?", "solution": "print(2)", "answer": "2"},
            "pot",
            "1+1?\nPlease write a Py",
            "| print(2)<e>",
        ),
    ],
)
def test_what_is_asked_and_what_is_learned(row, source_format, asked, learned, tmp_path, tokenizer):
    row = {name: value for name, value in row.items() if not (row["question"] == "几?" and name == "language")}
    source = {"questions": write(tmp_path / "one.jsonl", [json.dumps(row)]), "format": source_format}
    ((example,), _) = load_examples(recipe([source]), tokenizer)
    whole, targets = told(example, tokenizer)
    assert whole.startswith(f"<b>User: {asked}")
    if row["question"] == "几?":  # its characters are several tokens each
        assert tokenizer.decode(example.ids[example.target].tolist()) == learned[1:]
    else:
        assert targets == learned


def test_on_everything_every_token_is_learned(tmp_path, tokenizer):
    source = write(tmp_path / "one.jsonl", [json.dumps({**GOOD, "solution": TOOL, "format": "tool"})])
    ((example,), _) = load_examples(recipe([{"questions": source}], loss_on="everything"), tokenizer)
    assert example.target.all()


def test_several_solutions_of_one_question_are_several_examples(tmp_path, tokenizer):
    rows = [json.dumps({**GOOD, "solution": f"Way {n}: \\boxed{{2}}"}) for n in range(3)]
    examples, rejected = load_examples(recipe([{"questions": write(tmp_path / "a.jsonl", rows)}]), tokenizer)
    assert (len(examples), rejected) == (3, [])


@pytest.mark.shared
@pytest.mark.parametrize(
    ("path", "layout", "count", "form"),
    [
        ("sft/svamp_train_python.json", "reft", 3043, "pot"),
        ("sft/svamp_train_cot.json", "reft", 3076, "cot"),
        ("sft/tora_examples.jsonl", "messages", 30, "cot"),
        ("sft/tora_outputs/tora-70b-v1.0_gsm8k_test.jsonl", "tora", 1319, "cot"),
        ("sft/mathcoder_outputs/MathCoder-CL-34b_gsm8k_test_20230913-1304-correct.jsonl", "mathcoder", 1086, "cot"),
        ("benchmarks/gsm8k/train.jsonl", "gsm8k", 7473, "cot"),
        ("benchmarks/math/train.jsonl", "math", 7500, "cot"),
    ],
)
def test_published_sets_give_an_example_for_nearly_every_row(path, layout, count, form, shared_data, tokenizer):
    file = shared_data / path
    if not file.is_file():
        pytest.skip(f"no {file}")
    source = {"questions": {"kind": "file", "path": str(file), "layout": layout}, "format": form}
    examples, rejected = load_examples(recipe([source], context=8192), tokenizer)
    assert len(examples) + len(rejected) == count
    assert len(examples) > 0.97 * count
    for example in examples[::50]:
        whole, learned = told(example, tokenizer)
        given = whole.partition("\n\nAssistant:")[0]
        assert given.startswith("<b>User: ")
        for output in re.findall(r"^```output\n(.*?)\n```$", whole, flags=re.DOTALL | re.MULTILINE):
            assert f"```output\n{output}" not in learned
