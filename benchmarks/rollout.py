"""Our decode loop beside `model.generate`: tokens a second, memory, and how far the logits are apart.

Both draw 8 samples of 8 prompts at temperature 1 in one batch of 64 rows, from a random LLaMA of 5.8 million parameters
(256 x 6, vocabulary 4,096). Where lengths are skewed, the end token's logit is raised until a completion is about 50
tokens of at most 128; where they are uniform, all have 128. Rates are tokens up to each row's end; with one thread per
second of CPU time, so that they hold on a busy machine, with two per second. Both sides run in turns. Memory is what a
fresh process needs at its peak beyond what it held before it drew.

Prints a table and the entries of docs/benchmarks; with --json they go to a file, in the place of earlier ones of the
same names.
"""

import argparse
import json
import multiprocessing
import random
import re
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers
from side_by_side.entries import Entry, bring_up_to_date, table
from side_by_side.usage import busyness
from transformers import LlamaConfig, LlamaForCausalLM

from mathmill.job import CommandParser, exit_code
from mathmill.recipe_sampling import SamplingRecipe
from mathmill.rollout.llama_decoder import LlamaDecoder
from mathmill.rollout.transformers_engine import TransformersEngine

VOCABULARY, END, PROMPTS, SAMPLES, LIMIT = 4096, 1, 8, 8, 128
TILTS = {"skewed": 4.3, "uniform": -100.0}
"""Added to the end token's logit, by the kind of lengths."""
GOALS = {"skewed": 3.0, "uniform": 1.5}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
BOUND = 1e-5
"""How far logits in float32 may be apart."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What both sides draw, and how."""

    lengths: str
    dtype: str
    threads: int

    def __str__(self) -> str:
        return f"lengths {self.lengths}, {self.dtype}, {self.threads} thread{'s' if self.threads > 1 else ''}"


class NoText:
    """Stands in for a tokenizer: text is not part of what is timed."""

    eos_token_id = END

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str:
        """No text."""
        del token_ids, skip_special_tokens
        return ""


def make_model(setting: Setting) -> LlamaForCausalLM:
    """A random model that ends its completions as the setting says."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=688,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=512,
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config).eval()
    head = torch.nn.Linear(config.hidden_size, VOCABULARY)
    head.weight = model.lm_head.weight
    torch.nn.init.zeros_(head.bias)
    head.bias.data[END] = TILTS[setting.lengths]
    model.lm_head = head
    return model.to(DTYPES[setting.dtype])


def make_prompts() -> list[list[int]]:
    """Of 30 to 48 tokens."""
    draws = random.Random(0)  # noqa: S311
    return [[draws.randrange(2, VOCABULARY) for _ in range(draws.randint(30, 48))] for _ in range(PROMPTS)]


def ours(model: LlamaForCausalLM) -> int:
    """Tokens that the decode loop draws."""
    engine = TransformersEngine(model, NoText(), batch=PROMPTS * SAMPLES)
    groups = engine.generate(make_prompts(), SamplingRecipe(max_new_tokens=LIMIT), samples=SAMPLES, seed=0)
    return sum(len(completion.token_ids) for group in groups for completion in group)


def theirs(model: LlamaForCausalLM) -> int:
    """Tokens that `generate` draws, up to each row's end."""
    prompts = make_prompts()
    width = max(map(len, prompts))
    input_ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts for _ in range(SAMPLES)])
    torch.manual_seed(0)
    with torch.no_grad():
        output: Any = model.generate(
            input_ids=input_ids,
            attention_mask=(input_ids != 0).long(),
            do_sample=True,
            top_k=0,
            max_new_tokens=LIMIT,
        )
    drawn = output[:, width:].tolist()
    return sum(row.index(END) + 1 if END in row else len(row) for row in drawn)


SIDES = {"ours": ours, "theirs": theirs}


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="medians are of so many")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of them (default: 1 and 2)")
    parser.add_argument("--json", type=Path, help="a list of entries to bring up to date")
    arguments = parser.parse_args(argv)
    return exit_code(lambda: measure(arguments.runs, arguments.threads, arguments.json))


