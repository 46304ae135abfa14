"""A deploy as a whole, as its steps are told."""

from pathlib import Path

from tests.deploy.conftest import space
from tests.hub.conftest import Process
from tests.hub_server import HubServer

CODE = """
from gan_core.deploy.plan import MANIFEST
from gan_core.deploy.publish import Wish, publish
from gan_core.settings import Settings
words = {}
def published(model):
    wish = Wish(Address.parse("user/page"), "zero-gpu", (Path(model),), check=False, wait=False)
    done = publish(wish, Settings(), tell=lambda step, text, share: words.update({step: text}))
    return {**words, "files": done.files}
"""


def test_the_build_and_the_upload_count_the_same_files(client: Process, hub: HubServer, dcgan_folder: Path) -> None:
    """The build said one fewer: the list of what was deployed is written for the upload alone."""
    client.run(f"exec({CODE!r}, globals())")
    told = client.run(f"published({str(dcgan_folder)!r})")
    built, sent = (told[step].removesuffix(f" sent; commit {space(hub).head[:8]}") for step in ("build", "upload"))
    assert built == sent
    there = set(space(hub).files) - {".gitattributes"}
    assert client.run("MANIFEST") in there
    assert built.startswith(f"{told['files']} files, ")
    assert told["files"] == len(there)
