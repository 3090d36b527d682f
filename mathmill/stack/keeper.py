"""Keep a service up: run its command, and again when it dies by itself.

Run as `python -m mathmill.stack.keeper NAME COMMAND …`, as the leader of the service's session. A service that ends by
itself before it has settled has a fault that another start does not mend: the keeper then ends as well, with its exit
code. One that was killed is started again, unless that happens to several in a row before they have settled.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

from mathmill.launcher.processes import in_sessions, send, wait_for

SETTLED_SECONDS = 20.0
PAUSE_SECONDS = 1.0
GRACE_SECONDS = 10.0
KILLED_IN_A_ROW = 5
"""So many that were killed before they had settled have a fault, such as too little memory."""


class Keeper:
    """Keeps one service up until it is told to end."""

    def __init__(self, name: str, command: Sequence[str], *, settled: float = SETTLED_SECONDS) -> None:
        self.name = name
        self.command = list(command)
        self.settled = settled
        self._service: subprocess.Popen[bytes] | None = None
        self._ending = False

    def run(self) -> int:
        """Return once the service was asked to end or would not stay up: its exit code, 128 + number after a signal."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        killed = 0
        while True:
            began = time.monotonic()
            self._service = subprocess.Popen(self.command)
            if self._ending:
                self._service.terminate()
            code = self._service.wait()
            killed = 0 if time.monotonic() - began >= self.settled else killed + 1
            if self._ending or (killed and code >= 0) or killed == KILLED_IN_A_ROW:
                return code if code >= 0 else 128 - code
            print(f"{self.name} ended with {code}: starting it again", file=sys.stderr, flush=True)
            self._kill_rest()
            time.sleep(PAUSE_SECONDS)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ending = True
        if self._service is not None:
            self._service.terminate()

    def _kill_rest(self) -> None:
        """Kill what the dead service had started; asked to end, Airflow's tasks would end their jobs."""
        rest = [process for process in in_sessions({os.getsid(0)}) if process.pid != os.getpid()]
        for process in rest:
            send(process, signal.SIGKILL)
        wait_for(rest, GRACE_SECONDS)


if __name__ == "__main__":
    sys.exit(Keeper(sys.argv[1], sys.argv[2:]).run())
