"""Question sources: generators, the hub's loader, and files in their publishers' layouts."""

import json
import re
from typing import get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill.errors import UserError
from mathmill.grading.extraction import extract_answer
from mathmill.questions import BadRow, load_questions, read_questions
from mathmill.questions.generated import chain_sum_steps
from mathmill.questions.layouts import LAYOUTS
from mathmill.recipe_questions import FileSource, HuggingFaceSource, Layout, ReasoningGymSource

ROWS = {
    "question": (
        {"id": "a1", "question": "1+1?", "answer": 2, "solution": "1+1=2 \\boxed{2}"},
        ("1+1?", "2", "1+1=2 \\boxed{2}"),
    ),
    "gsm8k": (
        {"question": "Eggs?", "answer": "She sells 9 * 2 = $<<9*2=18>>18.\nA lot.\n#### 1,018"},
        ("Eggs?", "1018", "She sells 9 * 2 = $18.\nA lot.\n\\boxed{1018}"),
    ),
    "math": (
        {"problem": "Half?", "level": "Level 3", "type": "Algebra", "solution": "It is $\\boxed{\\frac{1}{2}}$."},
        ("Half?", "\\frac{1}{2}", "It is $\\boxed{\\frac{1}{2}}$."),
    ),
    "cmath": ({"grade": 1, "question": "一共有多少?", "golden": "18"}, ("一共有多少?", "18", None)),
    "agieval": (
        {"passage": None, "question": "Which?\n", "options": ["(A)1", "(B)2"], "label": "B", "answer": None},
        ("Which?\n(A)1\n(B)2", "B", None),
    ),
    "ocw": ({"problem": "How far?", "solution": "s = af", "answer": "1.6"}, ("How far?", "1.6", "s = af")),
    "sat": ({"id": "0", "question": "Which?", "options": "A) 1 B) 2", "Answer": "A"}, ("Which?\nA) 1 B) 2", "A", None)),
    "mmlu": ({"question": "Which?", "choices": ["0", "4"], "answer": 1}, ("Which?\n(A) 0\n(B) 4", "B", None)),
    "mathqa": (
        {"problem": "log?", "options": "a ) 12 , b ) 16", "correct": "a"},
        ("log?\na ) 12 , b ) 16", "A", None),
    ),
    "svamp": (
        {"Body": "There are 6 pens", "Question": "How many?", "Answer": 6.0},
        ("There are 6 pens. How many?", "6", None),
    ),
    "asdiv": (
        {"body": "Two apples.", "question": "How many? ", "answer": "2 (apples)"},
        ("Two apples. How many?", "2", None),
    ),
    "olympiadbench": (
        {
            "id": "3",
            "context": "Let $x>0$.",
            "question": "Find $x$.",
            "final_answer": ["$1$,$8$"],
            "solution": ["So.", "Or."],
        },
        ("Let $x>0$.\nFind $x$.", "$1$,$8$", "So.\nOr."),
    ),
    "choice_answer": (
        {"question": "Which? A. -2 B. 0", "answer": "-2", "choice_answer": "A"},
        ("Which? A. -2 B. 0", "A", None),
    ),
    "mawps": ({"input": "How many?", "target": 0.5}, ("How many?", "0.5", None)),
    "instruction": (
        {"source": "data/PoT/gsm.json", "instruction": "1+1? Let's write a program.", "output": "print(1 + 1)"},
        ("1+1? Let's write a program.", "", "print(1 + 1)"),
    ),
    "messages": (
        {
            "messages": [
                {"role": "system", "content": "Solve it."},
                {"role": "user", "content": [{"type": "text", "content": "1+1?"}]},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "code", "content": "print(1 + 1)\r\n"},
                        {"type": "execution", "content": "2"},
                        {"type": "text", "content": "It is $\\boxed{2}$."},
                    ],
                },
            ]
        },
        ("1+1?", "2", "```python\nprint(1 + 1)\n```\n```output\n2\n```\nIt is $\\boxed{2}$."),
    ),
    "mathcoder": (
        {
            "id": "1",
            "ground_truth": {"solution": "2", "answer": "2"},
            "debug_result": [
                {"role": "system", "content": "Solve it."},
                {"role": "user", "content": "1+1?"},
                {"role": "code", "content": "1 + 1"},
                {"role": "execution", "content": "2"},
                {"role": "text", "content": "So \\boxed{2}."},
                {"role": "text", "content": "2"},
            ],
        },
        ("1+1?", "2", "```python\n1 + 1\n```\n```output\n2\n```\nSo \\boxed{2}."),
    ),
    "tora": (
        {"question": "1+1?", "gt": "2", "code": ["So \\boxed{2}."], "pred": ["2"]},
        ("1+1?", "2", "So \\boxed{2}."),
    ),
    "reft": (
        {
            "item_id": "svamp_0",
            "question": "1+1?",
            "answer_cot": "def solution():\n    return 2",
            "answer_value": "2.0",
        },
        ("1+1?", "2", "def solution():\n    return 2"),
    ),
    "mgsm": ({"id": "3", "messages": [{"role": "user", "content": "几个?"}], "answer": "4"}, ("几个?", "4", None)),
}


