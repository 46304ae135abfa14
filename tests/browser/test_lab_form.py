"""A new run in a real browser: pictures at once, an estimate, errors at their field, and a training that starts."""

import json
import re
import zipfile

import pytest

from gan_core.config import RunConfig, command_line, train_config
from gan_core.training.run_folder import create_run
from tests.browser.lab_form_page import open_form
from tests.data.pictures import png

TIME = ".lf-time"


@pytest.fixture
def form(page):
    """The form, once it shows pictures and its command."""
    page.get_by_role("tab", name="Training").click()
    open_form(page)
    page.wait_for_function("document.querySelectorAll('.lf-tiles img').length === 24")
    command_holds(page, "gan-core train")
    return page


def command_holds(page, text):
    page.wait_for_function(
        "text => document.querySelector('#lf-command').textContent.includes(text) "
        "&& !document.querySelector('#lf-command').classList.contains('lf-wait')",
        arg=text,
    )


def told(page, selector, text):
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)", arg=[selector, text]
    )


def test_presets_fill_the_form_and_the_command_follows(form):
    page = form
    laptop = page.locator(".lf-preset[data-preset=laptop]")
    assert laptop.get_attribute("aria-pressed") == "true"
    told(page, TIME, "About")
    assert re.search(r"GB of [\d.]+ GB", page.locator(".lf-cost").text_content())
    page.locator(".lf-preset[data-preset=reference]").click()
    command_holds(page, "--ema-decay 0.0")
    assert page.input_value("#lf-steps") == "1600", "25 times through 4,096 pictures in batches of 64"
    assert laptop.get_attribute("aria-pressed") == "false"
    page.fill("#lf-steps", "300")
    command_holds(page, "--steps 300")
    assert page.locator(".lf-preset[aria-pressed=true]").count() == 0, "it is not the preset any more"


def test_errors_stand_at_their_field_and_nothing_jumps(form):
    page = form
    told(page, TIME, "About")
    before = page.locator("#lf-start").bounding_box()
    page.fill("#lf-size", "48")
    told(page, "#lf-numbers-wrong", "Size is 48; it must be a power of two from 16 to 256.")
    assert page.get_attribute("#lf-size", "aria-invalid") == "true"
    assert page.locator("#lf-start").bounding_box() == before
    page.click("#lf-start")
    page.wait_for_function("document.activeElement.id === 'lf-size'")
    page.fill("#lf-size", "32")
    page.wait_for_function("!document.querySelector('#lf-numbers-wrong').textContent")

    page.locator(".lf-more > summary").click()
    page.fill("#lf-recipe-lr_g", "7")
    told(page, "#lf-recipe-lr_g-wrong", "Learning rate G is 7.0; it must lie between 0 and 1.")
    page.get_by_role("button", name="Learning rate G: back to the default").click()
    page.wait_for_function("!document.querySelector('#lf-recipe-lr_g-wrong').textContent")
    assert page.input_value("#lf-recipe-lr_g") == ""


def test_all_that_is_wrong_is_marked_at_once_and_has_no_estimate(form):
    page = form
    told(page, TIME, "About")
    page.locator(".lf-more > summary").click()
    page.fill("#lf-size", "5")
    page.fill("#lf-batch", "0")
    page.fill("#lf-recipe-lr_g", "7")
    told(page, "#lf-recipe-lr_g-wrong", "Learning rate G is 7.0")
    told(page, "#lf-numbers-wrong", "Size is 5; it must be a power of two from 16 to 256.")
    told(page, "#lf-numbers-wrong", "Batch is 0")
    told(page, ".lf-cost", "Correct the marked fields.")
    page.fill("#lf-batch", "8")
    page.fill("#lf-recipe-lr_g", "")
    page.wait_for_function("!document.querySelector('#lf-numbers-wrong').textContent.includes('Batch')")
    told(page, ".lf-cost", "Correct the marked field.")
    assert "About" not in page.locator(".lf-cost").text_content()
    page.fill("#lf-size", "16")
    told(page, TIME, "About")


def test_only_what_differs_from_the_preset_counts_as_changed(form):
    page = form
    more = page.locator(".lf-more > summary")
    assert "changed" not in more.text_content()
    more.click()
    page.fill("#lf-recipe-ema_decay", "0.5")
    told(page, ".lf-more > summary", "1 changed")
    page.get_by_role("button", name="EMA decay: back to the preset").click()
    assert page.input_value("#lf-recipe-ema_decay") == "0.99"
    assert "changed" not in more.text_content()


