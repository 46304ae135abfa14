"""The check of a static bundle, with small pages that say what the bundle's own page says, in a real browser."""

import json
import tempfile
from pathlib import Path

import psutil
import pytest

from gan_core.deploy import check_page as module
from gan_core.deploy.browser import find_browser
from gan_core.deploy.bundle import Bundle
from gan_core.deploy.check import check
from gan_core.deploy.front_matter import ISOLATED
from gan_core.errors import DeployError

pytestmark = pytest.mark.browser

READY = """
if (!crossOriginIsolated) throw new Error("one thread alone");
document.documentElement.dataset.ready = "explore";
"""
GOOD = {"model": "nouns", "width": 32, "height": 32, "low": 3, "high": 240}
FLAT = {**GOOD, "model": "dull", "low": 127, "high": 129}


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch) -> Path:
    if find_browser() is None:
        pytest.skip("there is no Chromium on this computer")
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def page(folder: Path, script: str) -> Bundle:
    """A bundle whose page runs a module script of its own file, under the policy of the real one."""
    folder.mkdir()
    headers = "".join(f"  {name}: {value}\n" for name, value in ISOLATED.items())
    (folder / "README.md").write_text(f"---\nsdk: static\ncustom_headers:\n{headers}---\n\n# A page\n")
    policy = "default-src 'self'; script-src 'self'"
    (folder / "index.html").write_text(
        f'<!doctype html><meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<script type="module" src="page.js"></script>'
    )
    (folder / "page.js").write_text(script)
    return Bundle(folder, "static", {})


def answering(found: object) -> str:
    return f"{READY}\nglobalThis.ganStudioCheck = async () => ({json.dumps(found)});"


def browsers() -> set[int]:
    """Other tests' browsers are among them."""
    mine = {one.pid for one in psutil.Process().children(recursive=True)}
    return {one.pid for one in psutil.process_iter(["name"]) if one.pid in mine and "chrom" in (one.info["name"] or "")}


def test_a_good_page_passes_and_nothing_stays(tmp_path, scratch):
    told: list[str] = []
    found = {"pictures": [GOOD], "paintings": [{**GOOD, "model": "monet"}], "error": None}
    others = browsers()
    bundle = page(tmp_path / "page", answering(found))
    assert check(bundle, tell=told.append) == "It works"
    assert told == [
        "Opening the page in a headless browser.",
        "nouns drew a picture in the browser.",
        "monet painted a photograph in the browser.",
    ]
    assert not list(scratch.iterdir())
    assert browsers() <= others


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (answering({"pictures": [GOOD, FLAT], "error": None}), "dull drew a picture of one flat colour. Nothing was"),
        (answering({"pictures": [], "error": "The weights are damaged."}), "The weights are damaged. Nothing was"),
        ("document.documentElement.dataset.failed = 'No WebAssembly here.'", "The page says: No WebAssembly here."),
        (f"{READY}\nglobalThis.ganStudioCheck = async () => {{ throw new Error('oh') }}", "The page fails: Error: oh."),
    ],
    ids=["flat", "error", "failed", "throws"],
)
def test_what_does_not_work_is_told(tmp_path, scratch, script, sentence):
    with pytest.raises(DeployError, match="Nothing was uploaded") as caught:
        check(page(tmp_path / "page", script), tell=print)
    assert sentence in str(caught.value)
    assert not list(scratch.iterdir())


def test_a_page_that_shows_nothing_is_told_with_its_complaints(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FIRST_S", 3.0)
    script = "import './missing.js';"
    others = browsers()
    with pytest.raises(DeployError, match="showed no picture within 3 s") as caught:
        check(page(tmp_path / "page", script), tell=print)
    assert "missing.js" in str(caught.value)
    assert browsers() <= others


def test_without_a_browser_it_says_that_nothing_was_tried(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "find_browser", lambda: None)
    told: list[str] = []
    verdict = check(page(tmp_path / "page", "throw 1"), tell=told.append)
    assert verdict == "Not tried: there is no Chromium on this computer"
    assert told == ["The page was not tried: there is no Chromium on this computer. Open it yourself before others do."]
