r"""How a question is put to a model: the template of the paper's evaluation code, `User: {question}\n\nAssistant:`."""

from collections.abc import Sequence
from typing import Any

from mathmill.questions import Question

CHAT_TEMPLATE = (
    "{{ bos_token or '' }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}User: {{ message['content'] }}\n\nAssistant:"
    "{% elif message['role'] == 'assistant' %} {{ message['content'] }}{{ eos_token }}{% endif %}"
    "{% endfor %}"
)
"""A user turn ends where the assistant goes on, so there is no generation prompt to add."""


def set_chat_template(tokenizer: Any) -> None:
    """Store the template in the tokenizer, so that it is saved with the model."""
    tokenizer.chat_template = CHAT_TEMPLATE


def prompt_ids(tokenizer: Any, question: str, suffix: str) -> list[int]:
    """Token ids of the question, up to where the model answers."""
    messages = [{"role": "user", "content": question + suffix}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def answer_ids(tokenizer: Any, solution: str) -> list[int]:
    """Token ids of a solution as it follows `prompt_ids`, end-of-sequence token included."""
    return list(tokenizer(f" {solution}{tokenizer.eos_token}", add_special_tokens=False)["input_ids"])


def few_shot_ids(tokenizer: Any, examples: Sequence[Question], question: str, suffix: str) -> list[int]:
    """Token ids of a question that follows solved examples, for a model that was never tuned."""
    shown = [f"User: {one.question}{suffix}\n\nAssistant: {one.solution}\n\n" for one in examples]
    text = "".join([tokenizer.bos_token or "", *shown, f"User: {question}{suffix}\n\nAssistant:"])
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
