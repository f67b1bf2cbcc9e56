# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Runs a command on a terminal of its own, types on it, and keeps what it wrote.

on_terminal.py FILE LINES COLUMNS STEP... -- COMMAND...: steps are wait:REGEX (up to ten
seconds, in what was written since the last step), key:TEXT (\\n is Enter), resize:LINES:COLUMNS
and signal:NAME. Exits as the command does; 3 if a step waited in vain.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

DEADLINE_S = 10


def resize(fd, lines, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", int(lines), int(columns), 0, 0))


def read(fd, seconds):
    """What the terminal shows within that time; b"" if nothing, None at its end."""
    if not select.select([fd], [], [], seconds)[0]:
        return b""
    try:
        return os.read(fd, 65536) or None
    except OSError:
        return None


def wait(fd, out, pattern):
    seen, end = b"", time.monotonic() + DEADLINE_S
    while not re.search(pattern.encode(), seen):
        data = read(fd, 0.1)
        if data is None or time.monotonic() > end:
            print(f"{pattern}: not in {seen[-800:]!r}", file=sys.stderr)
            return False
        seen += data
        out.write(data)
    return True


def step(fd, pid, out, text):
    kind, _, rest = text.partition(":")
    if kind == "wait":
        return wait(fd, out, rest)
    if kind == "resize":
        resize(fd, *rest.split(":"))
        os.kill(pid, signal.SIGWINCH)
    elif kind == "signal":
        os.kill(pid, getattr(signal, "SIG" + rest))
    else:
        os.write(fd, rest.replace("\\n", "\n").encode())
        time.sleep(0.3)
    return True


def main(path, lines, columns, *rest):
    steps, command = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    pid, fd = pty.fork()
    if not pid:
        os.environ["TERM"] = "xterm"
        os.execv(command[0], command)
    resize(fd, lines, columns)
    with open(path, "wb") as out:
        good = all(step(fd, pid, out, text) for text in steps)
        if not good:
            os.kill(pid, signal.SIGKILL)
        while (data := read(fd, DEADLINE_S)) is not None:
            if not data:
                os.kill(pid, signal.SIGKILL)
            out.write(data)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status if good else 3


sys.exit(main(*sys.argv[1:]))
