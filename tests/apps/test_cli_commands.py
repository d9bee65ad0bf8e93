"""What all commands have in common: every option says what it is, and Ctrl-C ends them with their processes."""

import json
import signal
import subprocess
import sys
import time

import psutil
import pytest
from cli_page import all_commands

from thermofab import __version__

COMMAND = [sys.executable, "-m", "thermofab.apps.cli"]


ALL = all_commands()


@pytest.mark.parametrize("name", ALL)
def test_every_option_has_a_sentence(name):
    command = ALL[name]
    assert command.help
    assert [parameter.name for parameter in command.params if not getattr(parameter, "help", None)] == []


# They serve pages until they are stopped.
SERVERS = {"thermofab serve", "thermofab view", "thermofab route serve"}


@pytest.mark.parametrize("name", sorted(set(ALL) - SERVERS))
def test_every_command_prints_json(name):
    assert "--json" in {option for parameter in ALL[name].params for option in parameter.opts}


def test_verilog_as_json_says_what_it_is(tmp_path):
    done = subprocess.run([*COMMAND, "rtl", "--fabric", "g4-2x2", "--json"], capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert (found["fabric"], found["sites"], found["architecture"]) == ("g4-2x2", 4, "spatial")
    assert "\nmodule thermofab" in found["verilog"]


def test_a_folder_that_is_made_is_named(tmp_path):
    folder = tmp_path / "new" / "kit"
    for said in (f"made the folder {folder}", ""):
        done = subprocess.run(
            [*COMMAND, "rtl", "--fabric", "g4-2x2", "--example", str(folder)], capture_output=True, text=True
        )
        assert done.returncode == 0 and done.stderr.strip() == said


def test_version():
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True)
    assert done.stdout.split() == ["thermofab", __version__]


def test_ctrl_c_ends_a_campaign_and_its_workers():
    """Red if leaving waits for the worker, whose one task takes minutes."""
    campaign = [*COMMAND, "verify", "--device", "reference", "--against", "native", "--configurations", "1"]
    process = subprocess.Popen(
        [*campaign, "--updates", "100000000", "--workers", "1"],
        stderr=subprocess.PIPE,
        # A shell's background jobs, and all that they start, ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    main, workers = psutil.Process(process.pid), []
    while not any(worker.cpu_times().user > 1 for worker in workers):  # it is past its start
        assert process.poll() is None
        workers = [child for child in main.children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) != 0
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []
