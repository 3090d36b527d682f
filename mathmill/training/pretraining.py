"""The loop of pretraining: learn, measure, keep checkpoints, go back from a spike of the loss."""

import logging
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from mathmill.errors import UserError
from mathmill.job import Figures, Job
from mathmill.progress import progress
from mathmill.training.causal_loss import IGNORED, CausalLoss
from mathmill.training.data import PackedSource
from mathmill.training.divergence import divergence
from mathmill.training.keeping import keep_checkpoint, restore_checkpoint
from mathmill.training.mixture import Mixture
from mathmill.training.pretraining_batches import Batches, StepBatch
from mathmill.training.session import Session, rank, totals, world_size
from mathmill.training.throughput import flops_per_token, peak_flops, peak_memory_gib
from mathmill.training.validation import validation_losses

log = logging.getLogger("mathmill")


@dataclass(frozen=True, slots=True)
class Source:
    """A source of the mixture, opened."""

    packed: PackedSource | None
    """None where nothing is drawn from it."""
    held_out: Any
    """Documents with `input_ids`."""


@dataclass(slots=True)
class Progress:
    """How far a training is: what a checkpoint keeps beside model and optimiser."""

    step: int = 0
    """Optimiser steps done."""
    mixture: dict[str, Any] | None = None
    """State of the mixture after them."""
    trace: list[dict[str, float]] = field(default_factory=list)
    """Losses of each of them, in nats a token: over all sources, and by source."""
    validations: list[dict[str, float]] = field(default_factory=list)
    """Losses on held-out documents, each with its `step`."""
    skips: int = 0
    """How often the training went back from a spike."""


