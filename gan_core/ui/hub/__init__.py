"""The server side of the Hub tab: who is signed in, how models here and there stand, and what moves between them.

- `tokens`: whose token a visitor's request goes with;
- `asking`: server functions that know the token, and whose long part is a job;
- `status`, `diffs`, `finding`: looking; nothing is changed; `seen` keeps what was seen last;
- `moves`, `transfers`: pushes and pulls, one after another, which go on while the page is closed.
"""
