"""Who may do what, and what every answer tells the browser."""

from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import AssetDetails, DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import requires_access_asset, requires_access_dag
from fastapi import Depends, Header, HTTPException, Request, Response, status
from starlette.middleware.base import RequestResponseEndpoint

DAG = "corpus_refresh"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def from_our_own_pages(sec_fetch_site: Annotated[str | None, Header()] = None) -> None:
    """Refuse what another site makes a logged-in browser send.

    Browsers say where a request comes from; a program with a token of its own need not.
    """
    if sec_fetch_site not in (None, "same-origin"):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "only the pages of this server may ask for this")


READS = [Depends(requires_access_dag("GET", DagAccessEntity.RUN, DAG))]
"""Whoever may see the runs of the DAG."""
DECIDES = [
    Depends(requires_access_dag("PUT", DagAccessEntity.HITL_DETAIL, DAG)),
    # To answer is a user's right; to say what becomes of the corpus asset is an operator's.
    Depends(requires_access_asset("PUT")),
    Depends(from_our_own_pages),
]
"""Role Op and above."""


def may_decide(user: BaseUser) -> bool:
    """Whether `DECIDES` would let this user through."""
    manager = get_auth_manager()
    answers = manager.is_authorized_dag(
        method="PUT", access_entity=DagAccessEntity.HITL_DETAIL, details=DagDetails(id=DAG), user=user
    )
    return answers and manager.is_authorized_asset(method="PUT", details=AssetDetails(), user=user)


async def with_headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Answer under the content policy: no script but ours, whatever a page of the corpus holds."""
    answer = await call_next(request)
    for name, value in HEADERS.items():
        answer.headers[name] = value
    return answer
