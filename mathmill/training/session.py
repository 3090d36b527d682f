"""The DeepSpeed session that every training job shares: engine, optimiser, schedule, checkpoints."""

import logging
import os
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from mathmill.errors import UserError
from mathmill.recipe import OptimizerRecipe, Recipe
from mathmill.training.schedule import rate_factor

log = logging.getLogger("mathmill")

CHECKPOINTS = "checkpoints"
LATEST = "latest"


def start_distributed(seed: int) -> torch.device:
    """Join the job's process group and seed every generator; the device to compute on.

    Every rank gets the same seed, so that models made from nothing are equal on all of them.
    """
    import deepspeed

    # DeepSpeed compiles it where ranks meet on CPUs, and only inference uses it: training needs no compiler.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    for variable, value in (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0")):
        os.environ.setdefault(variable, value)
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29500")
    cuda = torch.cuda.is_available()
    deepspeed.init_distributed("nccl" if cuda else "gloo", verbose=False)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries draw from the global generator
    torch.manual_seed(seed)
    return torch.device("cuda", int(os.environ["LOCAL_RANK"])) if cuda else torch.device("cpu")


def rank() -> int:
    """This process's number in the job."""
    return dist.get_rank()


def world_size() -> int:
    """Processes in the job."""
    return dist.get_world_size()


def total(value: float, device: torch.device) -> float:
    """The sum of `value` over all ranks."""
    tensor = torch.tensor(value, dtype=torch.float64, device=device)
    dist.all_reduce(tensor)
    return float(tensor)


class Session:
    """A model under DeepSpeed: gradients are accumulated by `backward`, applied by `step`."""

    def __init__(
        self, model: torch.nn.Module, recipe: Recipe, optimizer: OptimizerRecipe, *, steps: int, accumulation: int
    ) -> None:
        """Wrap `model`.

        Args:
            model: the same on every rank.
            recipe: gives DeepSpeed's own configuration.
            optimizer: AdamW's settings and the schedule.
            steps: optimiser steps of the whole job.
            accumulation: forward passes of a rank in one optimiser step.

        Raises:
            UserError: the recipe asks for bf16, which this device does not have.
        """
        import deepspeed

        if recipe.deepspeed.get("bf16", {}).get("enabled") and not _has_bf16():
            raise UserError(
                f"recipe {recipe.name}: deepspeed.bf16.enabled, but this device has no bf16: set it to false"
            )
        adamw = torch.optim.AdamW(
            _decayed_groups(model, optimizer.weight_decay),
            lr=optimizer.learning_rate,
            betas=(optimizer.betas[0], optimizer.betas[1]),
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(adamw, lambda step: rate_factor(step, steps, optimizer))
        configuration = {
            "zero_allow_untested_optimizer": True,
            "gradient_clipping": optimizer.clip,
            **recipe.deepspeed,
            "train_micro_batch_size_per_gpu": 1,
            "gradient_accumulation_steps": accumulation,
        }
        self.engine, *_ = deepspeed.initialize(
            model=model, optimizer=adamw, lr_scheduler=schedule, config=configuration, dist_init_required=False
        )

    @property
    def model(self) -> Any:
        """The model itself, without DeepSpeed around it."""
        return self.engine.module

    def backward(self, loss: torch.Tensor) -> None:
        """Accumulate the gradient of one forward pass; a call of `step` must follow."""
        self.engine.backward(loss)

    def step(self) -> None:
        """Apply the gradients when the last pass of the accumulation is done, else go on accumulating."""
        self.engine.step()

    def figures(self) -> dict[str, float]:
        """Learning rate of the last optimiser step, and its gradient norm, which DeepSpeed keeps with ZeRO only."""
        norm = self.engine.get_global_grad_norm()
        known = {} if norm is None else {"grad_norm": float(norm)}
        return {"learning_rate": self.engine.get_lr()[0], **known}

    def save(self, folder: Path, step: int, state: Mapping[str, Any]) -> None:
        """Write checkpoint `step`, complete or not at all, and remove the one before it."""
        tag = f"step-{step}"
        generators = {"torch": torch.get_rng_state(), "numpy": np.random.get_state(), "python": random.getstate()}  # noqa: NPY002
        checkpoints = folder / CHECKPOINTS
        self.engine.save_checkpoint(
            str(checkpoints),
            tag=tag,
            client_state={"step": step, "generators": generators, **state},
            save_latest=False,
        )
        dist.barrier()
        if rank() == 0:
            temporary = checkpoints / f".{LATEST}"
            temporary.write_text(tag, encoding="utf-8")
            os.replace(temporary, checkpoints / LATEST)
            for old in checkpoints.glob("step-*"):
                if old.name != tag:
                    shutil.rmtree(old)
        dist.barrier()

    def restore(self, folder: Path) -> dict[str, Any] | None:
        """Go back to the newest checkpoint; its `state` with `step`, or None where there is none."""
        latest = folder / CHECKPOINTS / LATEST
        if not latest.is_file():
            return None
        path, state = self.engine.load_checkpoint(str(latest.parent), tag=latest.read_text(encoding="utf-8"))
        if path is None:
            raise UserError(f"{latest.parent} holds no checkpoint that can be read: remove the folder to start afresh")
        generators = state["generators"]
        torch.set_rng_state(generators["torch"])
        np.random.set_state(generators["numpy"])  # noqa: NPY002
        random.setstate(generators["python"])
        if rank() == 0:
            log.info("going on from step %d", state["step"])
        return dict(state)

    def close(self, folder: Path) -> None:
        """Remove the checkpoints once the final model stands; no rank writes after this."""
        dist.barrier()
        if rank() == 0:
            shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        dist.barrier()


def _has_bf16() -> bool:
    return torch.cuda.is_available() and torch.cuda.is_bf16_supported()


def _decayed_groups(model: torch.nn.Module, decay: float) -> list[dict[str, Any]]:
    """Two parameter groups: matrices with weight decay, vectors (norms, biases) without."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in parameters if parameter.ndim > 1]
    vectors = [parameter for parameter in parameters if parameter.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
