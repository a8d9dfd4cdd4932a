"""Names and other values that params.yaml could take and a later tool would refuse."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from dvc.utils.hydra import apply_overrides
from mlflow.exceptions import MlflowException
from ruamel.yaml import YAML

from humotion.errors import HumotionError
from humotion.params.document import load_params, validate_params
from humotion.params.names import LONGEST, settable
from humotion.tracking.store import mlflow
from tests.support.tiny_project import tiny_settings

REFUSED: list[tuple[Any, str]] = [
    ("ls_vit.v2", "contains '.'"),
    ("my exp", "contains ' '"),
    ("a@b", "contains '@'"),
    ("$x", r"contains '\$'"),
    ("${x}", r"contains '\$' '{' '}'"),
    ("a/b", "contains '/'"),
    ("../up", r"contains '\.' '/'"),
    ("a'b", 'contains "\'"'),
    ("a`b", "contains '`'"),
    ("a\nb", r"contains '\\n'"),
    ("a:b", "contains ':'"),
    ("a+b", r"contains '\+'"),
    ("a,b", "contains ','"),
    ("e\u0301te\u0301", "contains"),  # accents of their own: looks like été, and is another name
    ("-x", "starts with -"),
    ("", "is empty"),
    ("x" * (LONGEST + 1), "has 101 bytes; at most 100"),
    ("動" * 40, "has 120 bytes"),
    (1, "YAML reads the name 1 as int, not as text"),
    (True, "YAML reads the name True as bool"),
    (None, "YAML reads the name None as NoneType"),
]
TAKEN = ["ls-vit_2", "_x", "1", "007", "3d", "true", "null", "été", "動作", "x" * LONGEST]


def named(name: Any, section: str = "experiments") -> dict[str, Any]:
    settings = copy.deepcopy(tiny_settings(only="action"))
    if section == "experiments":
        settings["experiments"] = {name: settings["experiments"]["action"]}
    else:
        settings["datasets"] = {name: settings["datasets"]["tiny"]}
        settings["experiments"]["action"]["dataset"] = name
    return settings


@pytest.mark.parametrize("section", ["experiments", "datasets"])
@pytest.mark.parametrize(("name", "said"), REFUSED, ids=[repr(name)[:20] for name, _ in REFUSED])
def test_a_name_that_a_tool_refuses_is_refused_first(section: str, name: Any, said: str) -> None:
    with pytest.raises(HumotionError, match=f"  {section}: .*{said}"):
        validate_params(named(name, section), "not valid:")


@pytest.mark.parametrize("name", TAKEN)
def test_names_of_today_stay_names(name: str) -> None:
    assert list(validate_params(named(name), "").experiments) == [name]
    assert list(validate_params(named(name, "datasets"), "").datasets) == [name]


PIPELINE = """\
stages:
  train:
    foreach: ${experiments}
    do:
      cmd: mkdir -p models && echo ${key} > models/${key}
      params:
        - experiments.${key}.seed
      outs:
        - models/${key}
"""


def test_dvc_its_shell_and_mlflow_take_these_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule is measured on the tools: every name goes through a real `dvc repro` and the file system."""
    monkeypatch.chdir(tmp_path)
    settings = named("x")
    settings["experiments"] = dict.fromkeys(TAKEN, settings["experiments"]["x"])
    with Path("params.yaml").open("w") as stream:
        YAML().dump(settings, stream)
    Path("dvc.yaml").write_text(PIPELINE)
    with Repo.init(".", no_scm=True) as repo:
        repo.reproduce()
        assert repo.status() == {}
    written = {path.name: path.read_text().strip() for path in Path("models").iterdir()}
    assert written == {name: name for name in TAKEN}
    mlflow.set_tracking_uri("sqlite:///" + str(tmp_path / "mlflow.db"))
    client = mlflow.MlflowClient()
    for name in TAKEN:
        client.create_registered_model(f"ls_vit-{name}")
    with pytest.raises(MlflowException):
        client.create_registered_model("ls_vit-a:b")


@pytest.mark.parametrize("name", TAKEN)
def test_what_dvc_can_set_on_the_command_line_is_known(tmp_path: Path, name: str) -> None:
    with (tmp_path / "params.yaml").open("w") as stream:
        YAML().dump({"experiments": {name: {"seed": 1}}}, stream)
    can = False
    with contextlib.suppress(Exception):
        apply_overrides(tmp_path / "params.yaml", [f"experiments.{name}.seed=2"])
        can = YAML(typ="safe").load(tmp_path / "params.yaml")["experiments"][name]["seed"] == 2
    assert settable(name) == can


@pytest.mark.parametrize("name", ["apply", "run"])
def test_a_command_of_the_sweep_is_no_name_of_a_sweep(name: str) -> None:
    space = {"seed": {"type": "int", "low": 0, "high": 3}}
    assert validate_params(named(name), "").experiments
    with pytest.raises(HumotionError, match=f"sweeps.{name}: `humotion sweep {name}` is a command"):
        validate_params(named(name) | {"sweeps": {name: {"space": space}}}, "")


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        (
            {"accelerator": "banana"},
            r"machine.accelerator is 'banana'; it can be 'auto', 'cpu', 'gpu', 'cuda', 'mps' or",
        ),
        ({"accelerator": "cuda:0"}, r"machine.accelerator is 'cuda:0'; it can be"),
        *(
            ({"devices": value}, r"machine.devices: devices is .*auto \(all\) or a number from 1.*CUDA_VISIBLE_DEVICES")
            for value in (0, -1, "0,1", [0], True, 1.0, None)
        ),
    ],
)
def test_devices_that_no_machine_has(machine: dict[str, Any], said: str) -> None:
    with pytest.raises(HumotionError, match=said) as raised:
        validate_params(tiny_settings() | {"machine": machine}, "not valid:")
    assert len(str(raised.value).splitlines()) == 2


def test_numbers_are_finite() -> None:
    for value in (float("inf"), float("nan")):
        with pytest.raises(HumotionError, match=r"experiments\.action\.optimizer\.lr: .*finite"):
            validate_params(tiny_settings(only="action", optimizer={"lr": value}), "")


def test_a_root_that_only_a_shell_could_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("DATA", "/big")
    for root, full in {"~/films": "/home/me/films", "$DATA/films": "/big/films"}.items():
        settings = tiny_settings()
        settings["datasets"]["tiny"]["root"] = root
        with pytest.raises(HumotionError, match=rf"datasets\.tiny\.root: root is .*expands no ~.*Write {full}$"):
            validate_params(settings, "")


def test_a_key_that_is_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("datasets: {}\nexperiments:\n  a:\n    seed: 7\n    lr: 1\n    seed: 8\n")
    with pytest.raises(
        HumotionError, match=r"the key 'seed' is there twice in the same map \(again in line 6\)\. Remove"
    ):
        load_params(path)
