"""Where mathmill keeps its state: services, their data, and every finished output.

```
$MATHMILL_HOME/
  outputs/<recipe>/corpus/<run>/      one corpus build (see mathmill.corpus.layout)
  outputs/<recipe>/base/<run>/        a pretrained model; likewise instruct, reward, rl
  outputs/<recipe>/evaluation/<run>/  accuracy of the models, question by question
  outputs/<recipe>/proofs/<run>/      formal proofs by the models
  outputs/<recipe>/harness/<run>/     figures of the models on tasks of lm-evaluation-harness
  jobs/<key>/<attempt>/               a job: what was asked, its log, its end (see mathmill.launcher)
  alerts/                             late runs of which people were told
  mlflow/                             tracking database and artifacts
  airflow/                            the embedded Airflow: database, logs, logins
```
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

from mathmill.errors import UserError
from mathmill.output import SUCCESS, is_finished

CHECKOUT = Path(__file__).resolve().parent.parent

STAGE_COMMANDS = {
    "corpus": "mathmill corpus build",
    "base": "mathmill train pretrain",
    "instruct": "mathmill train sft",
    "reward": "mathmill train reward",
    "rl": "mathmill train rl",
    "evaluation": "mathmill evaluate",
    "proofs": "mathmill prove",
}
"""What lies in the home, by folder name, and the command that makes it."""


def home() -> Path:
    """The home folder: `$MATHMILL_HOME`, or `.mathmill/` in the checkout."""
    return Path(os.environ.get("MATHMILL_HOME") or CHECKOUT / ".mathmill").resolve()


def outputs(recipe_name: str, stage: str) -> Path:
    """The folder that holds one run folder a finished output of `stage`."""
    return home() / "outputs" / recipe_name / stage


def finished_outputs(recipe_name: str, stage: str) -> list[Path]:
    """Every finished output of `stage`, the oldest first."""
    folder = outputs(recipe_name, stage)
    finished = [run for run in folder.iterdir() if is_finished(run)] if folder.is_dir() else []
    return sorted(finished, key=lambda run: ((run / SUCCESS).stat().st_mtime_ns, run.name))


def run_folder(run_id: str) -> str:
    """Name of the folder that holds the output of a DAG run."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", run_id).strip("-.")


def newest_output(
    recipe_name: str, stage: str, what: str | None = None, suits: Callable[[Path], bool] = lambda _: True
) -> Path:
    """The newest finished output of `stage`.

    Args:
        recipe_name: whose.
        stage: a folder name of the home.
        what: names it in the message, where not every output of the stage will do.
        suits: says which will.

    Raises:
        UserError: there is none; the message names the command that makes it.
    """
    finished = [run for run in finished_outputs(recipe_name, stage) if suits(run)]
    if not finished:
        command = f"{STAGE_COMMANDS[stage]} --recipe {recipe_name} …"
        raise UserError(
            f"no finished {what or stage} of recipe '{recipe_name}' under {outputs(recipe_name, stage)}: make one with"
            f" `{command}`, or name one"
        )
    return finished[-1]
