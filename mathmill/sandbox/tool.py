"""Programs as a tool of a model's solution, with the conventions of the paper's evaluation code.

What a solution is shown is the program's output, shortened; or, where there is none, `Runtime errors: ` and why. The
published code shortens errors to 100 tokens of the model's tokenizer; a token here is a word or a mark.
"""

import re
from collections.abc import Callable, Sequence

from mathmill.sandbox.results import RunResult
from mathmill.sandbox.sandbox import Sandbox

SHOWN_CHARACTERS = 100
SHOWN_TOKENS = 100
TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])")
PROGRAM_FRAME = re.compile(r'^  File "<program>", line \d+, in <module>\n', re.MULTILINE)
OWN_FRAME = re.compile(r'^  File "(?:<program>|/python/[^"]+)", line \d+, ', re.MULTILINE)
PACKAGE_FRAME = re.compile(r'^  File "/packages/([^"]+)", line \d+, ', re.MULTILINE)
HEAD = "Traceback (most recent call last):\n"


def python_tool(sandbox: Sandbox) -> Callable[[Sequence[str]], list[str]]:
    """What runs programs in `sandbox` and gives, for each in order, the text that a solution is shown."""
    return lambda programs: [shown(result) for result in sandbox.run(programs)]


def shown(result: RunResult) -> str:
    """The text that stands between ```` ```output ```` and ```` ``` ````."""
    output = result.stdout.strip() if result.outcome == "ok" else ""
    if len(output) > SHOWN_CHARACTERS:
        half = SHOWN_CHARACTERS // 2
        return f"{output[:half]}...{output[-half:]}"
    return output or f"Runtime errors: {_shorten(_reason(result))}".strip()


def _reason(result: RunResult) -> str:
    """What went wrong, without the program's own line numbers and our paths."""
    if result.outcome == "timed_out":
        return "Timeout Error"
    text = OWN_FRAME.sub("  ", PROGRAM_FRAME.sub("", result.error.removeprefix(HEAD)))
    return PACKAGE_FRAME.sub(r'  File "site-packages/\1", ', text).strip()


def _shorten(text: str) -> str:
    tokens = TOKEN.findall(text)
    if len(tokens) <= SHOWN_TOKENS:
        return text
    half = SHOWN_TOKENS // 2
    return f"{''.join(tokens[:half]).strip()} ... {''.join(tokens[-half:]).strip()}"
