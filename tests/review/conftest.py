from tests.clips.conftest import project  # noqa: F401
