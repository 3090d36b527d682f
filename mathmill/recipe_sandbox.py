"""The recipe's section on running programs that a model wrote."""

from typing import Literal

from mathmill.recipe_types import PositiveCount, Rate, Section


class SandboxRecipe(Section):
    """How programs that a model wrote are run. Of these the paper's evaluation code gives the 10 seconds."""

    isolation: Literal["required", "none"] = "required"
    """`required`: in bubblewrap, or not at all. `none`: as ordinary processes of the user's own, which have limits but
    are free to read, write and connect; for machines that are sandboxes themselves."""
    workers: PositiveCount = 2
    """Programs that run at once."""
    wall_seconds: Rate = 10.0
    """Longest time that a program may take."""
    cpu_seconds: PositiveCount = 10
    """CPU time of each process of a program."""
    memory_bytes: PositiveCount = 1_073_741_824
    """Memory of a program beyond the warm interpreter: address space of each process, and all of them together."""
    processes: PositiveCount = 8
    """Processes and threads of a program. Not limited with `isolation: none`."""
    output_bytes: PositiveCount = 1_048_576
    """What a program may write to standard output, and to standard error; it is stopped beyond that."""
    file_bytes: PositiveCount = 16_777_216
    """What the scratch folder holds, and the size of a file; with `isolation: none` the latter only."""
