"""Secrets in what is about to be public: looked for in every file of a bundle, before anybody else can see it."""

import mmap
import os
import re
from collections.abc import Iterable
from pathlib import Path

from gan_core.errors import DeployError

SECRETS = {
    "a Hugging Face token": rb"\bhf_(?:[A-Za-z0-9]{20,}|oauth_[A-Za-z0-9._-]{20,})",
    "a private key": rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a GitHub token": rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})",
    "an AWS key": rb"\bAKIA[0-9A-Z]{16}\b",
}
_KNOWN = {what: re.compile(pattern) for what, pattern in SECRETS.items()}
_MARKS = {
    "a Hugging Face token": (b"hf_",),
    "a private key": (b" PRIVATE KEY-----",),
    "a GitHub token": (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
    "an AWS key": (b"AKIA",),
}
"""What each of them holds in any case: found much faster than a pattern, in weights of a hundred megabytes."""
VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "OAUTH_CLIENT_SECRET", "WANDB_API_KEY", "GITHUB_TOKEN")


def refuse_secrets(folder: Path, files: Iterable[str]) -> None:
    """Raise `DeployError` where a file holds a secret; it is named and not repeated."""
    patterns = {**_KNOWN, **_own()}
    for name in files:
        path = folder / name
        if path.stat().st_size == 0:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for what, pattern in patterns.items():
                marked = any(content.find(mark) >= 0 for mark in _MARKS.get(what, (b"",)))
                if marked and pattern.search(content):
                    raise DeployError(
                        f"{name} holds {what}. No Space was built. Take it out of that file, and if anybody else could "
                        "read the file, make that secret invalid where it was made."
                    )


def _own() -> dict[str, re.Pattern[bytes]]:
    """This computer's secrets, word for word, whatever they look like."""
    from huggingface_hub import get_token

    told = {f"what {name} holds": os.environ.get(name, "") for name in VARIABLES}
    told["your token of the Hub"] = get_token() or ""
    return {what: re.compile(re.escape(value.encode())) for what, value in told.items() if len(value) >= 8}
