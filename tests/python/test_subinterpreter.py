"""The package in sub-interpreters, where Kodi runs its scripts; in processes of their own, which may crash."""

from __future__ import annotations

import json
from pathlib import Path

from child import run_snippet
from fake import Fake
from libtrakt import Library
from paths import BINDING
from simtrakt import Sim

RUNNER = """
import json, sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

def create():
    # Kodi's interpreters share the GIL and one image of each extension module.
    for arguments, options in ((["legacy"], {}), ([], {"isolated": False}), ([], {})):
        try:
            return interpreters.create(*arguments, **options)
        except TypeError:
            pass

code = sys.argv[1]
for _ in range(3):
    for interpreter in [create(), create()]:
        failure = interpreters.run_string(interpreter, code)
        if failure is not None:
            sys.exit(str(failure))
        interpreters.destroy(interpreter)
print("all ran")
"""

USES = """
import sys
sys.path[:0] = {paths!r}
import json, libtrakt
config = json.loads({config!r})
client = libtrakt.Client(config, library={library!r})
with client:
    assert client.account()["state"] == "none"
    assert client.device_poll(300)["state"] == "idle"
    try:
        client.get_settings(timeout_ms=30000)
    except libtrakt.errors.NotLinked:
        pass
    else:
        raise AssertionError("settings without an account")
assert client.closed
left_open = libtrakt.Client(config, library={library!r})
"""


def run_in_interpreters(library: str, config: object, prepare: str = "") -> None:
    use = USES.format(paths=[str(BINDING)], config=json.dumps(config), library=library)
    done = run_snippet(RUNNER, prepare + use)
    assert (done.returncode, done.stdout) == (0, "all ran\n"), done.stderr


def test_with_the_dictated_library(fake: Fake) -> None:
    # Another process has another image of the library, and all its interpreters share that one.
    prepare = f"""
import sys, ctypes
fake = ctypes.CDLL({str(fake.path)!r})
if not fake.fake_count(b"open"):
    fake.fake_reply(b"account", b'{{"status":0,"data":{{"state":"none"}}}}')
    fake.fake_reply(b"device.poll", b'{{"status":0,"data":{{"state":"idle"}}}}')
    fake.fake_reply(b"settings.get", b'{{"status":40,"error":{{"code":"not_linked","message":"No."}}}}')
"""
    run_in_interpreters(str(fake.path), {"client_id": "x"}, prepare)


def test_with_the_real_library(library: Library, sim: Sim, data_dir: Path) -> None:
    run_in_interpreters(library.path, sim.client_config(data_dir=data_dir))
