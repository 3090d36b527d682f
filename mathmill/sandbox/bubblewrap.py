"""The command that starts a fork server: within bubblewrap, or bare where the recipe says so.

Within, there are the C library and its like, the interpreter with its standard library, and the packages that programs
may import, all read-only and by paths of their own: the environment may lie where only root can read. Nothing else of
the machine is there, and there is no network.
"""

import importlib.util
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from mathmill.errors import UserError
from mathmill.sandbox import inside
from mathmill.sandbox.inside.namespaces import SCRATCH

PACKAGES = ("mpmath", "numpy", "scipy", "sympy")
"""What programs may import besides the standard library."""
ENVIRONMENT = {
    "HOME": SCRATCH,
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
"""All that a program finds in its environment, but for where the interpreter and its libraries lie."""
LIBRARIES = ("/lib", "/lib32", "/lib64", "/libx32", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32")
START = "import sys; from {}.fork_server import main; sys.exit(main(sys.argv[1:]))"
"""What the interpreter runs; `-m` would import more."""
HOME = Path("/python")
"""The interpreter's home inside."""
ADVICE = (
    "; programs that a model wrote are run in a sandbox only, unless the recipe says `sandbox.isolation: none`,"
    " which leaves them as free as mathmill itself"
)


def isolated_command(settings: str) -> list[str]:
    """The command that starts the fork server with its settings in bubblewrap.

    Raises:
        UserError: there is no bubblewrap.
    """
    # The fork server gives these two up as soon as it has used them.
    capabilities = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if os.getuid() == 0 else []
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{SCRATCH}:/packages"}
    variables = [word for name, value in environment.items() for word in ("--setenv", name, value)]
    return [
        *(*confinement(), *capabilities, *_folders(), *_interpreter(), *_packages(), *_devices()),
        *("--ro-bind", str(Path(inside.__file__).parent), f"{SCRATCH}/inside", "--proc", f"{SCRATCH}/proc"),
        *("--remount-ro", "/", *variables, "--chdir", SCRATCH),
        *(str(HOME / "bin" / "python"), "-s", "-P", "-B", "-c", START.format("inside"), settings),
    ]


def confinement() -> list[str]:
    """How a command in bubblewrap begins: namespaces of its own, no network, no capability, an empty environment.

    Raises:
        UserError: there is no bubblewrap.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise UserError(f"sandbox: no bwrap on the path: install bubblewrap (Debian: apt install bubblewrap){ADVICE}")
    namespaces = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    # Root gets no user namespace: in one, it would stay root, whose processes the kernel does not count.
    namespaces += ["--cap-drop", "ALL"] if os.getuid() == 0 else ["--unshare-user"]
    return [bwrap, "--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv", *namespaces]


def bare_command(settings: str) -> list[str]:
    """The command that starts the fork server with its settings as an ordinary process."""
    return [sys.executable, "-s", "-P", "-B", "-c", START.format(inside.__name__), settings]


def _folders() -> Iterator[str]:
    """Those that others are mounted in, made before them: bubblewrap as root makes parents that only root can enter."""
    for folder in (SCRATCH, "/usr", "/dev", "/packages", HOME, HOME / "bin", HOME / sys.platlibdir, HOME / "lib"):
        yield from ("--dir", str(folder))


def _interpreter() -> Iterator[str]:
    """The C libraries, the interpreter and its standard library, without what was installed into it."""
    for library in map(Path, LIBRARIES):
        if library.is_symlink():
            yield from ("--symlink", str(library.readlink()), str(library))
        elif library.is_dir():
            yield from ("--ro-bind", str(library), str(library))
    base = Path(sys.base_prefix)
    executable = Path(sys.executable).resolve()
    yield from ("--ro-bind", str(executable), str(HOME / "bin" / "python"))
    for name in dict.fromkeys((sysconfig.get_path("stdlib"), _platform_library())):
        inner = HOME / Path(name).relative_to(base)
        yield from ("--ro-bind", name, str(inner))
        for installed in ("site-packages", "dist-packages"):
            if Path(name, installed).is_dir():
                yield from ("--tmpfs", str(inner / installed), "--remount-ro", str(inner / installed))
    shared = Path(sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME"))
    if shared.is_file():
        yield from ("--ro-bind", str(shared), str(HOME / "lib" / shared.name))
        yield from ("--setenv", "LD_LIBRARY_PATH", str(HOME / "lib"))


def _platform_library() -> str:
    """Where the interpreter's compiled modules lie; a virtual environment says its own folder instead."""
    return sysconfig.get_path("platstdlib", vars={"platbase": sys.base_prefix, "base": sys.base_prefix})


def _packages() -> Iterator[str]:
    """The packages with the libraries that their wheels bring."""
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise UserError(f"sandbox: the package {name} is not installed: run `make setup`")
        folder = Path(spec.submodule_search_locations[0])
        for one in (folder, folder.with_name(f"{name}.libs")):
            if one.is_dir():
                yield from ("--ro-bind", str(one), f"/packages/{one.name}")


def _devices() -> Iterator[str]:
    for device in ("null", "zero", "random", "urandom"):
        yield from ("--dev-bind", f"/dev/{device}", f"/dev/{device}")
    # What is made there is the program's own, and counts as its own.
    yield from ("--symlink", SCRATCH, "/dev/shm", "--symlink", SCRATCH, "/tmp")  # noqa: S108
