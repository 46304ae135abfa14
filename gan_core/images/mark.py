"""The mark that people can see, for those who want one."""

from PIL import Image, ImageDraw, ImageFont

TEXT = "Made with GAN Studio"
LETTERS_RATIO = 1 / 40
"""Height of the letters over the shorter side of the picture."""
LETTERS_PX = (11, 96)
"""Smallest that can be read, and largest."""
MOST_RATIO = 0.75
"""A mark takes no more than this of the width and half of this of the height: in smaller pictures it is left out."""

_PLATE = (16, 16, 16, 165)
_INK = (255, 255, 255, 255)


def marked(picture: Image.Image) -> Image.Image:
    """A copy with a small "Made with GAN Studio" in the lower right corner; L, LA, RGB and RGBA keep their mode.

    White letters on a dark plate that lets the picture through a little: legible on light and on dark. A picture
    that is too small for letters of 11 px comes back as it was.
    """
    if picture.mode not in ("L", "LA", "RGB", "RGBA"):
        picture = picture.convert("RGBA" if picture.has_transparency_data else "L" if picture.mode == "1" else "RGB")
    width, height = picture.size
    smallest, largest = LETTERS_PX
    letters_px = min(max(min(width, height) * LETTERS_RATIO, smallest), largest)
    result = picture.copy()
    plate = _plate(letters_px)
    if plate.width > width * MOST_RATIO and letters_px > smallest:
        plate = _plate(max(letters_px * width * MOST_RATIO / plate.width, smallest))  # Of a narrow, tall picture.
    if plate.width > width * MOST_RATIO or plate.height > height * MOST_RATIO / 2:
        return result
    margin = plate.height // 3
    left, top = max(width - plate.width - margin, 0), max(height - plate.height - margin, 0)
    box = (left, top, left + plate.width, top + plate.height)
    # The corner alone: a photograph of 50 megapixels is not converted for it.
    corner = Image.alpha_composite(result.crop(box).convert("RGBA"), plate)
    result.paste(corner.convert(result.mode), box)
    return result


def _plate(letters_px: float) -> Image.Image:
    """RGBA: the words on their plate."""
    font = ImageFont.load_default(letters_px)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(TEXT))
    space = max(round(letters_px * 0.5), 3)
    plate = Image.new("RGBA", (right - left + 2 * space, bottom - top + 2 * space), (0, 0, 0, 0))
    draw = ImageDraw.Draw(plate)
    draw.rounded_rectangle((0, 0, plate.width - 1, plate.height - 1), radius=space, fill=_PLATE)
    draw.text((space - left, space - top), TEXT, font=font, fill=_INK)
    return plate