def test_every_layout_of_the_recipe_is_read_and_tested():
    assert set(get_args(Layout)) == set(LAYOUTS) == set(ROWS)


@pytest.mark.parametrize(
    ("layout", "row", "expected"),
    [
        ("agieval", {"passage": "", "question": "x=?", "options": None, "label": "$2$"}, ("x=?", "$2$")),
        ("sat", {"Question": "Which?", "Possible Answers": "A) 1 B) 2", "Answer": "A"}, ("Which?\nA) 1 B) 2", "A")),
        ("mathqa", {"Problem": "log?", "options": "a ) 1 , b ) 2", "correct": "b"}, ("log?\na ) 1 , b ) 2", "B")),
        ("mgsm", {"question": "几个?", "answer": None, "answer_number": 4}, ("几个?", "4")),
    ],
)
def test_editions_of_the_hub_are_read_as_well(layout, row, expected):
    fields = LAYOUTS[layout](row)
    assert (fields.question, fields.answer) == expected


def test_what_the_publisher_says_of_a_question_is_kept(tmp_path):
    def read(layout, row):
        path = write(tmp_path / f"{layout}.jsonl", [row])
        ((question, _),) = read_questions(FileSource(kind="file", path=path, layout=layout))
        return question.level, question.subject

    assert read("math", ROWS["math"][0]) == ("3", "Algebra")
    assert read("cmath", ROWS["cmath"][0]) == ("1", None)
    assert read("mmlu", {**ROWS["mmlu"][0], "topic": "abstract_algebra"}) == (None, "abstract_algebra")
    assert read("gsm8k", ROWS["gsm8k"][0]) == (None, None)


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("layout", ROWS)
def test_layout(layout, tmp_path):
    row, expected = ROWS[layout]
    path = write(tmp_path / "test.jsonl", [row])
    ((question, place),) = read_questions(FileSource(kind="file", path=path, layout=layout))
    assert place == f"{path}:1"
    assert (question.question, question.answer, question.solution) == expected
    assert question.id == row.get("id", "test/1")
    assert question.language == ("zh" if layout in ("cmath", "mgsm") else "en")
    assert question.source == path


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"question": "1+1?"}', ":2: no field 'answer'"),
        ('{"question": "1+1?", "answer": "2"', ":2: not valid JSON"),
        ('["1+1?", "2"]', ":2: a row is a JSON object, this is list"),
        ('{"question": null, "answer": "2"}', ":2: not a row of layout 'question': 'question' is NoneType"),
        ('{"question": "1+1?", "answer": ["2"]}', ":2: not a row of layout 'question': the answer is list"),
    ],
)
def test_bad_row_names_file_and_line(line, message, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"question": "2+2?", "answer": "4"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(str(path) + message)) as raised:
        load_questions(FileSource(kind="file", path=str(path)))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("published", "answer"),
    [("9 (apples)", "9"), ("3 (ft); 5 (ft)", "3, 5"), ("-(1/3)", "-(1/3)"), ("8 (ft); 128 (sq. ft)", "8, 128")],
)
def test_units_of_asdiv_are_left_out_of_each_answer(published, answer, tmp_path):
    body = f"<Body>Two.</Body><Question>What?</Question><Answer>{published}</Answer>"
    (tmp_path / "all.xml").write_text(f"<Set><Problem ID='1'>{body}</Problem></Set>")
    (question,) = load_questions(FileSource(kind="file", path=str(tmp_path / "all.xml"), layout="asdiv"))
    assert (question.question, question.answer) == ("Two. What?", answer)


