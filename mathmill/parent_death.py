"""Processes that are of no use without the one that started them."""

import os
import signal
from ctypes import CDLL

PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """End this process when its parent dies, at once if that has happened already.

    Args:
        parent: process id, as the parent itself knows it.
    """
    CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
