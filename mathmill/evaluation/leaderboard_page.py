"""The leaderboard as one HTML file that needs nothing else."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from mathmill.evaluation.accuracy import Proportion
from mathmill.evaluation.leaderboard import FORMS, ROLES, Entry, Published
from mathmill.recipe_questions import SolutionFormat

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #667080; --line: #dfe3ea; --ground: #fff; --band: #f4f6f9;
  --base: #5f7d9c; --instruct: #d07a1f; --rl: #2f8f5b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #98a2b1; --line: #343b46; --ground: #171b21;
  --band: #1f242c; --base: #8fb0d1; --instruct: #eba55a; --rl: #63c58f; } }
body { margin: 2rem; background: var(--ground); color: var(--ink);
  font: 15px/1.35 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
p { max-width: 62rem; color: var(--soft); margin: .2rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: .5rem .7rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { vertical-align: bottom; border-bottom: 2px solid var(--line); white-space: nowrap; }
tbody th { font-weight: 600; white-space: nowrap; position: sticky; left: 0; background: var(--ground); }
tbody + tbody tr:first-child > * { border-top: 2px solid var(--line); }
td { min-width: 6.6rem; }
.share { font-size: 1.15rem; font-variant-numeric: tabular-nums; }
.best .share { font-weight: 700; }
small { display: block; font-weight: 400; font-size: .78rem; color: var(--soft); font-variant-numeric: tabular-nums;
  white-space: nowrap; }
.published > * { background: var(--band); color: var(--soft); }
.published th { font-weight: 400; }
.strip { position: relative; height: 9px; margin: .15rem 0 .2rem; background: var(--band); border-radius: 2px; }
.strip i, .strip b, .strip u { position: absolute; top: 0; bottom: 0; }
.strip i { background: var(--role); opacity: .45; border-radius: 2px; }
.strip b { width: 3px; margin-left: -1.5px; background: var(--role); }
.strip u { width: 0; border-left: 2px dotted var(--ink); }
.base { --role: var(--base); } .instruct { --role: var(--instruct); } .rl { --role: var(--rl); }
"""

LEGEND = (
    "Accuracy in percent of the questions by the strict grader, and below it by the paper's rules (on programs: of what"
    " the last program printed instead of the boxed answer), with Wilson's 95% interval. In the strip from 0 to 100 the"
    " band is the strict interval and the dotted line the paper's model. Each figure is the newest of its model; the"
    " best strict one of a column is bold. Grey rows are the accuracies that the DeepSeekMath paper (arXiv 2402.03300)"
    " gives its 7B models."
)
NAMES = {"base": "Base", "instruct": "Instruct", "rl": "RL"}


def leaderboard_page(recipe_name: str, entries: Sequence[Entry], published: Published) -> str:
    """The page: a table a form, a row a model, a column a task, the paper's rows below the models of each role.

    Args:
        recipe_name: whose models they are.
        entries: of `leaderboard`.
        published: the paper's figures.
    """
    tables = "\n".join(
        f'<h2>{title}</h2>\n<div class="scroll"><table>\n{_table(form, of_form, published)}\n</table></div>'
        for form, title in FORMS.items()
        if (of_form := [entry for entry in entries if entry.form == form])
    )
    name, newest = escape(recipe_name), max(entry.time for entry in entries)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Leaderboard of {name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>Leaderboard of {name}</h1>\n<p>{LEGEND}</p>\n<p>Newest evaluation: {newest}.</p>\n{tables}\n"
        "</body>\n</html>\n"
    )


def _table(form: SolutionFormat, entries: Sequence[Entry], published: Published) -> str:
    tasks = list(dict.fromkeys(entry.task for entry in entries))
    head = "".join(f"<th>{escape(task)}<small>{_sizes(task, entries)}</small></th>" for task in tasks)
    groups = (_role_rows(role, form, tasks, entries, published) for role in ROLES)
    bodies = "\n".join(
        f'<tbody class="{role}">{rows}</tbody>' for role, rows in zip(ROLES, groups, strict=True) if rows
    )
    return f"<thead><tr><th>model</th>{head}</tr></thead>\n{bodies}"


def _sizes(task: str, entries: Sequence[Entry]) -> str:
    sizes = sorted({entry.n for entry in entries if entry.task == task})
    return f"n = {' or '.join(f'{n:,}' for n in sizes)}"


def _role_rows(
    role: str, form: SolutionFormat, tasks: Sequence[str], entries: Sequence[Entry], published: Published
) -> str:
    """The models of a role, then the paper's; empty without either."""
    rows = ""
    for model in dict.fromkeys(entry.model for entry in entries if entry.role == role):
        mine = {entry.task: entry for entry in entries if entry.model == model}
        cells = "".join(_cell(mine[task], entries) if task in mine else "<td></td>" for task in tasks)
        rows += f"<tr><th>{''.join(_name(next(iter(mine.values()))))}</th>{cells}</tr>"
    given = {task: 100 * published[task, role, form] for task in tasks if (task, role, form) in published}
    if given:
        cells = "".join(
            f'<td><span class="share">{given[task]:.1f}</span></td>' if task in given else "<td></td>" for task in tasks
        )
        rows += f'<tr class="published"><th>DeepSeekMath 7B {NAMES[role]}<small>the paper</small></th>{cells}</tr>'
    return rows


def _name(entry: Entry) -> Iterator[str]:
    yield escape(entry.role)
    if entry.version:
        yield f"<small>{escape(entry.version)}</small>"
    yield f'<small title="{escape(entry.model)}">{escape(Path(entry.model).name)}</small>'


def _cell(entry: Entry, entries: Sequence[Entry]) -> str:
    rivals = [other for other in entries if other.task == entry.task]
    best = len(rivals) > 1 and entry.strict.share == max(other.strict.share for other in rivals)
    notes = [f"<small>{_interval(entry.strict)}</small>"]
    for words, seen in (("paper's rules", entry.paper), ("on programs", entry.paper_programs)):
        if seen is not None:
            notes.append(f"<small>{words} {100 * seen.share:.1f} ({_interval(seen)})</small>")
    if len({other.n for other in rivals}) > 1:
        notes.append(f"<small>n = {entry.n:,}</small>")
    if entry.samples > 1:
        notes.append(f"<small>mean of {entry.samples} samples</small>")
    title = escape(f"{entry.evaluation}, {entry.time}")
    return (
        f'<td{" class=best" if best else ""} title="{title}"><span class="share">{100 * entry.strict.share:.1f}</span>'
        f"{_strip(entry)}{''.join(notes)}</td>"
    )


def _strip(entry: Entry) -> str:
    low, high = 100 * entry.strict.low, 100 * entry.strict.high
    mark = "" if entry.published is None else f'<u style="left:{100 * entry.published:.2f}%"></u>'
    return (
        f'<div class="strip"><i style="left:{low:.2f}%;width:{high - low:.2f}%"></i>'
        f'<b style="left:{100 * entry.strict.share:.2f}%"></b>{mark}</div>'
    )


def _interval(proportion: Proportion) -> str:
    return f"{100 * proportion.low:.1f}&ndash;{100 * proportion.high:.1f}"
