"""Small paintings to look at: an example's for everybody, a visitor's own for nobody else."""

from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from gan_core.ui.photo_folder import PhotoFolder
from gan_core.ui.photos import EXAMPLE, Photo, Photos
from gan_core.ui.previewing import MOST_KEPT, Previews
from gan_core.ui.services import Services


@pytest.fixture
def photos(services: Services, tmp_path: Path) -> Photos:
    (tmp_path / "uploads" / "x").mkdir(parents=True)
    return Photos(services, PhotoFolder(tmp_path / "kept"), tmp_path / "uploads")


class Counted:
    """A translator that counts what it paints."""

    def __init__(self, translator: Any) -> None:
        self._translator, self.painted = translator, 0
        self.folder, self.ref = translator.folder, translator.ref

    def preview(self, *given: Any, **named: Any) -> Any:
        self.painted += 1
        return self._translator.preview(*given, **named)


def test_an_example_is_painted_once_for_all_who_ask_at_the_same_time(services: Services, photos: Photos) -> None:
    translator: Any = Counted(services.translator("tiny-cyclegan"))
    example = photos.find(EXAMPLE + next(iter(services.examples)))
    previews, seen = Previews(photos), []
    threads = [Thread(target=lambda: seen.append(previews.draw(translator, example, "ba", 64))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert translator.painted == 1
    assert len(seen) == 6
    assert len({after.tobytes() for _, after, _ in seen}) == 1
    previews.draw(translator, example, "ab", 64)
    previews.draw(translator, example, "ba", 32)
    assert translator.painted == 3, "another direction and another size are another picture"
    translator.ref = SimpleNamespace(sha256="newer weights")
    previews.draw(translator, example, "ba", 64)
    assert translator.painted == 4


def test_of_a_visitor_s_own_photograph_nothing_stays(services: Services, photos: Photos, tmp_path: Path) -> None:
    path = tmp_path / "uploads" / "x" / "mine.png"
    Image.linear_gradient("L").convert("RGB").save(path)
    mine: Photo = photos.take(str(path), "mine.png")
    translator: Any = Counted(services.translator("tiny-cyclegan"))
    previews = Previews(photos)
    for _ in range(2):
        before, after, seconds = previews.draw(translator, mine, "ba", 64)
        assert before.size == after.size == (64, 64)
        assert seconds > 0
    assert translator.painted == 2
    assert not previews._kept


def test_few_are_kept(services: Services, photos: Photos) -> None:
    translator: Any = Counted(services.translator("tiny-cyclegan"))
    example = photos.find(EXAMPLE + next(iter(services.examples)))
    previews = Previews(photos)
    for px in range(16, 16 + MOST_KEPT + 5):
        previews.draw(translator, example, "ba", px)
    assert len(previews._kept) == MOST_KEPT
