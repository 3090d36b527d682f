"""What `--input` names: the files of a crawl, of a list, of a glob."""

import gzip
from collections.abc import Sequence
from glob import glob
from pathlib import Path

from mathmill.corpus.fetch import CRAWL_ID, is_remote, listed_urls, listing_url
from mathmill.errors import UserError


def warc_files(inputs: Sequence[str]) -> list[str]:
    """The paths and addresses of the WARC files that `inputs` name, in order.

    Raises:
        UserError: an input names none.
    """
    files: list[str] = []
    for given in inputs:
        one = listing_url(given) if CRAWL_ID.fullmatch(given) else given
        if is_remote(one):
            files += listed_urls(one) if one.endswith("paths.gz") else [one]
        elif one.endswith("paths.gz"):
            files += _listed(Path(one))
        else:
            found = sorted(glob(one, recursive=True))
            if not found:
                raise UserError(f"--input {one}: no such file")
            files += found
    if not files:
        raise UserError("no input: give --input, or corpus.input in the recipe")
    return list(dict.fromkeys(files))


def _listed(listing: Path) -> list[str]:
    if not listing.is_file():
        raise UserError(f"--input {listing}: no such file")
    root = next((parent.parent for parent in listing.parents if parent.name == "crawl-data"), listing.parent)
    names = gzip.decompress(listing.read_bytes()).decode().split()
    if missing := [name for name in names if not (root / name).is_file()]:
        raise UserError(f"{listing} lists {missing[0]}, which is not under {root}")
    return [str(root / name) for name in names]
