"""Tune with our steps; the last line of output is a JSON object: `tokens`, `cpu_seconds`, `loss`.

What the first step costs, which allocates, is left out, and so is what comes before it.
"""

import json
import os
import socket
import sys
import time
from pathlib import Path

from side_by_side.tuning_inputs import Setting, read_examples, recipe

from mathmill.training.session import Session, start_distributed
from mathmill.training.sft import load_model, train_step
from mathmill.training.tuning_batches import Batches


def main() -> int:
    """Train as the setting says."""
    setting = Setting(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    settings = recipe([], steps=setting.steps, batch=setting.batch, micro_batch=setting.micro_batch)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        os.environ["MASTER_PORT"] = str(probe.getsockname()[1])
    device = start_distributed(settings.seed)
    batches = Batches(list(read_examples(setting.examples)), settings)
    passes = setting.batch // setting.micro_batch
    session = Session(
        load_model(setting.model), settings, settings.instruct.optimizer, steps=setting.steps, accumulation=passes
    )
    tokens, loss, began = 0, 0.0, 0.0
    for step in range(setting.steps):
        if step == 1:
            began = time.process_time()
        sequences = batches.sequences(step)
        loss = train_step(session, sequences, settings, device)
        tokens += sum(len(one) for sequence in sequences for one in sequence) if step else 0
    print(json.dumps({"tokens": tokens, "cpu_seconds": time.process_time() - began, "loss": loss}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
