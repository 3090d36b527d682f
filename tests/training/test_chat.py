"""Conversations are cut into what a model writes and what it is given, and tokenised as generation sees them."""
# ruff: noqa: RUF001 -- Chinese has punctuation of its own

import pytest

from mathmill.questions import language_of
from mathmill.recipe import PromptRecipe
from mathmill.training.chat import answer_ids, conversation, prompt_ids, suffix_for

PAPER = PromptRecipe().suffix
TOOL_SUFFIX = """
Please integrate natural language reasoning with programs to solve the problem above, \
and put your final answer within \\boxed{}."""
TOOL = "First.\n```python\nprint(2)\n```\n```output\n2\n```\n\nThen ```2```.\n```output\n\n```\nSo \\boxed{2}."


def written(solution, tokenizer):
    return [(one.text, one.written) for one in conversation(tokenizer, "1+1?", "", solution)[1:]]


@pytest.mark.parametrize(
    ("form", "language", "expected"),
    [
        ("cot", "en", "\nPlease reason step by step, and put your final answer within \\boxed{}."),
        ("answer", "fr", "\nPlease reason step by step, and put your final answer within \\boxed{}."),
        ("cot", "zh", "\n请通过逐步推理来解答问题，并把最终答案放置于\\boxed{}中。"),
        ("tool", "zh", "\n请结合自然语言和Python程序语言来解答问题，并把最终答案放置于\\boxed{}中。"),
        ("tool", "en", TOOL_SUFFIX),
    ],
)
def test_questions_are_asked_as_the_paper_asks_them(form, language, expected):
    assert suffix_for(PAPER, form, language) == expected


@pytest.mark.parametrize("form", ["cot", "pot", "tool", "answer"])
def test_a_suffix_of_the_recipe_s_own_follows_every_question(form):
    assert suffix_for("", form, "zh") == ""
    assert suffix_for(" Think!", form, "en") == " Think!"


def test_the_model_writes_all_but_what_its_programs_print(tokenizer):
    assert written(TOOL, tokenizer) == [
        (" First.\n```python\nprint(2)\n```\n```output", True),
        ("\n2\n```\n", False),
        ("\nThen ```2```.\n```output", True),
        ("\n\n```\n", False),
        ("So \\boxed{2}.<e>", True),
    ]


def test_a_solution_may_end_in_an_output(tokenizer):
    assert written("```python\n2\n```\n```output\n2\n```", tokenizer)[1:] == [("\n2\n```", False), ("<e>", True)]


@pytest.mark.parametrize(
    "solution",
    [
        "```python\n1\n```\n```output\n1",
        "a\n```output\n1\n```python\n2\n```\nb",
        "a\n```output",
        "```output\n2\n```\nb",
    ],
)
def test_an_output_without_end_or_program_is_refused(solution, tokenizer):
    with pytest.raises(ValueError, match="output"):
        written(solution, tokenizer)


def test_tokens_never_cross_from_what_is_given_to_what_is_written(tokenizer):
    segments = conversation(tokenizer, "1 + 1?", "", TOOL)
    ids = [tokenizer(one.text, add_special_tokens=False)["input_ids"] for one in segments]
    assert [tokenizer.decode(part) for part in ids] == [one.text for one in segments]
    assert ids[0] == prompt_ids(tokenizer, "1 + 1?", "")
    whole = tokenizer("".join(one.text for one in segments), add_special_tokens=False)["input_ids"]
    assert whole != [token for part in ids for token in part], "this tokenizer does merge across borders"


def test_the_template_says_the_same_as_the_segments(tokenizer):
    messages = [{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": TOOL}]
    whole = tokenizer.apply_chat_template(messages, tokenize=False)
    assert "".join(one.text for one in conversation(tokenizer, "1 + 1?", "", TOOL)) == whole


def test_a_solution_without_output_has_the_ids_that_the_reward_model_reads(tokenizer):
    (_, answer) = conversation(tokenizer, "1 + 1?", "", "The answer is 2.")
    assert tokenizer(answer.text, add_special_tokens=False)["input_ids"] == answer_ids(tokenizer, "The answer is 2.")


def test_a_question_is_put_as_it_was_in_tuning(tokenizer):
    for question in ("What is 1 + 2?", "小明有几个苹果?"):
        tuned = conversation(tokenizer, question, suffix_for(PAPER, "cot", language_of(question)), "x")
        assert tokenizer.decode(prompt_ids(tokenizer, question, PAPER)) == tuned[0].text
