"""The end of a corpus build."""

from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException
from typing_extensions import override

from mathmill.corpus.layout import Build
from mathmill.corpus.report import close
from mathmill.errors import UserError
from operators.plan import PLAN, Plan


class CloseBuildOperator(BaseOperator):
    """Write the build's report from the records of its stages, and mark the build as complete."""

    template_fields = ("plan",)
    ui_color = "#e6f4ea"

    def __init__(self, *, plan: str = PLAN, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan

    @override
    def execute(self, context: Context) -> str:
        build = Build(Path(Plan.from_json(self.plan).out))
        try:
            close(build)
        except UserError as error:
            raise AirflowFailException(str(error)) from None
        return str(build.report)
