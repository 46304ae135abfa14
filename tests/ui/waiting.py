"""Jobs of the page, waited for."""

import time

from gan_core.ui.jobs import OVER


def ended(poll, job: str) -> dict:
    """What a job told last."""
    end = time.monotonic() + 60
    while (told := poll(job, 0.01))["state"] not in OVER:
        assert time.monotonic() < end, told
    return told
