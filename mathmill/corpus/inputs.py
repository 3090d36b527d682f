"""What `--input` names: files, globs, lists of files, crawls; and where Common Crawl keeps them."""

import gzip
import zlib
from collections.abc import Sequence
from glob import glob
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mathmill.corpus.crawls import NEWS, is_crawl_id
from mathmill.corpus.fetch import Client, FetchError, is_remote, opened
from mathmill.errors import UserError

CRAWL_DATA = "crawl-data/"
WARC_LISTING = "warc.paths.gz"
INDEX_LISTING = "cc-index-table.paths.gz"
LISTING = ".paths.gz"


def input_files(inputs: Sequence[str], base: str, client: Client, listing: str = WARC_LISTING) -> list[str]:
    """The paths and addresses of the files that `inputs` name, in order, each once.

    Args:
        inputs: files, globs, lists (`….paths.gz`) or crawl ids.
        base: what a crawl's paths are relative to: an address or a folder.
        client: who asks for lists that are not on this machine.
        listing: the crawl's list that a crawl id stands for.

    Raises:
        UserError: one of `inputs` names no file, or cannot be read.
    """
    files: list[str] = []
    for given in inputs:
        folder = _crawl_folder(given)
        name = given if folder is None else joined(base, f"{CRAWL_DATA}{folder}/{listing}")
        name = local_path(name)
        if name.endswith(LISTING):
            found = _listed(given, name, base, client)
        elif "://" in name:
            found = [name] if is_remote(name) else _stored(name)
        else:
            found = sorted(glob(name, recursive=True)) or [name] * Path(name).is_file()
        if not found:
            raise UserError(f"--input {given}: no such file")
        files += found
    if not files:
        raise UserError("no input: give --input, or corpus.input in the recipe")
    return list(dict.fromkeys(files))


def joined(base: str, path: str) -> str:
    """The address or path of what lies at `path` under `base`."""
    return local_path(f"{base.rstrip('/')}/{path}")


def local_path(name: str) -> str:
    """`name` as a path where it is a `file:` address."""
    return unquote(urlsplit(name).path) if name.startswith("file:") else name


def _crawl_folder(given: str) -> str | None:
    """The folder of `crawl-data` that a crawl id stands for; None if `given` is no id."""
    if not is_crawl_id(given):
        return None
    kind, year, part = given.rsplit("-", 2)
    return f"{kind}/{year}/{part}" if kind == NEWS else given


def _listed(given: str, listing: str, base: str, client: Client) -> list[str]:
    """The files that a list names, found where the list lies if it lies in a crawl, else under `base`."""
    try:
        with opened(listing, client) as stream:
            names = gzip.decompress(stream.read()).decode().split()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, ImportError) as error:
        raise UserError(f"--input {given}: {_reason(error, listing)}") from None
    root, mark, _ = listing.rpartition(CRAWL_DATA)
    files = [joined((root or ".") if mark else base, name) for name in names]
    if missing := [file for file in files if "://" not in file and not Path(file).is_file()]:
        raise UserError(f"--input {given}: {listing} lists {missing[0]}, which is not there")
    return files


def _stored(pattern: str) -> list[str]:
    """The files in a store that fsspec knows, for example S3, which a pattern names."""
    import fsspec

    try:
        filesystem, _ = fsspec.url_to_fs(pattern)
        return [filesystem.unstrip_protocol(path) for path in sorted(filesystem.glob(pattern))]
    except (OSError, ImportError, ValueError) as error:
        raise UserError(f"--input {pattern}: {_reason(error, pattern)}") from None


def _reason(error: Exception, name: str) -> str:
    """What is wrong with `name`, and what to do."""
    if isinstance(error, ImportError):
        return f"{name.partition('://')[0]}:// cannot be read without another package: {error}"
    if isinstance(error, FileNotFoundError):
        return f"{name} does not exist: check the id and corpus.base"
    if isinstance(error, FetchError):
        return f"{error}: check the id, corpus.base and the connection"
    return f"{name} is no list of files ({error})"
