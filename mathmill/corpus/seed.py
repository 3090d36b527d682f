"""The first positive pages: a table of this machine, or one of the Hugging Face hub."""

import json
import re
from pathlib import Path

from mathmill import home
from mathmill.errors import UserError
from mathmill.output import is_finished, output_directory
from mathmill.recipe import Recipe

SHUFFLED_AT_ONCE = 10_000
"""Rows that are shuffled in memory while a hub table is read."""


def seed_path(given: str, recipe: Recipe) -> Path:
    """Where the seed pages lie; those of the hub are fetched once, as many as the classifier wants, into the home.

    Args:
        given: a path, or the id of a data set of the hub with the columns `url` and `text`.
        recipe: says how many pages, and the seed of the draw.

    Raises:
        UserError: neither.
    """
    path = Path(given)
    if path.exists():
        return path.resolve()
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", given) or path.suffix in {".jsonl", ".json", ".parquet"}:
        raise UserError(f"--seed {given} does not exist: name a file or folder of pages, or a data set of the hub")
    count = recipe.corpus.classifier.positives
    fetched = home.home() / "seeds" / f"{given.replace('/', '--')}-{count}-{recipe.seed}"
    if not is_finished(fetched):
        with output_directory(fetched) as folder:
            draw(given, count, recipe.seed, folder / "pages.jsonl")
    return fetched / "pages.jsonl"


def draw(data_set: str, count: int, seed: int, out: Path) -> None:
    """Write `count` random rows of the data set's train split as JSON Lines.

    Raises:
        UserError: it cannot be read, or has other columns.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError

    try:
        rows = load_dataset(data_set, split="train", streaming=True).shuffle(seed, buffer_size=SHUFFLED_AT_ONCE)
    except (DatasetNotFoundError, OSError, ValueError) as error:
        raise UserError(f"--seed {data_set}: the hub does not give it ({' '.join(str(error).split())})") from error
    with out.open("w", encoding="utf-8") as file:
        for row in rows.take(count):
            if not {"url", "text"} <= row.keys():
                raise UserError(f"--seed {data_set} has no columns url and text, but {', '.join(row)}")
            file.write(json.dumps({"url": row["url"], "text": row["text"]}, ensure_ascii=False) + "\n")
