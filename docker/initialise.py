"""Make Airflow ready before its services start: the login of `admin`, then the database.

The password comes from the environment variable `AIRFLOW_ADMIN_PASSWORD`; Airflow's simple login reads it from a file.
"""

import json
import os
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Write the file and migrate; the exit code is Airflow's."""
    passwords = Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    passwords.parent.mkdir(parents=True, exist_ok=True)
    passwords.touch(mode=0o600)
    passwords.write_text(json.dumps({"admin": os.environ["AIRFLOW_ADMIN_PASSWORD"]}), encoding="utf-8")
    return subprocess.run(["airflow", "db", "migrate"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
