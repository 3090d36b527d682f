"""Graded completions written by hand."""

from typing import Any

from mathmill.evaluation.results import Item


def item(label: str, task: str, question: str, sample: int, right: bool, **more: Any) -> Item:
    """One that is right, or has no answer; `more` are further fields."""
    return Item(
        model=label,
        label=label,
        task=task,
        question_id=question,
        question=question,
        gold="7",
        prompt="",
        sample=sample,
        completion="",
        answer=None,
        outcome="right" if right else "missing",
        right=right,
        finish_reason="stop",
        tokens=1,
        **more,
    )
