"""The Models tab in a real browser."""

import re
import shutil
import zipfile
from pathlib import Path

import pytest
import torch

from gan_core.weights import load
from tests.browser.conftest import WAIT_MS, leaves, on_tab
from tests.foreign import Malicious, Reference

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSTILE = """---
license: mit
---

# hostile

Plain <script>window.broken = 1</script> <img src=x onerror="window.broken = 2"> words, **bold**, `code` and *more*.

[bad](javascript:window.broken=3) [worse](data:text/html,<script>1</script>) [good](https://example.org/a)
![Samples](https://example.org/outside.png) <!-- hidden words -->

| a | b |
| --- | --- |
| 1 | <b>2</b> |

- one
- two

```
<script>window.broken = 4</script>
```
"""


@pytest.fixture(scope="module")
def visit(browser, address: str):
    """One visit for all tests here: loading the page takes longer than most of them."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(WAIT_MS)
    page.outside = []
    page.on("request", lambda request: page.outside.append(request.url) if leaves(request.url, address) else None)
    page.goto(address)
    page.wait_for_selector("#explore-picture img")
    yield page
    page.close()


@pytest.fixture
def tab(visit, models: Path):
    """The tab, with the list as it is by now and all rows closed."""
    errors: list[str] = []
    note = lambda error: errors.append(str(error))  # noqa: E731 - one object, to be taken off again.
    visit.on("pageerror", note)
    visit.set_viewport_size({"width": 1280, "height": 900})
    again(visit)
    visit.wait_for_function(
        "() => [...document.querySelectorAll('#shelf-list > li[data-model]')].map(one => one.dataset.model)"
        ".filter(one => !one.startsWith('run:')).join() === 'tiny-cyclegan,tiny-dcgan'"
    )
    visit.evaluate("document.querySelectorAll('#shelf-list > li.gs-open .gs-name').forEach(one => one.click())")
    yield visit
    visit.remove_listener("pageerror", note)
    for folder in models.iterdir():  # Other tests find the models that they know.
        if folder.name not in ("tiny-dcgan", "tiny-cyclegan"):
            shutil.rmtree(folder)
    assert not errors
    assert not visit.outside


def row(name: str) -> str:
    return f'#shelf-list > li[data-model="{name}"]'


def opened(tab, name: str) -> str:
    """Open a row; its selector."""
    tab.click(f"{row(name)} .gs-name")
    tab.wait_for_selector(f"{row(name)} .sh-tools")
    return row(name)


def press(tab, name: str, text: str) -> None:
    tab.locator(row(name)).get_by_role("button", name=text, exact=True).first.click()


def again(tab) -> None:
    """Look at another tab and come back: the list is asked for anew."""
    tab.get_by_role("tab", name="Explore", exact=True).click()
    come_back(tab)


def come_back(tab) -> None:
    """From another tab, and wait for the list as it is by now: one that came later would be drawn under the hand."""
    tab.evaluate("document.querySelector('#shelf-list')?.setAttribute('aria-busy', 'true')")
    tab.get_by_role("tab", name="Models", exact=True).click()
    tab.wait_for_selector("#shelf-list[aria-busy=false]", state="attached")


def names(tab) -> list[str]:
    return tab.eval_on_selector_all("#shelf-list > li[data-model]", "all => all.map(one => one.dataset.model)")


def bring(tab, *files: Path) -> None:
    """Choose files and wait until there is something to read."""
    tab.set_input_files("#shelf-files", [str(file) for file in files])
    tab.wait_for_function(
        "() => document.querySelector('#shelf-sign').hidden && (document.querySelector('#shelf-refused').textContent"
        " || !document.querySelector('#shelf-found').hidden)"
    )


def test_lists_what_is_here_with_its_facts_and_opens_a_row(tab) -> None:
    assert set(names(tab)) >= {"tiny-cyclegan", "tiny-dcgan"}
    assert "DCGAN" in tab.inner_text(row("tiny-dcgan"))
    assert "16" in tab.inner_text(f"{row('tiny-dcgan')} [data-px]")
    tab.wait_for_selector(f"{row('tiny-dcgan')} img.sh-thumb")  # Drawn, since there is no preview.
    place = opened(tab, "tiny-dcgan")
    assert tab.get_attribute(f"{place} .gs-name", "aria-expanded") == "true"
    assert "It has no card." in tab.inner_text(place)
    tab.click(f"{place} summary:has-text('Files')")
    assert "generator.safetensors" in tab.inner_text(f"{place} .sh-files")
    tab.click(f"{place} summary:has-text('Facts')")
    assert "ant, bee, cat" in tab.inner_text(f"{place} .sh-pairs >> visible=true")
    tab.focus(f"{place} .gs-name")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(f"{place} .sh-panel", state="hidden")
    assert re.fullmatch(r"DCGAN, 16 px, .+ kB", tab.get_attribute(f"{place} .gs-name", "aria-description"))


def test_a_cancelled_export_is_over_at_once_and_the_row_goes_on(tab) -> None:
    place = opened(tab, "tiny-cyclegan")

    def going_on(route) -> None:  # However fast it is: it has not ended when it is cancelled.
        if "pack_poll" not in (route.request.post_data or ""):
            return route.continue_()
        tab.wait_for_timeout(50)
        return route.fulfill(json={"ok": True, "state": "running"})

    tab.route("**/component_server/**", going_on)
    press(tab, "tiny-cyclegan", "Export ONNX")
    tab.locator(f"{place} .sh-working").get_by_role("button", name="Cancel").click()
    tab.wait_for_selector(f"{place} .sh-told:has-text('Cancelled; nothing was kept.')")
    tab.unroute("**/component_server/**")
    assert tab.locator(f"{place} .sh-tools button:disabled").count() == 0
    with tab.expect_download() as download:  # Waits in the queue until the first has come to its end.
        press(tab, "tiny-cyclegan", "Download")
    assert download.value.suggested_filename == "tiny-cyclegan.zip"


def test_every_control_has_a_name(tab) -> None:
    opened(tab, "tiny-dcgan")
    nameless = """all => all.filter(one => one.checkVisibility() && !(one.ariaLabel || one.textContent.trim()
        || one.labels?.length)).map(one => one.outerHTML.slice(0, 120))"""
    assert tab.eval_on_selector_all("#shelf :is(button, input, select, a, summary)", nameless) == []


def test_a_hostile_card_is_text_and_nothing_else(tab, models: Path) -> None:
    shutil.copytree(models / "tiny-dcgan", models / "hostile")
    (models / "hostile" / "README.md").write_text(HOSTILE)
    again(tab)
    tab.wait_for_selector(row("hostile"))
    place = opened(tab, "hostile")
    card = f"{place} .sh-card"
    assert "<script>window.broken = 1</script>" in tab.inner_text(card)
    assert "hidden words" not in tab.inner_text(card)
    assert tab.eval_on_selector_all(f"{card} script, {card} img, {card} iframe, {card} b", "all => all.length") == 0
    assert tab.eval_on_selector_all(f"{card} a", "all => all.map(one => one.href)") == ["https://example.org/a"]
    assert "noopener" in tab.get_attribute(f"{card} a", "rel")
    assert tab.eval_on_selector_all(f"{card} td", "all => all.map(one => one.textContent)") == ["1", "<b>2</b>"]
    assert tab.eval_on_selector_all(f"{card} li", "all => all.length") == 2
    assert tab.inner_text(f"{card} strong") == "bold"
    assert tab.evaluate("window.broken") is None


def test_a_damaged_folder_is_shown_with_its_sentence(tab, models: Path) -> None:
    (models / "broken").mkdir()
    (models / "broken" / "config.json").write_text("{")
    again(tab)
    tab.wait_for_selector(row("broken"))
    assert "Damaged. broken/config.json is not valid JSON" in tab.inner_text(row("broken"))
    place = opened(tab, "broken")
    words = tab.eval_on_selector_all(f"{place} .sh-tools button", "all => all.map(one => one.textContent)")
    assert words == ["Download", "Rename", "Delete"]


def test_open_goes_to_the_tab_that_uses_it(tab, models: Path) -> None:
    shutil.copytree(models / "tiny-dcgan", models / "second")
    again(tab)
    tab.wait_for_selector(row("second"))
    for name in ("second", "tiny-dcgan", "second"):  # The same model twice is news twice.
        press(tab, name, f"Open {name} in Explore")
        tab.wait_for_function(
            "name => document.querySelector('#explore-model button').ariaLabel === `Model: ${name}`", arg=name
        )
        on_tab(tab, "Explore")
        come_back(tab)
    assert tab.locator(row("tiny-cyclegan")).get_by_role("button", name="Open tiny-cyclegan in Style transfer").count()


def test_a_translator_opens_in_style_transfer(tab) -> None:
    press(tab, "tiny-cyclegan", "Open tiny-cyclegan in Style transfer")
    tab.wait_for_function("() => document.querySelector('#paint-model button').ariaLabel === 'Model: tiny-cyclegan'")
    on_tab(tab, "Style transfer")


def test_imports_a_checkpoint_of_pytorch_examples_which_works_at_once(tab, models: Path, tmp_path: Path) -> None:
    torch.manual_seed(6)
    path = tmp_path / "netG_ducks_epoch_24.pth"
    torch.save(Reference().state_dict(), path)
    bring(tab, path)
    assert "pytorch/examples" in tab.inner_text("#shelf-found h4")
    assert tab.input_value("#shelf-name") == "ducks"
    tab.fill("#shelf-name", "tiny-dcgan")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#shelf-found .gs-notice:has-text('There is a model tiny-dcgan already')")
    tab.fill("#shelf-name", "ducks")
    tab.click("#shelf-add")
    tab.wait_for_selector(row("ducks"))
    assert "unknown" in tab.inner_text(row("ducks"))
    tab.wait_for_selector("#shelf-found:has-text('ducks is here.')")
    tab.locator("#shelf-found").get_by_role("button", name="Open in Explore").click()
    tab.wait_for_function("() => document.querySelector('#explore-model button').ariaLabel === 'Model: ducks'")
    assert load(models / "ducks").config.network["latent_dim"] == 12
    come_back(tab)
    card = f"{opened(tab, 'ducks')} .sh-card"
    assert "netG_ducks_epoch_24.pth" in tab.inner_text(card)


def test_a_translator_s_way_is_asked_for(tab, models: Path, tmp_path: Path) -> None:
    from gan_core.interop import reference

    for path in reference.export(load(models / "tiny-cyclegan"), tmp_path):
        path.rename(tmp_path / path.name.replace("latest", "12"))
    bring(tab, *sorted(tmp_path.glob("*net_G_*.pth")))
    assert "CycleGAN" in tab.inner_text("#shelf-found h4")
    assert "makes B from A" in tab.inner_text("#shelf-found .sh-notes")
    tab.fill("#shelf-name", "way")
    tab.fill("#shelf-from", "dog")
    tab.fill("#shelf-to", "cat")
    tab.click("#shelf-turn")
    assert (tab.input_value("#shelf-from"), tab.input_value("#shelf-to")) == ("cat", "dog")
    assert tab.eval_on_selector_all("#shelf-first option", "all => all.map(one => one.text)") == [
        "cat → dog",
        "dog → cat",
    ]
    tab.select_option("#shelf-first", "ba")
    tab.click("#shelf-add")
    tab.wait_for_selector(row("way"))
    config = load(models / "way").config
    assert (config.domains, config.default_direction) == ({"a": "dog", "b": "cat"}, "ab")
    ours, theirs = (load(models / name).networks for name in ("way", "tiny-cyclegan"))
    x = torch.rand(1, 3, 16, 16)
    with torch.inference_mode():  # The file's second generator is the first now.
        assert torch.allclose(ours["generator_ab"](x), theirs["generator_ba"](x), atol=1e-5)


def test_a_malicious_pickle_is_refused_where_the_eye_is_and_the_list_stays(tab, models: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    torch.save({"state_dict": Malicious(ran)}, tmp_path / "evil.pth")
    before = sorted(models.iterdir())
    bring(tab, tmp_path / "evil.pth")
    text = tab.inner_text("#shelf-refused")
    assert text.startswith("evil.pth") and "run code" in text  # noqa: PT018
    assert not ran.exists()
    assert sorted(models.iterdir()) == before
    torch.save({**Reference().state_dict(), "main.99.weight": torch.zeros(2)}, tmp_path / "near.pth")
    bring(tab, tmp_path / "near.pth")
    tab.wait_for_selector("#shelf-refused:has-text('main.99.weight')")


def test_what_is_dropped_is_taken(tab, tmp_path: Path) -> None:
    torch.save(Reference().state_dict(), tmp_path / "x.pth")
    content = list((tmp_path / "x.pth").read_bytes())
    transfer = tab.evaluate_handle(
        "content => { const all = new DataTransfer();"
        " all.items.add(new File([new Uint8Array(content)], 'dropped.pth')); return all; }",
        content,
    )
    tab.dispatch_event("#shelf-drop", "dragover", {"dataTransfer": transfer})
    assert "sh-dropping" in tab.get_attribute("#shelf .sh", "class")
    tab.dispatch_event("#shelf-drop", "drop", {"dataTransfer": transfer})
    tab.wait_for_selector("#shelf-found h4:has-text('pytorch/examples')")
    assert tab.input_value("#shelf-name") == "dropped"
    tab.locator("#shelf-found").get_by_role("button", name="Cancel").click()
    tab.wait_for_selector("#shelf-found", state="hidden")


def test_a_log_becomes_a_run_of_the_training_tab(tab, runs: Path, tmp_path: Path) -> None:
    line = "(epoch: 1, iters: {}00, time: 0.3, data: 0.0) D_A: 0.1 G_A: 0.4 cycle_A: 1.0 D_B: 0.3 G_B: 0.5 cycle_B: 1.1"
    (tmp_path / "loss_log.txt").write_text("\n".join(line.format(number) for number in range(1, 5)))
    bring(tab, tmp_path / "loss_log.txt")
    assert "in the Training tab now" in tab.inner_text("#shelf-found")
    tab.locator("#shelf-found").get_by_role("button", name="Open").click()
    on_tab(tab, "Training")
    imported = [path for path in runs.iterdir() if "loss" in path.name]
    assert len(imported) == 1
    shutil.rmtree(imported[0])


def test_deleting_asks_once_and_is_undone(tab, models: Path) -> None:
    shutil.copytree(models / "tiny-dcgan", models / "ducks")
    again(tab)
    tab.wait_for_selector(row("ducks"))
    place = opened(tab, "ducks")
    press(tab, "ducks", "Delete")
    tab.locator(place).get_by_role("button", name="Keep it").click()
    assert (models / "ducks").is_dir()
    press(tab, "ducks", "Delete")
    tab.click(f"{place} .sh-danger")
    tab.wait_for_selector(".sh-gone")
    assert "ducks" not in names(tab)
    assert not (models / "ducks").exists()
    assert tab.evaluate("document.activeElement.textContent") == "Undo"
    tab.keyboard.press("Enter")
    tab.wait_for_selector(row("ducks"))
    assert load(models / "ducks").config.family == "dcgan"
    assert not tab.locator(".sh-gone").count()


def test_the_trash_restores_and_removes_for_good(tab, models: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(models / "tiny-dcgan", models / name)
    again(tab)
    for name in ("one", "two"):
        tab.wait_for_selector(row(name))
        place = opened(tab, name)
        press(tab, name, "Delete")
        tab.click(f"{place} .sh-danger")
        tab.wait_for_selector(f".sh-gone:has-text('{name}')")
    tab.click("#shelf-deleted summary")
    tab.get_by_role("button", name="Restore one").click()
    tab.wait_for_selector(row("one"))
    away = tab.get_by_role("button", name="Remove two for good")
    away.click()
    assert "cannot be undone" in away.inner_text()
    away.click()
    tab.wait_for_selector("#shelf-deleted", state="hidden")
    assert not list((models / ".trash").iterdir())


def test_renaming_by_keyboard(tab, models: Path) -> None:
    shutil.copytree(models / "tiny-dcgan", models / "ducks")
    again(tab)
    tab.wait_for_selector(row("ducks"))
    place = opened(tab, "ducks")
    press(tab, "ducks", "Rename")
    tab.keyboard.type("No Name")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(f"{place} .gs-notice:has-text('cannot name a model')")
    tab.keyboard.press("Control+a")
    tab.keyboard.type("swans")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(f"{row('swans')} .sh-tools")
    assert (models / "swans").is_dir()
    assert "ducks" not in names(tab)


def test_downloads_the_folder_and_onnx(tab, tmp_path: Path) -> None:
    place = opened(tab, "tiny-dcgan")
    with tab.expect_download() as download:
        press(tab, "tiny-dcgan", "Download")
    download.value.save_as(tmp_path / "model.zip")
    assert download.value.suggested_filename == "tiny-dcgan.zip"
    assert "tiny-dcgan/config.json" in zipfile.ZipFile(tmp_path / "model.zip").namelist()
    with tab.expect_download() as download:
        press(tab, "tiny-dcgan", "Export ONNX")
        tab.wait_for_selector(f"{place} .sh-working [role=progressbar]")
    download.value.save_as(tmp_path / "model.onnx")
    assert download.value.suggested_filename == "tiny-dcgan.onnx"
    import onnxruntime

    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape[1] == 8
    tab.wait_for_selector(f"{place} .gs-link:has-text('tiny-dcgan.onnx')")


def test_says_quietly_that_nothing_is_here_with_one_way_on(tab) -> None:
    nothing = {"ok": True, "models": [], "deleted": [], "may": False, "why": "Only its owner.", "max_mb": 5}

    def answer(route) -> None:
        if "list_models" in (route.request.post_data or ""):
            route.fulfill(json={**nothing, "max_files": 12})
        else:
            route.continue_()

    tab.route("**/component_server**", answer)
    again(tab)
    tab.wait_for_selector("#shelf-nothing:has-text('No models yet.')")
    assert tab.inner_text("#shelf-why") == "Only its owner."
    assert not tab.locator("#shelf-drop").is_visible()
    tab.locator("#shelf-nothing").get_by_role("button", name="Train one").click()
    on_tab(tab, "Training")
    tab.unroute("**/component_server**")
    again(tab)
    tab.wait_for_selector(row("tiny-dcgan"))
    assert tab.locator("#shelf-drop").is_visible()


def test_nothing_is_wider_than_a_narrow_page(tab) -> None:
    tab.set_viewport_size({"width": 390, "height": 844})
    opened(tab, "tiny-dcgan")
    tab.wait_for_function("document.documentElement.scrollWidth <= 390")
    box = tab.locator(f"{row('tiny-dcgan')} .sh-row").bounding_box()
    assert box["x"] + box["width"] <= 390
