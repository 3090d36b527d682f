#!/usr/bin/env bash
# Everything that must hold before a change lands: style, walls, types, tests.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
$bin/ruff check .
$bin/ruff format --check .
$bin/lint-imports
$bin/mypy
OMP_NUM_THREADS=1 $bin/pytest "$@"