def test_what_is_ticked_stays_in_the_command_and_arrives_in_the_run(form, runs):
    """The server's answer made a ticked option the default, and so it was not sent any more."""
    page = form
    page.get_by_role("button", name="CycleGAN", exact=True).click()
    page.wait_for_selector("#lf-recipe-cycle_weight", state="attached")
    page.get_by_role("button", name="DCGAN", exact=True).click()
    page.wait_for_selector("#lf-train-conditional", state="attached")
    page.locator(".lf-more > summary").click()
    ticked = ["conditional", "flip", "quarter_turns", "tensorboard"]
    for name in ticked:
        page.check(f"#lf-train-{name}")
        command_holds(page, f"--{name.replace('_', '-')}")
    page.check("#lf-network-spectral_norm")
    page.fill("#lf-size", "16")
    page.fill("#lf-batch", "4")
    page.fill("#lf-steps", "6")
    command_holds(page, "--spectral-norm")
    command_holds(page, "--steps 6")
    text = page.locator("#lf-command").text_content()
    known = {path.name for path in runs.iterdir()}
    page.click("#lf-start")
    page.wait_for_selector(".lf", state="hidden")
    (begun,) = {path.name for path in runs.iterdir() if (path / "config.json").exists()} - known
    config = RunConfig.from_json(json.loads((runs / begun / "config.json").read_text()), "")
    assert [name for name in ticked if getattr(config.train, name)] == ticked
    assert config.network["spectral_norm"]
    assert command_line(config) == text


def test_a_command_breaks_between_options_alone(form):
    page = form
    spans = page.locator("#lf-command > .gs-option").all_text_contents()
    assert " ".join(spans) == page.locator("#lf-command").text_content()
    assert spans[0] == "gan-core train dcgan"
    assert all(one.startswith("--") for one in spans[1:])
    lines = page.evaluate(
        "[...document.querySelectorAll('#lf-command > .gs-option')].map((one) => one.getBoundingClientRect().height)"
    )
    assert len(set(lines)) == 1, "each on one line"
    whole = "(({scrollHeight, clientHeight}) => scrollHeight <= clientHeight)(document.querySelector('#lf-command'))"
    assert page.evaluate(whole)


def test_a_refused_zip_leaves_no_old_preview_and_few_pictures_are_told(form, tmp_path):
    page = form
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"no zip")
    page.get_by_role("button", name="Upload", exact=True).click()
    assert not page.get_by_role("button", name="Cancel", exact=True).is_visible()
    page.set_input_files("#lf-zip", bad)
    told(page, ".lf-data .lf-found", "bad.zip is not a readable zip. Choose another file.")
    page.wait_for_function("document.querySelectorAll('.lf-tiles img').length === 0")
    told(page, ".lf-cost", "Choose other data.")
    assert page.locator(".lf-data .lf-found").text_content() == "bad.zip is not a readable zip. Choose another file."
    few = tmp_path / "few.zip"
    with zipfile.ZipFile(few, "w") as file:
        for number in range(5):
            file.writestr(f"{number}.png", png(number))
    page.set_input_files("#lf-zip", few)
    told(page, ".lf-note", "5 pictures, batch 32: each step sees pictures more than once.")
    assert re.search(r"few, .* kB, \d+ \w+ 20\d\d", page.locator("[aria-label='Uploaded before']").text_content())


def test_data_of_the_hub_is_not_said_to_exist(form):
    page = form
    page.get_by_role("button", name="CycleGAN", exact=True).click()
    page.get_by_role("button", name="Hub", exact=True).click()
    page.fill("#lf-hub", "nobody/nothing")
    page.keyboard.press("Enter")
    told(
        page,
        ".lf-data .lf-found",
        "nobody/nothing is not here yet; whether it exists is seen when the training starts.",
    )
    told(page, ".lf-cost", "Assumed: pictures in colour.")
    page.wait_for_function("document.querySelectorAll('.lf-tiles img').length === 0")
    assert page.locator(".lf-set > p").all_text_contents() == ["Domain A", "Domain B"]


