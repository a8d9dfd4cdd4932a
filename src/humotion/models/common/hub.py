"""Where a checkpoint lies: a local file, or ``hf-hub:org/name[@revision]`` on the Hugging Face hub.

The hub's own client downloads, once, into its own cache (``HF_HOME``); with a network it asks each time whether
a branch has moved, without one the cached file is taken. ``HF_ENDPOINT``, ``HF_TOKEN`` and ``HF_HUB_OFFLINE`` are
honoured. Importing this module imports no torch.
"""

from __future__ import annotations

import re
from pathlib import Path

from humotion.errors import HumotionError

HUB = "hf-hub:"
FILES = ("model.safetensors", "pytorch_model.bin")  # in this order of preference


def checkpoint_file(weights: str | Path) -> Path:
    """The local file of a checkpoint; one of the hub is downloaded first if it is not there yet.

    Args:
        weights: a path, returned as it is whether or not there is a file, or ``hf-hub:org/name[@revision]``.

    Raises:
        HumotionError: the hub has no such model, revision or checkpoint, does not let us, or is out of reach.
    """
    if not is_on_hub(weights):
        return Path(weights)
    from huggingface_hub import errors, hf_hub_download

    name, revision = _name_and_revision(str(weights))
    try:
        for file in FILES:
            try:
                return Path(hf_hub_download(name, file, revision=revision))
            except errors.RemoteEntryNotFoundError:
                continue
            except errors.LocalEntryNotFoundError:
                # Nobody says which of the files the hub has, and the other one may be here.
                cached = cached_file(weights)
                if cached.is_file():
                    return cached
                raise
    except (errors.HfHubHTTPError, errors.HFValidationError, OSError) as error:
        raise HumotionError(_explanation(str(weights), error)) from None
    raise HumotionError(
        f"{weights} has neither {' nor '.join(FILES)}. Give a model with one of them, or download its checkpoint "
        "and give the file."
    )


def cached_file(weights: str | Path) -> Path:
    """As `checkpoint_file`, but downloads nothing: where the hub's file would be, if it is not in the cache."""
    if not is_on_hub(weights):
        return Path(weights)
    from huggingface_hub import try_to_load_from_cache

    name, revision = _name_and_revision(str(weights))
    found = (try_to_load_from_cache(name, file, revision=revision) for file in FILES)
    return next((Path(path) for path in found if isinstance(path, str)), Path(str(weights)))


def is_on_hub(weights: str | Path) -> bool:
    """Does this name a checkpoint of the hub?"""
    return str(weights).startswith(HUB)


def _name_and_revision(weights: str) -> tuple[str, str | None]:
    match = re.fullmatch(rf"{HUB}([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", weights)
    if match is None:
        raise HumotionError(f"{weights} names no model of the hub. Write hf-hub:org/name or hf-hub:org/name@revision.")
    return match[1], match[2]


def _explanation(weights: str, error: Exception) -> str:
    """What went wrong, and what to do."""
    from huggingface_hub import constants, errors

    refused = isinstance(error, errors.HfHubHTTPError) and error.response.status_code in (401, 403)
    match error:
        case errors.GatedRepoError():
            return f"{weights} is gated. Ask for access on its page, then log in (`hf auth login`, or set HF_TOKEN)."
        case errors.HfHubHTTPError() if refused or isinstance(error, errors.RepositoryNotFoundError):
            return (
                f"The hub at {constants.ENDPOINT} shows no model {weights}. Check the name; if it is a private one, "
                "log in (`hf auth login`, or set HF_TOKEN)."
            )
        case errors.RevisionNotFoundError():
            return f"The model {weights} has no such revision. Give a branch, tag or commit that it has behind the @."
        case errors.HFValidationError():
            return f"{weights} names no model of the hub: {error}"
        case errors.LocalEntryNotFoundError() | errors.OfflineModeIsEnabled():
            return (
                f"{weights} is not in the cache ({constants.HF_HUB_CACHE}), and the hub at {constants.ENDPOINT} cannot "
                "be asked. Try again with a network (and without HF_HUB_OFFLINE), or give a checkpoint file."
            )
    return f"{weights} could not be downloaded: {error}. Try again, or download its checkpoint and give the file."
