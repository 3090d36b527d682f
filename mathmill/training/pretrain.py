"""Pretrain a causal language model on token shards (section 2.3 of the paper)."""

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mathmill import home
from mathmill.corpus.layout import Build
from mathmill.errors import UserError
from mathmill.job import Figures, Job, run_job
from mathmill.output import write_text
from mathmill.recipe import Recipe
from mathmill.tracking.model_names import PARENT_MODEL
from mathmill.training import data
from mathmill.training.arguments import training_parser
from mathmill.training.causal_loss import CausalLoss
from mathmill.training.chat import set_chat_template
from mathmill.training.figures import loss_curves
from mathmill.training.initial_model import initial_model
from mathmill.training.keeping import remove_checkpoints
from mathmill.training.model_directory import ModelRecord, of_wrapped, save_model
from mathmill.training.pretraining import Pretraining, Source
from mathmill.training.session import end_rank, rank, start_distributed

TRACE = "trace.jsonl"
"""In the model's folder: the losses of every step."""
DATASETS = "datasets"
"""In the folder of an unfinished job: Parquet shards as memory-mapped files, for each rank."""


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point; every rank runs it."""
    arguments = training_parser("pretrain").parse_args(argv)
    return run_job("pretrain", arguments, lambda job: pretrain(job, arguments), resume=True)


def pretrain(job: Job, arguments: argparse.Namespace) -> Figures:
    """Train and save the base model; `job.out` becomes the model folder."""
    recipe = job.recipe
    build = Build(arguments.input or home.newest_output(recipe.name, "corpus"))
    device = start_distributed(recipe.seed)
    tokenizer = _tokenizer(recipe, build)
    sources = _sources(job, build)
    causal = CausalLoss(initial_model(recipe, tokenizer))
    if recipe.model.compile:
        causal.model.get_decoder().compile()
    training = Pretraining(job, causal, sources, device)
    while (diverged := training.run()) is not None:
        training.skip_back(diverged)
    _save(training, tokenizer, build)
    remove_checkpoints(job, training.session)
    return training.figures()


def _sources(job: Job, build: Build) -> dict[str, Source]:
    """The sources of the mixture, by name."""
    recipe = job.recipe
    opened = {}
    for one in recipe.pretrain.mixture:
        folder = Path(one.path) if one.path else build.shards
        documents = data.load_source(
            folder,
            held_out=recipe.pretrain.validation_documents,
            top_tokens=one.top_tokens,
            seed=recipe.seed,
            cache=job.out / DATASETS / str(rank()),
        )
        if rank() == 0:
            job.run.log_input(one.name, digest=data.digest(folder), source=str(folder), context="pretraining")
        drawn = None
        if one.weight:
            drawn = data.PackedSource(documents.training, context=recipe.model.context, seed=recipe.seed)
        opened[one.name] = Source(drawn, documents.validation)
    return opened


def _tokenizer(recipe: Recipe, build: Build) -> Any:
    """The recipe's tokenizer, or the corpus's own.

    Raises:
        UserError: it is not there, or the hub does not give it.
    """
    from transformers import AutoTokenizer

    named = recipe.tokenizer.pretrained
    try:
        tokenizer = AutoTokenizer.from_pretrained(named or build.tokenizer)
    except (OSError, ValueError) as error:
        if named is None:
            raise UserError(
                f"{build.root} has no tokenizer in {build.tokenizer}: name a corpus that `mathmill corpus build` made"
            ) from error
        raise UserError(
            f"tokenizer.pretrained {named} is no folder with a tokenizer and the hub does not give it"
            f" ({' '.join(str(error).split())[:200]})"
        ) from error
    if tokenizer.chat_template is None:
        set_chat_template(tokenizer)
    return tokenizer


def _save(training: Pretraining, tokenizer: Any, build: Build) -> None:
    """Leave the model, its losses and its record; every rank must call it."""
    job = training.job
    weights = training.session.whole_weights()
    if rank() != 0:
        return
    record = ModelRecord(
        role="base",
        recipe=job.recipe.name,
        recipe_digest=job.recipe.digest(),
        parent_model=job.recipe.model.checkpoint,
        corpus_digest=data.digest(build.shards),
        mlflow_run_id=job.run.known_id(),
    )
    save_model(training.causal.model, tokenizer, job.out, record, of_wrapped(weights))
    write_text(job.out / TRACE, "".join(f"{json.dumps(row)}\n" for row in training.progress.trace))
    shutil.rmtree(job.out / DATASETS, ignore_errors=True)
    job.run.register_model(job.final, job.recipe.name, "base", {PARENT_MODEL: str(job.recipe.model.checkpoint)})
    job.run.log_figure(loss_curves(training.progress.trace, training.progress.validations), "loss.png")
    job.run.log_artifact(job.out / TRACE)


if __name__ == "__main__":
    end_rank(main())
