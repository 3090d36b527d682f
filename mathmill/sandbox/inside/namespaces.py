"""Namespaces within bubblewrap's: one for the fork server to rule, and fresh ones for each program.

The fork server gives up root, then enters a user namespace of its own. There it may mount, and make process namespaces.
A program is process 1 of its own: it can name no other process, and when it ends the kernel kills all that it has
started. It holds no capability.
"""

import ctypes
import os

from . import seccomp
from .limits import FILES, Limits

SCRATCH = "/scratch"
"""The program's folder. What the fork server needs lies beneath it and is covered when the program's is mounted."""
PROC = f"{SCRATCH}/proc"
NOBODY = 65534
OWN_PROCESSES = 2
"""The fork server and the parent that waits for it count towards RLIMIT_NPROC of the user namespace."""

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x08000000, 0x10000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MNT_DETACH = 2, 4, 8, 2
PR_SET_DUMPABLE = 4
CAPABILITY_VERSION = 0x20080522
LIBC = ctypes.CDLL(None, use_errno=True)


def enter() -> None:
    """Become the first process of namespaces of our own; the process that called stays behind and waits.

    Raises:
        OSError: the kernel refused.
    """
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        # A process that gave up root may not write its own /proc files until it says so.
        _check(LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl")
    uid, gid = os.getuid(), os.getgid()
    _unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID)
    for name, text in (("setgroups", "deny"), ("gid_map", f"{gid} {gid} 1"), ("uid_map", f"{uid} {uid} 1")):
        with open(f"{PROC}/self/{name}", "w") as file:
            file.write(text)
    child = os.fork()
    if child:
        for descriptor in (1, 3):
            os.close(descriptor)
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def mount_scratch(limits: Limits) -> None:
    """Cover the scratch folder, and all that lies beneath it, with an empty one of the program's own.

    Raises:
        OSError: the kernel refused.
    """
    options = f"size={limits.file_bytes},nr_inodes={FILES},mode=700".encode()
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    _check(LIBC.mount(b"tmpfs", SCRATCH.encode(), b"tmpfs", flags, options), "mount")


def fork(limits: Limits) -> int:
    """`os.fork`, but that the child is process 1 of a fresh process namespace and finds a fresh scratch folder.

    The scratch folder must have been mounted. The child of before must have ended.
    """
    _check(LIBC.umount2(SCRATCH.encode(), MNT_DETACH), "umount")
    mount_scratch(limits)
    own = os.pidfd_open(os.getpid())
    _unshare(CLONE_NEWPID)
    child = os.fork()
    if child:
        _check(LIBC.setns(own, CLONE_NEWPID), "setns")
        os.close(own)
    return child


def confine(limits: Limits, address_space: int, filter_instructions: bytes) -> None:
    """Leave this process nothing but its scratch folder and its limits.

    Args:
        limits: what it may use up.
        address_space: bytes of it that it takes already.
        filter_instructions: of `seccomp.make_filter`.

    Raises:
        OSError: the kernel refused.
    """
    os.chdir(SCRATCH)
    limits.apply(address_space=address_space, other_processes=OWN_PROCESSES)
    _drop_capabilities()
    seccomp.install(filter_instructions)


def _drop_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    _check(LIBC.capset(header, none), "capset")


def _unshare(flags: int) -> None:
    _check(LIBC.unshare(flags), "unshare")


def _check(result: int, call: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
