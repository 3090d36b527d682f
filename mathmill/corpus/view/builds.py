"""The corpus builds of the home, finished or not."""

from dataclasses import dataclass
from pathlib import Path

from mathmill import home
from mathmill.corpus.layout import Build, Iteration
from mathmill.job_record import RECORD, JobRecord
from mathmill.output import is_finished
from mathmill.recipe_corpus import MAX_ITERATIONS


@dataclass(frozen=True, slots=True)
class KnownBuild:
    """A build and its names."""

    recipe: str
    run: str
    """Name of its folder: the DAG run's id as `mathmill.home.run_folder` writes it, or the time of a command."""
    build: Build

    @property
    def is_finished(self) -> bool:
        """Whether its report closed it."""
        return is_finished(self.build.root)

    @property
    def has_corpus(self) -> bool:
        """Whether its pages are decontaminated."""
        return is_finished(self.build.decontaminated)

    def iterations(self) -> list[int]:
        """The numbers of the iterations whose candidate domains are known."""
        return [n for n in range(1, MAX_ITERATIONS + 1) if is_finished(self.build.iteration(n).domains)]

    def waiting(self) -> int | None:
        """The number of the iteration that a person was asked about, while it is not annotated."""
        return next((number for number in self.iterations() if is_waiting(self.build.iteration(number))), None)


def is_waiting(iteration: Iteration) -> bool:
    """Whether a person was asked and the iteration is not annotated."""
    return iteration.question.is_file() and not is_finished(iteration.annotations)


def known_builds() -> list[KnownBuild]:
    """The builds of the home, the newest first."""
    folders = [folder for folder in (home.home() / "outputs").glob("*/corpus/*") if folder.is_dir()]
    folders.sort(key=lambda folder: (folder.stat().st_mtime_ns, folder.name), reverse=True)
    return [KnownBuild(folder.parent.parent.name, folder.name, Build(folder)) for folder in folders]


def find_build(recipe: str, run: str) -> KnownBuild | None:
    """The build of these names, which are compared with those there are and make no path."""
    return next((one for one in known_builds() if (one.recipe, one.run) == (recipe, run)), None)


def build_of_dag_run(run_id: str) -> KnownBuild | None:
    """What the run of `corpus_refresh` makes."""
    name = home.run_folder(run_id)
    return next((one for one in known_builds() if one.run == name), None)


def record_of(output: Path) -> JobRecord | None:
    """What the job of a finished output says of it; None while it is not finished."""
    return JobRecord.read(output) if is_finished(output) and (output / RECORD).is_file() else None
