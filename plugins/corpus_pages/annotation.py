"""The page on which a person decides which URL prefixes are mathematics, and what it reads and saves."""

import csv
import io
from dataclasses import asdict
from typing import Annotated, Any, Literal

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Path, Request, Response, status
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, StrictBool

from corpus_pages.access import DECIDES, may_decide
from corpus_pages.rendering import known, page
from mathmill.corpus.decisions import COLUMNS, to_json_lines
from mathmill.corpus.layout import Iteration
from mathmill.corpus.question import ANSWER, DECISIONS, Question
from mathmill.corpus.view.builds import is_waiting
from mathmill.corpus.view.candidates import candidate_domains, read_marks
from mathmill.corpus.view.drafts import freeze_draft, save_draft
from mathmill.corpus.view.pages import sample_pages
from mathmill.output import is_finished

router = APIRouter(prefix="/builds/{recipe}/{run}/annotate/{number}")

Number = Annotated[int, Path(ge=1)]


class Changes(BaseModel):
    """Marks of prefixes; null takes one back."""

    model_config = ConfigDict(extra="forbid")

    changes: dict[str, StrictBool | None]


@router.get("/")
def show(request: Request, recipe: str, run: str, number: Number, user: GetUserDep) -> HTMLResponse:
    """The page; its table comes from `candidates`."""
    found = known(recipe, run)
    iteration = _iteration(recipe, run, number)
    question = Question.read(iteration.question) if iteration.question.is_file() else None
    facts = {
        "waits": is_waiting(iteration),
        "mayDecide": may_decide(user),
        "question": asdict(question) if question else None,
        "answer": {"option": ANSWER, "parameter": DECISIONS},
    }
    return page(request, "annotate.html", known=found, number=number, facts=facts)


@router.get("/candidates")
def candidates(recipe: str, run: str, number: Number) -> list[dict[str, Any]]:
    """The candidate domains with their prefixes."""
    return candidate_domains(_iteration(recipe, run, number))


@router.get("/pages")
def pages(request: Request, recipe: str, run: str, number: Number, prefix: str) -> HTMLResponse:
    """Sample pages of a prefix, to read in place."""
    rows = sample_pages(_iteration(recipe, run, number), prefix)
    return page(request, "pages.html", prefix=prefix, rows=rows)


@router.get("/decisions.{kind}")
def export(recipe: str, run: str, number: Number, kind: Literal["jsonl", "csv"]) -> Response:
    """What is decided, or marked so far, as a file that `mathmill corpus annotate --decisions` takes."""
    iteration = _iteration(recipe, run, number)
    rows = read_marks(iteration)
    name = f"decisions-{run}-{number}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if kind == "jsonl":
        return Response(to_json_lines(rows), media_type="application/x-ndjson", headers=headers)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([one.url_prefix, str(one.is_math).lower(), one.annotator, one.time.isoformat()] for one in rows)
    return Response(text.getvalue(), media_type="text/csv", headers=headers)


@router.put("/draft", dependencies=DECIDES)
def save(recipe: str, run: str, number: Number, body: Changes, user: GetUserDep) -> dict[str, int]:
    """Save marks; how many prefixes are marked now."""
    return {"marked": len(save_draft(_iteration(recipe, run, number), body.changes, user.get_name()))}


@router.post("/answer", dependencies=DECIDES)
def answer(recipe: str, run: str, number: Number) -> dict[str, Any]:
    """Keep the draft as it is now; the digest is what the waiting task is then answered with."""
    digest, count = freeze_draft(_iteration(recipe, run, number))
    return {"digest": digest, "decisions": count}


def _iteration(recipe: str, run: str, number: int) -> Iteration:
    found = known(recipe, run)
    iteration = found.build.iteration(number)
    if not is_finished(iteration.domains):
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"iteration {number} has no candidate domains yet")
    return iteration
