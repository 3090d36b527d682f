"""Secrets stay out of what is logged and shown: by the key they stand under, or by their place in an address."""

import re
from typing import Any

SECRET_KEY = re.compile(r"secret|passw|credential|token(\.|$)|(access|api|private)[._-]?key", re.IGNORECASE)
"""Keys, of Spark's settings above all, whose values are secrets."""
HIDDEN = "(not shown)"


def redacted(values: Any, key: str = "") -> Any:
    """`values`, of nested mappings and lists, with those hidden whose `key` names a secret."""
    if isinstance(values, dict):
        return {name: redacted(value, f"{key}.{name}") for name, value in values.items()}
    if isinstance(values, list):
        return [redacted(value, key) for value in values]
    return HIDDEN if SECRET_KEY.search(key) else values


def without_login(address: str) -> str:
    """`address` without the user name and password it may carry."""
    return re.sub(r"(?<=://)[^/]*@", "", address)
