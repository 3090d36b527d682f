"""The interpreter of a peer's environment, made where it is missing."""

import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path


def peer_python(folder: Path, requirements: Path, *, sees_ours: bool = False) -> Path:
    """The Python of the environment in `folder`.

    Args:
        folder: where it is, or is made.
        requirements: what it has; made anew when that changes.
        sees_ours: whether it also has what this environment has, so that `requirements` comes without dependencies.
    """
    python = folder / "bin" / "python"
    made = folder / requirements.name
    if not made.is_file() or made.read_bytes() != requirements.read_bytes():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        alone = ["--no-deps"] if sees_ours else []
        subprocess.run([python, "-m", "pip", "install", "--quiet", *alone, "-r", requirements], check=True)
        if sees_ours:
            (site,) = folder.glob("lib/python*/site-packages")
            (site / "ours.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
        shutil.copyfile(requirements, made)
    return python
