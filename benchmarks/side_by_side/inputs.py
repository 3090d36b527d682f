"""What both sides read: a crawl's WARC files and its pages, each once and several times over, and a classifier."""

import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq
from side_by_side.usage import Usage, run

RECIPE = "small-crawl"
WORD = re.compile(r"\w+")
CHANGED = 4
"""One word in so many is another in each copy of the pages, so that copies are no near-duplicates of each other."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Where they are."""

    data: Path
    work: Path
    peer_python: Path
    warcs: Sequence[Path]
    """Folders of WARC files: the input, and the same `times` over."""
    times: int

    @classmethod
    def of(cls, data: Path, warcs: Sequence[Path], work: Path, peer_python: Path, times: int) -> Self:
        """Lay WARC files out for both sides."""
        folders = [work / "warcs-1", work / f"warcs-{times}"]
        for folder, copies in zip(folders, (1, times), strict=True):
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.iterdir():
                old.unlink()
            for copy in range(copies):
                for number, file in enumerate(warcs):
                    (folder / f"{copy:03}-{number:03}.warc.gz").symlink_to(file.resolve())
        return cls(data.resolve(), work.resolve(), peer_python, [folder.resolve() for folder in folders], times)

    def ours(self, *arguments: object, cores: int = 1) -> Usage:
        """Run one of our commands on so many cores."""
        program = str(Path(sys.executable).with_name("mathmill"))
        command = [program, "corpus", *map(str, arguments), "--recipe", RECIPE, "--set", f"spark.master=local[{cores}]"]
        return run(command, {"MATHMILL_HOME": str(self.work / "home"), "OMP_NUM_THREADS": "1"})

    def fresh(self, name: str) -> Path:
        """A path to write to at which there is nothing."""
        out = self.work / "out" / name
        shutil.rmtree(out, ignore_errors=True)
        return out

    def bare_loop(self, reader: str, warcs: Path) -> Usage:
        """Run the kernels in one process."""
        script = str(Path(__file__).with_name("bare_loop.py"))
        command = [sys.executable, script, reader, "--input", str(warcs), "--model", str(self.classifier())]
        return run(command, {"OMP_NUM_THREADS": "1"})

    def peer(self, *arguments: object) -> Usage:
        """Run one of datatrove's pipelines."""
        script = str(Path(__file__).with_name("datatrove_pipelines.py"))
        return run([str(self.peer_python), script, *map(str, arguments)], {"OMP_NUM_THREADS": "1"})

    def peer_version(self) -> str:
        """Datatrove's name and version."""
        ask = "from importlib.metadata import version; print('datatrove', version('datatrove'))"
        return run([str(self.peer_python), "-c", ask], {}).output

    def pages(self) -> Path:
        """Our pages of the WARC files."""
        out = self.work / "pages"
        if not out.exists():
            self.ours("ingest", "--input", self.warcs[0] / "*.warc.gz", "--out", out)
        return out

    def classifier(self) -> Path:
        """A classifier that both sides score with."""
        out = self.work / "classifier"
        if not out.exists():
            seed = self.data / "seed" / "seed_math_wide.jsonl"
            self.ours("classify", "--seed", seed, "--pages", self.pages(), "--out", out)
        return out

    def repeated_pages(self) -> list[Path]:
        """Folders of Parquet with `id`, `url` and `text`: our pages, and `times` copies with changed words."""
        folders = [self.work / "texts-1", self.work / f"texts-{self.times}"]
        table = pq.read_table(self.pages() / "pages", columns=["url", "text"])
        urls, texts = table["url"].to_pylist(), table["text"].to_pylist()
        for folder, copies in zip(folders, (1, self.times), strict=True):
            if folder.exists():
                continue
            folder.mkdir(parents=True)
            for copy in range(copies):
                write_pages(
                    folder / f"{copy:03}.parquet", [f"{url}?copy={copy}" if copy else url for url in urls], texts, copy
                )
        return folders


def write_pages(path: Path, urls: Sequence[str], texts: Sequence[str], copy: int = 0) -> None:
    """Write a Parquet file of pages; a copy other than 0 has other words."""
    changed = [_changed(text, copy) if copy else text for text in texts]
    pq.write_table(pa.table({"id": list(urls), "url": list(urls), "text": changed}), path, compression="zstd")


def _changed(text: str, copy: int) -> str:
    return WORD.sub(lambda found: f"{found[0]}{copy}" if found.start() % CHANGED == 0 else found[0], text)
