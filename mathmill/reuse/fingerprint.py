"""What a stage's output hangs on, in a form that can be kept and compared."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

CODE = "mathmill or a package that it needs is another version"
MOST = 3
"""Differences that are told one by one."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Two outputs with equal ones are the same."""

    stage: str
    code: str
    """Digest of mathmill's sources and of the versions of what it needs."""
    settings: dict[str, Any]
    """The keys of the recipe that the stage reads, and their values."""
    inputs: dict[str, str]
    """What each option and each file named in the settings stands for: a value, or a digest of what lies there."""

    def digest(self) -> str:
        """SHA-256 of it, as 64 hexadecimal digits."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def differences(self, earlier: "Fingerprint") -> str:
        """What is other than in `earlier`, in words; empty where nothing is."""
        found = [CODE] * (self.code != earlier.code)
        found += [
            f"{key} is {_short(new)}, was {_short(old)}" for key, new, old in _changed(self.settings, earlier.settings)
        ]
        found += [f"the input {name} is another one" for name, _, _ in _changed(self.inputs, earlier.inputs)]
        more = [f"and {len(found) - MOST} more"] if len(found) > MOST else []
        return "; ".join([*found[:MOST], *more])


def _changed(now: Mapping[str, Any], before: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Key, new and old value of what differs, as deep down as both hold mappings; None where there is none."""
    for key in sorted(now.keys() | before.keys()):
        new, old = now.get(key), before.get(key)
        if isinstance(new, Mapping) and isinstance(old, Mapping):
            yield from _changed(new, old, f"{above}{key}.")
        elif new != old:
            yield f"{above}{key}", new, old


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
