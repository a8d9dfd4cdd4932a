from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from humotion.errors import HumotionError
from humotion.work import digest_of, digest_of_file, main_checkout, nobody_works_in, owned_work, work_folder

VALUE = {"b": [1, 2.5, None], "a": {"z": "é", "y": True}, "path": Path("data/x")}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return make_checkout(tmp_path / "checkout")


def make_checkout(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in ("dvc.yaml", "params.yaml"):
        (folder / name).touch()
    return folder


def test_main_checkout(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nested = checkout / "reports" / "ls_vit"
    nested.mkdir(parents=True)
    assert main_checkout(checkout) == main_checkout(nested) == checkout
    monkeypatch.chdir(nested)
    assert main_checkout() == checkout


@pytest.mark.parametrize("copy", [".dvc/tmp/exps/tmpabc", ".dvc/tmp/exps/standalone/tmpabc"])
def test_main_checkout_from_a_dvc_experiment(checkout: Path, copy: str) -> None:
    """`dvc exp run --temp` and `--queue` run in a whole copy of the checkout, thrown away afterwards."""
    folder = make_checkout(checkout / copy)
    assert main_checkout(folder) == checkout
    (folder / "reports").mkdir()
    assert main_checkout(folder / "reports") == checkout


def test_outside_a_checkout_it_is_the_folder_itself(tmp_path: Path) -> None:
    assert main_checkout(tmp_path) == tmp_path


def test_digest_knows_values_and_not_their_order() -> None:
    assert digest_of(VALUE) == digest_of(dict(reversed(VALUE.items())))
    others = [{**VALUE, "b": [1, 2.5]}, {**VALUE, "b": [2.5, 1, None]}, {**VALUE, "c": 1}, {}]
    assert len({digest_of(value) for value in (VALUE, *others)}) == 5


def test_digest_is_that_of_any_other_process() -> None:
    code = f"from pathlib import Path, PosixPath\nfrom humotion.work import digest_of\nprint(digest_of({VALUE!r}))"
    for seed in ("0", "12345"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == digest_of(VALUE)


def test_digest_of_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content" * 100_000)
    assert digest_of_file(path) == hashlib.md5(b"content" * 100_000).hexdigest()


HOLDER = """
import sys
from humotion.work import owned_work
with owned_work("train", "abc") as folder:
    (folder / "half").touch()
    print("holds", flush=True)
    sys.stdin.read()
"""


def hold(checkout: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], cwd=checkout, stdin=-1, stdout=-1, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holds\n"
    return holder


def test_work_has_one_owner(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(checkout)
    holder = hold(checkout)
    folder = work_folder("train", "abc")
    named = f"runs already: process {holder.pid} on {socket.gethostname()}, last sign of life [0-9]+ s ago"
    with pytest.raises(HumotionError, match=named), owned_work("train", "abc", waits=False):
        pass
    assert not nobody_works_in(folder)
    threading.Timer(1, holder.communicate).start()  # it ends
    with owned_work("train", "abc") as mine:
        assert (mine / "half").exists()
        shutil.rmtree(mine)
    assert re.search(named, capsys.readouterr().err)
    assert not list(folder.parent.iterdir()), "no locks are left with the work"


def test_the_lock_of_a_dead_process_is_free(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    holder = hold(checkout)
    holder.kill()
    holder.communicate()
    folder = work_folder("train", "abc")
    assert nobody_works_in(folder)
    with owned_work("train", "abc", waits=False) as mine:
        assert (mine / "half").exists(), "its work is continued"
        assert not nobody_works_in(folder)


def test_a_process_of_another_machine_is_dead_after_a_long_silence(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    folder = work_folder("train", "abc")
    owner = Path(f"{folder}.owner")
    assert not nobody_works_in(folder), "nothing is known of work without an owner"
    owner.write_text("elsewhere ffffff 7 7")
    assert not nobody_works_in(folder)
    os.utime(owner, (0, 0))
    assert nobody_works_in(folder)


def test_work_lies_in_the_main_checkout(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = make_checkout(checkout / ".dvc" / "tmp" / "exps" / "tmpabc")
    monkeypatch.chdir(copy)
    folder = work_folder("train", "abc")
    assert folder == checkout / ".humotion" / "work" / "train" / "abc"
    assert folder.is_dir()
    assert work_folder("train", "abc") == folder
