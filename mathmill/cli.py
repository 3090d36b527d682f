"""The `mathmill` command: every job by hand, no Airflow needed."""

import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "demo": ("mathmill.demo.run", "the whole chain on the embedded default, through Airflow"),
    "up": ("mathmill.stack.up", "start Airflow and MLflow on this machine"),
    "down": ("mathmill.stack.down", "stop what `up` started"),
    "status": ("mathmill.stack.status", "say which services run, and where"),
    "recipe show": ("mathmill.recipe_commands", "print a recipe with every default filled in"),
    "recipe check": ("mathmill.recipe_commands", "validate a recipe"),
    "corpus ingest": ("mathmill.corpus.ingest", "WARC files to pages"),
    "corpus dedup": ("mathmill.corpus.dedup", "drop pages that stand twice, or nearly so"),
    "corpus classify": ("mathmill.corpus.classify", "train the fastText classifier on the seed"),
    "corpus score": ("mathmill.corpus.score", "score pages with the classifier"),
    "corpus select": ("mathmill.corpus.selection", "keep the best pages within a token budget"),
    "corpus domains": ("mathmill.corpus.domains", "collection rate by domain and URL prefix"),
    "corpus annotate": ("mathmill.corpus.annotate", "decide which URL prefixes are mathematics"),
    "corpus grow": ("mathmill.corpus.grow", "add uncollected pages under annotated prefixes to the seed"),
    "corpus decontaminate": ("mathmill.corpus.decontaminate", "remove pages that hold benchmark text"),
    "corpus tokenize": ("mathmill.corpus.tokenization", "pages to token shards"),
    "corpus report": ("mathmill.corpus.report", "close a build with its report"),
    "corpus build": ("mathmill.corpus.build", "the whole corpus loop, no Airflow"),
    "train pretrain": ("mathmill.training.launch", "pretrain on token shards"),
    "train sft": ("mathmill.training.launch", "tune on solved questions"),
    "train reward": ("mathmill.training.launch", "train a reward model, of solutions or of their steps"),
    "train rl": ("mathmill.training.launch", "reinforcement learning"),
    "evaluate": ("mathmill.evaluation.evaluate", "accuracy on held-out questions"),
    "prove": ("mathmill.proofs.prove", "formal proofs of miniF2F, checked by an Isabelle of your own"),
    "harness": (
        "mathmill.harness.harness",
        "MMLU, BBH, HumanEval, MBPP and all other tasks of lm-evaluation-harness",
    ),
    "compare": (
        "mathmill.evaluation.compare",
        "models of several pretrainings or reinforcements side by side",
    ),
    "deliver": ("mathmill.tracking.deliver", "tell MLflow what it missed while it did not answer"),
    "promote": ("mathmill.evaluation.promote", "make an evaluated model the champion unless the present one is better"),
}
"""Command words to the module whose `main` runs it, and what it does."""

PASSED_ON = {"recipe show": "show", "recipe check": "check"} | {
    f"train {stage}": stage for stage in ("pretrain", "sft", "reward", "rl")
}
"""Commands that share a module, and the word by which it tells them apart."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; see `mathmill --help`."""
    words = list(sys.argv[1:] if argv is None else argv)
    for length in (2, 1):
        name = " ".join(words[:length])
        if len(words) >= length and name in COMMANDS:
            return _run(name, words[length:])
    asked_for_help = words[-1:] in (["-h"], ["--help"])
    group = words[:-1] if asked_for_help else words
    if len(group) <= 1 and (listed := [name for name in COMMANDS if name.split()[:-1] == group or not group]):
        print(_help(listed))
        return 0 if asked_for_help else 2
    print(f"mathmill: error: no command '{' '.join(words[:2])}': see `mathmill --help`", file=sys.stderr)
    return 2


def _run(name: str, arguments: Sequence[str]) -> int:
    # By its first word a parser calls its command in `usage: …`.
    sys.argv = [f"mathmill {name}", *arguments]
    module = import_module(COMMANDS[name][0])
    code: int = module.main([PASSED_ON[name], *arguments] if name in PASSED_ON else arguments)
    return code


def _help(names: Sequence[str]) -> str:
    width = max(map(len, names))
    lines = [f"  mathmill {name:<{width}}  {COMMANDS[name][1]}" for name in names]
    return "\n".join(["usage: mathmill COMMAND …   (mathmill COMMAND --help for its options)", "", *lines])


if __name__ == "__main__":
    sys.exit(main())
