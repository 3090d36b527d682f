"""A seccomp filter that lets through what `system_calls` lists and answers `EPERM` to everything else.

The filter is classic BPF over `struct seccomp_data` (linux/seccomp.h): the call's number, the architecture, and the
arguments. It outlives `exec` and `fork`, and nothing can take it off.
"""

import ctypes
import errno
import os
import struct

from . import system_calls

LOAD, JUMP_IF_EQUAL, JUMP_IF_GREATER_EQUAL, JUMP_IF_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16
ALLOW, KILL_PROCESS, FAIL = 0x7FFF0000, 0x80000000, 0x00050000
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000
"""Numbers of the x32 interface have it; it would reach calls by a second number."""
NAMESPACES = 0x7E020000 | 0x80
"""CLONE_NEWNS, -CGROUP, -UTS, -IPC, -USER, -PID, -NET and -TIME."""
TERMINAL_QUESTIONS = (0x5401, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS (is it a terminal?), FIONREAD, FIONBIO, FIONCLEX and FIOCLEX."""

AF_UNIX = 1
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def make_filter(machine: str) -> bytes:
    """The filter's instructions for a machine, one of `system_calls.MACHINES`."""
    checked = system_calls.numbers(system_calls.CHECKED, machine)
    instructions = [
        _one(LOAD, ARCHITECTURE_AT),
        _one(JUMP_IF_EQUAL, ARCHITECTURE[machine], 1, 0),
        _one(RETURN, KILL_PROCESS),
        _one(LOAD, NUMBER_AT),
        _one(JUMP_IF_GREATER_EQUAL, X32_BIT, 0, 1),
        _one(RETURN, KILL_PROCESS),
    ]
    for number in system_calls.numbers(system_calls.ALLOWED, machine).values():
        instructions += _case(number, [_one(RETURN, ALLOW)])
    for number in system_calls.numbers(system_calls.ABSENT, machine).values():
        instructions += _case(number, [_one(RETURN, FAIL | errno.ENOSYS)])
    deny = _one(RETURN, FAIL | errno.EPERM)
    no_namespace = [_argument(0), _one(JUMP_IF_ANY_BIT, NAMESPACES, 1, 0), _one(RETURN, ALLOW), deny]
    instructions += _case(checked["clone"], no_namespace)
    instructions += _case(checked["socketpair"], [*_allow_if_equal(0, (AF_UNIX,)), deny])
    instructions += _case(checked["ioctl"], [*_allow_if_equal(1, TERMINAL_QUESTIONS), deny])
    return b"".join([*instructions, deny])


def install(instructions: bytes) -> None:
    """Put this process, and all that it starts, under the filter for good.

    Raises:
        OSError: the kernel refused.
    """
    program = _Program(len(instructions) // 8, instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "no seccomp filter can be installed")


def this_machines_filter() -> bytes:
    """The filter for this machine.

    Raises:
        OSError: there is no table of system calls for it.
    """
    machine = os.uname().machine
    if machine not in system_calls.MACHINES:
        raise OSError(errno.ENOSYS, f"no seccomp filter for a {machine}")
    return make_filter(machine)


def _one(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _argument(place: int) -> bytes:
    # The lower half: flags, families and requests have 32 bits.
    return _one(LOAD, ARGUMENTS_AT + 8 * place)


def _case(number: int, body: list[bytes]) -> list[bytes]:
    return [_one(JUMP_IF_EQUAL, number, 0, len(body)), *body]


def _allow_if_equal(place: int, values: tuple[int, ...]) -> list[bytes]:
    tests = [part for value in values for part in (_one(JUMP_IF_EQUAL, value, 0, 1), _one(RETURN, ALLOW))]
    return [_argument(place), *tests]
