"""Files that belong to two finished outputs: a table is never changed, so its parts can be shared."""

import errno
import os
import shutil
from pathlib import Path

NO_LINK = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}
"""Why a file gets no second name: another file system, or one without hard links or with too many of this file."""


def link_parts(source: Path, target: Path, pattern: str = "*.parquet") -> None:
    """Give the files of folder `source` that match `pattern` a second name in folder `target`, or copy them there."""
    for part in sorted(source.glob(pattern)):
        link_or_copy(part, target / part.name)


def link_or_copy(source: Path, target: Path) -> None:
    """Give the file `source` the second name `target`, or copy it there where a file cannot have two."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        shutil.copyfile(source, target)
