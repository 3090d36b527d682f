"""What a program may use up."""

import resource
from typing import NamedTuple

DESCRIPTORS = 64
FILES = 1024
"""Names in the scratch folder."""


class Limits(NamedTuple):
    """Limits of one program; the recipe's `sandbox` section says what each means."""

    cpu_seconds: int
    wall_seconds: float
    memory_bytes: int
    processes: int
    output_bytes: int
    file_bytes: int

    def apply(self, *, address_space: int, other_processes: int | None) -> None:
        """Bind this process, and all that it starts, for good.

        Args:
            address_space: bytes of it that the warm interpreter takes by itself.
            other_processes: how many more are counted with the program's; None: they cannot be told apart, and the
                number of processes is not limited.
        """
        hard = {
            resource.RLIMIT_CPU: self.cpu_seconds,
            resource.RLIMIT_AS: address_space + self.memory_bytes,
            resource.RLIMIT_FSIZE: self.file_bytes,
            resource.RLIMIT_NOFILE: DESCRIPTORS,
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_MEMLOCK: 0,
            resource.RLIMIT_MSGQUEUE: 0,
        }
        if other_processes is not None:
            hard[resource.RLIMIT_NPROC] = self.processes + other_processes
        for kind, value in hard.items():
            resource.setrlimit(kind, (value, value))
