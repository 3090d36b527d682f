#!/usr/bin/env bash
# Everything that must hold before a change lands: style, walls, types, tests. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
$bin/ruff check .
$bin/ruff format --check .
$bin/lint-imports
$bin/mypy
export OMP_NUM_THREADS=1
if [ $# -gt 0 ]; then
  exec $bin/pytest "$@"
fi

# Tests with services and Spark wait a lot: the others run beside them, and theirs are shown when those are done.
waiting="tests/corpus tests/end_to_end tests/plugins tests/stack"
log=$(mktemp)
$bin/pytest -o cache_dir=.pytest_cache/waiting $waiting >"$log" 2>&1 &
beside=$!
trap 'kill $beside 2>/dev/null || true; rm -f "$log"' EXIT
failed=0
$bin/pytest ${waiting//tests\//--ignore=tests/} || failed=1
echo "and beside them: $waiting"
tail -n +1 -f --pid=$beside "$log"
wait $beside || failed=1
exit $failed
