"""The shell scripts behind make: on a machine that lacks something they say what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import REPOSITORY

SCRIPTS = REPOSITORY / "scripts"
OLD = """#!/bin/sh
[ "$1" = -V ] && echo "Python 3.9.2" && exit 0
exit 1
"""
WITHOUT_ENSUREPIP = """#!/bin/sh
case "$2" in *ensurepip*) exit 1;; esac
exit 0
"""


def run(
    script: str, *arguments: str, path: str | None = None, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": path or os.environ["PATH"], **variables}
    command = ["/bin/sh", str(SCRIPTS / script), *arguments]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True)


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def tools(folder: Path, *names: str) -> str:
    """A PATH on which nothing but these programs is found."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).symlink_to(str(shutil.which(name)))
    return str(folder)


def test_this_python_will_do() -> None:
    done = run("check_python.sh", sys.executable)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (OLD, "Python 3.9.2. humotion needs 3.11 or later: make PYTHON="),
        (WITHOUT_ENSUREPIP, "apt-get install python3-venv"),
    ],
)
def test_a_python_that_will_not_do(tmp_path: Path, text: str, advice: str) -> None:
    done = run("check_python.sh", str(program(tmp_path, "python", text)))
    assert done.returncode == 1
    assert advice in done.stderr


def test_no_python(tmp_path: Path) -> None:
    done = run("check_python.sh", str(tmp_path / "python"))
    assert done.returncode == 1
    assert "make PYTHON=" in done.stderr


def test_ffmpeg_without_apt(tmp_path: Path) -> None:
    done = run("install_ffmpeg.sh", path=tools(tmp_path, "id"))
    assert done.returncode == 1
    assert "conda install ffmpeg" in done.stderr
    assert "run make again" in done.stderr


def test_ffmpeg_with_apt_but_no_right_to_use_it(tmp_path: Path) -> None:
    program(tmp_path, "apt-get", "#!/bin/sh\nexit 99\n")
    program(tmp_path, "id", "#!/bin/sh\necho 1000\n")
    done = run("install_ffmpeg.sh", path=str(tmp_path))
    assert done.returncode == 1
    assert "sudo apt-get install ffmpeg" in done.stderr


APT = """#!/bin/sh
echo "$@ $(cat "$POSTGRESQL_SETTINGS"/createcluster.d/*.conf)" >> "$CALLS"
case "$*" in *chromium-driver) exit 100;; esac
"""


def services(folder: Path) -> subprocess.CompletedProcess[str]:
    """Call the script on a machine that has what ``folder/bin`` and ``folder/postgresql`` hold."""
    places = {"POSTGRESQL_PROGRAMS": folder / "postgresql", "POSTGRESQL_SETTINGS": folder / "etc"}
    variables = {name: str(path) for name, path in places.items()}
    return run("install_test_services.sh", path=str(folder / "bin"), CALLS=str(folder / "calls"), **variables)


def test_services_that_are_there_are_left_alone(tmp_path: Path) -> None:
    tools(tmp_path / "bin", "ls")
    for name in ("chromium", "chromedriver", "unar", "bsdtar", "apt-get"):
        program(tmp_path / "bin", name, "#!/bin/sh\nexit 99\n")
    (tmp_path / "postgresql" / "15").mkdir(parents=True)
    program(tmp_path / "postgresql" / "15" / "bin", "initdb", "")
    done = services(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_services_without_apt_or_the_right_to_use_it(tmp_path: Path) -> None:
    tools(tmp_path / "bin", "ls")
    done = services(tmp_path)
    assert (done.returncode, "with your package manager" in done.stderr) == (1, True)
    program(tmp_path / "bin", "apt-get", "#!/bin/sh\nexit 99\n")
    program(tmp_path / "bin", "id", "#!/bin/sh\necho 1000\n")
    done = services(tmp_path)
    assert done.returncode == 1
    assert (
        "sudo apt-get install chromium chromium-driver fonts-liberation postgresql unar libarchive-tools\n"
        in done.stderr
    )


def test_services_by_apt(tmp_path: Path) -> None:
    """No database server is set up to stay, and a package that does not exist keeps no other away."""
    tools(tmp_path / "bin", "cat", "env", "ls", "mkdir", "rm", "tee")
    program(tmp_path / "bin", "apt-get", APT)
    program(tmp_path / "bin", "id", "#!/bin/sh\necho 0\n")
    done = services(tmp_path)
    assert done.returncode == 1, "chromium-driver could not be installed"
    calls = (tmp_path / "calls").read_text().splitlines()
    packages = ("chromium", "chromium-driver", "fonts-liberation", "postgresql", "unar", "libarchive-tools")
    install = "install -y -qq --no-install-recommends {} create_main_cluster = false"
    assert calls == ["update -qq create_main_cluster = false", *(install.format(package) for package in packages)]
    assert not list((tmp_path / "etc" / "createcluster.d").iterdir()), "the next cluster is the machine's own affair"


DVC = """#!/bin/sh
echo "$@" >> calls
mkdir -p data
[ ! -e fail ]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text("datasets:\n  hmdb51:\n    layout: hmdb51\n    root: data/hmdb51\n")
    program(tmp_path / "bin", "dvc", DVC)
    return tmp_path


def pull(project: Path) -> int:
    """Call the script; how often has DVC been called so far?"""
    path = f"{project / 'bin'}:{os.environ['PATH']}"
    run("pull_sample.sh", path=path, cwd=project)
    calls = project / "calls"
    return len(calls.read_text().splitlines()) if calls.exists() else 0


def test_the_sample_is_fetched_once(project: Path) -> None:
    assert pull(project) == 1
    assert (project / "calls").read_text() == "pull -r sample data.dvc\n"
    assert pull(project) == 1


def test_a_fetch_that_was_cut_off_is_done_again(project: Path) -> None:
    (project / "fail").touch()
    assert pull(project) == 1
    (project / "fail").unlink()
    assert pull(project) == 2
    assert pull(project) == 2


def test_the_sample_is_not_fetched_where_it_is_not_used(project: Path) -> None:
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("root: data/", "root: /footage/"))
    assert pull(project) == 0


def test_footage_of_ones_own_is_not_touched(project: Path) -> None:
    (project / "data").mkdir()
    assert pull(project) == 0
