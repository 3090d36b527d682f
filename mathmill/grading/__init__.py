"""Whether answers are right: the strict grader, and beside it the published evaluation's rules."""
