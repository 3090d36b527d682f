"""Templates, and what all of them know."""

import math
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request, status
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from markupsafe import Markup

from mathmill.corpus.view.builds import KnownBuild, find_build
from mathmill.corpus.view.formulas import as_html

FOLDER = Path(__file__).parent

templates = Jinja2Templates(FOLDER / "templates")
templates.env.filters["formulas"] = lambda text: Markup(as_html(text))  # noqa: S704 - escaped by as_html
templates.env.filters["logarithm"] = math.log
templates.env.filters["number"] = lambda value: f"{value:,}"
templates.env.filters["percent"] = lambda value: f"{value:.1%}"


def page(request: Request, template: str, **values: Any) -> HTMLResponse:
    """The page that `template` makes of `values`; `root` is where these pages begin."""
    return templates.TemplateResponse(request, template, {"root": request.scope["root_path"], **values})


def known(recipe: str, run: str) -> KnownBuild:
    """The build of these names.

    Raises:
        HTTPException: 404, there is none.
    """
    found = find_build(recipe, run)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"the home has no corpus build {recipe}/{run}")
    return found
