"""Where the samples of a step come from: the questions' own solutions, the first model, or the live policy."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch

from mathmill.grading.grader import Verdict
from mathmill.questions import Question
from mathmill.recipe import Recipe
from mathmill.reinforcement.engines import ROLLOUT_ROWS
from mathmill.reinforcement.exploration import Explored, Explorer, grouped
from mathmill.reinforcement.questions import Selection, question_prompt
from mathmill.reinforcement.rewards import Drawn, Judges, judge
from mathmill.reinforcement.sample import Sample
from mathmill.reward.parts import in_parts
from mathmill.rollout.engine import Completion, Engine
from mathmill.training.chat import answer_ids, prompt_ids
from mathmill.training.passes import indices_of_step
from mathmill.training.session import rank, world_size

log = logging.getLogger("mathmill")

NOTE_SECONDS = 60.0
"""Between two lines that tell of a wait for samples."""
DEADLINE_SECONDS = 3600.0
"""Longest wait for the samples of a step."""

Pending = dict[int, Explored]
"""What was drawn ahead, by step."""


class Source(Protocol):
    """Gives each step its samples."""

    def begin(self, step: int, end: int) -> None:
        """Steps from `step` to before `end` come, under the present rewards."""
        ...

    def take(self, step: int) -> Explored:
        """This rank's samples of `step`."""
        ...

    def updated(self, version: int) -> None:
        """The policy's weights have now been through the updates of so many steps."""
        ...

    def pending(self) -> Pending:
        """What was drawn for coming steps; waits for what is being drawn."""
        ...


class SolutionSource:
    """The questions' own solutions: of SFT, which takes them for right."""

    def __init__(self, questions: Sequence[Question], selection: Selection, tokenizer: Any, recipe: Recipe) -> None:
        self._questions = questions
        self._selection = selection
        self._tokenizer = tokenizer
        self._recipe = recipe

    def begin(self, step: int, end: int) -> None:
        """Nothing is prepared."""

    def take(self, step: int) -> Explored:
        """A solution of each question, as a group of one."""
        indices = self._selection.of_step(step)[rank() :: world_size()]
        return Explored([[self._sample(self._questions[index])] for index in indices], indices)

    def updated(self, version: int) -> None:
        """Solutions do not depend on the policy."""

    def pending(self) -> Pending:
        """Nothing is drawn ahead."""
        return {}

    def _sample(self, question: Question) -> Sample:
        solution = question.solution or ""
        completion = Completion(answer_ids(self._tokenizer, solution), [], "stop", solution)
        prompt = prompt_ids(self._tokenizer, question.question, self._recipe.prompt.suffix)
        return Sample(question, prompt, completion, Verdict(question.answer, "right"), {}, 1.0)


