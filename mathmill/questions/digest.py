"""What a list of questions is known by."""

import hashlib
import json
from collections.abc import Iterable

from mathmill.questions.question import Question


def questions_digest(questions: Iterable[Question]) -> str:
    """SHA-256 of ids, questions and answers in their order, as 64 hexadecimal digits."""
    text = json.dumps([[one.id, one.question, one.answer] for one in questions], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
