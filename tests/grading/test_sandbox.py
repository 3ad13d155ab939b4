"""How a hand-in is started and held: containers, what may be read, and the folder it runs in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hw.errors import HwError
from hw.grading import hand_in_folder
from hw.grading.child import confine
from hw.grading.process import HandIn

# It takes the options that podman takes, and runs the command behind the image's name.
CONTAINERS = """#!/bin/sh
echo "$@" >> {log}
test "$1" = kill && exit 0
while test "$1" != some-image; do shift; done
shift 2
exec {python} "$@"
"""


@pytest.fixture
def hand_in(tmp_path: Path) -> Path:
    folder = tmp_path / "handed in"
    folder.mkdir()
    file = folder / "hw1-q1.py"
    file.write_text("import os\ndef variables(): return sorted(os.environ)\n")
    return file


@pytest.mark.parametrize("kind", ["podman", "docker"])
def test_a_container_is_started_and_ended(
    kind: str, hand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    program = tmp_path / "bin" / kind
    program.parent.mkdir()
    program.write_text(CONTAINERS.format(log=log, python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("HW_GRADE_IMAGE", "some-image")
    with HandIn(hand_in, sandbox=kind) as running:
        running.function("variables")
        assert running.held[0].startswith(f"a container of {kind}")
    started, ended = log.read_text().splitlines()
    for option in ("--network=none", "--read-only=true", "--pids-limit=64", "--cap-drop=ALL"):
        assert option in started
    assert ended == f"kill {started.partition('--name=')[2].partition(' ')[0]}"


def test_what_a_platform_cannot_confine_is_not_started(
    hand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(HwError, match="means that Windows lacks"), HandIn(hand_in):
        pass


def test_a_container_that_does_not_start_is_one_line(
    hand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "podman"
    program.write_text("#!/bin/sh\ntest $1 = kill || echo no such image >&2\nexit 125\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(HwError, match="no process could be started for it: no such image"):
        HandIn(hand_in, sandbox="podman")


def test_nothing_of_the_callers_environment(hand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    with HandIn(hand_in) as running:
        variables = running.function("variables")
    assert "SECRET_TOKEN" not in variables
    assert "OMP_NUM_THREADS" in variables


def test_what_may_be_read_leaves_out_what_is_hidden(tmp_path: Path) -> None:
    """As where hw is installed among the packages that a hand-in needs."""
    for folder in ("numpy", "hw/nn", "torch"):
        (tmp_path / "lib" / folder).mkdir(parents=True)
    (tmp_path / "lib" / "link").symlink_to(tmp_path / "lib" / "hw")
    found = dict(confine._around(tmp_path, tmp_path / "lib" / "hw"))
    assert found == {
        tmp_path: confine._READ_DIR,
        tmp_path / "lib": confine._READ_DIR,
        tmp_path / "lib" / "numpy": confine._READ,
        tmp_path / "lib" / "torch": confine._READ,
    }
    elsewhere = tmp_path / "elsewhere"
    assert dict(confine._around(tmp_path / "lib", elsewhere)) == {tmp_path / "lib": confine._READ}
    assert not dict(confine._around(tmp_path / "lib" / "hw" / "nn", tmp_path / "lib" / "hw"))


def test_a_link_that_a_hand_in_made_is_not_followed(tmp_path: Path) -> None:
    place, outside = tmp_path / "place", tmp_path / "outside"
    place.mkdir()
    outside.mkdir()
    (outside / "data.npz").write_text("mine")
    (place / "data").symlink_to(outside)
    (place / "other.npz").symlink_to(outside / "data.npz")
    before = hand_in_folder.listing(place)
    hand_in_folder.write(place, {"data/data.npz": b"new", "other.npz": b"new"})
    assert (outside / "data.npz").read_text() == "mine"
    assert (place / "data" / "data.npz").read_bytes() == b"new"
    assert hand_in_folder.made(place, before) == {"data/data.npz": b"new", "other.npz": b"new"}


def test_python_files_are_copied_first(tmp_path: Path) -> None:
    source, place = tmp_path / "source", tmp_path / "place"
    (source / "package").mkdir(parents=True)
    place.mkdir()
    for name in ("hw1-q1.py", "package/z.py"):
        (source / name).write_text("x = 1")
    for k in range(hand_in_folder.MAX_FILES + 5):
        (source / f"{k:03d}.txt").write_text("x")
    left_out = hand_in_folder.copy(source / "hw1-q1.py", place, {})
    assert left_out == 6
    assert (place / "package" / "z.py").exists()
    assert (place / "utils.py").read_text().startswith('"""The file that the course hands out')
