"""A D-Bus of its own, on which a test says that the machine goes to sleep or wakes up, as systemd's logind would.

Kodi takes logind for present if there is a folder /run/systemd/seats, which netns.sh sees to. Knows nothing of Kodi.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Dict, Optional

_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
    <type>session</type>
    <listen>unix:path={socket}</listen>
    <auth>EXTERNAL</auth>
    <policy context="default">
        <allow send_destination="*" eavesdrop="true"/>
        <allow receive_sender="*"/>
        <allow own="*"/>
        <allow user="*"/>
    </policy>
</busconfig>
"""


class SleepBus:
    """The system bus of one Kodi."""

    def __init__(self) -> None:
        """Starts it."""
        # A socket's path must be short.
        self._folder = Path(tempfile.mkdtemp(prefix="bus-"))
        self._address = f"unix:path={self._folder / 'socket'}"
        config = self._folder / "bus.conf"
        config.write_text(_CONFIG.format(socket=self._folder / "socket"))
        self._process: Optional[subprocess.Popen[str]] = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it complains when it may not open 65536 files
            text=True,
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline().strip():
            self.close()
            raise AssertionError("dbus-daemon did not start.")

    def close(self) -> None:
        """Ends it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None
            shutil.rmtree(self._folder)

    def env(self) -> Dict[str, str]:
        """What a process has to have in its environment to use this bus."""
        return {"DBUS_SYSTEM_BUS_ADDRESS": self._address}

    def prepare_for_sleep(self, asleep: bool) -> None:
        """Says that the machine is about to sleep, or that it is awake again."""
        subprocess.run(
            ["dbus-send", f"--bus={self._address}", "--type=signal", "/org/freedesktop/login1"]
            + ["org.freedesktop.login1.Manager.PrepareForSleep", f"boolean:{str(asleep).lower()}"],
            check=True,
            stdin=subprocess.DEVNULL,
        )