def test_options_come_from_the_families(form):
    page = form
    page.locator(".lf-more > summary").click()
    page.get_by_role("button", name="cutout", exact=True).click()
    command_holds(page, "--augment cutout")
    page.get_by_role("button", name="CycleGAN", exact=True).click()
    command_holds(page, "gan-core train cyclegan")
    page.wait_for_function("document.querySelectorAll('.lf-two .lf-tiles img').length === 24")
    page.wait_for_function("document.querySelector('#lf-domain-a').value === 'circle'")
    page.select_option("#lf-direction", "ba")
    command_holds(page, "--default-direction ba")
    assert page.locator("#lf-recipe-cycle_weight").count() == 1
    assert page.locator("#lf-train-conditional").count() == 0
    unnamed = page.evaluate(
        "[...document.querySelectorAll('.lf input, .lf select')].filter((one) => !one.labels?.length "
        "&& !one.getAttribute('aria-label')).map((one) => one.outerHTML)"
    )
    assert unnamed == []


def test_an_uploaded_zip_is_looked_at_before_the_start(form, tmp_path):
    page = form
    archive = tmp_path / "Little insects.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for number in range(5):
            file.writestr(f"ants/{number}.png", png(number))
            file.writestr(f"bees/{number}.png", png(10 + number))
        file.writestr("bees/broken.png", b"no picture")
    page.get_by_role("button", name="Upload", exact=True).click()
    page.set_input_files("#lf-zip", archive)
    told(page, ".lf-data .lf-found", "Little insects: 11 pictures; 2 classes: ants, bees.")
    told(page, ".lf-told", "1 of these 11 cannot be read and will be left out: bees/broken.png.")
    command_holds(page, "little-insects.zip")
    page.get_by_role("button", name="Hub", exact=True).click()
    page.fill("#lf-hub", "no name")
    page.keyboard.press("Enter")
    told(page, ".lf-data .lf-found", "is no data set of the Hub")


def test_fits_a_telephone(form):
    page = form
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator(".lf-more > summary").click()
    wide = page.evaluate(
        "[...document.querySelectorAll('.lf *')].filter((one) => one.offsetParent && !one.closest('.gs-help > div') "
        "&& one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.className)"
    )
    assert wide == []


def test_escape_goes_back_and_start_begins_a_run(form, runs):
    page = form
    page.fill("#lf-size", "16")
    page.fill("#lf-steps", "40")
    page.fill("#lf-batch", "8")
    command_holds(page, "--steps 40")
    known = {path.name for path in runs.iterdir()}
    page.click("#lf-start")
    page.wait_for_selector(".lf", state="hidden")
    (begun,) = {path.name for path in runs.iterdir() if (path / "config.json").exists()} - known
    page.wait_for_selector(f"#lab-runs :text('{begun}')")
    page.get_by_role("button", name="New run").click()
    page.wait_for_selector(".lf")
    page.wait_for_function("document.querySelector('.lf').contains(document.activeElement)")
    page.keyboard.press("Escape")
    page.wait_for_selector(".lf", state="hidden")


def test_begins_with_a_model_or_goes_on_with_a_stopped_run(form, runs):
    page = form
    page.select_option("#lf-origin", "model:tiny-dcgan")
    page.wait_for_function("document.querySelector('#lf-size').disabled")
    command_holds(page, "--start-from tiny-dcgan")
    assert page.input_value("#lf-size") == "16", "it follows from the model"
    assert page.is_disabled("#lf-network-latent_dim")

    train = train_config("dcgan", data="shapes", size=16, steps=90)
    run = create_run(runs, RunConfig(family="dcgan", train=train, network={}, recipe={}), "shapes")
    status = {"state": "stopped", "step": 30, "total_steps": 90, "error": None}  # No pid, which would be this process.
    (run.path / "status.json").write_text(json.dumps(status))
    page.click("#lf-close")
    page.click("#lab-new")
    page.wait_for_function(
        "value => [...document.querySelectorAll('#lf-origin option')].some((one) => one.value === value)",
        arg=f"resume:{run.id}",
    )
    page.select_option("#lf-origin", f"resume:{run.id}")
    told(page, "#lf-start", "Resume")
    assert page.input_value("#lf-steps") == "90"
    assert "--resume" in page.locator("#lf-command").text_content()
    assert not page.locator(".lf-presets").is_visible()
    page.select_option("#lf-origin", "")
    told(page, "#lf-start", "Start")
    command_holds(page, "--data shapes")
