"""Completions in which programs of the model are run while it writes, by the paper's tool-integrated form.

The model writes a program in a ```python block and then the opening fence "```output", at which it is interrupted; what
the program printed is given to it, and it goes on (the loop of the paper's evaluation code; ToRA, arXiv 2309.17452).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mathmill.recipe_sampling import SamplingRecipe
from mathmill.rollout.continuation import continuations, cut_off, own_seed
from mathmill.rollout.engine import Completion, Engine, Weights

FENCE = "```output"
"""What the model writes where it wants the output of its program; see `mathmill.training.chat.TOOL_OUTPUT`."""
PROGRAM = re.compile(r"^```python[ \t]*\r?\n(.*?)^```", re.DOTALL | re.MULTILINE)


Tool = Callable[[Sequence[str]], Sequence[str]]
"""Runs programs, all in one go; what a completion is shown of each, its output or its failure."""


@dataclass(slots=True)
class _Row:
    """A completion that is being written."""

    prompt: list[int]
    seed: int
    """Of what is drawn after a tool call: of this row alone, since rows may have written the same until then."""
    last: Completion
    """What was drawn last."""
    text: str
    """All that was drawn and given before `last`."""
    token_ids: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    written: list[bool] = field(default_factory=list)
    calls: int = 0

    def put(self, token_ids: Sequence[int], log_probs: Sequence[float], *, written: bool) -> None:
        """Add tokens that the model drew or was given."""
        self.token_ids += token_ids
        self.log_probs += log_probs
        self.written += [written] * len(token_ids)


class ToolEngine:
    """An `Engine` that draws by another one and runs the programs that completions ask for.

    A completion asks by the fence at the start of a line, after a program. Where it has had `rounds` tool calls, or has
    no program, it ends at the fence instead. All programs of a round are run in one call of the tool.
    """

    def __init__(self, engine: Engine, tokenizer: Any, tool: Tool, rounds: int) -> None:
        """Draw by `engine`, whose model has `tokenizer`, with at most `rounds` calls of `tool` a completion."""
        self._engine = engine
        self._tokenizer = tokenizer
        self._tool = tool
        self._rounds = rounds

    def adopt(self, version: int, weights: Weights) -> None:
        """See `Engine.adopt`."""
        self._engine.adopt(version, weights)

    def generate(
        self,
        prompts: Sequence[list[int]],
        sampling: SamplingRecipe,
        *,
        samples: int,
        seed: int | Sequence[int],
        stop: Sequence[str] = (),
    ) -> list[list[Completion]]:
        """Draw `samples` completions of each prompt; see `Engine.generate`.

        A completion's `max_new_tokens` include the tokens it was given, whose log-probability is 0 and which were not
        `written`.
        """
        seeds = [seed] * len(prompts) if isinstance(seed, int) else seed
        strings = (*stop, FENCE)
        groups = self._engine.generate(prompts, sampling, samples=samples, seed=seeds, stop=strings)
        rows = [
            _Row(prompts[index], own_seed(seeds[index], sample), last, "")
            for index, group in enumerate(groups)
            for sample, last in enumerate(group)
        ]
        going = self._taken_up(rows, sampling.max_new_tokens)
        while going:
            drawn = continuations(
                self._engine,
                self._tokenizer,
                [(row.prompt, row.token_ids) for row in going],
                sampling,
                samples=1,
                seed=[row.seed for row in going],
                stop=strings,
            )
            for row, (last,) in zip(going, drawn, strict=True):
                row.last = last
            going = self._taken_up(going, sampling.max_new_tokens)
        completions = [self._completion(row) for row in rows]
        return [completions[start : start + samples] for start in range(0, len(completions), samples)]

    def _taken_up(self, rows: Sequence[_Row], limit: int) -> list[_Row]:
        """Add what each row drew last, and what it asked for; the rows that go on."""
        going, asking, programs = [], [], []
        for row in rows:
            row.put(row.last.token_ids, row.last.log_probs, written=True)
            if row.last.finish_reason == "length" or not cut_off(row.last, self._tokenizer).startswith(FENCE):
                continue
            if not self._asks(row):
                going.append(row)
            elif row.calls < self._rounds and (found := PROGRAM.findall(row.text + row.last.text)):
                asking.append(row)
                programs.append(found[-1])
        for row, result in zip(asking, self._tool(programs) if asking else (), strict=True):
            row.calls += 1
            break_drawn = cut_off(row.last, self._tokenizer).endswith("\n")
            given = f"{'' if break_drawn else chr(10)}{result.strip()}\n```\n"
            ids = list(self._tokenizer(given, add_special_tokens=False)["input_ids"])[: limit - len(row.token_ids)]
            row.put(ids, [0.0] * len(ids), written=False)
        for row in (*going, *asking):
            row.text = self._tokenizer.decode(row.token_ids, skip_special_tokens=True)
            if len(row.token_ids) == limit:
                row.last = replace(row.last, finish_reason="length", text="", token_ids=[])
        return [row for row in (*going, *asking) if len(row.token_ids) < limit]

    def _asks(self, row: _Row) -> bool:
        """Whether the fence that the row drew is one, a line of its own."""
        before, after = row.text + row.last.text, cut_off(row.last, self._tokenizer)[len(FENCE) :]
        return before.endswith("\n") and not after.strip()

    def _completion(self, row: _Row) -> Completion:
        text = self._tokenizer.decode(row.token_ids, skip_special_tokens=True)
        rest = cut_off(row.last, self._tokenizer)
        return Completion(
            token_ids=row.token_ids,
            log_probs=row.log_probs,
            finish_reason=row.last.finish_reason,
            text=text if rest.startswith(FENCE) else text[: len(text) - len(rest)],
            version=row.last.version,
            written=row.written,
        )
