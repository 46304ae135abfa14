"""The form of a new run, as tests open it."""


def open_form(page) -> None:
    """On the Training tab: the form, once it tells its command."""
    # Where there is no run the form opens by itself, and a press at that moment would find no button, or close it.
    page.locator(".lf:visible, #lab-runs .lb-run:visible").first.wait_for()
    if not page.is_visible(".lf"):
        # They come anew with the server's answer, and what was chosen before it would be lost.
        page.evaluate("document.querySelector('#lf-origin')?.replaceChildren()")
        page.click("#lab-new")
    page.wait_for_selector("#lf-origin option", state="attached")
    page.wait_for_function("document.querySelector('#lf-command').textContent.includes('gan-core train')")
