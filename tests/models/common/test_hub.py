"""Checkpoints of the hub, through its own client, from a server on the loopback that speaks the hub's protocol."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from humotion.errors import HumotionError
from humotion.models.common.hub import cached_file, checkpoint_file
from tests.support.hub_server import COMMIT, HubServer

# The client reads its environment once, at its import: hence a process of its own.
PROGRAM = """
import sys
from humotion.errors import HumotionError
from humotion.models.common.hub import cached_file, checkpoint_file
for name in sys.argv[2:]:
    try:
        print({"checkpoint": checkpoint_file, "cached": cached_file}[sys.argv[1]](name))
    except HumotionError as error:
        print("error:", error)
assert "torch" not in sys.modules
"""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.files["org/vit/model.safetensors"] = b"safe"
        server.files["org/vit/pytorch_model.bin"] = b"pickled"
        server.files["org/old/pytorch_model.bin"] = b"old"
        server.files["org/card/README.md"] = b"none"
        server.gated.add("org/gated")
        server.private.add("org/private")
        yield server


def ask(url: str, cache: Path, *names: str, which: str = "checkpoint", **environment: str) -> list[str]:
    """The answer to each name, of a fresh process with that hub and cache."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
    ours |= {"HF_ENDPOINT": url, "HF_HOME": str(cache), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    command = [sys.executable, "-c", PROGRAM, which, *names]
    done = subprocess.run(command, env={**ours, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_checkpoint_is_downloaded_once_and_then_needs_no_network(hub: HubServer, tmp_path: Path) -> None:
    names = ("hf-hub:org/vit", "hf-hub:org/vit@v1", f"hf-hub:org/vit@{COMMIT}", "hf-hub:org/old")
    assert ask(hub.url, tmp_path, names[0], which="cached") == ["hf-hub:org/vit"]  # not here: as it was asked for
    found = ask(hub.url, tmp_path, *names)
    assert [Path(path).read_bytes() for path in found] == [b"safe", b"safe", b"safe", b"old"]
    assert [Path(path).name for path in found] == ["model.safetensors"] * 3 + ["pytorch_model.bin"]
    assert sum(method == "GET" and "/resolve/" in path for method, path in hub.requests) == 2
    num_requests = len(hub.requests)
    assert ask(hub.url, tmp_path, *names, which="cached") == found
    assert ask(hub.url, tmp_path, *names, HF_HUB_OFFLINE="1") == found
    assert len(hub.requests) == num_requests
    assert ask("http://127.0.0.1:9", tmp_path, names[0]) == found[:1]  # nobody listens there


def test_a_branch_that_moved_is_downloaded_again(hub: HubServer, tmp_path: Path) -> None:
    ask(hub.url, tmp_path, "hf-hub:org/vit")
    hub.files["org/vit/model.safetensors"] = b"newer"
    hub.commit = "f" * 40
    (path,) = ask(hub.url, tmp_path, "hf-hub:org/vit")
    assert Path(path).read_bytes() == b"newer"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("hf-hub:org/none", ["shows no model hf-hub:org/none", "hf auth login", "HF_TOKEN"]),
        ("hf-hub:org/private", ["shows no model hf-hub:org/private", "hf auth login", "HF_TOKEN"]),
        ("hf-hub:org/gated", ["gated", "Request access", "HF_TOKEN"]),
        ("hf-hub:org/vit@nosuch", ["no such revision"]),
        ("hf-hub:org/card", ["neither model.safetensors nor pytorch_model.bin"]),
        ("hf-hub:org/--bad", ["is not the name of a model on the hub"]),
    ],
)
def test_what_the_hub_refuses_is_told(hub: HubServer, tmp_path: Path, name: str, told: list[str]) -> None:
    (answer,) = ask(hub.url, tmp_path, name)
    assert answer.startswith("error:")
    assert all(part in answer for part in told), answer


def test_a_hub_out_of_reach_is_told_with_what_to_do(hub: HubServer, tmp_path: Path) -> None:
    hub.busy = True  # a connection that is refused ends alike, after 23 s
    for environment in ({"HF_HUB_OFFLINE": "1"}, {"HF_HUB_OFFLINE": "0"}):
        (answer,) = ask(hub.url, tmp_path, "hf-hub:org/vit", **environment)
        assert answer.startswith("error: hf-hub:org/vit is not in the cache")
        assert str(tmp_path) in answer
        assert "use a checkpoint file" in answer
    assert sum("/resolve/" in path for _, path in hub.requests) > 1  # it was asked again before that was said


@pytest.mark.parametrize("name", ["hf-hub:vit", "hf-hub:a/b/c", "hf-hub:org/vit@", "hf-hub:org/vit@a b"])
def test_names_of_another_form_are_refused_before_anything_is_asked(name: str) -> None:
    for find in (checkpoint_file, cached_file):
        with pytest.raises(HumotionError, match="Write hf-hub:org/name"):
            find(name)


def test_a_path_stays_a_path() -> None:
    assert checkpoint_file("weights/vit.safetensors") == cached_file(Path("weights/vit.safetensors"))
