r"""How a question is put to a model: the template of the paper's evaluation code, `User: {question}\n\nAssistant:`.

A conversation is tokenised segment by segment, since that is what generation sees: it starts from the question's ids,
the model draws its own, and what a program prints is put in between. A token across a border would be one that no model
could draw there, and half of it would be a target.
"""
# ruff: noqa: RUF001 -- Chinese has punctuation of its own

import re
from dataclasses import dataclass
from typing import Any, Literal

from mathmill.questions import language_of
from mathmill.recipe import STEP_BY_STEP

CHAT_TEMPLATE = (
    "{{ bos_token or '' }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}User: {{ message['content'] }}\n\nAssistant:"
    "{% elif message['role'] == 'assistant' %} {{ message['content'] }}{{ eos_token }}{% endif %}"
    "{% endfor %}"
)
"""A user turn ends where the assistant goes on, so there is no generation prompt to add."""

_WITH_TOOL = (
    "\nPlease integrate natural language reasoning with programs to solve the problem above, "
    "and put your final answer within \\boxed{}."
)
Form = Literal["cot", "pot", "tool", "answer"]
"""Of a solution: a chain of thought, a program, programs whose output is shown, or a boxed answer alone."""
SUFFIXES: dict[tuple[str, bool], str] = {
    ("cot", False): STEP_BY_STEP,
    ("cot", True): "\n请通过逐步推理来解答问题，并把最终答案放置于\\boxed{}中。",
    ("tool", False): _WITH_TOOL,
    ("tool", True): "\n请结合自然语言和Python程序语言来解答问题，并把最终答案放置于\\boxed{}中。",
    ("pot", False): "\nPlease write a Python program that solves the problem above.",
    ("pot", True): "\n请编写Python程序来解答问题。",
}
"""What follows a question, by the form of its solution and whether it is Chinese; section 9 of the paper's evaluation
code, but for `pot`, which has none there."""

TOOL_OUTPUT = re.compile(r"^```output([ \t]*\r?\n(?:(?!```).*\n)*```[ \t\r]*(?:\n|\Z))", re.MULTILINE)
"""A program's output in a solution. The model writes the opening fence, at which generation stops to run the program;
the group is what it is then given."""
UNCLOSED_OUTPUT = re.compile(r"^```output[ \t\r]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a conversation, tokenised by itself."""

    text: str
    written: bool
    """Whether the model writes it; otherwise it is given."""


def set_chat_template(tokenizer: Any) -> None:
    """Store the template in the tokenizer, so that it is saved with the model."""
    tokenizer.chat_template = CHAT_TEMPLATE


def suffix_for(suffix: str, form: Form, language: str) -> str:
    """What follows a question of a recipe whose `prompt.suffix` is `suffix`.

    Args:
        suffix: the recipe's; the paper's English one stands for all of the paper's.
        form: of the solution that is wanted; a boxed answer alone is asked for as a chain of thought is.
        language: of the question; `zh` is Chinese, all others are asked in English.
    """
    if suffix != STEP_BY_STEP:
        return suffix
    return SUFFIXES["cot" if form == "answer" else form, language == "zh"]


def conversation(tokenizer: Any, question: str, suffix: str, solution: str) -> list[Segment]:
    """A solved question as segments: the prompt, then what the model writes and what its programs print, in turns.

    Raises:
        ValueError: a program's output has no end.
    """
    segments = [Segment(prompt_text(tokenizer, question, suffix), written=False)]
    text = f" {solution}"
    if solution.startswith("```output"):
        raise ValueError("it starts with the output of no program")
    start = 0
    for output in TOOL_OUTPUT.finditer(text):
        segments += [Segment(text[start : output.start(1)], written=True), Segment(output[1], written=False)]
        start = output.end()
    if UNCLOSED_OUTPUT.search(text, start):
        raise ValueError("the output of a program has no closing ```")
    return [*segments, Segment(text[start:] + tokenizer.eos_token, written=True)]


def prompt_text(tokenizer: Any, question: str, suffix: str) -> str:
    """The question, up to where the model answers."""
    messages = [{"role": "user", "content": question + suffix}]
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def prompt_ids(tokenizer: Any, question: str, suffix: str, form: Form = "cot") -> list[int]:
    """Token ids of the question, up to where the model answers.

    Args:
        tokenizer: has the chat template.
        question: in any language.
        suffix: the recipe's `prompt.suffix`.
        form: of the solution that is wanted.
    """
    asked = suffix_for(suffix, form, language_of(question))
    return list(tokenizer(prompt_text(tokenizer, question, asked), add_special_tokens=False)["input_ids"])


def answer_ids(tokenizer: Any, solution: str) -> list[int]:
    """Token ids of a solution as it follows `prompt_ids`, end-of-sequence token included."""
    return list(tokenizer(f" {solution}{tokenizer.eos_token}", add_special_tokens=False)["input_ids"])
