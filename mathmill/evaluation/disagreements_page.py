"""The disagreements between graders as one HTML file that needs nothing else, and as a table."""

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

from mathmill.evaluation.disagreements import REASONS, Disagreement, count_reasons, find_disagreements
from mathmill.evaluation.results import Item
from mathmill.evaluation.shown import first_of_each
from mathmill.job import Job
from mathmill.output import write_text

PAGE = "disagreements.html"
TABLE = "disagreements.json"
SHOWN = 200
"""Disagreements of each task and reason in the page and the table; `items.parquet` has all."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #667080; --line: #dfe3ea; --ground: #fff; --band: #f4f6f9;
  --right: #2f8f5b; --wrong: #b3423c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #98a2b1; --line: #343b46; --ground: #171b21;
  --band: #1f242c; --right: #63c58f; --wrong: #ee8a80; } }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1.5rem; background: var(--ground); color: var(--ink);
  font: 15px/1.4 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; }
p { color: var(--soft); margin: .2rem 0 1rem; }
table { border-collapse: collapse; }
.scroll { overflow-x: auto; margin-bottom: 1.5rem; }
.counts th, .counts td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; }
.counts th:first-child { text-align: left; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: .85rem; }
dt { font-weight: 600; }
dd { margin: 0; color: var(--soft); }
form { position: sticky; top: 0; display: flex; flex-wrap: wrap; gap: 1rem; align-items: end; padding: .7rem 0;
  background: var(--ground); border-bottom: 2px solid var(--line); }
label { font-size: .8rem; color: var(--soft); }
select { display: block; font: inherit; color: var(--ink); background: var(--band); border: 1px solid var(--line);
  border-radius: 3px; padding: .2rem .4rem; }
article { padding: .9rem 0; border-bottom: 1px solid var(--line); }
article header { display: flex; flex-wrap: wrap; gap: .2rem 1rem; color: var(--soft); font-size: .85rem; }
article header b { color: var(--ink); }
.answers { margin: .5rem 0; }
.answers th { text-align: left; font-weight: 400; color: var(--soft); padding: .1rem 1rem .1rem 0;
  vertical-align: top; white-space: nowrap; }
.answers td { padding: .1rem 1rem .1rem 0; vertical-align: top; }
code, pre { font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre-wrap;
  overflow-wrap: anywhere; }
pre { background: var(--band); padding: .7rem .9rem; border-radius: 3px; margin: .4rem 0; }
summary { cursor: pointer; color: var(--soft); font-size: .85rem; }
.right { color: var(--right); } .wrong { color: var(--wrong); }
"""
SCRIPT = """
const form = document.querySelector("form"), articles = [...document.querySelectorAll("article")];
const filter = () => {
  const wanted = [...new FormData(form)].filter(([, value]) => value);
  let shown = 0;
  for (const article of articles) {
    article.hidden = !wanted.every(([name, value]) => article.dataset[name] === value);
    shown += !article.hidden;
  }
  document.querySelector("output").textContent = `${shown} of ${articles.length} shown`;
};
form.addEventListener("change", filter);
filter();
"""


def log_disagreements(job: Job, items: Sequence[Item]) -> None:
    """Write the page into the job's output; log it, and a table of the same rows, to the job's run.

    Args:
        job: an evaluation.
        items: all that it has graded.
    """
    found = find_disagreements(items)
    write_text(job.out / PAGE, disagreements_page(found, items))
    job.run.log_artifact(job.out / PAGE)
    job.run.log_rows([_row(one) for one in shown_disagreements(found)], TABLE)


def shown_disagreements(found: Sequence[Disagreement]) -> list[Disagreement]:
    """The first `SHOWN` of each task and reason."""
    return first_of_each(found, lambda one: (one.item.task, one.reason), SHOWN)


