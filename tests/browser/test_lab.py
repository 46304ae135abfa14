"""The Training tab with real trainings: started, watched, found again, stopped, gone on with, killed, and by whom."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gan_core.training.run_folder import RunFolder, list_runs
from tests.browser.conftest import WAIT_MS
from tests.serving import ROOT, App, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

TINY = {"size": 32, "batch": 8, "latent_dim": 8, "generator_features": 8, "discriminator_features": 8, "device": "cpu"}
PACE = {"log_steps": 5, "sample_steps": 40, "snapshot_steps": 200, "state_steps": 100, "quality_steps": 0}
STEP = "Number(document.querySelector('.lb-numbers').textContent.replaceAll(',', '').match(/\\d+/)?.[0] ?? 0)"
DRAWN = "document.querySelector('#lab-travel canvas')?.toDataURL()"


def train(runs: Path, name: str = "00000-dcgan-shapes", steps: int = 200_000) -> RunFolder:
    """A training that somebody starts on the command line."""
    command = [sys.executable, "-m", "gan_core", "train", "dcgan", "--data", "shapes", "--run", str(runs / name)]
    options = {**TINY, **PACE, "steps": steps}
    command += [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
    command.append("--quiet")
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (runs.parent / f"{name}.log").open("wb") as log:
        subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=env, start_new_session=True)
    return RunFolder(runs / name)


def visit(browser, app: App):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(WAIT_MS)
    page.goto(app.url)
    open_tab(page)
    return page


def open_tab(page) -> None:
    page.get_by_role("tab", name="Training").click()
    page.wait_for_selector("#lab .lb")


def wait_for_text(page, selector: str, text: str) -> None:
    asked = "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)"
    page.wait_for_function(asked, arg=[selector, text])


def wait_for_other(page, expression: str) -> None:
    """Until an expression gives something else than now."""
    before = page.evaluate(expression)
    page.wait_for_function(f"before => ({expression}) !== before", arg=before)


def step(page) -> int:
    return page.evaluate(STEP)


def test_a_run_is_watched_found_again_stopped_gone_on_with_and_survives(
    browser, own_runs: Path, models: Path, tmp_path
):
    with serve(tmp_path / "app", runs=own_runs, models=models) as app:
        page = visit(browser, app)
        page.wait_for_selector("#lab-form:not([hidden])")  # Nothing to show yet: how to begin.
        page.wait_for_selector("#lab-head[hidden]", state="attached")

        # It begins from the form as it stands there, and curve and samples move.
        page.wait_for_function("document.querySelector('#lf-steps')?.value")
        page.fill("#lf-steps", "6000")
        page.click("#lf-start")
        page.wait_for_selector(".lb-card")
        (run,) = list_runs(own_runs)
        page.wait_for_selector("#lab-form[hidden]", state="attached")
        wait_for_text(page, "#lab-head", "Running")
        wait_for_text(page, "#lab-head", "left")
        wait_for_other(page, "document.querySelector('.lb-numbers').textContent")
        wait_for_other(page, DRAWN)
        page.wait_for_function("document.querySelector('#lab-chart canvas')?.width > 300")
        wait_for_other(page, "document.querySelector('#lab-chart canvas').toDataURL()")

        # Another visitor, and the same after a reload, with what was typed in between kept while news comes in.
        page.reload()
        wait_for_text(page, "[role=tab][aria-selected=true]", "Training")  # It went back to the first tab.
        wait_for_text(page, "#lab-head", run.id)
        page.click("#lab-rename")
        page.fill("#lab-title", "My first")
        wait_for_other(page, "document.querySelector('.lb-numbers').textContent")
        assert page.input_value("#lab-title") == "My first"
        page.press("#lab-title", "Enter")
        wait_for_text(page, "#lab-head", "My first")
        wait_for_text(page, f"[data-run='{run.id}']", "My first")

        # Other settings: nonsense is refused in a sentence, the rest is taken up and told.
        page.click("#lab-settings")
        page.wait_for_function("document.querySelector('#lab-set-lr_d').value !== ''")
        page.fill("#lab-set-lr_d", "7")
        page.click("#lab-apply")
        wait_for_text(page, "#lab-panel-settings", "Nothing was changed")
        page.fill("#lab-set-lr_d", "0.0001")
        page.click("#lab-apply")
        wait_for_text(page, "#lab-findings", "Changed while training")

        # Pause and wake.
        page.click("#lab-pause")
        wait_for_text(page, "#lab-head", "Paused")
        page.click("#lab-resume")
        wait_for_text(page, "#lab-head", "Running")

        # Stop: saved, and gone on with.
        page.click("#lab-stop")
        wait_for_text(page, "#lab-head", "Stopped")
        stopped_at = step(page)
        assert run.status()["step"] == stopped_at
        assert run.states()[-1][0] == stopped_at
        page.click("#lab-resume")
        wait_for_text(page, "#lab-head", "Running")
        page.wait_for_function(f"{STEP} > {stopped_at}")

        # The trainer is killed: the page says so, and goes on from what was saved.
        os.kill(run.status()["pid"], signal.SIGKILL)
        wait_for_text(page, "#lab-head", "Interrupted")
        at = run.states()[-1][0]
        wait_for_text(page, "#lab-trouble", f"Its trainer is gone. It can go on from step {at:,}, which is saved.")
        assert page.locator("button:visible:text-is('Resume')").count() == 1
        page.click("#lab-again")
        wait_for_text(page, "#lab-findings", f"training goes on from the state of step {at:,}")
        wait_for_text(page, "#lab-head", "Running")

        # The application is killed: the page says so, the training goes on.
        app.kill()
        wait_for_text(page, "#lab-message", "The server does not answer")
        page.close()
    at = run.status()["step"]
    with serve(tmp_path / "again", runs=own_runs, models=models) as app:
        page = visit(browser, app)
        wait_for_text(page, "#lab-head", "Running")
        assert step(page) >= at
        assert run.status()["state"] == "running"

        # Notes are kept once one stops typing; a run that has ended goes to the trash, and comes back.
        page.click("summary:has-text('Notes')")
        page.fill("#lab-notes", "Rates halved at the start.")
        page.wait_for_function("document.querySelector('.lb-noting summary').innerText.includes('Saved')")
        assert page.evaluate("document.activeElement.id") == "lab-notes"  # Without leaving the field.
        page.click("#lab-stop")
        wait_for_text(page, "#lab-head", "Stopped")
        assert run.about()["notes"] == "Rates halved at the start."
        page.click("#lab-delete")
        page.wait_for_selector("#lab-message button")
        assert not run.path.exists()
        page.click("#lab-message button")
        page.wait_for_selector(f"[data-run='{run.id}']")
        assert run.path.exists()
        page.close()


def test_runs_wait_for_their_turn_and_the_strip_can_be_filtered_and_walked(
    browser, own_runs: Path, models: Path, tmp_path
):
    with serve(tmp_path / "app", runs=own_runs, models=models) as app:
        page = visit(browser, app)
        page.wait_for_selector("#lab-form:not([hidden])")
        first = train(own_runs)  # What is started elsewhere appears by itself.
        page.wait_for_selector(f"[data-run='{first.id}']")
        for _ in range(2):
            begun = app.call("lab", "resume_run", {"run": begin(own_runs)})
            assert begun["ok"], begun
        wait_for_text(page, ".lb-strip", "Waiting, 1st")
        wait_for_text(page, ".lb-strip", "Waiting, 2nd")
        wait_for_text(page, "#lab-count", "1 training, 2 waiting")
        order = page.evaluate("[...document.querySelectorAll('.lb-card')].map((card) => card.dataset.run)")
        assert order[0] == first.id

        # By keyboard from card to card.
        page.focus(f"[data-run='{order[0]}'] .lb-run")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        wait_for_text(page, ".lb-name", order[1])
        page.click("#lab-stop")  # It leaves the queue.
        wait_for_text(page, "#lab-head", "Stopped")
        page.wait_for_function("!document.querySelector('.lb-strip').innerText.includes('Waiting, 2nd')")
        wait_for_text(page, ".lb-strip", "Waiting, 1st")
        page.close()


def begin(runs: Path) -> str:
    """A run that nobody trains yet."""
    from gan_core.begin import begin as made
    from gan_core.config import RunConfig, train_config
    from gan_core.settings import Settings

    train = train_config("dcgan", data="shapes", size=32, batch=8, steps=50, device="cpu")
    network = {"latent_dim": 8, "generator_features": 8, "discriminator_features": 8}
    run = made(RunConfig(family="dcgan", train=train, network=network, recipe={}), Settings(runs_dir=runs))
    run.write_status(state="stopped", step=0, total_steps=50)
    return run.id
