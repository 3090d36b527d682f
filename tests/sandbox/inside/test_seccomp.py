"""The filter lets through what it should: its numbers are the kernel's, and its jumps land."""

import ctypes
import ctypes.util
import os
import struct

import pytest

from mathmill.sandbox.inside import seccomp, system_calls

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x50001, 0x50026


def interpret(program, *, number, architecture, arguments=()):
    """What a filter answers to a system call: an interpreter of classic BPF as seccomp uses it."""
    data = struct.pack("=iIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    at, loaded = 0, 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            (loaded,) = struct.unpack_from("=I", data, value)
        else:
            test = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[code]
            at += if_true if test else if_false


@pytest.mark.parametrize("machine", system_calls.MACHINES)
def test_numbers_are_those_of_libseccomp(machine):
    name = ctypes.util.find_library("seccomp")
    if name is None:
        pytest.skip("no libseccomp on this machine to compare with")
    resolve = ctypes.CDLL(name).seccomp_syscall_resolve_name_arch
    for table in (system_calls.ALLOWED, system_calls.CHECKED, system_calls.ABSENT):
        ours = system_calls.numbers(table, machine)
        theirs = {call: resolve(ctypes.c_uint32(ARCHITECTURES[machine]), call.encode()) for call in ours}
        assert ours == theirs


@pytest.mark.parametrize("machine", system_calls.MACHINES)
def test_what_is_listed_is_allowed_and_the_rest_is_not(machine):
    program = seccomp.make_filter(machine)
    allowed = set(system_calls.numbers(system_calls.ALLOWED, machine).values())
    checked = set(system_calls.numbers(system_calls.CHECKED, machine).values())
    for number in set(range(600)) - checked:
        answer = interpret(program, number=number, architecture=ARCHITECTURES[machine])
        assert answer == (ALLOW if number in allowed else ENOSYS if number == 435 else EPERM), number


def test_other_architectures_and_the_x32_numbers_are_deadly():
    program = seccomp.make_filter("x86_64")
    assert interpret(program, number=39, architecture=0x40000003) == KILL
    assert interpret(program, number=0x40000000 + 39, architecture=ARCHITECTURES["x86_64"]) == KILL


@pytest.mark.parametrize(
    ("call", "arguments", "answer"),
    [
        (56, [0x1200011], ALLOW),  # fork
        (56, [0x3D0F00], ALLOW),  # a thread
        (56, [0x20000000 | 17], EPERM),  # CLONE_NEWPID
        (56, [0x80], EPERM),  # CLONE_NEWTIME
        (53, [1, 1], ALLOW),  # socketpair, AF_UNIX
        (53, [2, 1], EPERM),
        (16, [1, 0x5401], ALLOW),  # ioctl TCGETS
        (16, [1, 0x5412], EPERM),  # TIOCSTI, typing into a terminal
    ],
)
def test_arguments_are_looked_at(call, arguments, answer):
    program = seccomp.make_filter("x86_64")
    assert interpret(program, number=call, architecture=ARCHITECTURES["x86_64"], arguments=arguments) == answer


def test_a_machine_without_a_table_is_refused(monkeypatch):
    uname = os.uname_result(("Linux", "here", "6.1", "#1", "riscv64"))
    monkeypatch.setattr("os.uname", lambda: uname)
    with pytest.raises(OSError, match="no seccomp filter for a riscv64"):
        seccomp.this_machines_filter()