class OfflineSource:
    """Samples of the first model, drawn once before the training, and judged when their step comes."""

    def __init__(
        self, folder: Path, engine: Engine, questions: Sequence[Question], judges: Judges, recipe: Recipe
    ) -> None:
        """Draw what is not yet in `folder`; every rank must take part, with the first model's weights in `engine`."""
        settings = recipe.reinforce
        self._questions = questions
        self._judges = judges
        self._recipe = recipe
        self._prompts = [question_prompt(judges.tokenizer, one, recipe) for one in questions]
        steps = range(settings.steps)
        used = {index for step in steps for index in self._indices(step)}
        self._order = sorted(used)

        def make(part: range) -> list[Mapping[str, Any]]:
            prompts = [self._prompts[self._order[place]] for place in part]
            groups = engine.generate(prompts, settings.sampling, samples=settings.group, seed=recipe.seed)
            return [asdict(completion) for group in groups for completion in group]

        size = max(1, ROLLOUT_ROWS // settings.group)
        began = time.monotonic()
        rows = in_parts(folder, len(self._order), size, make)
        self._drawing = time.monotonic() - began
        groups = grouped([Completion(**row) for row in rows], settings.group)
        self._completions = dict(zip(self._order, groups, strict=True))

    def begin(self, step: int, end: int) -> None:
        """All is drawn already."""

    def take(self, step: int) -> Explored:
        """The samples of the step's questions."""
        began = time.monotonic()
        indices = self._indices(step)[rank() :: world_size()]
        drawn = [
            Drawn(self._questions[index], self._prompts[index], completion)
            for index in indices
            for completion in self._completions[index]
        ]
        groups = grouped(judge(drawn, self._judges, self._recipe), self._recipe.reinforce.group)
        seconds = {"generate": self._drawing, "reward": time.monotonic() - began}
        # All was drawn at once, and counts with the first step that is taken.
        self._drawing = 0.0
        return Explored(groups, indices, seconds)

    def updated(self, version: int) -> None:
        """Samples of the first model do not depend on the policy."""

    def pending(self) -> Pending:
        """What was drawn is in the folder."""
        return {}

    def _indices(self, step: int) -> list[int]:
        settings = self._recipe.reinforce
        return indices_of_step(len(self._questions), step, settings.questions_per_step, self._recipe.seed)


class PolicySource:
    """Samples of the live policy, drawn when their step comes."""

    def __init__(self, explorer: Explorer, weights: Callable[[], Mapping[str, torch.Tensor]]) -> None:
        """Explore by an engine over the policy; `weights` gathers them where the engine holds its own."""
        self._explorer = explorer
        self._weights = weights

    def begin(self, step: int, end: int) -> None:
        """Nothing is drawn ahead."""

    def take(self, step: int) -> Explored:
        """Draw from the weights as they are: those of version `step`."""
        self._explorer.engine.adopt(step, self._weights)
        return self._explorer.explore(step, step, self._explorer.choose(step))

    def updated(self, version: int) -> None:
        """The weights are taken when they are needed."""

    def pending(self) -> Pending:
        """Nothing is drawn ahead."""
        return {}


class LaggedSource:
    """Samples of weights that are some steps old, drawn by a thread while the policy learns.

    Within an iteration that begins at step b, step n is drawn from the weights of version max(b, n - lag).
    """

    def __init__(
        self, explorer: Explorer, weights: Callable[[], Mapping[str, torch.Tensor]], lag: int, pending: Pending
    ) -> None:
        """Explore by an engine that holds weights of its own.

        Args:
            explorer: draws and judges.
            weights: a copy of the policy's weights, made when called.
            lag: steps.
            pending: what was drawn ahead by the try that is resumed.
        """
        self._explorer = explorer
        self._weights = weights
        self._lag = lag
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="explorer")
        self._coming: dict[int, Future[Explored]] = {}
        for step, explored in pending.items():
            self._coming[step] = Future()
            self._coming[step].set_result(explored)
        self._end = 0

    def begin(self, step: int, end: int) -> None:
        """Begin to draw the first steps, up to the lag."""
        self._end = end
        for ahead in range(step, step + self._lag + 1):
            self._submit(ahead, step)

    def take(self, step: int) -> Explored:
        """Wait for the samples of `step`.

        Raises:
            RuntimeError: they do not come.
        """
        began = time.monotonic()
        future = self._coming[step]
        while True:
            try:
                explored = future.result(timeout=NOTE_SECONDS)
                break
            except TimeoutError:
                waited = time.monotonic() - began
                log.info("step %d: waiting for samples for %.0f s", step + 1, waited)
                if waited > DEADLINE_SECONDS:
                    raise RuntimeError(f"step {step + 1}: no samples after {waited:.0f} s") from None
        del self._coming[step]
        explored.seconds["wait"] = time.monotonic() - began
        return explored

    def updated(self, version: int) -> None:
        """Begin to draw the step that these weights are for."""
        self._submit(version + self._lag, version)

    def pending(self) -> Pending:
        """Wait for all that is being drawn."""
        return {step: future.result(timeout=DEADLINE_SECONDS) for step, future in self._coming.items()}

    def _submit(self, step: int, version: int) -> None:
        if step < self._end and step not in self._coming:
            # Chosen here, since what is known of questions goes on changing while the thread draws.
            choices = self._explorer.choose(step)
            self._coming[step] = self._thread.submit(self._explore, step, version, choices, self._weights())

    def _explore(
        self, step: int, version: int, choices: Sequence[Sequence[int]], weights: Mapping[str, torch.Tensor]
    ) -> Explored:
        self._explorer.engine.adopt(version, lambda: weights)
        return self._explorer.explore(step, version, choices)