class Pretraining:
    """A model in training on a mixture of sources."""

    def __init__(self, job: Job, causal: CausalLoss, sources: dict[str, Source], device: torch.device) -> None:
        """Begin, or go on where an interrupted try left off.

        Args:
            job: its recipe says how to train; checkpoints go to its folder.
            causal: the model, the same on every rank.
            sources: by name, in the order of the recipe's mixture.
            device: where to compute.
        """
        self.job = job
        self.causal = causal
        self._settings = job.recipe.pretrain
        self._context = job.recipe.model.context
        self._sources = sources
        self._device = device
        self._batch = self._settings.batch_tokens // self._context
        self._steps = self._settings.total_tokens // self._settings.batch_tokens
        self._passes = self._batch // (self._settings.micro_batch * world_size())
        self._parameters = causal.model.num_parameters()
        self._flops = flops_per_token(causal.model, self._context)
        self.session = Session(
            causal, job.recipe, self._settings.optimizer, steps=self._steps, accumulation=self._passes
        )
        self._peak = world_size() * peak_flops(device, next(causal.parameters()).dtype)
        self.progress = Progress()
        if not self._restore():
            self._validate()
            if self._settings.divergence.action == "skip_back":
                self._save()

    def run(self) -> str | None:
        """Train to the end, or to where the loss diverges.

        Returns:
            None, or how the loss diverged.
        """
        mixture = Mixture(self._settings.mixture, self.progress.mixture)
        packed = {n: one.packed for n, one in enumerate(self._sources.values()) if one.packed is not None}
        batches = Batches(packed, mixture, batch=self._batch, steps=self._steps, rank=rank(), ranks=world_size())
        first = self.progress.step
        with closing(batches.since(first)) as coming:
            began = time.monotonic()
            for batch, waited in progress(coming, total=self._steps, unit="steps", start=first):
                self._learn(batch)
                self._log(time.monotonic() - began, waited)
                rule = self._settings.divergence
                if diverged := divergence([row["loss"] for row in self.progress.trace[-1 - rule.window :]], rule):
                    return diverged
                self._keep()
                began = time.monotonic()
        if self.progress.validations[-1]["step"] < self._steps:
            self._validate()
        return None

    def skip_back(self, diverged: str) -> None:
        """Go back to the newest checkpoint and on with the sequences that come after those already seen.

        Args:
            diverged: how the loss did.

        Raises:
            UserError: the recipe wants to stop, or has skipped as often as it wants.
        """
        rule = self._settings.divergence
        at, seen, skips = self.progress.step, self.progress.mixture, self.progress.skips + 1
        if rule.action == "stop" or skips > rule.skips:
            raise UserError(
                f"pretrain: {diverged}, at step {at}: start anew with a lower pretrain.optimizer.learning_rate, or with"
                " pretrain.divergence.action=skip_back"
            )
        self._restore()
        self.progress.mixture, self.progress.skips = seen, skips
        self._save()
        if rank() == 0:
            log.info("step %d: %s; on from step %d with other sequences", at, diverged, self.progress.step)

    def figures(self) -> Figures:
        """What the training came to."""
        done = self.progress
        drawn = Mixture(self._settings.mixture, done.mixture).dealt
        by_source = zip(self._sources.items(), drawn, strict=True)
        return {
            "steps": done.step,
            "tokens": done.step * self._settings.batch_tokens,
            "parameters": self._parameters,
            "skips": done.skips,
            "first_loss": done.trace[0]["loss"],
            "last_loss": done.trace[-1]["loss"],
            "validation_loss_before": done.validations[0]["validation_loss"],
            **{f"{name}_after": loss for name, loss in done.validations[-1].items() if name != "step"},
            # Not the names that have a value at every step: MLflow would draw these at step 0.
            **{
                f"total_{name}": value
                for (source, opened), count in by_source
                for name, value in self._drawn(source, opened, int(count), int(drawn.sum())).items()
            },
        }

    def _learn(self, batch: StepBatch) -> None:
        """One optimiser step."""
        names = list(self._sources)
        micro = self._settings.micro_batch
        within = self._settings.attention == "within_documents"
        targets = batch.input_ids[:, 1:]
        if within:
            targets = np.where(batch.position_ids[:, 1:] == 0, IGNORED, targets)
        weights = (targets != IGNORED).sum(axis=1)
        counts = totals(np.bincount(batch.source, weights, minlength=len(names)).tolist(), self._device)
        sums = torch.zeros(len(names), dtype=torch.float64, device=self._device)
        for start in range(0, len(batch.source), micro):
            rows = slice(start, start + micro)
            present, sizes = np.unique(batch.source[rows], return_counts=True)
            losses = self.session.engine(
                self._tensor(batch.input_ids[rows]),
                self._tensor(targets[rows]),
                sizes.tolist(),
                self._tensor(batch.position_ids[rows]) if within else None,
            )
            # DeepSpeed divides by ranks and passes; the loss is the mean over the targets of the whole step.
            self.session.backward(losses.sum() * (self._passes * world_size() / sum(counts)))
            self.session.step()
            sums.index_add_(0, self._tensor(present), losses.detach().double())
        losses_of = totals(sums.tolist(), self._device)
        row = {"loss": sum(losses_of) / sum(counts)}
        if len(names) > 1:
            row |= {f"loss/{n}": s / t for n, s, t in zip(names, losses_of, counts, strict=True) if t}
        self.progress.step += 1
        self.progress.mixture = batch.mixture
        self.progress.trace.append({"step": self.progress.step, **row})

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self._device)

    def _log(self, seconds: float, waited: float) -> None:
        """Send the figures of the step that was just done, which took `seconds` and `waited` for data."""
        done = self.progress
        rate = self._settings.batch_tokens / seconds
        drawn = Mixture(self._settings.mixture, done.mixture).dealt
        figures = {name: value for name, value in done.trace[-1].items() if name != "step"}
        for (name, source), count in zip(self._sources.items(), drawn, strict=True):
            figures |= self._drawn(name, source, int(count), int(drawn.sum()))
        self.job.run.log_metrics(
            {
                **figures,
                **self.session.figures(),
                "tokens_per_second": rate,
                "mfu": rate * self._flops / self._peak,
                "data_stall_share": waited / seconds,
                "memory_gib": peak_memory_gib(self._device),
            },
            step=done.step,
        )

    def _drawn(self, name: str, source: Source, sequences: int, of_all: int) -> dict[str, float]:
        """Share of all tokens, and passes over its own, that a source has given so far."""
        if source.packed is None:
            return {}
        return {f"share/{name}": sequences / of_all, f"epochs/{name}": sequences / source.packed.sequences}

    def _keep(self) -> None:
        """Measure and save where the recipe wants it after this step."""
        step = self.progress.step
        if step % self._settings.validation_steps == 0:
            self._validate()
        if step % self._settings.checkpoint_steps == 0 and step < self._steps:
            self._save()

    def _validate(self) -> None:
        held_out = {name: source.held_out for name, source in self._sources.items()}
        losses = validation_losses(
            self.session, held_out, context=self._context, rows=self._settings.micro_batch, device=self._device
        )
        self.progress.validations.append({"step": self.progress.step, **losses})
        self.job.run.log_metrics(losses, step=self.progress.step)

    def _save(self) -> None:
        began = time.monotonic()
        state = {"progress": asdict(self.progress)}
        keep_checkpoint(self.job, self.session, self.progress.step, state, kept=self._settings.checkpoints_kept)
        self.job.run.log_metrics({"seconds/checkpoint": time.monotonic() - began}, step=self.progress.step)

    def _restore(self) -> bool:
        state = restore_checkpoint(self.job, self.session)
        if state is not None:
            self.progress = Progress(**state["progress"])
        return state is not None
