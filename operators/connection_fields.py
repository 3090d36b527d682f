"""What a connection's form may hold: the fields of a settings record."""

from collections.abc import Mapping
from typing import Any

from mathmill.errors import UserError


def check_fields(settings: type, place: str, extra: Mapping[str, Any], what: str) -> None:
    """See that the extra of the connection `place` holds nothing but fields of the record `settings`, for `what`.

    Raises:
        UserError: it holds something else.
    """
    fields = settings.__slots__  # type: ignore[attr-defined]
    if unknown := sorted(set(extra) - set(fields)):
        raise UserError(f"{place}: {unknown[0]} is no field of {what}: use {', '.join(fields)}")