@pytest.mark.parametrize(
    ("layout", "row", "form"),
    [
        ("question", {"question": "1+1?", "answer": "2", "solution": "2", "format": "tool"}, "tool"),
        ("question", {"question": "1+1?", "answer": "2", "solution": "2"}, None),
        ("instruction", {"instruction": "1+1?", "output": "2", "source": "data/CoT/gsm8k.json"}, "cot"),
        ("instruction", {"instruction": "1+1?", "output": "print(2)", "source": "data/PoT/gsm8k.json"}, "pot"),
        ("instruction", {"instruction": "1+1?", "output": "2"}, None),
        ("tora", {"question": "1+1?", "gt": 2, "code": ["```python\n2\n```\n```output\n2\n```"]}, "tool"),
        ("tora", {"question": "1+1?", "gt": 2, "code": ["```python\n2\n```"]}, "pot"),
        ("tora", {"question": "1+1?", "gt": 2, "code": ["It is 2."]}, None),
    ],
)
def test_a_row_may_tell_the_form_of_its_solution(layout, row, form, tmp_path):
    path = write(tmp_path / "one.jsonl", [row])
    ((question, _),) = read_questions(FileSource(kind="file", path=path, layout=layout))
    assert question.format == form


@pytest.mark.parametrize(
    ("layout", "row", "problem"),
    [
        ("question", {"question": "1+1?", "answer": "2", "format": "poem"}, "'format' is 'poem', not cot, pot or tool"),
        ("question", {"question": "1+1?", "answer": "2", "solution": 2}, "'solution' is int, not a string"),
        ("messages", {"messages": [{"role": "user", "content": "1+1?"}]}, "has the turns user, not user, assistant"),
        ("messages", {"messages": "1+1?"}, "not a row of layout 'messages'"),
        ("messages", {"messages": None}, "not a row of layout 'messages'"),
        ("tora", {"question": "1+1?", "gt": "2", "code": []}, "not a row of layout 'tora'"),
        ("tora", {"question": "1+1?", "gt": "2", "code": [None]}, "'code' is NoneType, not a string"),
        ("mathcoder", {"debug_result": ["1+1?"]}, "not a row of layout 'mathcoder'"),
        ("reft", {"question": "1+1?", "answer_value": "2"}, "no field 'answer_cot'"),
        ("instruction", {"instruction": "1+1?"}, "no field 'output'"),
    ],
)
def test_a_row_that_is_not_of_the_layout_is_marked(layout, row, problem, tmp_path):
    path = write(tmp_path / "one.jsonl", [row])
    ((bad, place),) = read_questions(FileSource(kind="file", path=path, layout=layout))
    assert isinstance(bad, BadRow)
    assert (bad.reason, place) == ("not_of_layout", f"{path}:1")
    assert problem in bad.problem
    assert "\n" not in bad.problem


def test_bytes_that_are_no_text_cost_their_line_only(tmp_path):
    path = tmp_path / "some.jsonl"
    good = json.dumps({"question": "1+1?", "answer": "2"}).encode()
    path.write_bytes(good + b'\n{"question": "\xff?", "answer": "2"}\n' + b"[" * 100_000 + b"\n" + good)
    rows = [row for row, _ in read_questions(FileSource(kind="file", path=str(path)))]
    assert [isinstance(row, BadRow) for row in rows] == [False, True, True, False]


def test_a_solved_row_without_final_answer_is_not_to_judge_by(tmp_path):
    path = write(tmp_path / "some.jsonl", [{"instruction": "Prove it.", "output": "Clear."}])
    with pytest.raises(UserError, match=r"some\.jsonl:1: no final answer"):
        load_questions(FileSource(kind="file", path=path, layout="instruction"))


def test_other_files_than_json_lines_are_read_too(tmp_path):
    rows = [{"question": "1+1?", "answer": "2"}, {"question": "2+2?", "answer": "4"}]
    (tmp_path / "list.json").write_text(json.dumps([*rows, 5]), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "table.parquet")
    for name, places in (("list.json", 3), ("table.parquet", 2)):
        source = FileSource(kind="file", path=str(tmp_path / name))
        read = list(read_questions(source))
        assert [place for _, place in read] == [f"{tmp_path / name} row {n}" for n in range(1, places + 1)]
        assert [(one.question, one.answer, one.id) for one, _ in read[:2]] == [
            ("1+1?", "2", f"{name.partition('.')[0]}/1"),
            ("2+2?", "4", f"{name.partition('.')[0]}/2"),
        ]
    with pytest.raises(UserError, match=r"list\.json row 3: a row is a JSON object, this is int"):
        load_questions(FileSource(kind="file", path=str(tmp_path / "list.json")))


def test_a_file_of_another_kind_is_one_line(tmp_path):
    (tmp_path / "some.txt").write_text("1+1?")
    with pytest.raises(UserError, match=r"some\.txt: cannot read these questions: files are read that end in \.jsonl"):
        load_questions(FileSource(kind="file", path=str(tmp_path / "some.txt")))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no\.jsonl: cannot read"):
        load_questions(FileSource(kind="file", path=str(tmp_path / "no.jsonl")))


