"""The question sets that models are evaluated on."""

from pathlib import Path

from mathmill.errors import UserError
from mathmill.recipe import Recipe
from mathmill.recipe_questions import FileSource, Layout, QuestionSource

PUBLISHED: dict[str, tuple[str, Layout]] = {
    "gsm8k": ("gsm8k/test.jsonl", "gsm8k"),
    "math": ("math/test.jsonl", "math"),
    "cmath": ("cmath/test.jsonl", "cmath"),
    "mgsm_zh": ("mgsm_zh/mgsm_zh.jsonl", "mgsm"),
    "ocw": ("ocw/test.jsonl", "ocw"),
    "sat": ("sat/test.jsonl", "sat"),
    "mmlu_stem": ("mmlu_stem/test.jsonl", "mmlu"),
    "gaokao_mathcloze": ("agieval/gaokao-mathcloze.jsonl", "agieval"),
    "gaokao_mathqa": ("agieval/gaokao-mathqa.jsonl", "agieval"),
    "sat_math": ("agieval/sat-math.jsonl", "agieval"),
    "aqua_rat": ("agieval/aqua-rat.jsonl", "agieval"),
    "svamp": ("svamp/test.jsonl", "svamp"),
    "asdiv": ("asdiv/test.jsonl", "asdiv"),
    "mawps": ("mawps/test.jsonl", "mawps"),
    "gsm_hard": ("gsm_hard/test.jsonl", "mawps"),
    "mathqa": ("mathqa/test.jsonl", "mathqa"),
}
"""Task name to the file below `--data` and the publisher's layout of its rows."""


def choose_tasks(recipe: Recipe, names: str | None, data: Path | None) -> dict[str, QuestionSource]:
    """The sources to evaluate on, by task name.

    Args:
        recipe: has tasks of its own.
        names: some of them, with commas between; with `data`, names of `PUBLISHED`. All of the recipe's by default.
        data: folder of published question sets.

    Raises:
        UserError: no such task, or none at all.
    """
    known: dict[str, QuestionSource] = recipe.evaluation.tasks
    if data is not None:
        if names is None:
            raise UserError(f"--data needs --tasks: some of {', '.join(PUBLISHED)}")
        known = {
            name: FileSource(kind="file", path=str(data / path), layout=layout)
            for name, (path, layout) in PUBLISHED.items()
        }
    chosen = list(known) if names is None else names.split(",")
    for name in chosen:
        if name not in known:
            hint = "" if data else "; published sets need --data"
            raise UserError(f"no task '{name}': there are {', '.join(known) or 'none in the recipe'}{hint}")
    if not chosen:
        raise UserError(f"recipe '{recipe.name}' has no evaluation.tasks: add one, or give --tasks and --data")
    return {name: known[name] for name in chosen}