def measure(runs: int, threads: Sequence[int], path: Path | None) -> None:
    """Measure, print, and keep what was asked for, each entry as soon as it is there."""
    entries = []
    settings = [Setting(lengths, dtype, number) for number in threads for dtype in DTYPES for lengths in TILTS]
    for make in (
        logits_entry,
        *(partial(memory_entry, Setting(lengths, "fp32", 1)) for lengths in TILTS),
        *(partial(speed_entry, setting, runs) for setting in settings),
    ):
        entries.append(make())
        print(table(entries[-1:]), file=sys.stderr, flush=True)
        if path:
            bring_up_to_date(path, entries[-1:])
    print(json.dumps([entry.as_json() for entry in entries], indent=2))


def speed_entry(setting: Setting, runs: int) -> Entry:
    """Tokens a second of both sides in turns, after a first run that does not count."""
    torch.set_num_threads(setting.threads)
    model = make_model(setting)
    rates: dict[str, list[float]] = {name: [] for name in SIDES}
    for run in range(runs + 1):
        for name, draw in SIDES.items():
            clock = time.process_time if setting.threads == 1 else time.perf_counter
            started = clock()
            rate = draw(model) / (clock() - started)
            if run:
                rates[name].append(rate)
    torch.set_num_threads(1)
    pairs = zip(rates["ours"], rates["theirs"], strict=True)
    return _entry(
        f"rollout of a 5.8M LLaMA, {setting}",
        statistics.median(rates["ours"]),
        statistics.median(rates["theirs"]),
        unit="tokens/CPU-s" if setting.threads == 1 else "tokens/s",
        ratio=statistics.median(one / other for one, other in pairs),
        goal=GOALS[setting.lengths],
        runs=runs,
    )


def memory_entry(setting: Setting) -> Entry:
    """Peak memory of both sides."""
    peaks = {}
    for name in SIDES:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            peaks[name] = pool.submit(peak_memory, name, setting).result()
    one, other = peaks["ours"], peaks["theirs"]
    name = f"peak memory of a rollout of a 5.8M LLaMA, lengths {setting.lengths}, {setting.dtype}"
    return _entry(name, one, other, unit="MiB", ratio=other / one, goal=1.25, runs=1)


def peak_memory(side: str, setting: Setting) -> float:
    """What this process needs at its peak for drawing, in MiB."""
    torch.set_num_threads(setting.threads)
    model = make_model(setting)
    before = _status("VmRSS")
    SIDES[side](model)
    return _status("VmHWM") - before


def logits_entry() -> Entry:
    """The greatest difference between the decoder's logits and those of the model's own forward pass."""
    torch.set_num_threads(1)
    model, prompts = make_model(Setting("uniform", "fp32", 1)), make_prompts()
    copies = [index for index in range(PROMPTS) for _ in range(SAMPLES)]
    written = torch.randint(2, VOCABULARY, (LIMIT, len(copies)), generator=torch.Generator().manual_seed(0))
    decoder, greatest = LlamaDecoder(model), 0.0
    with torch.no_grad():
        steps = torch.stack([decoder.admit(prompts, copies), *(decoder.step(tokens) for tokens in written)], dim=1)
        for row, index in enumerate(copies):
            whole = torch.tensor([prompts[index] + written[:, row].tolist()])
            expected = model(whole).logits[0, len(prompts[index]) - 1 :]
            greatest = max(greatest, float((steps[row] - expected).abs().max()))
    name = "greatest difference of logits of a 5.8M LLaMA, fp32, 64 rows of 128 tokens"
    return _entry(name, greatest, BOUND, unit="", ratio=BOUND / greatest, goal=1.0, runs=1, peer="the bound")


def _entry(
    name: str, one: float, other: float, *, unit: str, ratio: float, goal: float, runs: int, peer: str | None = None
) -> Entry:
    return Entry(
        name,
        ours=float(f"{one:.4g}"),
        peer=float(f"{other:.4g}"),
        peer_version=peer or f"transformers {transformers.__version__} generate",
        unit=unit,
        ratio=round(ratio, 2),
        goal=goal,
        runs=runs,
        busy=busyness(),
        note=f"torch {torch.__version__}; 8 prompts, 8 samples of each",
    )


def _status(name: str) -> float:
    text = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    assert found is not None  # noqa: S101 - Linux has it
    return int(found[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