def test_repeated_questions_are_dropped_and_the_limit_counts_rows(tmp_path):
    rows = [{"question": text, "answer": "1"} for text in "abacb"] + [{"question": "a", "answer": "2"}]
    path = write(tmp_path / "some.jsonl", rows)
    loaded = load_questions(FileSource(kind="file", path=path))
    assert [(one.question, one.answer, one.id) for one in loaded] == [
        ("a", "1", "some/1"),
        ("b", "1", "some/2"),
        ("c", "1", "some/4"),
        ("a", "2", "some/6"),
    ]
    assert len(load_questions(FileSource(kind="file", path=path, limit=2))) == 2


def test_data_sets_library_gives_the_same_questions(tmp_path):
    (tmp_path / "hub").mkdir()
    write(tmp_path / "hub" / "test.jsonl", [ROWS["gsm8k"][0]])
    (question,) = load_questions(
        HuggingFaceSource(kind="huggingface", id=str(tmp_path / "hub"), split="test", layout="gsm8k")
    )
    assert (question.question, question.answer, question.solution) == ROWS["gsm8k"][1]


def test_unknown_data_set_is_one_line(tmp_path):
    with pytest.raises(UserError, match="cannot load the data set") as raised:
        load_questions(HuggingFaceSource(kind="huggingface", id=str(tmp_path / "none"), layout="gsm8k"))
    assert "\n" not in str(raised.value)


def chain_sum(**changes):
    settings = {"kind": "reasoning_gym", "generator": "chain_sum", "size": 40, "seed": 7}
    return load_questions(ReasoningGymSource(**{**settings, **changes}))


def test_generated_questions_are_stable_distinct_and_solved():
    questions = chain_sum(config={"max_terms": 3, "max_digits": 2})
    assert questions == chain_sum(config={"max_terms": 3, "max_digits": 2})
    assert len({one.question for one in questions}) == len({one.id for one in questions}) == len(questions) > 30
    for one in questions:
        expression = re.search(r": (.*) =$", one.question)[1]
        assert int(one.answer) == eval(expression)
        assert extract_answer(one.solution) == one.answer


def test_small_generator_repeats_are_dropped():
    questions = chain_sum(size=400, config={"max_terms": 2, "max_digits": 1})
    assert len(questions) == len({one.question for one in questions}) < 200


@given(st.lists(st.tuples(st.sampled_from("+-"), st.integers(-999, 999)), max_size=6), st.integers(-999, 999))
def test_every_step_of_a_chain_sum_holds_and_goes_on_from_the_last(terms, first):
    steps = chain_sum_steps(" ".join([str(first), *(f"{operator} {term}" for operator, term in terms)]))
    total = first
    for step, (operator, term) in zip(steps, terms, strict=True):
        before, result = step.split(" = ")
        assert before == f"{total} {operator} {term}"
        total += term if operator == "+" else -term
        assert int(result) == total


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"generator": "chain_sums"}, "no generator 'chain_sums': did you mean chain_sum"),
        ({"config": {"max_digit": 2}}, "config of generator 'chain_sum'"),
        ({"config": {"min_terms": 9}}, "config of generator 'chain_sum'"),
    ],
)
def test_generator_mistakes_are_one_line(changes, message):
    with pytest.raises(UserError, match=re.escape(message)) as raised:
        chain_sum(**changes)
    assert "\n" not in str(raised.value)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("path", "layout", "count"),
    [
        ("gsm8k/train.jsonl", "gsm8k", 7473),
        ("math/test.jsonl", "math", 5000),
        ("cmath/test.jsonl", "cmath", 1098),
        ("agieval/gaokao-mathqa.jsonl", "agieval", 351),
        ("sat/test.jsonl", "sat", 32),
        ("mmlu_stem/test.jsonl", "mmlu", 3018),
        ("gsm_hard/test.jsonl", "mawps", 1319),
        ("mgsm_zh/mgsm_zh.jsonl", "mgsm", 250),
        ("asdiv/ASDiv.xml", "asdiv", 2305),
        ("more/olympiadbench.jsonl", "olympiadbench", 675),
        ("more/cn_middle_school.jsonl", "choice_answer", 101),
    ],
)
def test_published_files_are_read_whole(path, layout, count, shared_data):
    questions = load_questions(FileSource(kind="file", path=str(shared_data / "benchmarks" / path), layout=layout))
    assert count * 0.99 <= len(questions) <= count
    assert len({one.id for one in questions}) == len(questions)
    assert all(one.answer for one in questions)
