"""Runs on the Hub: pushed in the background while they train, and brought back to go on with on another machine.

Training knows nothing of this. A process of its own (`python -m gan_core.mirror RUN`) reads the run folder, and
whatever the Hub does, the trainer does not wait for it.

- `record`: what was asked for (push.json) and what came of it (mirror/record.json); never a token;
- `stage`: a consistent copy of what is pushed; `pushing`: one commit of it, on top of what was looked at;
- `process`: the background process; `keeper`: who starts it and hears from it;
- `fetch`: the way back.

A repository of a run holds the newest snapshot as its model folder, and the run below `run/`.
"""

from gan_core.mirror.record import Record, Wish, forget_wish, read_record, read_wish, unsent, write_wish

__all__ = ["Record", "Wish", "forget_wish", "read_record", "read_wish", "unsent", "write_wish"]
