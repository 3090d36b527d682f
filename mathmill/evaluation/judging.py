"""The verdicts on what models have drawn, and the figures that follow."""

from collections.abc import Sequence
from dataclasses import dataclass

from mathmill.evaluation.accuracy import chosen_k, score
from mathmill.evaluation.drawing_plan import DrawingPlan, DrawnQuestion
from mathmill.evaluation.models import EvaluatedModel
from mathmill.evaluation.prompts import few_shot_for, read_answer
from mathmill.evaluation.results import Item, Result
from mathmill.evaluation.tasks import Task
from mathmill.evaluation.verification import Rating, Verifier
from mathmill.grading.grader import Grader, Verdict, count_outcomes
from mathmill.grading.paper.grading import grade_as_published
from mathmill.grading.paper.rules import PAPER_RULES, PaperForm
from mathmill.grading.tolerance import is_near
from mathmill.questions import Question
from mathmill.recipe_tasks import FewShotRecipe


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges one model on one task after another."""

    plan: DrawingPlan
    grader: Grader
    verifier: Verifier | None
    """The reward model that rates completions, if one does."""

    def judge(
        self, model: EvaluatedModel, task: Task, questions: Sequence[Question], drawn: Sequence[DrawnQuestion]
    ) -> tuple[Result, list[Item]]:
        """The figures of the model on the task, and a row for each graded completion."""
        few_shot = few_shot_for(model, task, self.plan.form, self.plan.few_shot)
        verdicts = self._verdicts(task, few_shot, questions, drawn)
        paper = self._paper_verdicts(task, self.plan.form, questions, drawn, few_shot=few_shot is not None)
        programs = None
        if self.plan.form == "tool":
            programs = self._paper_verdicts(task, "program", questions, drawn, few_shot=few_shot is not None)
        ratings, scores = None, None
        if self.verifier is not None:
            ratings = self.verifier.rate(questions, [[one.text for one in row.completions] for row in drawn])
            scores = [[rating.score for rating in given] for given in ratings]
        at = chosen_k(self.plan.recipe.evaluation.at, self.plan.samples)
        result = Result(
            model=str(model.path),
            role=model.role,
            label=model.label,
            task=task.name,
            form=self.plan.form,
            score=score(verdicts, at, scores),
            outcomes=count_outcomes(verdict for group in verdicts for verdict in group),
            paper=score(paper, at, scores),
            paper_programs=score(programs, at, scores) if programs else None,
            cut=sum(one.finish_reason == "length" for row in drawn for one in row.completions),
            verification=self.verifier.verification if self.verifier else None,
        )
        return result, make_items(
            model, task, questions=questions, drawn=drawn, verdicts=verdicts, paper=paper, ratings=ratings
        )

    def _verdicts(
        self,
        task: Task,
        few_shot: FewShotRecipe | None,
        questions: Sequence[Question],
        drawn: Sequence[DrawnQuestion],
    ) -> list[list[Verdict]]:
        """The strict verdict on each completion of each question; all are graded in one go."""
        answers = [read_answer(one.text, few_shot) for row in drawn for one in row.completions]
        golds = [question.answer for question, row in zip(questions, drawn, strict=True) for _ in row.completions]
        tolerance = task.recipe.tolerance
        verdicts = (
            Verdict(answer, "right") if tolerance and answer and is_near(answer, gold, tolerance) else verdict
            for answer, gold, verdict in zip(answers, golds, self.grader.judge(answers, golds), strict=True)
        )
        return [[next(verdicts) for _ in row.completions] for row in drawn]

    def _paper_verdicts(
        self,
        task: Task,
        form: PaperForm,
        questions: Sequence[Question],
        drawn: Sequence[DrawnQuestion],
        *,
        few_shot: bool,
    ) -> list[list[Verdict]]:
        """The verdict by the published rules on each completion of each question."""
        texts = [one.text for row in drawn for one in row.completions]
        asked = [question for question, row in zip(questions, drawn, strict=True) for _ in row.completions]
        rules = PAPER_RULES[task.recipe.rules]
        verdicts = iter(grade_as_published(self.grader, texts, asked, rules, form=form, few_shot=few_shot))
        return [[next(verdicts) for _ in row.completions] for row in drawn]


def make_items(
    model: EvaluatedModel,
    task: Task,
    *,
    questions: Sequence[Question],
    drawn: Sequence[DrawnQuestion],
    verdicts: Sequence[Sequence[Verdict]],
    paper: Sequence[Sequence[Verdict]],
    ratings: Sequence[Sequence[Rating]] | None,
) -> list[Item]:
    """A row for each graded completion."""
    rated: Sequence[Sequence[Rating | None]] = ratings or [[None] * len(row.completions) for row in drawn]
    return [
        Item(
            model=str(model.path),
            label=model.label,
            task=task.name,
            question_id=question.id,
            question=question.question,
            gold=question.answer,
            prompt=row.prompt,
            sample=sample,
            completion=completion.text,
            answer=verdict.answer,
            outcome=verdict.outcome,
            right=verdict.right,
            finish_reason=completion.finish_reason,
            tokens=completion.tokens,
            level=question.level,
            subject=question.subject,
            paper_answer=published.answer,
            paper_outcome=published.outcome,
            paper_right=published.right,
            score=rating.score if rating else None,
            step_scores=rating.steps if rating else None,
        )
        for question, row, judged, by_paper, given in zip(questions, drawn, verdicts, paper, rated, strict=True)
        for sample, (completion, verdict, published, rating) in enumerate(
            zip(row.completions, judged, by_paper, given, strict=True)
        )
    ]
