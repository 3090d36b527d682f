"""The benchmarks that a corpus must not hold, ready to be looked for in pages."""

import hashlib
import inspect
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Self

from mathmill.corpus import latex_commands, ngram_index, normalisation
from mathmill.corpus.ngram_index import NgramIndex, NgramRule
from mathmill.corpus.normalisation import spellings
from mathmill.errors import UserError
from mathmill.questions.benchmarks import BenchmarkItem
from mathmill.recipe_corpus import DecontaminationRecipe


class ItemName(NamedTuple):
    """What an item is called."""

    benchmark: str
    item_id: str


class Find(NamedTuple):
    """A place where a page holds an n-gram of a benchmark; the columns of table `hits` beside `url`."""

    start: int
    """Index in the page's text of the first character, and one past the last."""
    end: int
    ngram: int
    """The n-gram's hash."""
    ngram_length: int
    """Its words, as the benchmark writes it."""
    matched_text: str
    """As it stands in the page."""
    items: list[ItemName]
    """All items that have it; of these, those that are evidence if any is."""
    allowed: bool
    """Whether the recipe says that it is no evidence."""


@dataclass(frozen=True, slots=True)
class BenchmarkSet:
    """Items of benchmarks and the index of their texts."""

    items: Sequence[ItemName]
    owners: Sequence[int]
    """Number of the item that each text of the index belongs to."""
    index: NgramIndex
    allowed_items: frozenset[int]
    """Numbers of items whose n-grams are no evidence by themselves."""
    allowed_ngrams: frozenset[int]
    digest: str
    """Changes when a page that was clean might no longer be."""

    @classmethod
    def of(cls, items: Sequence[BenchmarkItem], recipe: DecontaminationRecipe) -> Self:
        """The set of `items` under the recipe's rule and allow-list.

        Raises:
            UserError: the allow-list cannot be read, or names an item that there is none of.
        """
        texts, owners = [], []
        for number, item in enumerate(items):
            for text in dict.fromkeys(spelling for one in item.texts for spelling in spellings(one)):
                texts.append(text)
                owners.append(number)
        index = NgramIndex.of(texts, NgramRule(recipe.ngram, recipe.min_ngram))
        allowed_items, allowed_texts = _allowed(recipe)
        numbers = {f"{item.benchmark}:{item.id}": number for number, item in enumerate(items)}
        if unknown := [name for name in allowed_items if name not in numbers]:
            raise UserError(f"the allow-list names {unknown[0]}, and no benchmark has such an item: write benchmark:id")
        return cls(
            items=[ItemName(item.benchmark, item.id) for item in items],
            owners=owners,
            index=index,
            allowed_items=frozenset(numbers[name] for name in allowed_items),
            allowed_ngrams=frozenset(hit.ngram for hit in index.find(allowed_texts)),
            digest=_digest(items, recipe, [*allowed_items, *allowed_texts]),
        )

    def find(self, pages: Sequence[str]) -> Iterator[tuple[int, Find]]:
        """The finds in `pages`, each with the index of its page, by page and place."""
        for hit in self.index.find(pages):
            having = {self.owners[text] for text in hit.texts}
            evident = having - self.allowed_items
            find = Find(
                start=hit.start,
                end=hit.end,
                ngram=hit.ngram,
                ngram_length=hit.words,
                matched_text=pages[hit.page][hit.start : hit.end],
                items=[self.items[one] for one in sorted(evident or having)],
                allowed=not evident or hit.ngram in self.allowed_ngrams,
            )
            yield hit.page, find

    def items_with_ngrams(self) -> set[int]:
        """The numbers of the items that can be found at all."""
        return {self.owners[text] for text in self.index.texts_with_ngrams()}

    def save(self, folder: Path) -> None:
        """Write the set to a new folder."""
        self.index.save(folder)
        rest = {name: getattr(self, name) for name in ("items", "owners", "digest")}
        rest |= {name: sorted(getattr(self, name)) for name in ("allowed_items", "allowed_ngrams")}
        (folder / "items.json").write_text(json.dumps(rest), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The set in `folder`, memory-mapped."""
        rest: dict[str, Any] = json.loads((folder / "items.json").read_text(encoding="utf-8"))
        rest["items"] = [ItemName(*name) for name in rest["items"]]
        rest |= {name: frozenset(rest[name]) for name in ("allowed_items", "allowed_ngrams")}
        return cls(index=NgramIndex.load(folder), **rest)


@cache
def loaded(folder: str) -> BenchmarkSet:
    """The set in `folder`, once a process."""
    return BenchmarkSet.load(Path(folder))


def _allowed(recipe: DecontaminationRecipe) -> tuple[list[str], list[str]]:
    """The items and the texts of the allow-list, from the recipe and its file."""
    items, texts = [*recipe.allow_items], [*recipe.allow_texts]
    if recipe.allow_file is None:
        return items, texts
    path = Path(recipe.allow_file)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"corpus.decontamination.allow_file: cannot read {path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            ((kind, value),) = json.loads(line).items()
            {"item": items, "text": texts}[kind].append(str(value))
        except (ValueError, AttributeError, KeyError) as error:
            raise UserError(f'{path}:{number}: write {{"item": "benchmark:id"}} or {{"text": "…"}}') from error
    return items, texts


def _digest(items: Sequence[BenchmarkItem], recipe: DecontaminationRecipe, allowed: Sequence[str]) -> str:
    """SHA-256 of the items, the rule, and the code that says what n-grams of a page are."""
    digest = hashlib.sha256()
    for module in (latex_commands, normalisation, ngram_index):
        digest.update(inspect.getsource(module).encode())
    digest.update(recipe.model_dump_json(exclude={"allow_items", "allow_texts", "allow_file"}).encode())
    digest.update(json.dumps([sorted(allowed), [asdict(item) for item in items]]).encode())
    return digest.hexdigest()
