"""What a build looks like: figures, removed pages, samples, differences."""

import secrets
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, status
from fastapi.responses import HTMLResponse

from corpus_pages.rendering import known, page
from mathmill.corpus.view import overview
from mathmill.corpus.view.builds import KnownBuild, known_builds
from mathmill.corpus.view.differences import difference
from mathmill.corpus.view.pages import random_pages, removals

REMOVALS = 20
"""On one page."""
SAMPLES = 8

router = APIRouter(prefix="/builds/{recipe}/{run}")


def overview_page(request: Request, known_build: KnownBuild) -> HTMLResponse:
    """Growth, scores, languages, domains and benchmarks of a build."""
    build = known_build.build
    iterations = build.finished_iterations()
    histograms = [(number, overview.score_histogram(one)) for number, one in enumerate(iterations, start=1)]
    return page(
        request,
        "overview.html",
        known=known_build,
        growth=overview.growth(build),
        histograms=[(number, found) for number, found in histograms if found],
        report=overview.report(build),
        stages=overview.stages(build),
        domains=overview.collected_domains(iterations[-1]) if iterations else [],
        benchmarks=overview.benchmarks(build),
    )


@router.get("/")
def show(request: Request, recipe: str, run: str) -> HTMLResponse:
    """The build's overview."""
    return overview_page(request, known(recipe, run))


@router.get("/removed")
def removed(
    request: Request,
    recipe: str,
    run: str,
    benchmark: str | None = None,
    begin: Annotated[int, Query(ge=0)] = 0,
) -> HTMLResponse:
    """Pages that held benchmark text, with this text marked."""
    found = known(recipe, run)
    if not found.has_corpus:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "this build is not decontaminated yet")
    rows, total = removals(found.build.decontaminated, benchmark, begin, REMOVALS)
    return page(
        request,
        "removed.html",
        known=found,
        benchmarks=[row for row in overview.benchmarks(found.build) if row["pages"]],
        benchmark=benchmark,
        rows=rows,
        total=total,
        begin=begin,
        step=REMOVALS,
    )


@router.get("/sample")
def sample(request: Request, recipe: str, run: str, seed: int | None = None) -> HTMLResponse:
    """Pages of the corpus, drawn by `seed`, with their formulas."""
    found = known(recipe, run)
    if not found.has_corpus:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "this build has no corpus yet")
    drawn = secrets.randbelow(1_000_000) if seed is None else seed
    return page(
        request,
        "sample.html",
        known=found,
        rows=random_pages(found.build.corpus, SAMPLES, drawn),
        seed=drawn,
        next_seed=secrets.randbelow(1_000_000),
    )


@router.get("/compare")
def compare(request: Request, recipe: str, run: str, earlier: str | None = None) -> HTMLResponse:
    """What this corpus has that an earlier one (`recipe/run`) has not, and the other way round."""
    later = known(recipe, run)
    others = [one for one in known_builds() if one.is_finished and (one.recipe, one.run) != (recipe, run)]
    chosen = next((one for one in others if f"{one.recipe}/{one.run}" == earlier), None)
    if earlier is not None and chosen is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"the home has no other finished build {earlier}")
    if not later.is_finished:
        others, chosen = [], None
    found = difference(chosen.build, later.build) if chosen else None
    return page(request, "compare.html", known=later, others=others, chosen=chosen, difference=found)