def disagreements_page(found: Sequence[Disagreement], items: Sequence[Item]) -> str:
    """The page: counts by task and reason, then each disagreement shown, with filters.

    Args:
        found: all disagreements.
        items: all graded completions, which they are counted against.
    """
    shown = shown_disagreements(found)
    more = "" if len(shown) == len(found) else f" Of each task and reason the first {SHOWN} are shown."
    articles = "\n".join(map(_article, shown)) or "<p>None.</p>"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Disagreements between graders</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        "<h1>Disagreements between graders</h1>\n"
        f"<p>{len(found):,} of {len(items):,} graded completions are right to one grader, strict or by the paper's"
        f" rules, and wrong to the other.{more}</p>\n"
        f'<div class="scroll">{_counts(found, items)}</div>\n{_filters(shown)}\n{articles}\n'
        f"<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _counts(found: Sequence[Disagreement], items: Sequence[Item]) -> str:
    """A row a task: items, those that one grader alone holds for right, those of each reason; then the reasons."""
    reasons = [reason for reason, count in count_reasons(found).items() if count]
    head = "".join(f"<th>{reason}</th>" for reason in reasons)
    meanings = "".join(f"<dt>{reason}</dt><dd>{escape(REASONS[reason])}</dd>" for reason in reasons)
    rows = ""
    for task, graded in Counter(item.task for item in items).items():
        mine = [one for one in found if one.item.task == task]
        strict = sum(one.item.right for one in mine)
        counts = [graded, strict, len(mine) - strict, *(count_reasons(mine)[reason] for reason in reasons)]
        rows += f"<tr><th>{escape(task)}</th>{''.join(f'<td>{count:,}</td>' for count in counts)}</tr>\n"
    return (
        '<table class="counts">\n<thead><tr><th>task</th><th>graded</th><th>strict alone</th><th>paper alone</th>'
        f"{head}</tr></thead>\n<tbody>\n{rows}</tbody></table>\n<dl>{meanings}</dl>"
    )


def _filters(shown: Sequence[Disagreement]) -> str:
    reasons = {one.reason for one in shown}
    choices: dict[str, dict[str, str]] = {
        "task": {one.item.task: one.item.task for one in shown},
        "reason": {reason: reason for reason in REASONS if reason in reasons},
        "model": {one.item.label: one.item.label for one in shown},
        "alone": {"strict": "strict", "paper": "paper's rules"},
    }
    titles = {"task": "task", "reason": "reason", "model": "model", "alone": "right to"}
    selects = "".join(
        f'<label>{titles[name]}<select name="{name}"><option value="">all</option>'
        + "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in values.items())
        + "</select></label>"
        for name, values in choices.items()
    )
    return f'<form autocomplete="off">{selects}<output></output></form>'


def _article(one: Disagreement) -> str:
    item = one.item
    alone = "strict" if item.right else "paper"
    sample = f"<span>sample {item.sample}</span>" if item.sample else ""
    return (
        f'<article data-task="{escape(item.task)}" data-reason="{one.reason}" data-model="{escape(item.label)}"'
        f' data-alone="{alone}">\n<header><b>{escape(item.task)}</b><span>{escape(item.question_id)}</span>{sample}'
        f'<span>{escape(item.label)}</span><b title="{escape(REASONS[one.reason])}">{one.reason}</b></header>\n'
        f'<table class="answers">\n<tr><th>gold</th><td><code>{escape(item.gold)}</code></td><td></td></tr>\n'
        f"{_answer('strict', item.answer, item.outcome)}\n"
        f"{_answer('paper&#x27;s rules', item.paper_answer, str(item.paper_outcome))}\n</table>\n"
        f"<details><summary>question and completion</summary>\n<pre>{escape(item.question)}</pre>\n"
        f"<pre>{escape(item.completion)}</pre>\n</details>\n</article>"
    )


def _answer(grader: str, answer: str | None, outcome: str) -> str:
    cell = "" if answer is None else f"<code>{escape(answer)}</code>"
    colour = "right" if outcome == "right" else "wrong"
    return f'<tr><th>{grader}</th><td>{cell}</td><td class="{colour}">{outcome.replace("_", " ")}</td></tr>'


def _row(one: Disagreement) -> dict[str, Any]:
    item = one.item
    return {
        "model": item.label,
        "task": item.task,
        "reason": one.reason,
        "question": item.question_id,
        "sample": item.sample,
        "gold": item.gold,
        "strict answer": item.answer or "",
        "strict": item.outcome,
        "paper's answer": item.paper_answer or "",
        "paper's": item.paper_outcome,
    }
