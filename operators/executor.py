"""The embedded Airflow's executor: Airflow's own, which here does not outlive one of its workers."""

import os
import signal

from airflow.executors.local_executor import LocalExecutor
from typing_extensions import override


class WatchedLocalExecutor(LocalExecutor):
    """End the scheduler when a worker was killed, for its keeper to start both anew (mathmill.stack.keeper).

    A worker that is killed while it waits for work keeps the lock of the queue that all share: the others, and those
    that Airflow starts in its place, then wait for ever, and tasks stay queued.
    """

    @override
    def sync(self) -> None:
        killed = [pid for pid, worker in self.workers.items() if worker.exitcode]
        if killed:
            self.log.error("worker %s was killed: the scheduler ends, to be started again with all workers", killed[0])
            os.kill(os.getpid(), signal.SIGKILL)
        super().sync()
