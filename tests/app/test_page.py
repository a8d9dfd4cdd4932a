"""The page in a browser and as strangers may ask it; Gradio is an extra."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests

from tests.browser.conftest import browser_programs, page  # noqa: F401 (fixtures)
from tests.support.footage import ffmpeg, needs_ffmpeg
from tests.support.repository import REPOSITORY
from tests.support.trees import write_video

if TYPE_CHECKING:
    from tests.browser.page import Page

if find_spec("gradio") is None:  # not imported here: see PROGRAM
    pytest.skip("gradio is not installed (pip install -e '.[app]')", allow_module_level=True)
Start = Callable[..., str]


# In a process of its own: Gradio leaves threads behind, and a process with threads must not fork, as later tests do.
PROGRAM = """
import json, sys
from pathlib import Path

import humotion.app.results
from humotion.app.run import make_app
from humotion.app.shelf import Shelf
from humotion.serving.limits import ServeLimits
from tests.serving.conftest import running

said = json.loads(sys.argv[1])

def fails(*_):
    raise ZeroDivisionError("inner workings")

if said["is_faulty"]:
    humotion.app.results.drawn_frames = fails
examples = [Path(path) for path in said["examples"]]
with running(make_app(Shelf(said["models"]), ServeLimits(**said["limits"]), Path(said["folder"]), examples)) as address:
    print(address, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def started(models: list[str], tmp_path: Path) -> Iterator[Start]:
    """Starts a page with limits, and gives its address; what it logs is in page.log."""
    with ExitStack() as stack:

        def start(examples: tuple[Path, ...] = (), is_faulty: bool = False, **limits: Any) -> str:
            (tmp_path / "page").mkdir()
            said = {
                **{"models": models, "limits": limits, "folder": str(tmp_path / "page"), "is_faulty": is_faulty},
                "examples": list(map(str, examples)),
            }
            log = stack.enter_context((tmp_path / "page.log").open("w"))
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, json.dumps(said)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            assert process.stdout is not None
            return process.stdout.readline().strip()

        yield start


def upload(page: Page, path: Path) -> None:  # noqa: F811
    page.find("input[type=file]").send_keys(str(path))
    page.find("video")


def choose(page: Page, label: str, name: str) -> None:  # noqa: F811
    page.click(f"input[aria-label='{label}']")
    page.click(f"[role=option][aria-label='{name}']")


def press(page: Page) -> None:  # noqa: F811
    page.click("button.primary")


def plays(page: Page, css: str) -> bool:  # noqa: F811
    """Whether every video that a selector matches has a picture and a length."""
    script = "return [...document.querySelectorAll(arguments[0])].map(v => v.videoWidth > 0 && v.duration > 0)"
    found = page.driver.execute_script(script, css)
    return bool(found) and all(found)


def test_a_clip_goes_up_and_two_models_answer_side_by_side(
    page: Page,  # noqa: F811
    started: Start,
    real_clip: Path,
) -> None:
    address = started(examples=(real_clip,))
    page.driver.get_log("performance")
    page.open(address, "Compare with", "Examples")
    upload(page, real_clip)
    choose(page, "Compare with", "second")
    press(page)
    page.see("Done in")
    page.see("first", "second", "action recognition, trained on sample", "Most likely", "What the network looks at")
    page.wait(lambda: plays(page, ".annotated video"), "two annotated videos")
    assert len(page.driver.find_elements("css selector", ".annotated video")) == 2
    assert page.text.count("Gates are how much") == 2
    page.shot("app_two_models")
    asked = [json.loads(entry["message"])["message"] for entry in page.driver.get_log("performance")]
    urls = {one["params"]["request"]["url"] for one in asked if one["method"] == "Network.requestWillBeSent"}
    assert [url for url in urls if not url.startswith((address, "data:", "blob:", "about:", "chrome"))] == []

    choose(page, "Compare with", "none")
    choose(page, "Model", "poses")
    press(page)
    page.see("What the memory holds", "joints, mean peak", "coco")
    page.see("Done in")
    page.shot("app_poses")


def test_errors_are_sentences(page: Page, started: Start, tmp_path: Path) -> None:  # noqa: F811
    page.open(started(), "Compare with")
    press(page)
    page.see("There is no clip yet.")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\x00\x01\x02no video")
    upload(page, broken)
    press(page)
    page.see("broken.mp4 cannot be read")
    page.shot("app_error")
    assert "Traceback" not in page.text and str(tmp_path) not in page.text


class Asker:
    """Asks the page as its own JavaScript does."""

    def __init__(self, address: str) -> None:
        self.address = address
        events = requests.get(f"{address}/config", timeout=30).json()["dependencies"]
        (event,) = [one for one in events if len(one["inputs"]) > 2]
        (stop,) = [
            one
            for one in events
            if not one["inputs"] and not one["queue"] and one["targets"][0][1] == "click" and one["backend_fn"]
        ]
        self.event, self.stop_event = event["id"], stop["id"]

    def upload(self, path: Path) -> requests.Response:
        with path.open("rb") as file:
            return requests.post(f"{self.address}/gradio_api/upload", files={"files": file}, timeout=30)

    def join(self, path: str, *choices: Any) -> str:
        """Ask about a clip; the session that gets the answer."""
        clip = {"path": path, "meta": {"_type": "gradio.FileData"}}
        data = [clip, *(choices or ("first", "none", False, False))]
        body = {"data": data, "fn_index": self.event, "session_hash": os.urandom(5).hex()}
        requests.post(f"{self.address}/gradio_api/queue/join", json=body, timeout=30).raise_for_status()
        return str(body["session_hash"])

    def messages(self, session: str) -> Generator[dict[str, Any]]:
        """The messages until the answer is complete; who stops to read them has closed the page."""
        data, heartbeat = f"queue/data?session_hash={session}", f"heartbeat/{session}"
        with (
            requests.get(f"{self.address}/gradio_api/{heartbeat}", stream=True, timeout=120),
            requests.get(f"{self.address}/gradio_api/{data}", stream=True, timeout=120) as answer,
        ):
            for line in answer.iter_lines(chunk_size=1):  # else the last one waits in a buffer
                if line.startswith(b"data: "):
                    yield (message := json.loads(line[6:]))
                    if message["msg"] == "process_completed":
                        return

    def ask(self, path: str, *choices: Any) -> list[dict[str, Any]]:
        """The messages until the answer is complete."""
        return list(self.messages(self.join(path, *choices)))

    def stop(self, session: str) -> None:
        """Press Stop."""
        body = {"data": [], "fn_index": self.stop_event, "session_hash": session}
        requests.post(f"{self.address}/gradio_api/run/predict", json=body, timeout=30).raise_for_status()


def test_files_go_away(started: Start, clip: Path, tmp_path: Path) -> None:
    asker, uploads = Asker(started(examples=(clip,))), tmp_path / "page" / "uploads"
    kept = set(files_in(uploads))
    assert kept
    (path,) = asker.upload(clip).json()
    assert Path(path).is_relative_to(uploads)
    messages = asker.ask(path)
    assert messages[-1]["success"]
    assert any("looks at the clip" in json.dumps(one) for one in messages if one["msg"] == "progress")
    assert not list((tmp_path / "page").glob("answer-*")), "Gradio has a copy of what is shown"
    shown = files_in(uploads)
    assert len(shown) >= len(kept) + 3
    for file in shown:
        os.utime(file, (0, 0))
    (path,) = asker.upload(write_video(tmp_path / "other.mp4", num_frames=5)).json()
    asker.ask(path)
    assert {file for file in files_in(uploads) if file.stat().st_mtime == 0} == kept


def files_in(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def test_what_strangers_must_not_read(started: Start, clip: Path, tmp_path: Path) -> None:
    address = started()
    asker = Asker(address)
    secret = tmp_path / "secret.mp4"
    shutil.copy(clip, secret)
    for place in (str(secret), "/etc/passwd", f"{address}/config", "http://example.org/clip.mp4", "file:///etc/passwd"):
        last = asker.ask(place)[-1]
        assert not last["success"], place
        assert "Traceback" not in json.dumps(last)
    for place in ("/etc/passwd", str(secret), str(Path.cwd() / "pyproject.toml")):
        assert requests.get(f"{address}/gradio_api/file={quote(place)}", timeout=30).status_code in (403, 404)


def test_the_limits_of_an_upload(started: Start, clip: Path, tmp_path: Path) -> None:
    asker = Asker(started(bytes=clip.stat().st_size + 10, frames=5))
    large = tmp_path / "large.mp4"
    large.write_bytes(b"x" * 100_000)
    assert asker.upload(large).status_code == 413
    (path,) = asker.upload(clip).json()
    last = asker.ask(path)[-1]
    assert not last["success"] and "more than 5 frames" in json.dumps(last["output"])


def test_a_fault_is_told_to_the_log_and_not_to_the_browser(started: Start, clip: Path, tmp_path: Path) -> None:
    asker = Asker(started(is_faulty=True))
    (path,) = asker.upload(clip).json()
    last = asker.ask(path)[-1]
    assert "not with your clip" in json.dumps(last) and "inner workings" not in json.dumps(last)
    assert "inner workings" in (tmp_path / "page.log").read_text()


def test_the_browser_is_told_to_load_nothing_from_elsewhere(started: Start) -> None:
    answer = requests.get(started(), timeout=30)
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert "http" not in answer.headers["content-security-policy"]
    assert requests.get(f"{answer.url}openapi.json", timeout=30).status_code == 404


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """Ten minutes, for which a model needs more time than a test has."""
    short = write_video(tmp_path / "short.mp4", num_frames=300)
    ffmpeg("-stream_loop", "59", "-i", short, "-c", "copy", tmp_path / "long.mp4")
    return tmp_path / "long.mp4"


@needs_ffmpeg
@pytest.mark.parametrize("leaves", [False, True], ids=["stop", "page closed"])
def test_work_that_nobody_wants_ends(started: Start, long: Path, clip: Path, tmp_path: Path, leaves: bool) -> None:
    asker = Asker(started())
    (path,) = asker.upload(long).json()
    session = asker.join(path, "poses", "none", False, False)
    messages = []
    start = time.monotonic()
    with closing(asker.messages(session)) as received:
        for message in received:
            messages.append(message)
            if message["msg"] == "progress":
                if leaves:
                    break
                asker.stop(session)
    if not leaves:
        assert messages[-1]["success"] and "Stopped." in json.dumps(messages[-1])
    (path,) = asker.upload(clip).json()
    assert asker.ask(path)[-1]["success"], "the next one is answered"
    assert not list((tmp_path / "page").glob("answer-*"))
    assert time.monotonic() - start < 60


@needs_ffmpeg
def test_the_stop_button(page: Page, started: Start, long: Path, clip: Path) -> None:  # noqa: F811
    page.open(started(), "Compare with")
    choose(page, "Model", "poses")
    upload(page, long)
    press(page)
    page.click("button.stop")
    page.see("Stopped.")
    page.shot("app_stopped")
    page.click("button[aria-label='Clear']")
    upload(page, clip)
    choose(page, "Model", "first")
    press(page)
    page.see("Done in", "Most likely")
