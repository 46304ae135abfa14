"""Example photographs, drawn: three landscapes out of noise and perspective.

No picture of a data set may travel with a model or with the application; these belong to us.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

WIDTH, HEIGHT = 480, 320

Picture = np.ndarray
"""(H, W, 3) float, 0 to 1."""


@dataclass(frozen=True)
class Example:
    title: str
    paint: Callable[[], Picture]

    def draw(self) -> Image.Image:
        pixels = np.clip(self.paint(), 0, 1) ** 0.9
        grain = np.random.default_rng(0).normal(0, 0.012, (HEIGHT, WIDTH, 1))
        image = Image.fromarray(((np.clip(pixels + grain, 0, 1)) * 255).astype(np.uint8))
        return image.filter(ImageFilter.GaussianBlur(0.6))


def color(text: str) -> np.ndarray:
    return np.array([int(text[i : i + 2], 16) / 255 for i in (0, 2, 4)])


def noise(seed: int, cells_x: int, cells_y: int, octaves: int = 6, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """(height, width) fractal noise, 0 to 1: each octave twice as fine and a little over half as strong."""
    rng = np.random.default_rng(seed)
    total, weight_sum, weight = np.zeros((height, width)), 0.0, 1.0
    for _ in range(octaves):
        grid = Image.fromarray(rng.random((cells_y + 1, cells_x + 1)).astype(np.float32))
        total += weight * np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC))
        weight_sum += weight
        weight *= 0.55
        cells_x, cells_y = min(cells_x * 2, width), min(cells_y * 2, height)
    total /= weight_sum
    return (total - total.min()) / (total.max() - total.min())


def gradient(stops: list[tuple[float, str]], position: np.ndarray) -> Picture:
    """Colours along stops at positions 0 to 1, for an array of positions."""
    places = [place for place, _ in stops]
    colors = np.array([color(text) for _, text in stops])
    return np.stack([np.interp(position, places, colors[:, channel]) for channel in range(3)], -1)


def ridge(seed: int, base: float, rise: float, cells: int, octaves: int = 7) -> np.ndarray:
    """(H, W) cover of a chain of hills whose line runs about `base` (part of the height from the top)."""
    line = base - rise * noise(seed, cells, 1, octaves, height=2)[0]
    rows = np.arange(HEIGHT)[:, None] / HEIGHT
    return np.clip((rows - line[None]) * HEIGHT / 1.5, 0, 1)


def over(below: Picture, above: Picture, cover: np.ndarray) -> Picture:
    return below * (1 - cover[..., None]) + above * cover[..., None]


def clouds(sky: Picture, seed: int, amount: float, lit: str, shade: str, horizon: float) -> Picture:
    """Clouds that grow flatter and closer together towards the horizon."""
    rows = np.arange(HEIGHT) / HEIGHT
    depth = np.clip((horizon - rows) / horizon, 0.04, 1)
    field = noise(seed, 4, 11, 7, height=HEIGHT * 2)
    # One row of noise a row of sky overhead, more and more towards the horizon.
    sampled = field[(np.log(1.15 / (depth + 0.15)) * 1.15 * horizon * HEIGHT).astype(int)]
    density = np.clip((sampled - (1 - amount)) * 3.2, 0, 1) * np.clip(depth * 5, 0, 1)[:, None]
    above = np.roll(density, 9, axis=0)
    above[:9] = density[:9]
    tone = np.clip(0.25 + density - 0.75 * above, 0, 1)
    body = color(shade) * (1 - tone[..., None]) + color(lit) * tone[..., None]
    return over(sky, body, density * 0.92)


def lake_at_dusk() -> Picture:
    horizon = 0.52
    rows = np.arange(HEIGHT)[:, None] / HEIGHT + np.zeros((1, WIDTH))
    stops = [(0.0, "2c3e66"), (0.2, "5b6496"), (0.34, "b98aa0"), (0.44, "f0a874"), (0.52, "ffd79a")]
    sky = clouds(gradient(stops, rows), 11, 0.46, "ffc48c", "6a5478", horizon)
    columns = np.arange(WIDTH)[None] / WIDTH
    distance = np.hypot((columns - 0.63) * 1.5, rows - 0.47)
    sky += np.exp(-((distance / 0.16) ** 2))[..., None] * color("ffb060") * 0.5
    sky = over(sky, np.ones_like(sky) * color("fff3d0"), np.clip((0.026 - distance) * 120, 0, 1))
    land = sky
    for seed, base, rise, cells, tint in (
        (3, 0.53, 0.15, 3, "76688c"),
        (8, 0.535, 0.12, 4, "4b4766"),
        (21, 0.54, 0.075, 6, "262a3f"),
    ):
        relief = noise(seed + 50, 24, 18, 5)[..., None] * 0.09
        land = over(land, np.ones_like(land) * color(tint) + relief - 0.04, ridge(seed, base, rise, cells))
    shore = int(horizon * HEIGHT)
    rng = noise(5, 6, 60, 5)
    picture = land.copy()
    for row in range(shore, HEIGHT):
        depth = (row - shore) / (HEIGHT - shore)
        mirrored = int(shore - (row - shore) * 0.92)
        shift = ((rng[row] - 0.5) * (4 + 34 * depth)).astype(int)
        source = np.clip(mirrored + (shift * 0.6).astype(int), 0, shore - 1)
        column = np.clip(np.arange(WIDTH) + shift, 0, WIDTH - 1)
        picture[row] = land[source, column] * (0.86 - 0.3 * depth) + color("16223c") * (0.08 + 0.16 * depth)
    glitter = np.exp(-(((columns - 0.63) * 9) ** 2)) * (noise(9, 60, 110, 3) > 0.63) * (rows > horizon)
    picture += (glitter * 0.35)[..., None] * color("ffce8a")
    reeds = np.zeros((HEIGHT, WIDTH))
    draw = np.random.default_rng(2)
    for _ in range(170):
        x, length, lean = draw.normal(70, 52), draw.uniform(30, 92), draw.normal(0, 9)
        for step in np.linspace(0, 1, 120):
            column, row = int(x + lean * step**2), int(HEIGHT - 1 - length * step)
            if 0 <= column < WIDTH:
                reeds[row, column] = 1
    return over(picture, np.ones_like(picture) * color("10131d"), reeds * 0.92)


def poppy_field() -> Picture:
    horizon = 0.44
    rows = np.arange(HEIGHT)[:, None] / HEIGHT + np.zeros((1, WIDTH))
    sky = gradient([(0.0, "3f7fc4"), (0.25, "7fb2e2"), (0.44, "d6e8f2")], rows)
    sky = clouds(sky, 31, 0.55, "ffffff", "a9b8c9", horizon)
    picture = sky
    for seed, base, rise, cells, tint in ((4, 0.46, 0.09, 3, "8fa9bd"), (14, 0.465, 0.05, 5, "6d8f78")):
        relief = noise(seed + 70, 30, 20, 4)[..., None] * 0.1
        picture = over(picture, np.ones_like(sky) * color(tint) + relief - 0.05, ridge(seed, base, rise, cells))
    trees = ridge(6, 0.472, 0.05, 60, 4) * (noise(61, 9, 1, 2, height=2)[0] > 0.42)[None]
    leaves = noise(62, 80, 60, 4)[..., None]
    picture = over(picture, color("2f4a2c") * (0.7 + 0.7 * leaves), trees)
    depth = np.clip((rows - horizon) / (1 - horizon), 0, 1)
    grass = gradient([(0.0, "a9b25f"), (0.25, "8fa646"), (1.0, "4c6d22")], depth)
    blades = noise(64, 150, 26, 4)
    grass = grass * (0.72 + 0.56 * blades[..., None] * (0.4 + 0.6 * depth[..., None]))
    picture = over(picture, grass, np.clip((rows - 0.46) * HEIGHT / 2, 0, 1))
    draw = np.random.default_rng(4)
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH]
    heights = np.sort(0.47 + 0.53 * draw.random(1150) ** 1.7)
    patches = noise(65, 8, 6, 3)
    for height in heights:
        x, y = draw.uniform(-6, WIDTH + 6), height * HEIGHT
        if patches[min(int(y), HEIGHT - 1), int(np.clip(x, 0, WIDTH - 1))] < 0.36:
            continue
        near = (height - horizon) / (1 - horizon)
        radius = 0.7 + 6.0 * near**1.6
        left, right = max(int(x - radius * 2), 0), int(x + radius * 2) + 1
        top, bottom = max(int(y - radius * 2), 0), int(y + radius * 2) + 1
        spot = np.s_[top:bottom, left:right]
        wobble = 1 + 0.25 * np.sin(3 * np.arctan2(yy[spot] - y, xx[spot] - x) + x)
        reach = np.hypot(xx[spot] - x, (yy[spot] - y) * 1.35) / (radius * wobble)
        cover = np.clip((1.05 - reach) * 3, 0, 1)
        petal = color("d3241c") * (1.12 - 0.45 * np.clip(reach, 0, 1)[..., None]) + 0.10 * draw.random()
        petal = np.where((reach < 0.26)[..., None] & (radius > 3), color("2a1216"), petal)
        picture[spot] = over(picture[spot], petal, cover * (0.75 + 0.25 * near))
    return picture


def coast() -> Picture:
    horizon = 0.38
    rows = np.arange(HEIGHT)[:, None] / HEIGHT + np.zeros((1, WIDTH))
    columns = np.arange(WIDTH)[None] / WIDTH + np.zeros((HEIGHT, 1))
    sky = clouds(gradient([(0.0, "5c93c9"), (0.38, "dfeaf0")], rows), 43, 0.5, "ffffff", "b6c3cf", horizon)
    depth = np.clip((rows - horizon) / (1 - horizon), 0, 1)
    sea = gradient([(0.0, "3f6f8f"), (0.3, "2f7f93"), (0.6, "4fa3a3"), (1.0, "9fcfc0")], depth)
    waves = noise(44, 16, 70, 5)
    sea = sea * (0.82 + 0.36 * waves[..., None])
    picture = over(sky, sea, np.clip((rows - horizon) * HEIGHT / 1.2, 0, 1))
    line = 0.80 - 0.30 * columns + 0.05 * noise(45, 5, 1, 4, height=2)[0][None]
    beach = np.clip((rows - line) * HEIGHT / 5, 0, 1)
    sand = gradient([(0.0, "b79f78"), (0.25, "d9c39a"), (1.0, "ead9b4")], np.clip((rows - line) * 3, 0, 1))
    sand = sand * (0.9 + 0.2 * noise(46, 120, 90, 4)[..., None])
    picture = over(picture, sand, beach)
    for offset, width, strength in ((-0.012, 0.012, 0.95), (-0.06, 0.009, 0.7), (-0.125, 0.006, 0.5)):
        wave = line + offset + 0.03 * (noise(47 + int(offset * -1000), 12, 1, 5, height=2)[0][None] - 0.5)
        foam = np.exp(-(((rows - wave) / width) ** 2)) * (0.5 + 0.9 * noise(48, 90, 70, 3)) * strength
        picture = over(picture, np.ones_like(picture) * color("f8fbfa"), np.clip(foam, 0, 1))
    cliff_line = 0.13 + np.clip(columns - 0.12, 0, 1) ** 1.4 * 0.9
    cliff_line = cliff_line + 0.05 * noise(49, 14, 1, 6, height=2)[0][None]
    foot = 0.72 - 0.62 * columns + 0.03 * noise(50, 10, 1, 5, height=2)[0][None]
    cliff = np.clip((rows - cliff_line) * HEIGHT / 2, 0, 1) * np.clip((foot - rows) * HEIGHT / 3, 0, 1)
    strata = noise(51, 26, 60, 6)
    cracks = noise(52, 70, 16, 5)
    rock = gradient([(0.0, "5c4c3d"), (0.5, "a58d6f"), (1.0, "dccbab")], np.clip(0.6 * strata + 0.5 * cracks, 0, 1))
    picture = over(picture, rock, cliff)
    turf = np.exp(-(((rows - cliff_line - 0.02) / 0.03) ** 2)) * cliff
    grass = color("6b8446") * (0.7 + 0.6 * noise(53, 90, 70, 4)[..., None])
    return over(picture, grass, np.clip(turf * 1.4, 0, 1))


EXAMPLES: dict[str, Example] = {
    "lake": Example("Lake at dusk", lake_at_dusk),
    "field": Example("Poppy field", poppy_field),
    "coast": Example("Coast", coast),
}
