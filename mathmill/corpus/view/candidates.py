"""The candidate domains of an iteration, their URL prefixes, and what is decided about them."""

from pathlib import Path
from typing import Any

from mathmill.corpus.decisions import Decision, read_decisions, read_table
from mathmill.corpus.layout import Iteration
from mathmill.corpus.question import Question, people_decided, read_prefixes
from mathmill.output import is_finished


def candidate_domains(iteration: Iteration) -> list[dict[str, Any]]:
    """Each candidate domain with `pages`, `collected`, `score`, `bins` and `prefixes`, the largest first.

    A prefix has `name`, `pages`, `collected`, `score` (the mean of its collected pages), `bins` (pages by score in ten
    equal bins of [0, 1]; empty where an older build has none), `mark` (the draft, or what was decided at last) and
    `earlier` (what a person decided before this iteration).
    """
    question = Question.read(iteration.question) if iteration.question.is_file() else None
    earlier = people_decided(Path(question.previous)) if question and question.previous else {}
    marks = {one.url_prefix: one for one in read_marks(iteration)}
    domains: dict[str, list[dict[str, Any]]] = {}
    for row in read_prefixes(iteration.domains, question.min_pages if question else 1):
        name = row["url_prefix"]
        prefix = {
            "name": name,
            "pages": row["pages"],
            "collected": row["collected"],
            "score": row["mean_score"],
            "bins": row.get("score_bins") or [],
            "mark": _shown(marks.get(name)),
            "earlier": _shown(earlier.get(name)),
        }
        domains.setdefault(row["domain"], []).append(prefix)
    found = [_domain(name, prefixes) for name, prefixes in domains.items()]
    return sorted(found, key=lambda one: (-one["pages"], one["name"]))


def known_prefixes(iteration: Iteration) -> set[str]:
    """The prefixes that can be decided."""
    question = Question.read(iteration.question)
    return {row["url_prefix"] for row in read_prefixes(iteration.domains, question.min_pages)}


def read_draft(iteration: Iteration) -> list[Decision]:
    """The decisions of the draft, by prefix."""
    return read_decisions(iteration.draft) if iteration.draft.is_file() else []


def read_marks(iteration: Iteration) -> list[Decision]:
    """What was decided at last; before that, the draft."""
    return read_table(iteration.annotations) if is_finished(iteration.annotations) else read_draft(iteration)


def _domain(name: str, prefixes: list[dict[str, Any]]) -> dict[str, Any]:
    # Every page stands under one host, so that the hosts add up to the domain, but for hosts nobody is asked about.
    hosts = [prefix for prefix in prefixes if "/" not in prefix["name"]]
    bins = [sum(column) for column in zip(*(host["bins"] for host in hosts), strict=True)]
    pages, collected = (sum(host[column] for host in hosts) for column in ("pages", "collected"))
    total = sum(host["score"] * host["collected"] for host in hosts if host["collected"])
    score = total / collected if collected else None
    return {"name": name, "pages": pages, "collected": collected, "score": score, "bins": bins, "prefixes": prefixes}


def _shown(decision: Decision | None) -> dict[str, Any] | None:
    if decision is None:
        return None
    return {"math": decision.is_math, "by": decision.annotator, "time": decision.time.isoformat(timespec="seconds")}
