"""Ctrl-C in a callback of the garbage collector, where Python prints an exception and goes on."""

import subprocess
import sys

COMMAND = """
import gc, signal, sys, time
from thermofab.apps.interrupts import keep_interrupts

signal.signal(signal.SIGINT, signal.default_int_handler)
keep_interrupts()

def callback(phase, _):
    if phase == "start":
        gc.callbacks.clear()
        {dropped}

gc.callbacks.append(callback)
try:
    gc.collect()
    print("dropped", flush=True)
    time.sleep(1)
except KeyboardInterrupt:
    sys.exit(7)
"""


def run(dropped: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", COMMAND.format(dropped=dropped)], capture_output=True, text=True)


def test_ctrl_c_in_a_callback_is_sent_again():
    done = run("signal.raise_signal(signal.SIGINT)")
    assert (done.returncode, done.stdout, done.stderr) == (7, "dropped\n", "")


def test_other_exceptions_in_a_callback_are_printed_as_before():
    done = run("raise ValueError('of the callback')")
    assert done.returncode == 0 and "ValueError: of the callback" in done.stderr
