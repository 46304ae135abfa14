"""The kinds of film, each from its frames to a file, by the encoders that the wheels of PyAV bring."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from gan_core.errors import ConfigError
from gan_core.images import with_channels
from gan_core.video import palette

Options = dict[str, str]

# Encoders in the order of choice, with their options.
H264 = {"libx264": {"crf": "16", "preset": "medium"}, "libopenh264": {"rc_mode": "quality"}}
VP9 = {"libvpx-vp9": {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}}
WEBP_HARD = {"lossless": "1", "compression_level": "1"}  # Hard pixels pack as well without loss as with.
WEBP_SMOOTH = {"quality": "90"}

_BT709 = 1  # Its number in the tables of primaries, transfer curves and matrices of both H.264 and VP9.
_SPOOL_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Film:
    frames: Iterator[Image.Image]
    """Of one size, at the film's size."""
    fps: Fraction
    """Frames a second."""
    smooth: bool
    """Whether the frames were enlarged smoothly, not with hard pixels."""
    go_on: Callable[[], None]
    """Raises when the film is to be given up; to be called between long steps."""


def mp4(path: Path, film: Film) -> None:
    """H.264, 4:2:0, with the index first, so that it plays before all of it has come."""
    _video(path, film, "mp4", H264, {"movflags": "+faststart"})


def webm(path: Path, film: Film) -> None:
    """VP9, 4:2:0."""
    _video(path, film, "webm", VP9, {})


def webp(path: Path, film: Film) -> None:
    """Hard pixels without loss, smooth pictures at quality 90; endless. Transparency is kept."""
    pixels, options = ("yuva420p", WEBP_SMOOTH) if film.smooth else ("bgra", WEBP_HARD)
    frames = (_rgba(frame).reformat(format=pixels) for frame in film.frames)
    stream = _stream("libwebp_anim", film.fps, pixels, options)
    _encode(path, "webp", stream, ((frame, 1) for frame in frames), {"loop": "0"})


def gif(path: Path, film: Film) -> None:
    """One palette for the whole film, so that no colour flickers; endless.

    The frames wait on the disk until all colours are seen. A GIF's steps are whole hundredths of a second: they are
    spread so that each frame comes within half of one of its moment.
    """
    with tempfile.SpooledTemporaryFile(_SPOOL_BYTES, dir=str(path.parent)) as spool:
        shape: tuple[int, ...] = ()
        count = 0
        for frame in film.frames:
            pixels = np.asarray(frame if frame.mode == "L" else with_channels(frame, 3))
            spool.write(pixels.tobytes())
            shape, count = pixels.shape, count + 1
        length = int(np.prod(shape))

        def frame_at(index: int) -> np.ndarray:
            film.go_on()
            spool.seek(index * length)
            return np.frombuffer(spool.read(length), np.uint8).reshape(shape)

        colours = (
            palette.grey() if len(shape) == 2 else palette.of(map(frame_at, range(count)), count, dither=film.smooth)
        )
        table = np.concatenate([np.full((256, 1), 255, np.uint8), colours.table], 1)  # Alpha, red, green, blue.
        starts = [round(index * 100 / film.fps) for index in range(count + 1)]
        new_frame: Any = av.VideoFrame.from_ndarray  # Its types leave out that pal8 takes indices and a table.
        indexed = (
            (new_frame((colours.indices(frame_at(index)), table), format="pal8"), end - start)
            for index, (start, end) in enumerate(pairwise(starts))
        )
        _encode(path, "gif", _stream("gif", Fraction(100), "pal8", {}), indexed, {"loop": "0"})


def _video(path: Path, film: Film, container: str, choices: dict[str, Options], muxing: Options) -> None:
    codec = next((name for name in choices if name in av.codecs_available), None)
    if codec is None:
        raise ConfigError(
            f"This build of PyAV has no encoder {' or '.join(choices)}. No film was written. "
            "Install PyAV from PyPI (pip install av), or write a .gif."
        )
    frames = (
        av.VideoFrame.from_image(_even(with_channels(frame, 3))).reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        for frame in film.frames
    )
    stream = _stream(codec, film.fps, "yuv420p", choices[codec])
    _encode(path, container, stream, ((frame, 1) for frame in frames), muxing)


def _rgba(picture: Image.Image) -> Any:
    """`VideoFrame.from_image` would drop the transparency."""
    return av.VideoFrame.from_ndarray(np.asarray(picture.convert("RGBA")), format="rgba")


def _even(picture: Image.Image) -> Image.Image:
    """4:2:0 keeps one colour for 2 x 2 pixels: an odd last row or column is doubled."""
    width, height = picture.size
    if not (width % 2 or height % 2):
        return picture
    return Image.fromarray(np.pad(np.asarray(picture), ((0, height % 2), (0, width % 2), (0, 0)), mode="edge"))


def _stream(codec: str, rate: Fraction, pixels: str, options: Options) -> Callable[[Any, Any], Any]:
    """What adds the stream to a container, when the first frame tells its size."""

    def add(container: Any, frame: Any) -> Any:
        track = container.add_stream(codec, rate=rate, options=options)
        track.width, track.height, track.pix_fmt = frame.width, frame.height, pixels
        context = track.codec_context
        context.time_base = 1 / rate
        if pixels == "yuv420p":  # Said in the file, because players take the matrix of small films for BT.601.
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = ColorRange.MPEG
        return track

    return add


def _encode(
    path: Path,
    container: str,
    add_stream: Callable[[Any, Any], Any],
    frames: Iterable[tuple[Any, int]],
    muxing: Options,
) -> None:
    """frames: a frame and its duration in units of the stream's time base, one after the other."""
    with av.open(str(path), "w", format=container, options=muxing) as output:
        track, at, duration = None, 0, 1
        for frame, duration in frames:
            track = track or add_stream(output, frame)
            frame.pts, frame.time_base = at, track.codec_context.time_base
            at += duration
            _mux(output, track.encode(frame), duration)
        assert track is not None, "a film without a picture was refused before"
        _mux(output, track.encode(), duration)


def _mux(output: Any, packets: Iterable[Any], duration: int) -> None:
    """Encoders that hold frames back have frames of one duration, so that it fits whichever packet comes out."""
    for packet in packets:
        packet.duration = duration
        output.mux(packet)
