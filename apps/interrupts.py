"""Ctrl-C ends a command also where Python drops exceptions: in callbacks, as JAX has for the garbage collector."""

import _thread
import sys
import threading

_AGAIN = 0.02  # seconds, by which the callback has returned


def keep_interrupts() -> None:
    """From now on a Ctrl-C that was dropped in a callback is sent again shortly after."""
    sys.unraisablehook = _send_again


def _send_again(dropped: "sys.UnraisableHookArgs") -> None:
    if issubclass(dropped.exc_type, KeyboardInterrupt):
        timer = threading.Timer(_AGAIN, _thread.interrupt_main)
        timer.daemon = True
        timer.start()
    else:
        sys.__unraisablehook__(dropped)
