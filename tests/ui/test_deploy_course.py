"""One deploy at a time, told to whoever asks."""

import time
from threading import Event
from typing import Any

import pytest

from gan_core.deploy.watch import SpaceError
from gan_core.errors import ConfigError, DeployError, HubError
from gan_core.ui.deploy_course import Course, Tell

ABOUT = {"space": "user/s", "target": "static"}


def over(course: Course) -> dict[str, Any]:
    end = time.monotonic() + 60
    while (told := course.told()) and told["state"] == "running" and time.monotonic() < end:
        time.sleep(0.005)
    assert told
    return told


def test_nothing_was_deployed():
    assert Course().told() is None


def test_steps_and_result():
    course, gate = Course(), Event()

    def work(tell: Tell) -> dict[str, Any]:
        tell("build", "Building", None)
        tell("build", "3 files", 1.0)
        tell("upload", "Sending", 0.5)
        gate.wait(60)
        return {"url": "there"}

    course.begin(ABOUT, work)
    while "upload" not in course.told()["steps"]:
        time.sleep(0.005)
    assert course.told()["steps"] == {
        "build": {"words": "3 files", "share": 1.0, "state": "done"},
        "upload": {"words": "Sending", "share": 0.5, "state": "running"},
    }
    with pytest.raises(ConfigError, match=r"user/s is being deployed\. Nothing was started"):
        course.begin(ABOUT, work)
    course.forget()
    assert course.told()["state"] == "running", "what is under way is not forgotten"
    gate.set()
    told = over(course)
    assert (told["state"], told["result"], told["space"]) == ("done", {"url": "there"}, "user/s")
    course.forget()
    assert course.told() is None


def test_stop_ends_at_the_next_word_which_is_still_told():
    course, gate = Course(), Event()

    def work(tell: Tell) -> dict[str, Any]:
        tell("upload", "Sending", 0.5)
        gate.wait(60)
        tell("upload", "Sent", 1.0)
        raise AssertionError("it went on")

    course.begin(ABOUT, work)
    course.stop()
    gate.set()
    told = over(course)
    assert told["state"] == "stopped"
    assert told["steps"]["upload"]["state"] in ("done", "running")


@pytest.mark.parametrize(
    ("error", "sentence", "reason", "log"),
    [
        (
            SpaceError("It could not be built.", "build", ("one", "two")),
            "It could not be built.",
            "build",
            ["one", "two"],
        ),
        (DeployError("It does not start.\nTraceback\nKeyError"), "It does not start.", "", ["Traceback", "KeyError"]),
        (
            HubError(
                "It was not deployed: a change (a at 1234). Overwrite it (--onto 1234abcd), or all (--force).",
                "diverged",
            ),
            "It was not deployed: a change (a at 1234). Overwrite it, or all.",
            "diverged",
            [],
        ),
        (
            HubError("No cpu. It can have static or zero-gpu: --target static or --target zero-gpu.", "plan"),
            "No cpu. It can have static or zero-gpu.",
            "plan",
            [],
        ),
        (KeyError("x"), "The deploy broke off (KeyError). See the server's log.", "", []),
    ],
)
def test_what_went_wrong_is_a_sentence_in_the_page_s_words(
    error: Exception, sentence: str, reason: str, log: list[str]
):
    course = Course()

    def work(_: Tell) -> dict[str, Any]:
        raise error

    course.begin(ABOUT, work)
    told = over(course)
    assert (told["state"], told["error"], told["reason"], told["log"]) == ("failed", sentence, reason, log)
