"""Signals that ask a command to stop."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from connectors.http.parallel import thread_pool
from sync.cli import main as cli
from sync.model.interruption import Interrupted

PROGRAM = """
import os, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
from sync.cli.interrupts import leave, raise_interrupts
from sync.model.interruption import Interrupted
raise_interrupts()
threading.Thread(target=time.sleep, args=(60,)).start()
numbers = [getattr(signal, name) for name in sys.argv[1:]]
try:
    os.kill(os.getpid(), numbers[0])
    time.sleep(60)
except Interrupted as stop:
    for number in numbers[1:]:
        os.kill(os.getpid(), number)
    print("cleaned up", flush=True)
    leave(stop.exit_code)
"""


@pytest.mark.parametrize(
    ("signals", "code", "out", "err"),
    [
        (["SIGINT"], 130, "cleaned up\n", ""),
        (["SIGTERM"], 143, "cleaned up\n", ""),
        (["SIGINT", "SIGHUP"], 130, "cleaned up\n", ""),
        (
            ["SIGINT", "SIGINT"],
            130,
            "cleaned up\n",
            "increment-sync: is stopping; once more ends it at once\n",
        ),
        (
            ["SIGTERM", "SIGINT", "SIGINT"],
            130,
            "",
            "increment-sync: is stopping; once more ends it at once\n",
        ),
    ],
    ids=str,
)
def test_the_first_signal_cleans_up_and_the_third_ends_at_once(
    signals: list[str], code: int, out: str, err: str
) -> None:
    """A thread that sleeps for a minute keeps nobody waiting, and an ignored signal (SIGHUP) stays ignored."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *signals], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)


def test_an_interruption_does_not_wait_for_threads() -> None:
    answered, began = threading.Event(), threading.Event()
    later: list[str] = []

    def request() -> None:
        began.set()
        answered.wait(30)

    with pytest.raises(KeyboardInterrupt), thread_pool(1) as pool:
        first = pool.submit(request)
        pool.submit(later.append, "never sent")
        began.wait(30)
        raise KeyboardInterrupt
    assert not first.done()
    answered.set()
    first.result(30)
    assert later == []


def test_the_command_line_names_the_signal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> int:
        raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr("sync.cli.commands.demo.demo", interrupted)
    assert cli.invoke(lambda: cli.app(["demo"], standalone_mode=False)) == 143
    assert capsys.readouterr().err == "increment-sync: interrupted\n"


EARLY = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
interrupting, sys.argv = sys.argv[1], ["increment-sync", "status"]

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == interrupting:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
from sync.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["typer", "sync.cli.commands.status"])
def test_an_interruption_while_modules_are_imported_is_one_sentence(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EARLY, module], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "increment-sync: interrupted\n")
