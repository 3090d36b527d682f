"""The application: every route asks who is there before it answers."""

from fastapi import FastAPI, HTTPException, Request, status
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse

from corpus_pages import annotation, views
from corpus_pages.access import DAG, READS, with_headers
from corpus_pages.rendering import FOLDER, page
from mathmill.corpus.view.builds import build_of_dag_run, known_builds
from mathmill.corpus.view.overview import report
from mathmill.errors import UserError

STATIC = {path.name: path for path in (FOLDER / "static").iterdir()}

# No generated documentation: its pages would load scripts from elsewhere.
app = FastAPI(title="Corpus", dependencies=READS, openapi_url=None)
app.middleware("http")(with_headers)
app.include_router(views.router)
app.include_router(annotation.router)


@app.exception_handler(UserError)
def refuse(_request: Request, error: UserError) -> JSONResponse:
    """A user's mistake, in its one line."""
    return JSONResponse({"detail": str(error)}, status.HTTP_409_CONFLICT)


@app.get("/static/{name}")
def static(name: str) -> FileResponse:
    """A script or style sheet of these pages."""
    if name not in STATIC:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    return FileResponse(STATIC[name])


@app.get("/")
def index(request: Request) -> HTMLResponse:
    """All builds of the home."""
    builds = [(one, report(one.build)) for one in known_builds()]
    return page(request, "index.html", builds=builds)


@app.get("/runs/{dag_id}/{run_id}")
def dag_run(request: Request, dag_id: str, run_id: str) -> HTMLResponse:
    """What a DAG run makes: the tab of the run's page."""
    found = build_of_dag_run(run_id) if dag_id == DAG else None
    if found is None:
        return page(request, "no_build.html", dag_id=dag_id, dag=DAG)
    return views.overview_page(request, found)
