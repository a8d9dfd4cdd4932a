"""Find a checkpoint: a local file, or ``hf-hub:org/name[@revision]`` on the Hugging Face hub.

The hub's own client downloads a file once, into its own cache (``HF_HOME``). With a network, it checks each time
whether a branch has moved. Without a network, it uses the cached file. It reads ``HF_ENDPOINT``, ``HF_TOKEN`` and
``HF_HUB_OFFLINE``. Importing this module does not import torch.
"""

from __future__ import annotations

import re
from pathlib import Path

from humotion.errors import HumotionError

HUB = "hf-hub:"
FILES = ("model.safetensors", "pytorch_model.bin")  # in this order of preference


def existing_checkpoint(weights: str | Path) -> Path:
    """Return the local file of a checkpoint, as `checkpoint_file`, but raise a HumotionError if it is missing."""
    path = checkpoint_file(weights)
    if not path.is_file():
        raise HumotionError(f"There is no checkpoint {path}. Choose a local .safetensors or .pth file.")
    return path


def checkpoint_file(weights: str | Path) -> Path:
    """Return the local file of a checkpoint; a checkpoint of the hub is downloaded if it is not in the cache.

    Args:
        weights: a path, which is returned unchanged even if the file is missing, or ``hf-hub:org/name[@revision]``.

    Raises:
        HumotionError: the hub has no such model, revision or checkpoint, refuses access, or is unreachable.
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
                # We do not know which of the files the hub has, and the other one may be in the cache.
                cached = cached_file(weights)
                if cached.is_file():
                    return cached
                raise
    except (errors.HfHubHTTPError, errors.HFValidationError, OSError) as error:
        raise HumotionError(_explanation(str(weights), error)) from None
    raise HumotionError(
        f"{weights} has neither {' nor '.join(FILES)}. Choose a model that has one of them, or download its "
        "checkpoint and set the path of the file."
    )


def cached_file(weights: str | Path) -> Path:
    """Like `checkpoint_file`, but without a download; if the cache lacks the file, return ``weights`` as a path."""
    if not is_on_hub(weights):
        return Path(weights)
    from huggingface_hub import try_to_load_from_cache

    name, revision = _name_and_revision(str(weights))
    found = (try_to_load_from_cache(name, file, revision=revision) for file in FILES)
    return next((Path(path) for path in found if isinstance(path, str)), Path(str(weights)))


def is_on_hub(weights: str | Path) -> bool:
    """Return whether this is the name of a checkpoint on the hub."""
    return str(weights).startswith(HUB)


def _name_and_revision(weights: str) -> tuple[str, str | None]:
    match = re.fullmatch(rf"{HUB}([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", weights)
    if match is None:
        raise HumotionError(
            f"{weights} is not the name of a model on the hub. Write hf-hub:org/name or hf-hub:org/name@revision."
        )
    return match[1], match[2]


def _explanation(weights: str, error: Exception) -> str:
    """Explain what went wrong, and what the user can do."""
    from huggingface_hub import constants, errors

    refused = isinstance(error, errors.HfHubHTTPError) and error.response.status_code in (401, 403)
    match error:
        case errors.GatedRepoError():
            return f"{weights} is gated. Request access on its page, then log in (`hf auth login`, or set HF_TOKEN)."
        case errors.HfHubHTTPError() if refused or isinstance(error, errors.RepositoryNotFoundError):
            return (
                f"The hub at {constants.ENDPOINT} shows no model {weights}. Check the name. If the model is private, "
                "log in (`hf auth login`, or set HF_TOKEN)."
            )
        case errors.RevisionNotFoundError():
            return f"The model {weights} has no such revision. After the @, write a branch, tag or commit that it has."
        case errors.HFValidationError():
            return f"{weights} is not the name of a model on the hub: {error}"
        case errors.LocalEntryNotFoundError() | errors.OfflineModeIsEnabled():
            return (
                f"{weights} is not in the cache ({constants.HF_HUB_CACHE}), and the hub at {constants.ENDPOINT} is "
                "unreachable. Try again with a network (and without HF_HUB_OFFLINE), or use a checkpoint file."
            )
    return f"{weights} could not be downloaded: {error}. Try again, or download the checkpoint and use the file."
