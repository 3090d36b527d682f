"""Running Python that a model wrote: no network, no files but its own, no process but its own, within limits."""

from mathmill.sandbox.results import Outcome, RunResult
from mathmill.sandbox.sandbox import Sandbox
from mathmill.sandbox.tool import python_tool
from mathmill.sandbox.worker import SandboxBrokenError

__all__ = ["Outcome", "RunResult", "Sandbox", "SandboxBrokenError", "python_tool"]
