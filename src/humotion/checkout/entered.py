"""Whether the store in use has the models that the files of this checkout say are registered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.params.document import Params
from humotion.work import digest_of_file


def registered(name: str, params: Params) -> str | None:
    """What is said of the registration of an experiment; None if no file says that it is registered."""
    path = Path("registered") / f"{name}.json"
    if not path.exists():
        return None
    recorded = read_json(path)
    try:
        version = _version(name, recorded, params)
    except HumotionError as error:
        return "registered as {uri} ({reason}); the store was not asked: {error}".format(**recorded, error=error)
    if version is None:
        from humotion.tracking.store import shown_uri

        return (
            f"registered with another store as {recorded['uri']} ({recorded['reason']}). The store in use, "
            f"{shown_uri(params.machine.tracking_uri)}, does not have it: `humotion join` enters it."
        )
    alias = next(iter(version.aliases), None)
    uri = f"models:/{recorded['model']}@{alias}" if alias else f"models:/{recorded['model']}/{version.version}"
    # The file is of the store in which the model was registered first; aliases may have moved since.
    reason = recorded["reason"] if alias == recorded["alias"] else "the alias changed after it was registered"
    return f"registered: {uri} (version {version.version}; {reason})"


def not_entered(params: Params) -> list[str]:
    """The experiments and fusions whose files say that they are registered, while the store in use does not have them.

    Raises:
        HumotionError: the store does not answer, or cannot be used.
    """
    found = {name: Path("registered") / f"{name}.json" for name in params.makers}
    return [name for name, path in found.items() if path.exists() and _version(name, read_json(path), params) is None]


def _version(name: str, recorded: dict[str, Any], params: Params) -> Any:
    """The version in the store in use that has the weights of the model folder; None if there is none."""
    from humotion.tracking.address import database_of, in_use

    database = database_of(in_use(params.machine.tracking_uri))
    weights = Path("models") / name / "model.safetensors"
    if (database is not None and not database.exists()) or not weights.exists():
        return None
    from humotion.tracking import registry  # MLflow needs seconds to import

    return registry.with_weights(recorded["model"], digest_of_file(weights), params.machine.tracking_uri)
