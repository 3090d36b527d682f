"""One training loop of those that `benchmarks/pretraining.py` compares, in a process of its own.

Trains a LLaMA of a size on random documents and prints, as JSON, the CPU seconds, the wall seconds and the share of
them waited for data, of each step after the first ones.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from mathmill.job import Job
from mathmill.recipe import Recipe
from mathmill.recipe_file import load_recipe
from mathmill.tracking.task_run import NoRun
from mathmill.training.causal_loss import CausalLoss
from mathmill.training.data import PackedSource, load_source
from mathmill.training.pretraining import Pretraining, Source
from mathmill.training.session import start_distributed

SIZES = {
    "6M": {"vocabulary": 4096, "hidden": 256, "layers": 6, "heads": 4, "context": 256, "micro": 8, "passes": 1},
    "43M": {"vocabulary": 16000, "hidden": 512, "layers": 12, "heads": 8, "context": 256, "micro": 8, "passes": 4},
}
WARM_UP = 1
DOCUMENTS = 4000


class Clock(NoRun):
    """Stands in for the MLflow run and takes the time of every step."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[tuple[float, float]] = []
        self.stalls: list[float] = []

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Take the time at the end of a step."""
        del step
        if "data_stall_share" in metrics:
            self.tick()
            self.stalls.append(metrics["data_stall_share"])

    def tick(self) -> None:
        """Take the time."""
        self.marks.append((time.process_time(), time.perf_counter()))

    def report(self) -> dict[str, list[float]]:
        """Seconds of each step after the first ones."""
        cpu, wall = np.diff(np.array(self.marks[WARM_UP - 1 :]), axis=0).T.tolist()
        return {"cpu": cpu, "wall": wall, "stall": self.stalls[WARM_UP:]}


def recipe_of(size: Mapping[str, int], steps: int, threads: int) -> Recipe:
    """The recipe by which all loops train."""
    tokens = size["context"] * size["micro"] * size["passes"]
    settings = {
        "launch": {"processes": 1, "threads": threads},
        "model.context": size["context"],
        "pretrain.total_tokens": tokens * steps,
        "pretrain.batch_tokens": tokens,
        "pretrain.micro_batch": size["micro"],
        "pretrain.optimizer.warmup_steps": 1,
        "pretrain.checkpoint_steps": 10 * steps,
        "pretrain.validation_documents": 1,
        "deepspeed": {"zero_optimization": {"stage": 1}},
    }
    return load_recipe("demo", [f"{key}={json.dumps(value)}" for key, value in settings.items()])


def make_model(size: Mapping[str, int]) -> LlamaForCausalLM:
    """A random LLaMA."""
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=size["vocabulary"],
            hidden_size=size["hidden"],
            intermediate_size=size["hidden"] * 11 // 4,
            num_hidden_layers=size["layers"],
            num_attention_heads=size["heads"],
            tie_word_embeddings=True,
            max_position_embeddings=size["context"],
        )
    )


def write_documents(folder: Path, vocabulary: int) -> None:
    """Random token documents of some hundreds of tokens, as a shard."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    rows = pa.array([generator.integers(vocabulary, size=generator.integers(50, 600)) for _ in range(DOCUMENTS)])
    table = pa.table({"input_ids": rows.cast(pa.list_(pa.int32()))})
    with pa.ipc.new_stream(str(folder / "0.arrow"), table.schema) as writer:
        writer.write_table(table)


def ours(model: LlamaForCausalLM, recipe: Recipe, work: Path, clock: Clock) -> None:
    """Mathmill's loop."""
    device = start_distributed(0)
    documents = load_source(work / "documents", held_out=1, seed=0, cache=work)
    packed = PackedSource(documents.training, context=recipe.model.context, seed=0)
    sources = {"corpus": Source(packed, documents.validation)}
    job = Job("pretrain", recipe, work / "out", work / "out", clock)
    Pretraining(job, CausalLoss(model), sources, device).run()


def trainer(model: LlamaForCausalLM, recipe: Recipe, work: Path, clock: Clock) -> None:
    """Hugging Face's `Trainer`, with the same DeepSpeed configuration, schedule and data."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Ticks(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.tick()

    class Rows(torch.utils.data.Dataset):
        def __init__(self, packed: PackedSource) -> None:
            self.packed = packed

        def __len__(self) -> int:
            return self.packed.sequences

        def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
            ids = torch.from_numpy(self.packed[number][0])
            return {"input_ids": ids, "labels": ids}

    for name, value in {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1"}.items():
        os.environ[name] = value
    os.environ["MASTER_PORT"] = "29511"
    settings = recipe.pretrain
    documents = load_source(work / "documents", held_out=1, seed=0, cache=work)
    configuration = {
        **recipe.deepspeed,
        "zero_allow_untested_optimizer": True,
        "gradient_clipping": settings.optimizer.clip,
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
    }
    arguments = TrainingArguments(
        output_dir=str(work / "trainer"),
        max_steps=settings.total_tokens // settings.batch_tokens,
        per_device_train_batch_size=settings.micro_batch,
        gradient_accumulation_steps=settings.batch_tokens // recipe.model.context // settings.micro_batch,
        learning_rate=settings.optimizer.learning_rate,
        weight_decay=settings.optimizer.weight_decay,
        adam_beta2=settings.optimizer.betas[1],
        max_grad_norm=settings.optimizer.clip,
        lr_scheduler_type="constant",
        deepspeed=configuration,
        use_cpu=not torch.cuda.is_available(),
        save_strategy="no",
        report_to=[],
        logging_steps=1,
        disable_tqdm=True,
        remove_unused_columns=False,
    )
    rows = Rows(PackedSource(documents.training, context=recipe.model.context, seed=0))
    Trainer(model=model, args=arguments, train_dataset=rows, callbacks=[Ticks()]).train()


def bare(model: LlamaForCausalLM, recipe: Recipe, work: Path, clock: Clock) -> None:
    """The shortest loop in PyTorch that trains the same."""
    settings = recipe.pretrain
    documents = load_source(work / "documents", held_out=1, seed=0, cache=work)
    packed = PackedSource(documents.training, context=recipe.model.context, seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.optimizer.learning_rate, betas=(0.9, 0.95))
    passes = settings.batch_tokens // recipe.model.context // settings.micro_batch
    rows = iter(range(packed.sequences))
    for _ in range(settings.total_tokens // settings.batch_tokens):
        for _ in range(passes):
            ids = torch.from_numpy(np.stack([packed[next(rows)][0] for _ in range(settings.micro_batch)]))
            (model(input_ids=ids, labels=ids, use_cache=False).loss / passes).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.optimizer.clip)
        optimizer.step()
        optimizer.zero_grad()
        clock.tick()


LOOPS: dict[str, Callable[[LlamaForCausalLM, Recipe, Path, Clock], None]] = {
    "ours": ours,
    "trainer": trainer,
    "bare": bare,
}


def main() -> int:
    """Run one loop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("loop", choices=LOOPS)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    size = SIZES[arguments.size]
    recipe = recipe_of(size, WARM_UP + arguments.steps, arguments.threads)
    write_documents(arguments.work / "documents", size["vocabulary"])
    clock = Clock()
    model = make_model(size)
    LOOPS[arguments.loop](model, recipe, arguments.work, clock)
    tokens = size["context"] * size["micro"] * size["passes"]
    print(json.dumps({"tokens": tokens, "parameters": model.num_parameters(), **clock.report()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
