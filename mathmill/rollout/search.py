"""Search for the best solution of a question under a reward model."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mathmill.questions import Question
from mathmill.recipe_sampling import SamplingRecipe, SearchRecipe
from mathmill.rollout.continuation import continuations, cut_off, own_seed
from mathmill.rollout.engine import Completion, Engine
from mathmill.rollout.stop_strings import StopStrings

Scorer = Callable[[Sequence[Question], Sequence[str]], list[float]]
"""From questions and solutions, whole or begun, to scores; `mathmill.reward.scoring.RewardModel` is one."""
STEP_END = "\n"
"""Ends a step: steps are lines, as `mathmill.reward.steps.split_steps` reads them."""


@dataclass(frozen=True, slots=True)
class _Beam:
    """A beginning of a solution, or a whole one."""

    question: int
    """Index of its question."""
    tree: int
    token_ids: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    text: str = ""
    goes_on: bool = True
    finish_reason: Literal["stop", "length"] = "length"
    """Of one that does not go on."""
    version: int = 0
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Search:
    """A way to search, with all it needs but the questions."""

    recipe: SearchRecipe
    engine: Engine
    tokenizer: Any
    scorer: Scorer

    def __call__(
        self,
        questions: Sequence[Question],
        prompts: Sequence[list[int]],
        sampling: SamplingRecipe,
        *,
        seed: int,
        stop: Sequence[str] = (),
    ) -> list[Completion]:
        """The best completion found for each question; its tokens are those that were drawn, step after step."""
        if self.recipe.kind == "best_of":
            return self._best_of(questions, prompts, sampling, seed, stop)
        return self._beam(questions, prompts, sampling, seed, stop)

    def _best_of(
        self,
        questions: Sequence[Question],
        prompts: Sequence[list[int]],
        sampling: SamplingRecipe,
        seed: int,
        stop: Sequence[str],
    ) -> list[Completion]:
        """The solution of the highest score among `samples` (Cobbe et al., arXiv 2110.14168, section 4.2)."""
        groups = self.engine.generate(prompts, sampling, samples=self.recipe.samples, seed=seed, stop=stop)
        asked = [question for question, group in zip(questions, groups, strict=True) for _ in group]
        scores = iter(self.scorer(asked, [one.text for group in groups for one in group]))
        return [max([(next(scores), -n, one) for n, one in enumerate(group)])[2] for group in groups]

    def _beam(
        self,
        questions: Sequence[Question],
        prompts: Sequence[list[int]],
        sampling: SamplingRecipe,
        seed: int,
        stop: Sequence[str],
    ) -> list[Completion]:
        """Beam search over steps (Snell et al., arXiv 2408.03314, section 5.2), in each of `trees` by itself.

        A tree keeps the `width` best beginnings and draws `expansions` next steps after each. Several trees of width 1
        are the diverse verifier tree search of Beeching, Tunstall and Rush ("Scaling test-time compute with open
        models", 2024). A beginning's score is the least of its steps' (Math-Shepherd, section 3.4).
        """
        stops = StopStrings(self.tokenizer, stop)
        strings, limit = (STEP_END, *stop), sampling.max_new_tokens
        size = self.recipe.rows // self.recipe.trees
        roots = [_Beam(index, tree) for index in range(len(prompts)) for tree in range(self.recipe.trees)]
        groups = self.engine.generate(prompts, sampling, samples=self.recipe.rows, seed=seed, stop=strings)
        drawn = [group[start : start + size] for group in groups for start in range(0, self.recipe.rows, size)]
        beams = self._best(self._grown(questions, roots, drawn, stops, limit))
        while going := [beam for beam in beams if beam.goes_on]:
            drawn = continuations(
                self.engine,
                self.tokenizer,
                [(prompts[beam.question], beam.token_ids) for beam in going],
                sampling,
                samples=self.recipe.expansions,
                seed=_own_seeds(going, seed),
                stop=strings,
            )
            ended = [beam for beam in beams if not beam.goes_on]
            beams = self._best([*ended, *self._grown(questions, going, drawn, stops, limit)])
        found = [max((one for one in beams if one.question == index), key=_score) for index in range(len(prompts))]
        return [Completion(one.token_ids, one.log_probs, one.finish_reason, one.text, one.version) for one in found]

    def _best(self, beams: Sequence[_Beam]) -> list[_Beam]:
        """The `width` best of each tree; of equal ones the first."""
        trees: dict[tuple[int, int], list[_Beam]] = {}
        for beam in sorted(beams, key=_score, reverse=True):
            trees.setdefault((beam.question, beam.tree), []).append(beam)
        return [beam for tree in trees.values() for beam in tree[: self.recipe.width]]

    def _grown(
        self,
        questions: Sequence[Question],
        beams: Sequence[_Beam],
        drawn: Sequence[Sequence[Completion]],
        stops: StopStrings,
        limit: int,
    ) -> list[_Beam]:
        """Each beam with each of the steps that were drawn after it, scored in one go."""
        grown = [
            self._with_step(beam, step, stops, limit)
            for beam, group in zip(beams, drawn, strict=True)
            for step in group
        ]
        scores = self.scorer([questions[beam.question] for beam in grown], [beam.text for beam in grown])
        return [replace(beam, score=score) for beam, score in zip(grown, scores, strict=True)]

    def _with_step(self, beam: _Beam, step: Completion, stops: StopStrings, limit: int) -> _Beam:
        token_ids = beam.token_ids + step.token_ids
        rest = cut_off(step, self.tokenizer)
        whole = self.tokenizer.decode(token_ids, skip_special_tokens=True)
        text = stops.cut(whole)
        step_ended = step.finish_reason == "stop" and rest.startswith(STEP_END) and text == whole
        goes_on = step_ended and len(token_ids) < limit
        return replace(
            beam,
            token_ids=token_ids,
            log_probs=beam.log_probs + step.log_probs,
            text=text,
            goes_on=goes_on,
            finish_reason="length" if step_ended else step.finish_reason,
            version=step.version,
        )


def _score(beam: _Beam) -> float:
    return beam.score


def _own_seeds(beams: Sequence[_Beam], seed: int) -> list[int]:
    """A seed for each beam, by its place among those of its question."""
    places: Counter[int] = Counter()
    seeds = []
    for beam in beams:
        seeds.append(own_seed(seed, places[beam.question]))
        places[beam.question] += 1
    return seeds
