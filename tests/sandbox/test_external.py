"""An external program sees its folders and a scratch folder, and ends at its deadline."""

import time

import psutil
import pytest

from mathmill.launcher.processes import wait_for
from mathmill.sandbox.external import OUTPUT_BYTES, SCRATCH, is_visible, isolated, run_external


def go_on():
    return False


def run_bare(script, tmp_path, seconds=20.0, is_ending=go_on):
    return run_external(["bash", "-c", script], tmp_path, seconds, is_ending)


def left_of(command):
    """The processes with that command line that are alive after a moment."""
    found = [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == command]
    return wait_for(found, 5.0)


@pytest.fixture
def run_isolated(bubblewrap, tmp_path):
    """Run a bash script in isolation, with a file and a folder of tools."""
    tools = tmp_path / "deep" / "tools"
    tools.mkdir(parents=True)
    (tools / "tool").write_text("of the folder\n")
    (tmp_path / "deep" / "secret").write_text("not to be seen\n")
    file = tmp_path / "Given.thy"
    file.write_text("theory Given")

    def run(script, seconds=20.0):
        return run_external(isolated(["bash", "-c", script], file, [str(tools)]), tmp_path, seconds, go_on)

    run.tools = tools
    return run


def test_exit_code_and_both_outputs_are_told(tmp_path):
    ended = run_bare("pwd; echo wrong >&2; exit 3", tmp_path)
    assert (ended.code, ended.output) == (3, f"{tmp_path}\nwrong\n")


def test_the_end_of_a_flood_is_kept(tmp_path):
    ended = run_bare("yes | head -c 3000000; echo the end", tmp_path)
    assert ended.code == 0
    assert len(ended.output) == OUTPUT_BYTES
    assert ended.output.endswith("y\nthe end\n")


@pytest.mark.parametrize("script", ["sleep 600.125 & wait", "exec >&- 2>&-; sleep 600.125 & wait"])
def test_the_whole_group_is_killed_at_the_deadline(script, tmp_path):
    started = time.monotonic()
    ended = run_bare(script, tmp_path, seconds=0.5)
    assert ended.code is None
    assert time.monotonic() - started < 5
    assert not left_of(["sleep", "600.125"])


def test_it_ends_at_once_when_told(tmp_path):
    started = time.monotonic()
    assert run_bare("sleep 600", tmp_path, is_ending=lambda: time.monotonic() - started > 0.3).code is None
    assert time.monotonic() - started < 5


def test_isolated_it_sees_its_folders_and_file_only(run_isolated):
    ended = run_isolated(
        f"cat Given.thy {run_isolated.tools}/tool; ls {run_isolated.tools.parent}; ls /; ls /root /home"
    )
    assert ended.output.startswith("theory Givenof the folder\ntools\n")
    assert "secret" not in ended.output
    assert set(ended.output.split("\n")[2:]) & {"etc", "home", "root", "work", "var"} == {"etc"}


def test_isolated_it_writes_to_its_scratch_folder_only(run_isolated):
    writes = "for place in . /dev/shm /usr /etc / Given.thy {}; do touch $place/x 2>/dev/null && echo $place; done"
    ended = run_isolated(writes.format(run_isolated.tools))
    assert ended.output.split() == [".", "/dev/shm"]
    assert "No space left" in run_isolated("head -c 300000000 /dev/zero > big").output


def test_isolated_it_has_no_network_no_rights_and_no_neighbours(run_isolated, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "mine")
    assert run_isolated("tail -n +3 /proc/net/dev | cut -d: -f1").output.split() == ["lo"]
    assert int(run_isolated("ls /proc | grep -c '^[0-9]'").output) < 8
    assert run_isolated("grep CapEff /proc/self/status").output.split() == ["CapEff:", "0" * 16]
    assert run_isolated("id -u").output != "0\n"
    assert "mine" not in run_isolated("env; cat /proc/*/environ").output


def test_isolated_nothing_is_left_at_the_deadline(run_isolated):
    assert run_isolated("setsid sleep 600.25 & sleep 600.25", seconds=0.5).code is None
    assert not left_of(["sleep", "600.25"])


def test_a_program_is_visible_with_all_it_links_to(tmp_path):
    (tmp_path / "suite" / "bin").mkdir(parents=True)
    program = tmp_path / "suite" / "bin" / "prover"
    program.touch()
    link = tmp_path / "prover"
    link.symlink_to(program)
    assert is_visible(program, [str(tmp_path / "suite")])
    assert not is_visible(program, [])
    assert not is_visible(link, [str(tmp_path / "suite")])
    assert SCRATCH == "/tmp"
