"""The DeepSpeed session that every training job shares: engine, optimiser, schedule, checkpoints."""

import logging
import os
import random
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
import torch.distributed as dist

from mathmill.errors import UserError
from mathmill.recipe import Recipe
from mathmill.recipe_training import OptimizerRecipe
from mathmill.training.checkpoints import (
    CHECKPOINTS,
    checkpoint_of,
    complete,
    new_tag,
    newest_checkpoint,
    universal,
    written_by,
)
from mathmill.training.schedule import rate_factor

log = logging.getLogger("mathmill")


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


def end_rank(code: int) -> NoReturn:
    """End this process with the exit code `code`, without the destructors of C++ libraries.

    Where ranks end at the same time, threads of the process group may outlive Python, and their destructors then abort
    a process that has done its work.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def rank() -> int:
    """This process's number in the job."""
    return dist.get_rank()


def world_size() -> int:
    """Processes in the job."""
    return dist.get_world_size()


def total(value: float, device: torch.device) -> float:
    """The sum of `value` over all ranks."""
    return totals([value], device)[0]


def totals(values: Sequence[float], device: torch.device) -> list[float]:
    """The sum of each of `values` over all ranks."""
    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    dist.all_reduce(tensor)
    return tensor.tolist()


def from_first(value: str) -> str:
    """The first rank's `value`, on every rank."""
    values = [value]
    dist.broadcast_object_list(values)
    return values[0]


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

        own = _with_precision(recipe)
        self._adamw = torch.optim.AdamW(
            _decayed_groups(model, optimizer.weight_decay),
            lr=optimizer.learning_rate,
            betas=(optimizer.betas[0], optimizer.betas[1]),
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(self._adamw, lambda step: rate_factor(step, steps, optimizer))
        configuration = {
            "zero_allow_untested_optimizer": True,
            # With offload DeepSpeed would ask for its own AdamW, which has to be compiled.
            "zero_force_ds_cpu_optimizer": False,
            "gradient_clipping": optimizer.clip,
            **own,
            "train_micro_batch_size_per_gpu": 1,
            "gradient_accumulation_steps": accumulation,
        }
        self.engine, *_ = deepspeed.initialize(
            model=model, optimizer=self._adamw, lr_scheduler=schedule, config=configuration, dist_init_required=False
        )
        self._decays = [group["weight_decay"] for group in self._adamw.param_groups]
        self._norm = 0.0

    @property
    def model(self) -> Any:
        """The model itself, without DeepSpeed around it."""
        return self.engine.module

    def backward(self, loss: torch.Tensor) -> None:
        """Accumulate the gradient of one forward pass; a call of `step` must follow."""
        self.engine.backward(loss)

    def step(self) -> None:
        """Apply the gradients when the last pass of the accumulation is done, else go on accumulating."""
        if isinstance(self.engine.optimizer, torch.optim.AdamW) and self.engine.is_gradient_accumulation_boundary():
            # DeepSpeed keeps the norm only where it wraps the optimiser: with ZeRO, and in 16 bits.
            gradients = [one.grad for one in self.engine.module.parameters() if one.grad is not None]
            self._norm = float(torch.nn.utils.get_total_norm(gradients))
        self.engine.step()

    def figures(self) -> dict[str, float]:
        """Learning rate of the last optimiser step, and the norm of its gradient before clipping."""
        norm = self.engine.get_global_grad_norm()
        return {"learning_rate": self.engine.get_lr()[0], "grad_norm": float(self._norm if norm is None else norm)}

    def whole_weights(self) -> dict[str, torch.Tensor] | None:
        """The weights of `model` on the first rank where ZeRO-3 has dealt them out; None where `model` has them.

        Every rank must call it.
        """
        if not self.engine.zero_optimization_partition_weights():
            return None
        whole = self.engine._zero3_consolidated_16bit_state_dict()  # noqa: SLF001 - there is no public way
        return None if whole is None else dict(whole)

    def save(self, folder: Path, step: int, state: Mapping[str, Any], *, kept: int = 1) -> Path:
        """Write checkpoint `step`, complete or not at all, and remove all but the newest `kept`; its folder."""
        generators = {"torch": torch.get_rng_state(), "numpy": np.random.get_state(), "python": random.getstate()}  # noqa: NPY002
        if torch.cuda.is_available():
            generators["cuda"] = torch.cuda.get_rng_state()
        checkpoints = folder / CHECKPOINTS
        tag = from_first(new_tag(checkpoints, step))
        self.engine.save_checkpoint(
            str(checkpoints),
            tag=tag,
            client_state={"step": step, "generators": generators, **state},
            save_latest=False,
        )
        dist.barrier()
        if rank() == 0:
            complete(checkpoints, tag, ranks=world_size(), kept=kept)
        dist.barrier()
        return checkpoints / tag

    def restore(self, folder: Path, step: int | None = None) -> dict[str, Any] | None:
        """Go back to the newest checkpoint, or to that of `step`; its `state` with `step`, None where there is none.

        Another number of processes may have written it: the state of the optimiser is then dealt out anew, by
        DeepSpeed's universal checkpoint.
        """
        checkpoints = folder / CHECKPOINTS
        checkpoint = newest_checkpoint(checkpoints) if step is None else checkpoint_of(checkpoints, step)
        if checkpoint is None:
            return None
        dealt_anew = self.engine.zero_optimization() and written_by(checkpoint) != world_size()
        if dealt_anew:
            checkpoint = Path(from_first(str(universal(checkpoint)) if rank() == 0 else ""))
        # Known only now, so it cannot stand in the configuration.
        self.engine._config.load_universal_checkpoint = dealt_anew  # noqa: SLF001
        path, state = self.engine.load_checkpoint(str(checkpoint.parent), tag=checkpoint.name)
        if path is None:
            raise UserError(f"{checkpoint} cannot be read as a checkpoint: remove {folder} to start afresh")
        if dealt_anew:
            self._mend_universal()
        generators = state["generators"]
        torch.set_rng_state(generators["torch"])
        np.random.set_state(generators["numpy"])  # noqa: NPY002
        random.setstate(generators["python"])
        if "cuda" in generators:
            torch.cuda.set_rng_state(generators["cuda"])
        if rank() == 0:
            log.info("going on from step %d", state["step"])
        return dict(state)

    def _mend_universal(self) -> None:
        """Undo what loading a universal checkpoint does to AdamW's settings with ZeRO-3.

        DeepSpeed gives all groups of parameters the settings of the first, and all of them one tensor of steps, which
        every group then counts up.
        """
        for group, decay in zip(self._adamw.param_groups, self._decays, strict=True):
            group["weight_decay"] = decay
        for state in self._adamw.state.values():
            if torch.is_tensor(state.get("step")):
                state["step"] = state["step"].clone()

    def close(self, folder: Path) -> None:
        """Remove the checkpoints once the final model stands; no rank writes after this."""
        dist.barrier()
        if rank() == 0:
            shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        dist.barrier()


def _with_precision(recipe: Recipe) -> dict[str, Any]:
    """DeepSpeed's configuration in the recipe, with `bf16.enabled: auto` settled.

    Raises:
        UserError: the recipe asks for bf16, which this device does not have.
    """
    asked = recipe.deepspeed.get("bf16", {}).get("enabled", False)
    if asked is True and not _has_bf16():
        raise UserError(f"recipe {recipe.name}: deepspeed.bf16.enabled, but this device has no bf16: set it to auto")
    if asked != "auto":
        return recipe.deepspeed
    return {**recipe.deepspeed, "bf16": {**recipe.deepspeed["bf16"], "enabled": _has_bf16()}}


def _has_bf16() -> bool:
    """Whether products in bf16 are the device's own, not imitated."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())  # noqa: SLF001


def _decayed_groups(model: torch.nn.Module, decay: float) -> list[dict[str, Any]]:
    """Two parameter groups: matrices with weight decay, vectors (norms, biases) without."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in parameters if parameter.ndim > 1]
    vectors = [parameter for parameter in parameters if parameter.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
