"""How text is cut into words, for counting, shingles, the classifier and decontamination."""

import re
import unicodedata

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{HAN}]|[^\W_{HAN}]+")


def words(text: str) -> list[str]:
    """Runs of letters and digits in compatibility form and case-folded; a Han character is a word of its own."""
    return WORD.findall(folded(text))


def folded(text: str) -> str:
    """Text in compatibility form and case-folded, as `words` cuts it."""
    return unicodedata.normalize("NFKC", text).casefold()
