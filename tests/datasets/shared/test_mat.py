from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import scipy.io

from humotion.datasets.shared.base import LabelError, read_mat
from humotion.datasets.shared.mat import MatError, load_mat


def write(path: Path, **content: object) -> Path:
    scipy.io.savemat(path, content, do_compression=False)
    return path


def with_unknown_type(path: Path) -> Path:
    """Give the last value a type that does not exist: scipy 1.17 then reads through a null pointer."""
    data = bytearray(path.read_bytes())
    tag = data.rindex((9).to_bytes(4, "little") + (8 * 6).to_bytes(4, "little"))  # 9: double; 6 of them
    data[tag] = 0xFF
    path.write_bytes(data)
    return path


def test_fields(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mat", x=np.arange(6.0).reshape(2, 3), name="squat", other=np.ones(3))
    content = load_mat(path, ["x", "name", "absent"])
    assert sorted(content) == ["name", "x"]
    np.testing.assert_array_equal(content["x"], np.arange(6.0).reshape(2, 3))
    assert content["name"].tolist() == ["squat"]
    with pytest.raises(LabelError, match=r"a\.mat has no field 'absent'"):
        read_mat(path, ("x", "absent"))


def test_a_file_that_crashes_the_reader_is_an_error_and_the_next_is_read(tmp_path: Path) -> None:
    good, bad = (write(tmp_path / name, x=np.arange(6.0)) for name in ("good.mat", "bad.mat"))
    with_unknown_type(bad)
    code = f"import scipy.io; scipy.io.loadmat({str(bad)!r})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode != 0
    for _ in range(2):
        with pytest.raises(LabelError, match=r"bad\.mat cannot be read: "):
            read_mat(bad, ("x",))
        assert read_mat(good, ("x",))["x"].tolist() == [list(range(6))]


def test_threads_share_the_reader(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{number}.mat", x=np.full(6, float(number))) for number in range(30)]
    with_unknown_type(paths[11])

    def first(path: Path) -> float | None:
        try:
            return float(load_mat(path, ["x"])["x"][0, 0])
        except MatError:
            return None

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(first, paths))
    assert found == [None if number == 11 else float(number) for number in range(30)]


def test_a_forked_process_has_a_reader_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mat", x=np.arange(6.0))
    load_mat(path, ["x"])
    child = os.fork()
    if child == 0:
        os._exit(0 if load_mat(path, ["x"])["x"].shape == (1, 6) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert load_mat(path, ["x"])["x"].shape == (1, 6)


def test_the_reader_dies_with_the_process_that_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mat", x=np.arange(6.0))
    code = (
        "import sys, time; from pathlib import Path; from humotion.datasets.shared.mat import load_mat\n"
        "load_mat(Path(sys.argv[1]), ['x']); print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    (helper,) = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 20
    while helper.is_running() and helper.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_shape_beyond_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.mat"
    scipy.io.savemat(path, {"x": np.zeros((1, 8))}, do_compression=False)
    data = bytearray(path.read_bytes())
    shape = data.index((1).to_bytes(4, "little") + (8).to_bytes(4, "little"))
    data[shape : shape + 8] = (2**14).to_bytes(4, "little") + (2**16).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(MatError):
        load_mat(path, ["x"])


@pytest.mark.parametrize("mebibytes", [2000, 100])
def test_under_a_limit_on_memory(mebibytes: int, tmp_path: Path) -> None:
    """A reader that cannot start is no damage of the file: it must not be taken for bad labels."""
    path = write(tmp_path / "a.mat", x=np.arange(6.0))
    code = (
        "import resource, sys; from pathlib import Path; from humotion.datasets.shared.mat import load_mat\n"
        "limit = int(sys.argv[2]) << 20; resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "print(load_mat(Path(sys.argv[1]), ['x'])['x'].shape)"
    )
    command = [sys.executable, "-c", code, str(path), str(mebibytes)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    if mebibytes == 2000:
        assert done.stdout == "(1, 6)\n", done.stderr
    else:
        assert done.returncode != 0
        assert "MatError" not in done.stderr
