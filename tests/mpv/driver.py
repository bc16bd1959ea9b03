"""A real mpv with the plug-in in its folder, driven through its IPC socket.

    with Mpv.start(home, options={"client_id": "…"}) as mpv:
        mpv.play(clip)
        mpv.say("status")
        mpv.wait_line("No account is linked")

Knows nothing of Trakt nor pytest.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, Iterator, List, Mapping, Optional, Type

from paths import PATIENCE_S


class Home:
    """A user's home as far as mpv and the plug-in use it."""

    def __init__(self, folder: Path) -> None:
        """An empty one."""
        self.folder = folder
        self.config = folder / ".config" / "mpv"
        self.plugin = self.config / "scripts" / "libtrakt"
        self.state = folder / ".local" / "state" / "mpv"
        self.plugin.mkdir(parents=True, exist_ok=True)

    def install(self, plugin: Path, library: Optional[Path]) -> None:
        """Copies the two files to where mpv looks for them."""
        shutil.copyfile(plugin, self.plugin / "main.so")
        if library is not None:
            shutil.copyfile(library, self.plugin / "libtrakt.so")

    def conf(self, **options: object) -> None:
        """Writes script-opts/libtrakt.conf."""
        (self.config / "script-opts").mkdir(exist_ok=True)
        lines = ["# options of a test", "", *(f"{key}={value}" for key, value in options.items())]
        (self.config / "script-opts" / "libtrakt.conf").write_text("\n".join(lines) + "\n")


class Mpv:
    """A running mpv; it idles until something is played."""

    def __init__(self, home: Home, *arguments: str, env: Optional[Mapping[str, str]] = None) -> None:
        """Starts it and waits until its socket is there."""
        self._folder = tempfile.mkdtemp(prefix="mpv-")
        path = f"{self._folder}/ipc"
        own = {"HOME": str(home.folder), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", **(env or {})}
        video = [] if "DISPLAY" in own else ["--vo=null"]
        self.process = subprocess.Popen(
            ["mpv", "--idle=yes", "--ao=null", "--quiet", "--no-osc", "--ytdl=no", "--load-scripts=yes"]
            + [f"--input-ipc-server={path}", *video, *arguments],
            env=own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.lines: List[str] = []
        self._said = threading.Condition()
        self._reader = threading.Thread(target=self._read_lines, daemon=True)
        self._reader.start()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE_S)
        self._connect(path)
        self._answers: queue.Queue[Dict[str, Any]] = queue.Queue()
        self._events: queue.Queue[Dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read_socket, daemon=True).start()
        self._requests = 0
        self._observed = 0
        self._asked = 0

    def __enter__(self) -> Mpv:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self.process.poll() is None:
            if error is None:
                self.quit()
            else:
                self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    # playing

    def play(self, *files: object, paused: bool = False, heard: bool = True) -> None:
        """Plays files, one after another, and waits until the first is on the screen and the plug-in knows of it."""
        self.set("pause", paused)
        self.forget_events()
        for n, file in enumerate(files):
            self.command("loadfile", str(file), "replace" if n == 0 else "append-play")
        self.wait_event("playback-restart")
        if heard:
            self.heard()

    def seek(self, seconds: float) -> None:
        """Goes to a moment, and waits until it is there."""
        self.forget_events()
        self.command("seek", seconds, "absolute+exact")
        self.wait_event("playback-restart")
        self.heard()

    def stop(self) -> None:
        """Stops what plays."""
        self.forget_events()
        self.command("stop")
        self.wait_event("end-file")

    def heard(self) -> None:
        """Waits until the plug-in has come to this point in what mpv tells it: it answers even nonsense."""
        self._asked += 1
        self.say("key-binding", f"nonsense-{self._asked}", "d-")
        self.wait_line(f"there is no command “nonsense-{self._asked}”")

    def say(self, *words: str) -> None:
        """A script message to the plug-in."""
        self.command("script-message-to", "libtrakt", *words)

    # mpv itself

    def command(self, *words: object) -> Any:
        """A command of mpv, and what it gives."""
        self._requests += 1
        request = {"command": list(words), "request_id": self._requests}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = self._answers.get(timeout=PATIENCE_S)
            if answer.get("request_id") == self._requests:
                assert answer["error"] == "success", (words, answer)
                return answer.get("data")

    def get(self, name: str) -> Any:
        """A property."""
        return self.command("get_property", name)

    def set(self, name: str, value: object) -> None:
        """Sets a property."""
        self.command("set_property", name, value)

    def forget_events(self) -> None:
        """Events until now don't count."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._events.get_nowait()

    def wait_event(self, name: str, **also: object) -> Dict[str, Any]:
        """Waits for an event, with these values in it."""
        while True:
            event = self._events.get(timeout=PATIENCE_S)
            if event.get("event") == name and all(event.get(key) == value for key, value in also.items()):
                return event

    def wait_property(self, name: str, value: object) -> None:
        """Waits until a property has a value."""
        self._observed += 1
        self.command("observe_property", self._observed, name)
        self.wait_event("property-change", id=self._observed, data=value)
        self.command("unobserve_property", self._observed)

    def wait_line(self, text: str, *, count: int = 1) -> str:
        """Waits until `count` lines with a text were written to the terminal; returns the last of these."""
        with self._said:
            self._said.wait_for(lambda: len(list(self._with(text))) >= count, PATIENCE_S)
            found = list(self._with(text))
        assert len(found) >= count, f"waited in vain for {text!r}; the terminal has {self.lines}"
        return found[count - 1]

    def quit(self) -> float:
        """Quits; returns how long that took, in seconds."""
        begun = time.monotonic()
        with contextlib.suppress(OSError):
            self._socket.sendall(b'{"command":["quit"]}\n')
        code = self.process.wait(PATIENCE_S)
        took = time.monotonic() - begun
        self._reader.join(PATIENCE_S)
        assert code == 0, f"mpv ended with {code}; the terminal has {self.lines}"
        return took

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE_S)

    # inside

    def _with(self, text: str) -> Iterator[str]:
        return (line for line in self.lines if text in line)

    def _connect(self, path: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._socket.connect(path)
                return
            except OSError:
                assert self.process.poll() is None, f"mpv ended with {self.process.returncode}: {self.lines}"
                assert time.monotonic() < end, "mpv doesn't open its socket"
                time.sleep(0.01)

    def _read_lines(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._said:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._said.notify_all()
        self.process.stdout.close()

    def _read_socket(self) -> None:
        self._socket.settimeout(None)
        with contextlib.suppress(OSError, ValueError), self._socket.makefile("rb") as lines:
            for line in lines:
                message = json.loads(line)
                (self._events if "event" in message else self._answers).put(message)
