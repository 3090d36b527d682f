#!/usr/bin/env bash
# Make .venv: the locked environment and the mathmill command in it. Does nothing when it is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "set-up: $*" >&2; exit 2; }

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  die "'$python' is no Python 3.11 or newer: install one, or name it with PYTHON=…"
wanted=$(cat requirements.lock pyproject.toml scripts/setup.sh mathmill/corpus/class_archive.py | sha256sum | cut -d' ' -f1)
[ "$(cat .venv/mathmill-setup 2>/dev/null)" = "$wanted" ] && exit 0
# pycosat, of reasoning-gym, comes as source.
"$python" - <<'CHECK' || die "no C compiler or no Python headers: install them (Debian: gcc libc6-dev python3-dev)"
import shutil, sys, sysconfig
from pathlib import Path

compiler = shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0])
sys.exit(not compiler or not Path(sysconfig.get_path("include"), "Python.h").is_file())
CHECK

echo "set-up: making .venv (some minutes, about 3 GB)"
rm -rf .venv/mathmill-setup
[ -x .venv/bin/python ] || "$python" -m venv .venv
pip() { .venv/bin/python -m pip --quiet --disable-pip-version-check "$@"; }

# Where pip has sources of its own, they decide which torch this machine gets. Elsewhere uv, which knows
# PyTorch's own indexes, takes the CPU build unless there is an NVIDIA driver.
torch=$(grep '^torch==' requirements.lock)
if [ -n "${PIP_FIND_LINKS:-}${PIP_INDEX_URL:-}${PIP_EXTRA_INDEX_URL:-}" ] ||
  .venv/bin/python -m pip config list | grep -qE '\.(find-links|index-url|extra-index-url)='; then
  pip install "$torch"
else
  pip install uv
  .venv/bin/uv pip install --quiet --python .venv/bin/python --torch-backend=auto "$torch"
fi
# The lock names all that each of them needs: there is nothing to resolve.
pip install --no-deps -r requirements.lock
# antlr and others still build from source with the build tools that the lock names.
pip install --no-deps --no-build-isolation --editable .
.venv/bin/python -m mathmill.corpus.class_archive
echo "$wanted" >.venv/mathmill-setup
command -v bwrap >/dev/null ||
  echo "set-up: no bwrap: programs that a model wrote will be refused until it is installed (Debian: bubblewrap)"
echo "set-up: done"
