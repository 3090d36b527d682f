"""Pages that leak the demo's evaluation questions, planted openly so that decontamination has something to find.

On the real web, forums and exercise sheets quote benchmark questions in the midst of mathematics; so do these.
"""

import html
from collections.abc import Sequence

HOST = "homework.docs.localhost"
EXERCISES = 3


def plant(questions: Sequence[str], readings: Sequence[str]) -> dict[str, bytes]:
    """An exercise sheet for each of `readings`: a mathematical text, then questions quoted word for word.

    Args:
        questions: those of the evaluation; as many as the sheets have room for are quoted.
        readings: plain text.

    Returns:
        HTML by URL.
    """
    sheets: dict[str, bytes] = {}
    for number, reading in enumerate(readings):
        quoted = questions[number * EXERCISES : (number + 1) * EXERCISES]
        if not quoted:
            break
        name = f"sheet-{number + 1}"
        exercises = "\n".join(f"<h2>Exercise {place}</h2>\n<p>{_text(q)}</p>" for place, q in enumerate(quoted, 1))
        page = (
            f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{name}</title></head>\n<body>\n'
            f"<h1>{name}</h1>\n<p>{_text(reading)}</p>\n{exercises}\n</body></html>\n"
        )
        sheets[f"http://{HOST}/sheets/{name}.html"] = page.encode()
    return sheets


def _text(text: str) -> str:
    return html.escape(text).replace("\n", "<br>\n")
