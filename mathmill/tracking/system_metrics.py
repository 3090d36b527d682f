"""What a job takes of its machine, beside its own figures: processors, memory, disks, network, GPUs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mathmill.tracking.task_run import TaskRun

SAMPLE_SECONDS = 10.0
PREFIX = "system/"
"""MLflow shows metrics of such names on a page of their own."""


@contextmanager
def system_metrics(run: "TaskRun") -> Iterator[None]:
    """Log them every `SAMPLE_SECONDS` during the block; of several nodes, those of the one that logs."""
    ended = threading.Event()
    thread = threading.Thread(target=_sample, args=(run, ended), name="system_metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _sample(run: "TaskRun", ended: threading.Event) -> None:
    if ended.wait(SAMPLE_SECONDS):
        return  # so short a job needs no monitors
    monitors = _monitors()
    step = run.next_step(PREFIX)
    while True:
        for monitor in monitors:
            monitor.collect_metrics()
            values = {f"{PREFIX}{name}": value for name, value in monitor.aggregate_metrics().items()}
            monitor.clear_metrics()
            run.log_metrics(values, step=step)
        step += 1
        if ended.wait(SAMPLE_SECONDS):
            return


def _monitors() -> list[Any]:
    """MLflow's own; that of GPUs works where NVIDIA's library is."""
    from mlflow.exceptions import MlflowException
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
    from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

    monitors = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
    try:
        return [*monitors, GPUMonitor()]
    except (ImportError, RuntimeError, MlflowException):
        return monitors
