"""What a file is, by its first bytes: names and endings lie, or are lost on the way."""

HEAD_BYTES = 2048
"""How much of a file `kind_of` and `stranger` want to see."""

JPEG, PNG, WEBP, AVIF, HEIF, TIFF, GIF, BMP = "JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF", "GIF", "BMP"

_MARKS = {
    b"\x89PNG\r\n\x1a\n": PNG,
    b"GIF87a": GIF,
    b"GIF89a": GIF,
    b"II*\0": TIFF,
    b"MM\0*": TIFF,
    b"II+\0": TIFF,  # BigTIFF.
    b"MM\0+": TIFF,
    b"BM": BMP,
}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}

RAW = ("it is a camera's RAW file", "Develop it in a photo program and save it as JPEG, PNG or TIFF")
_EXPORT = "Open it in the program that made it and save it as PNG, JPEG or WebP"
_VIDEO = ("it is a video", "Save one of its frames as a picture")
_ARCHIVE = ("it is an archive or a document, not a picture", "Unpack it, and give the pictures inside")
_STRANGERS = {
    b"8BPS": ("it is a Photoshop document", _EXPORT),
    b"gimp xcf": ("it is a GIMP document", _EXPORT),
    b"%!PS": ("it is a PostScript drawing", _EXPORT),
    b"\xc5\xd0\xd3\xc6": ("it is a PostScript drawing", _EXPORT),
    b"\xff\x0a": ("it is a JPEG XL picture", _EXPORT),
    b"\0\0\0\x0cJXL ": ("it is a JPEG XL picture", _EXPORT),
    b"\0\0\0\x0cjP  ": ("it is a JPEG 2000 picture", _EXPORT),
    b"\xff\x4f\xff\x51": ("it is a JPEG 2000 picture", _EXPORT),
    b"\0\0\x01\0": ("it is an icon", _EXPORT),
    b"v/1\x01": ("it is an OpenEXR picture", _EXPORT),
    b"#?RADIANCE": ("it is a Radiance picture", _EXPORT),
    b"\x1a\x45\xdf\xa3": _VIDEO,  # Matroska and WebM.
    b"FLV\x01": _VIDEO,
    b"\0\0\x01\xba": _VIDEO,  # MPEG.
    b"\0\0\x01\xb3": _VIDEO,
    b"0&\xb2u\x8ef\xcf\x11": _VIDEO,  # Windows Media.
    b"PK\x03\x04": _ARCHIVE,
    b"\x1f\x8b": _ARCHIVE,
    b"7z\xbc\xaf": _ARCHIVE,
    b"Rar!": _ARCHIVE,
    b"FUJIFILMCCD-RAW": RAW,
    b"IIRO": RAW,  # Olympus.
    b"IIRS": RAW,
    b"MMOR": RAW,
    b"IIU\0": RAW,  # Panasonic.
    b"\0MRM": RAW,  # Minolta.
    b"FOVb": RAW,  # Sigma.
}


def kind_of(head: bytes) -> str | None:
    """The kind of a picture that can be read, by Pillow's name for it; None for anything else."""
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head[8:10] == b"CR" and head[:2] in (b"II", b"MM"):
        return None  # Canon's RAW, a TIFF by its mark.
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    brands = _brands(head)
    if brands & {b"avif", b"avis"}:
        return AVIF
    if brands & _HEIF_BRANDS:
        return HEIF
    return next((kind for mark, kind in _MARKS.items() if head.startswith(mark)), None)


def stranger(head: bytes) -> tuple[str, str] | None:
    """What a file is that is no picture to be read, and what to do, each as part of a sentence; None: who knows."""
    if not head:
        return "it is empty", "Fetch or save it again"
    if head[8:10] == b"CR" and head[:2] in (b"II", b"MM"):
        return RAW
    if brands := _brands(head):
        return RAW if b"crx " in brands else _VIDEO
    if head[:4] == b"RIFF" and head[8:11] == b"AVI":
        return _VIDEO
    if b"%PDF-" in head[:1024]:
        return "it is a PDF document, not a picture", "Save the page as PNG or JPEG"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<"):
        if any(tag in text for tag in (b"<!doctype html", b"<html", b"<head", b"<body")):
            return "it is a web page, not a picture", "Save the picture itself instead of the page that shows it"
        if b"<svg" in text:
            return "it is an SVG drawing, which has no pixels", "Save it as PNG"
    return next((words for mark, words in _STRANGERS.items() if head.startswith(mark)), None)


def _brands(head: bytes) -> set[bytes]:
    """What an ISO media file says that it is compatible with; empty for other files."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4]), len(head))
    return {head[8:12], *(head[start : start + 4] for start in range(16, end - 3, 4))}


def webp_size(head: bytes) -> tuple[int, int] | None:
    """Width and height that an extended WebP promises, which its decoder would set memory aside for; None: others."""
    if head[12:16] != b"VP8X" or len(head) < 30:
        return None
    return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
