"""What the process model learns: a label at the end of each step."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mathmill.errors import UserError
from mathmill.recipe import Recipe
from mathmill.reward.completions import Labelled
from mathmill.reward.lessons import Lessons
from mathmill.reward.reading import Example, Reader


def process_lessons(
    labelled: Sequence[Labelled],
    rejected: Sequence[Mapping[str, Any]],
    figures: Mapping[str, float],
    reader: Reader,
    recipe: Recipe,
) -> Lessons:
    """Lessons of labelled solutions; those without a step or longer than the context are rejected.

    A question that one source holds out is held out of all.

    Args:
        labelled: drawn and published solutions.
        rejected: rows that were no such solutions.
        figures: of the completions.
        reader: lays out the examples.
        recipe: gives the context.

    Raises:
        UserError: none is left to learn from, or to measure on.
    """
    held_out = {one.question for one in labelled if one.held_out}
    fitting: list[tuple[Labelled, Example]] = []
    unusable = []
    for one in labelled:
        example = reader.steps(one.question, one.steps, one.labels)
        reason = _unusable(example, recipe.model.context)
        if reason:
            unusable.append({"question": one.question, "reason": reason})
        else:
            fitting.append((one, example))
    learning = [(example,) for one, example in fitting if one.question not in held_out]
    testing = [example for one, example in fitting if one.question in held_out]
    if not learning or not testing:
        raise UserError(
            f"recipe {recipe.name}: reward.questions and reward.labelled give {len(learning)} solutions to learn from"
            f" and {len(testing)} to measure on: name more of them"
        )
    return Lessons(
        learning=learning,
        testing=testing,
        samples=[asdict(one) | {"held_out": one.question in held_out} for one, _ in fitting],
        figures={"lessons": len(learning), **_figures([one for one, _ in fitting]), **figures},
        rejected=[*rejected, *unusable],
    )


def _figures(labelled: Sequence[Labelled]) -> dict[str, float]:
    labels = [label for one in labelled for label in one.labels]
    return {
        "samples": len(labelled),
        "share_right": sum(one.labels[-1] for one in labelled) / len(labelled),
        "labelled_steps": len(labels),
        "mean_label": sum(labels) / len(labels),
    }


def _unusable(example: Example, context: int) -> str:
    """Why an example cannot be learned; empty where it can."""
    if not example.ends:
        return "no step"
    return f"{len(example.ids)} tokens are more than the context" if len(example.ids) > context else ""
