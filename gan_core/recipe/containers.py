"""What PNG, JPEG and WebP files carry beside their pixels, read without decoding a pixel or unpacking a bomb."""

import zlib
from collections.abc import Iterable
from typing import IO

from gan_core.recipe.xmp import MAX_BYTES

XMP = "XML:com.adobe.xmp"
"""The keyword that PNG gives an XMP packet; here it stands for the packet of every kind of file."""

MAX_PARTS = 100_000
"""Chunks that are looked at: the encoder of a 50 megapixel PNG writes some 20,000."""

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PIXELS_FOLLOW = (0xDA, 0xD9)  # Start of scan, end of image.
_BARE = (0x01, *range(0xD0, 0xD8))  # Markers without a length.


def carried(file: IO[bytes], wanted: Iterable[str]) -> dict[str, str] | None:
    """The texts with these keywords out of a PNG, and the XMP packet of a PNG, JPEG or WebP; None for other files.

    What is damaged is left out, and so is a text that unpacks to more than two megabytes.
    """
    head = file.read(12)
    if head.startswith(_PNG):
        file.seek(len(_PNG))
        return _of_png(file, {keyword.encode("latin-1") for keyword in (*wanted, XMP)})
    if head.startswith(_JPEG):
        file.seek(2)
        return _of_jpeg(file)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _of_webp(file)
    return None


def _of_png(file: IO[bytes], wanted: set[bytes]) -> dict[str, str]:
    found = {}
    for _ in range(MAX_PARTS):
        head = file.read(8)
        length, kind = int.from_bytes(head[:4]), head[4:]
        if len(head) < 8 or kind == b"IEND":
            break
        if kind not in (b"tEXt", b"zTXt", b"iTXt") or length > MAX_BYTES:
            file.seek(length + 4, 1)
            continue
        content, check = file.read(length), file.read(4)
        keyword, _, rest = content.partition(b"\0")
        if keyword in wanted and zlib.crc32(kind + content) == int.from_bytes(check):
            text = _text(kind, rest)
            if text is not None:
                found[keyword.decode("latin-1")] = text
    return found


def _text(kind: bytes, rest: bytes) -> str | None:
    """The text of a PNG's chunk, behind its keyword."""
    if kind == b"tEXt":
        return rest.decode("latin-1")
    if kind == b"zTXt":
        plain = _unpacked(rest[1:]) if rest[:1] == b"\0" else None
        return None if plain is None else plain.decode("latin-1")
    packed, rest = rest[:1] == b"\1", rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    content = _unpacked(rest) if packed else rest
    return None if content is None else content.decode(errors="replace")


def _unpacked(content: bytes) -> bytes | None:
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(content, MAX_BYTES)
    except zlib.error:
        return None
    return plain if unpacker.eof else None


def _of_jpeg(file: IO[bytes]) -> dict[str, str]:
    for _ in range(MAX_PARTS):
        mark = file.read(2)
        if len(mark) < 2 or mark[0] != 0xFF or mark[1] in _PIXELS_FOLLOW:
            break
        if mark[1] == 0xFF:  # Padding: the marker's own byte comes later.
            file.seek(-1, 1)
        elif mark[1] not in _BARE:
            length = int.from_bytes(file.read(2)) - 2
            if length < 0:
                break
            if mark[1] != 0xE1:
                file.seek(length, 1)
                continue
            content = file.read(length)
            if content.startswith(_JPEG_XMP) and len(content) == length:
                return {XMP: content.removeprefix(_JPEG_XMP).decode(errors="replace")}
    return {}


def _of_webp(file: IO[bytes]) -> dict[str, str]:
    for _ in range(MAX_PARTS):
        head = file.read(8)
        length = int.from_bytes(head[4:], "little")
        if len(head) < 8:
            break
        if head[:4] == b"XMP " and length <= MAX_BYTES:
            content = file.read(length)
            return {XMP: content.decode(errors="replace")} if len(content) == length else {}
        file.seek(length + length % 2, 1)
    return {}
