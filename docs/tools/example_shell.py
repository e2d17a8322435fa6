"""Run the steps of examples in one shell, whose standard output is a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from example_blocks import Example, Step
from example_outputs import difference

#: Where an example seems to have run, in the place of the temporary folder.
HOME = "/home/me"
MIRROR = f"{HOME}/mirror"
COLUMNS = 80

_MARK = "\x1e"


@dataclass(frozen=True)
class Result:
    """What a step did."""

    example: Example
    step: Step
    status: int
    printed: str

    @property
    def complaint(self) -> str:
        """What is wrong with it, or nothing."""
        if self.status:
            return f"ended with status {self.status}: {self.printed[-500:]}"
        if self.example.kind == "python":
            return ""
        return difference(self.step.shown, self.printed)


def data_at_hand() -> bool:
    """Whether ``MLSSE_DATA_MIRROR`` names a folder."""
    mirror = os.environ.get("MLSSE_DATA_MIRROR", "")
    return bool(mirror) and Path(mirror).is_dir()


def run(examples: Sequence[Example], folder: Path, limit_seconds: float) -> Iterator[Result]:
    """Run examples one after the other.

    Parameters
    ----------
    examples : sequence of Example
    folder : pathlib.Path
        Where they run; what they do not see lies beside it.
    limit_seconds : float

    Yields
    ------
    Result
        One a step, in order.
    """
    steps = [(example, step) for example in examples for step in example.steps]
    aside = folder.parent / "aside"  # scripts and messages, out of the sight of the examples
    aside.mkdir()
    ports = _Ports()
    lines = []
    for i, (example, step) in enumerate(steps):
        lines += ["{", ports.free(_command(example, step, aside / f"{i}.py")), f"}} 2>{aside}/{i}"]
        lines.append(f"printf '{_MARK}%s\\n' $?")
    script = aside / "script"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    printed = _in_terminal(["bash", str(script)], folder, limit_seconds)
    parts = re.split(f"{_MARK}(\\d+)\n", printed)
    for i, (example, step) in enumerate(steps):
        if 2 * i + 1 >= len(parts):
            yield Result(example, step, -1, "the shell of the page ended before\n")
            continue
        messages = (aside / str(i)).read_text("utf-8", errors="replace")
        status = int(parts[2 * i + 1])
        text = (messages if status else _complaints(messages)) + parts[2 * i]
        yield Result(example, step, status, ports.named(_at_home(text, folder)))


def _at_home(text: str, folder: Path) -> str:
    """Name folders as they would be called on a machine of one's own."""
    text = text.replace(str(folder), HOME)
    return text.replace(os.environ["MLSSE_DATA_MIRROR"], MIRROR) if data_at_hand() else text


def _command(example: Example, step: Step, file: Path) -> str:
    if example.kind == "console":
        return step.source
    file.write_text(step.source, encoding="utf-8")
    words = [file] if example.kind == "python" else [Path(__file__).resolve(), file]
    return " ".join(["python", *map(str, words)])


def _complaints(messages: str) -> str:
    """Of standard error, what a command says of a failure; its progress is left out."""
    found = re.search(r"^(?:mlsse:|Usage:)", messages, re.MULTILINE)
    return messages[found.start() :] if found else ""


class _Ports:
    """Free ports in the place of those that the examples name."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def free(self, command: str) -> str:
        for port in re.findall(r"--port (\d{4,5})", command):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.of.setdefault(port, str(probe.getsockname()[1]))
        for port, other in self.of.items():
            command = re.sub(rf"\b{port}\b", other, command)
        return command

    def named(self, text: str) -> str:
        for port, other in self.of.items():
            text = text.replace(other, port)
        return text


def _in_terminal(command: list[str], folder: Path, limit_seconds: float) -> str:
    """Run a command and return what it writes to its terminal, without carriage returns.

    What it left running in the background is ended with it.
    """
    own, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env=_environment(folder),
        start_new_session=True,
    )
    try:
        printed = b"".join(_pieces(own, process, time.monotonic() + limit_seconds))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        os.close(theirs)
        os.close(own)
    return printed.decode("utf-8", errors="replace").replace("\r\n", "\n")


def _pieces(terminal: int, process: subprocess.Popen[bytes], deadline: float) -> Iterator[bytes]:
    """What is written to a terminal until a process has ended, or its time is over."""
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        if select.select([terminal], [], [], 0.0 if ended else 0.2)[0]:
            yield os.read(terminal, 65536)
        elif ended:
            return


def _environment(folder: Path) -> dict[str, str]:
    """The environment of the examples: a dumb terminal, a store of their own, no network."""
    away = {"MLFLOW_TRACKING_URI", "MLSSE_API_KEY", "COLUMNS", "PYTHONPATH", "PYTHONHOME"}
    kept = {name: value for name, value in os.environ.items() if name not in away}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    data = kept["MLSSE_DATA_MIRROR"] if data_at_hand() else str(folder)
    return kept | {
        "PATH": programs,
        "HOME": str(folder),
        "TERM": "dumb",
        "MLSSE_STORE": str(folder / "store"),
        "MLSSE_CACHE": str(folder / "cache"),
        "MLSSE_DATA_MIRROR": data,  # named, so nothing is asked of the network
    }


def show_session(file: Path) -> None:
    """Run a Python session and print it as the interpreter would show it."""
    import doctest

    names: dict[str, object] = {}
    for example in doctest.DocTestParser().get_examples(file.read_text("utf-8")):
        for i, line in enumerate(example.source.splitlines()):
            print("..." if i else ">>>", line)
        exec(compile(example.source, "<session>", "single"), names)


if __name__ == "__main__":
    show_session(Path(sys.argv[1]))
