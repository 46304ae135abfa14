"""The engine of the page without a server: its vectors, its weights, and a graphics processor."""

import json
import shutil

import numpy as np
import pytest

from tests.browser.conftest import BROWSERS
from tests.browser.static.hand import opened
from tests.browser.static_bundle import until, visit
from tests.deploy import vectors
from tests.deploy.test_static_seeds import LATENTS_A_SECOND, alike

pytestmark = [pytest.mark.browser, pytest.mark.slow]


PAINT = """async ([base, fails]) => {
    const { paintEngine } = await import(`${base}paint-engine.js`);
    const { file, channels, multiple_px: multiple, smallest_px: smallest } =
        (await (await fetch(`${base}models/tiny-cyclegan/model.json`)).json()).translations.ba;
    const [width, height] = [72, 48];
    const level = (_, at) => (at % 4 === 3 ? 255 : (at * 7) % 251);
    const photo = { data: Uint8ClampedArray.from({ length: 4 * width * height }, level), width, height };
    const network = { channels, multiple, smallest };
    const job = { url: `models/tiny-cyclegan/${file}`, name: "tiny", network, photo, px: null };
    const engine = paintEngine({ base, loading() {} });
    const first = await engine.paint(job).result;
    const chosen = await engine.faster(job, { evenSlow: true });
    if (fails) await new Promise((resolve) => (globalThis.goOn = resolve));
    const second = await engine.paint(job).result;
    const backend = engine.backend(job.url);
    engine.close();
    return { chosen, backend, first: [...first.full.data], second: [...second.full.data] };
}"""


@pytest.fixture(scope="module")
def computed(browser):
    """A browser whose graphics processor is computed by the processor."""
    path = next(filter(None, map(shutil.which, BROWSERS)))
    arguments = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"]
    other = browser.browser_type.launch(executable_path=path, args=["--no-sandbox", *arguments])
    yield other
    other.close()


@pytest.fixture
def webgpu(computed, url: str):
    with visit(computed, url) as page:
        opened(page, url)
        if not page.evaluate("async () => Boolean(await navigator.gpu?.requestAdapter())"):
            pytest.skip("this browser has no WebGPU, not even a computed one")
        yield page


def test_the_browser_makes_the_shared_vectors(page, url: str) -> None:
    code = (vectors.FILE.parent / "vectors.mjs").read_text(encoding="utf-8")
    page.context.route("**/vectors.mjs", lambda route: route.fulfill(body=code, content_type="text/javascript"))
    known = json.loads(vectors.FILE.read_bytes())
    ask = "([known, base]) => import(`${base}vectors.mjs`).then(({ answers }) => answers(known, base))"
    found = page.evaluate(ask, [known, url])
    alike(found, known)
    assert found["latents_a_second"] >= LATENTS_A_SECOND


def test_a_graphics_processor_is_held_against_webassembly(webgpu, url: str) -> None:
    """One that is computed by the processor will do: what counts is that both draw the same."""
    found = webgpu.evaluate(
        """async (base) => {
            const about = await (await fetch(`${base}models/tiny-grey/model.json`)).json();
            const { openEngine } = await import(`${base}engine.js`);
            const engine = await openEngine({ base });
            const generator = await engine.generator(about);
            const z = Float32Array.from({ length: about.latent_dim }, (_, at) => Math.sin(at));
            const first = await generator.decode(z, 1);
            const backend = await generator.faster({ evenSlow: true });
            const second = await generator.decode(z, 1);
            engine.close();
            return { backend, first: [...first], second: [...second] };
        }""",
        url,
    )
    assert found["backend"] == "webgpu"
    first, second = np.array(found["first"]), np.array(found["second"])
    assert first.std() > 0.02
    assert np.abs(first - second).max() <= 1 / 127.5


def test_other_weights_under_the_same_name_are_another_model(page, url: str) -> None:
    """In the full app a model may be replaced while the page is open: it went on drawing the old one."""
    found = page.evaluate(
        """async (base) => {
            const about = await (await fetch(`${base}models/tiny-grey/model.json`)).json();
            const { openEngine } = await import(`${base}engine.js`);
            const engine = await openEngine({ base });
            const replaced = { ...about, onnx: { ...about.onnx, sha256: "0".repeat(64) } };
            const [one, again, other] = [about, about, replaced].map((which) => engine.generator(which));
            const same = [(await one) === (await again), (await one) === (await other)];
            engine.close();
            return same;
        }""",
        url,
    )
    assert found == [True, False]


def test_a_graphics_processor_paints_what_webassembly_paints(webgpu, url: str) -> None:
    found = webgpu.evaluate(PAINT, [url, False])
    assert (found["chosen"], found["backend"]) == ("webgpu", "webgpu")
    first, second = np.array(found["first"]), np.array(found["second"])
    assert first.std() > 8
    assert np.abs(first - second).max() <= 2


def test_a_graphics_processor_that_fails_is_replaced_by_webassembly(webgpu, url: str) -> None:
    """It may be taken away at any time: nobody sees more of it than a later painting."""
    webgpu.evaluate("(asked) => { globalThis.answer = null; }", None)
    webgpu.evaluate(f"(asked) => {{ ({PAINT})(asked).then((found) => (globalThis.answer = found)); }}", [url, True])
    until(webgpu, "globalThis.goOn")
    for worker in webgpu.workers:
        if worker.url.endswith("paint-worker.js"):  # Others are the runtime's threads, which hear nothing.
            worker.evaluate("() => { GPUQueue.prototype.submit = () => { throw new Error('lost'); }; }")
    webgpu.evaluate("() => goOn()")
    until(webgpu, "globalThis.answer")
    found = webgpu.evaluate("answer")
    assert (found["chosen"], found["backend"]) == ("webgpu", "wasm")
    assert found["first"] == found["second"]
