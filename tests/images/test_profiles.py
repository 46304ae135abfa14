"""Colour profiles: a picture becomes sRGB, and a profile of no use is ignored."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from gan_core.images import open_picture
from tests.images.files import encoded
from tests.images.photo import CLEAR, GREY, PHOTO, difference

D50 = struct.pack(">iii", 63190, 65536, 54061)  # The white of profiles, in 1/65,536.


def swapped_profile(space: str = "RGB") -> bytes:
    """sRGB with the primaries of red and blue exchanged: a picture with it looks wrong until it is converted."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132])
    entries = {bytes(profile[132 + 12 * n : 136 + 12 * n]): 132 + 12 * n for n in range(count)}
    red, blue = entries[b"rXYZ"], entries[b"bXYZ"]
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    if space != "RGB":
        profile[16:20] = space.ljust(4).encode()
    return bytes(profile)


def profile_of(space: bytes, kind: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile, version 2, written by the specification: header, table of tags, tags."""
    tags = {b"desc": b"desc\0\0\0\0\0\0\0\2t\0" + bytes(80), b"wtpt": b"XYZ \0\0\0\0" + D50, **tags}
    at, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content
    head = b"lcms" + struct.pack(">I", 0x02400000) + kind + space + pcs + bytes(12) + b"acsp" + bytes(28) + D50
    return (struct.pack(">I", at + len(body)) + head).ljust(128, b"\0") + table + body


def test_a_grey_profile():
    """Of linear light: 0.5 is far brighter in sRGB, 1.055 x 0.5^(1 / 2.4) - 0.055 = 0.735."""
    linear = profile_of(b"GRAY", b"mntr", b"XYZ ", {b"kTRC": b"curv\0\0\0\0\0\0\0\0"})
    ramp = Image.fromarray(np.array([[0, 128, 255]], np.uint8))
    opened = open_picture(encoded(ramp, "PNG", icc_profile=linear))
    assert opened.mode == "L"
    assert np.abs(np.asarray(opened).astype(int) - [[0, 188, 255]]).max() <= 2
    clear = Image.merge("LA", (ramp, Image.fromarray(np.array([[9, 99, 199]], np.uint8))))
    opened = open_picture(encoded(clear, "PNG", icc_profile=linear))
    assert opened.getchannel("L").getpixel((1, 0)) == pytest.approx(188, abs=2)
    assert opened.getchannel("A").tobytes() == bytes([9, 99, 199])


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_a_press_s_profile(kind):
    """A press whose cyan ink is red: the profile must be asked, and not the usual formula."""
    nodes = [(255, 128, 128)] * 16  # L, a, b in bytes for each corner of the four inks.
    for corner in range(16):
        cyan, black = corner & 8, corner & 1
        nodes[corner] = (0, 128, 128) if black else (136, 208, 195) if cyan else (255, 128, 128)
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 if place % 4 == 0 else 0 for place in range(9)))
    table = b"mft1\0\0\0\0\4\3\2\0" + matrix + ramp * 4 + bytes(part for node in nodes for part in node) + ramp * 3
    press = profile_of(b"CMYK", b"prtr", b"Lab ", {b"A2B0": table})
    inked = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    red, green, blue = open_picture(encoded(inked, kind, icc_profile=press)).getpixel((8, 8))
    assert red > 200
    assert max(green, blue) < 60
    red, green, blue = open_picture(encoded(inked, kind)).getpixel((8, 8))
    assert red < 40, "cyan, without the profile"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_a_profile_is_converted_to_srgb(kind):
    red, green, blue = PHOTO.split()
    opened = open_picture(encoded(PHOTO, kind, icc_profile=swapped_profile()))
    assert difference(opened, Image.merge("RGB", (blue, green, red))) < 12
    assert difference(opened, PHOTO) > 20
    assert "icc_profile" not in opened.info


def test_a_profile_leaves_alpha_alone():
    red, green, blue, alpha = CLEAR.split()
    opened = open_picture(encoded(CLEAR, "PNG", icc_profile=swapped_profile()))
    assert difference(opened, Image.merge("RGBA", (blue, green, red, alpha))) < 2
    assert opened.getchannel("A").tobytes() == alpha.tobytes()


def test_srgb_by_another_name_changes_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert open_picture(encoded(PHOTO, "PNG", icc_profile=profile)).tobytes() == PHOTO.tobytes()


@pytest.mark.parametrize(
    "profile", [b"junk", b"\0" * 128, swapped_profile()[:200], swapped_profile("GRAY"), swapped_profile("CMYK")]
)
@pytest.mark.parametrize("image", [PHOTO, GREY, CLEAR.convert("LA")])
def test_a_profile_of_no_use_is_ignored(profile, image):
    assert open_picture(encoded(image, "PNG", icc_profile=profile)).size == image.size
    if profile[:4] == b"junk":
        assert open_picture(encoded(image, "PNG", icc_profile=profile)).tobytes() == image.tobytes()
