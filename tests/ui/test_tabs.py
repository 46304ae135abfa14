"""Handlers of the tabs, called as the page calls them."""

import inspect
import re

from gan_core.ui import assets
from gan_core.ui.page import build_app
from gan_core.ui.services import Services
from gan_core.ui.tabs import explore, interpolate, style_transfer, training
from gan_core.ui.words import in_page_words

FETCHES = {"fetch_model", "fetch_poll", "fetch_stop"}
"""Of the picker, in every tab that has one."""


def test_explore_offers_what_its_script_asks_for(services: Services):
    blocks = build_app(services).blocks.values()
    (component,) = [block for block in blocks if getattr(block, "elem_id", "") == "explore"]
    # What is drawn in the browser asks past the local engine: on the server.
    asked = set(re.findall(r'ask\((?:server|onServer), "(\w+)"', component.js_on_load))
    assert asked == {*explore.SERVED, *explore.SAVES, *explore.SEARCHES, *explore.IN_BROWSER, *FETCHES}
    assert asked == {function.__name__ for function in component.server_fns}


def test_the_scripts_of_a_tab_can_be_read_as_one():
    """Names at the top of two scripts would clash, and a backtick in a template would end it."""
    pages = {explore: "explore", interpolate: "interpolate", style_transfer: "paint", training: "lab"}
    for module, page in pages.items():
        text = assets.script(*module.SCRIPTS)
        names = re.findall(r"^(?:const|let|function|async function) (\w+)", text, re.MULTILINE)
        assert len(names) == len(set(names))
        assert not set("`$") & set(assets.text(f"{page}.html"))


def test_style_transfer_offers_what_its_script_asks_for(services: Services):
    blocks = build_app(services).blocks.values()
    (component,) = [block for block in blocks if getattr(block, "elem_id", "") == "paint"]
    asked = set(re.findall(r'ask\(server, "(\w+)"', component.js_on_load))
    assert asked == {*style_transfer.SERVED, *FETCHES}
    assert asked == {function.__name__ for function in component.server_fns}


def test_training_offers_what_its_scripts_ask_for(services: Services):
    blocks = build_app(services).blocks.values()
    (component,) = [block for block in blocks if getattr(block, "elem_id", "") == "lab"]
    offered = [function.__name__ for function in component.server_fns]
    assert len(offered) == len(set(offered))
    asked = set(re.findall(r'\b(?:call|act)\("(\w+)"', component.js_on_load))
    assert asked <= set(offered)
    for module, part in training.parts(services):
        for name, arguments in {**module.LOOKS, **module.CHANGES}.items():
            assert set(arguments) <= set(inspect.signature(getattr(part, name)).parameters), name


def test_the_page_names_its_public_events_and_hides_the_rest(services: Services):
    events = build_app(services).config["dependencies"]
    public = {event["api_name"] for event in events if event["api_visibility"] == "public"}
    runs = {"start_training", "stop_training", "resume_training"}
    assert public == {"generate", "interpolate", "project", "translate"} | runs


def test_the_page_speaks_without_flags():
    words = in_page_words("--load-size is 5. Use a smaller --batch.")
    assert words == "Load size is 5. Use a smaller batch."
    assert in_page_words("bad.jpg could not be opened.") == "bad.jpg could not be opened."
