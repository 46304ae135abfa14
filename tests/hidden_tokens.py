"""The search for tokens in whatever leaves a process: text, files, archives and pictures, what the Hub was sent."""

import base64
import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image

from tests.hub_server import HubServer
from tests.serving import SECRET

TOKENS = {
    "environment": "hf_EnvironQ7w8e9r0t1Secret",
    "login": "hf_LoginfileZ1x2c3v4b5Secret",
    "visitor": "hf_oauth_eyJhbGciOiJ.dmlzaXRvcnNTZWNyZXQ.Xy9-Qw8_er7tyu",
}
"""As the Hub gives them; a visitor's is a longer one with dots and dashes."""


def pieces() -> Iterator[tuple[str, bytes]]:
    """What gives a token away: each part of it that is long enough, as it is and in base64 at any place."""
    for name, token in {**TOKENS, "signing key": SECRET}.items():
        parts = [token] if name == "signing key" else [one for one in re.split(r"[._-]", token) if len(one) >= 6]
        for part in parts:
            yield name, part.encode()
            yield name, part.encode("utf-16-le")
            for before in range(3):
                packed = base64.b64encode(b"\0" * before + part.encode())
                yield name, packed[-(-before * 8 // 6) : len(packed) - 4]


PIECES = list(pieces())


def unpacked(content: bytes, depth: int = 3) -> Iterator[bytes]:
    """The content, and what is packed in it."""
    yield content
    if not depth:
        return
    inner: list[bytes] = []
    if zipfile.is_zipfile(io.BytesIO(content)):
        with suppress(zipfile.BadZipFile, RuntimeError), zipfile.ZipFile(io.BytesIO(content)) as archive:
            inner += [archive.read(name) for name in archive.namelist()]
    if content[:2] == b"\x1f\x8b":
        with suppress(OSError, EOFError, zlib.error):
            inner.append(gzip.decompress(content))
    if content[:4] == b"\x89PNG":
        with suppress(OSError, SyntaxError, ValueError), Image.open(io.BytesIO(content)) as picture:
            picture.load()
            inner += [str(value).encode() for value in picture.info.values()]
    for one in inner:
        yield from unpacked(one, depth - 1)


def leaks(content: bytes) -> set[str]:
    return {name for part in unpacked(content) for name, piece in PIECES if piece in part}


def clean(content: Any, where: str) -> None:
    if not isinstance(content, bytes):
        content = (content if isinstance(content, str) else json.dumps(content, default=str)).encode()
    assert not leaks(content), f"{where} holds the token of the {leaks(content)}"


def clean_files(folder: Path) -> int:
    """How many files were searched."""
    count = 0
    for path in sorted(folder.rglob("*")):
        clean(str(path), "a name of a file")
        if path.is_file() and not (path.parent.name == "home" and path.name in ("token", "stored_tokens")):
            clean(path.read_bytes(), str(path))
            count += 1
    return count


def clean_hub(hub: HubServer) -> None:
    """What the Hub was sent in bodies and addresses, and what it holds."""
    clean("\n".join(hub.requests), "an address on the Hub")
    for body in hub.bodies:
        clean(body, "what was sent to the Hub")
    clean_files(hub.folder)
    for repository in hub.store.repositories.values():
        clean([[one.title, list(one.files)] for one in repository.commits.values()], repository.name)
        clean(repository.more, f"settings of {repository.name}")
