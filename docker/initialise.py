"""Make Airflow ready before its services start: the login of `admin`, the database, the pool of trainings.

The password comes from the environment variable `AIRFLOW_ADMIN_PASSWORD`; Airflow's simple login reads it from a file.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from mathmill.stack.settings import GPU_POOL


def main() -> int:
    """Write the file, migrate and make the pool; the exit code is Airflow's."""
    passwords = Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    passwords.parent.mkdir(parents=True, exist_ok=True)
    passwords.touch(mode=0o600)
    passwords.write_text(json.dumps({"admin": os.environ["AIRFLOW_ADMIN_PASSWORD"]}), encoding="utf-8")
    pool = ["pools", "set", GPU_POOL, "1", "Trainings at the same time: a slot for each GPU", "--include-deferred"]
    for arguments in (["db", "migrate"], pool):
        if code := subprocess.run(["airflow", *arguments], check=False).returncode:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
