"""A proof checker for tests: a program that accepts some theories, refuses others, and hangs on some."""

import textwrap

SCRIPT = """\
#!/bin/bash
# The last line before `end` decides; what is asked for must be the file of the theory in the working folder.
[ -f "$1" ] && grep -q "^theory $2" "$1" && [ "$(basename "$1")" = "$2.thy" ] && [ "$PWD" = "$3" ] || exit 9
grep -q HANG "$1" && sleep 600
grep -q '"False"\\|WRONG' "$1" && { echo "*** Failed to finish proof"; exit 1; }
echo "Finished $2"
"""


def write_command(folder, script=SCRIPT):
    """Write the program to `folder`; the recipe's section that runs it."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "check"
    program.write_text(textwrap.dedent(script))
    program.chmod(0o755)
    return {"command": [str(program), "{file}", "{theory}", "{dir}"], "folders": [str(folder)], "seconds": 4.0}
