"""A real Kodi that a test starts, uses as a person with a remote control would, and looks at.

    with Kodi(tmp_path / "kodi") as kodi:
        kodi.home.install(ADDON)
        kodi.start()
        kodi.builtin("RunScript(service.libtrakt,action=link)")
        kodi.wait_property("libtrakt.code", "5055 CC52")
        kodi.press("right", "select")
        assert kodi.quit() < 5

Each has its own home folder, display, system bus and ports, so several run side by side. Everything waits for what it
wants to see, with a limit that only a broken Kodi reaches; a Kodi that died is reported at once with the end of its
log. Knows nothing of Trakt nor pytest.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar, Union

from display import Display, qr_texts, share_of_rows_that_differ
from home import HELPER, Home
from rpc import Gone, JsonRpc, Notification, Refused, free_port
from sleep_bus import SleepBus

HERE = Path(__file__).resolve().parent
KODI = Path("/usr/lib/x86_64-linux-gnu/kodi/kodi.bin")

#: What only a broken Kodi reaches; the machine may be busy.
PATIENCE_S = 60.0
#: Between two looks at what can only be looked at.
GLANCE_S = 0.03

#: Windows by Kodi's numbers.
HOME_WINDOW = 10000
YES_NO_DIALOG = 10100
ADDON_SETTINGS_DIALOG = 10140
FILE_BROWSER_DIALOG = 10126
SYSTEM_SETTINGS_WINDOW = 10016
#: The windows of Python add-ons have numbers from here on.
FIRST_PYTHON_WINDOW = 13000

#: What stands in the log only if a script has failed, or didn't end when it was told to.
SCRIPT_FAILED = "EXCEPTION Thrown"
NOT_STOPPED = "didn't stop in 5 seconds"
TROUBLE = (SCRIPT_FAILED, NOT_STOPPED)

T = TypeVar("T")

#: The names that Kodi's builtin Action gives to what the keys of a remote control do.
_KEYS = {
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "select": "Select",
    "back": "Back",
    "info": "Info",
    "menu": "ContextMenu",
    **{str(number): f"Number{number}" for number in range(10)},
}


#: What says that a builtin has run: sender and message.
_DONE = ("tests", "done")


def _is_done(one: Notification, number: int) -> bool:
    return bool(one["params"].get("sender") == _DONE[0] and one["params"].get("data") == number)


def _service(addon: str) -> str:
    """How Kodi's log names a service."""
    return rf"CPythonInvoker\(\d+, [^)\n]*/{re.escape(addon)}/service\.py\)"


class KodiDied(AssertionError):
    """Kodi ended when it should not have."""


class Kodi:
    """One Kodi; running between `start` and `quit`."""

    def __init__(
        self,
        folder: Path,
        *,
        size: Tuple[int, int] = (1280, 720),
        settings: Optional[Mapping[str, str]] = None,
        profiles: Sequence[str] = (),
        env: Optional[Mapping[str, str]] = None,
        names: str = "silent",
        places: Optional[Mapping[str, Path]] = None,
    ) -> None:
        """Seeds a home in a new folder.

        `settings` are Kodi's own by id, `profiles` those besides the first, `env` is added to its environment. `names`:
        "silent" lookups of names hang, as netns.sh has it; "refused": they fail at once. `places`: files and folders of
        the system, such as "/etc/os-release", in whose place this Kodi sees others; they needn't be there.
        """
        assert names in ("silent", "refused"), names
        folder.mkdir(parents=True)
        self.folder = folder
        self.size = size
        self.names = names
        self.places = dict(places or {})
        self.env = dict(env or {})
        self._rpc_port, self._helper_port = free_port(), free_port()
        self.home = Home(
            folder / "home",
            rpc_port=self._rpc_port,
            event_port=free_port(),
            helper_port=self._helper_port,
            settings=settings,
            profiles=profiles,
        )
        self._display: Optional[Display] = None
        self._bus: Optional[SleepBus] = None
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._rpc: Optional[JsonRpc] = None
        self._helper = socket.socket(type=socket.SOCK_DGRAM)
        self._past_notifications: List[Notification] = []
        #: The longest that anything may take.
        self.patience_s = PATIENCE_S
        self._pictures = 0
        self._builtins = 0
        self._looked_through = 0
        self._logs: List[Path] = []
        self.exit_codes: List[int] = []

    def __enter__(self) -> Kodi:
        """Kodi itself, not started."""
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Ends what still runs."""
        self.close()

    # --- life ---------------------------------------------------------------------------------------------------

    @property
    def process_id(self) -> int:
        """Of the running Kodi."""
        return self._running().pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> float:
        """Starts it and waits for the home screen; the seconds that took. A stopped one can be started again."""
        assert not self.alive, "Kodi runs already."
        if self._display is None:
            self._display = Display(self.size, self.folder / "xvfb.log")
            self._bus = SleepBus()
        assert self._bus is not None
        runtime = self.folder / "run"
        runtime.mkdir(mode=0o700, exist_ok=True)
        self._keep_log()
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home.path),
            "DISPLAY": self._display.name,
            "XDG_RUNTIME_DIR": str(runtime),
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "LP_NUM_THREADS": "1",
            "KODI_AE_SINK": "ALSA",
            "TZ": "UTC",
            **self._bus.env(),
            **self.env,
        }
        command = [str(KODI), "--windowing=x11"]
        places = dict(self.places)
        if self.names == "refused":
            places["/etc/resolv.conf"] = self.folder / "resolv.conf"
            places["/etc/resolv.conf"].write_text("nameserver 127.0.0.1\n")  # nobody is there
        if places:
            command = self._in_places(places, command)
        begun = time.monotonic()
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._wait_home()
        return time.monotonic() - begun

    def quit(self) -> float:
        """Has it quit as a user does; the seconds until the process had ended."""
        begun = time.monotonic()
        with contextlib.suppress(Gone):  # it may be gone before it answers
            self.rpc("Application.Quit")
        return self._ended(begun)

    def terminate(self) -> float:
        """Asks it to end as the system does at shutdown; the seconds until the process had ended."""
        begun = time.monotonic()
        self._running().send_signal(signal.SIGTERM)
        return self._ended(begun)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        process = self._running()
        process.kill()
        process.wait()
        self._forget()

    def close(self) -> None:
        """Ends what still runs, without any ado."""
        if self.alive:
            self.kill()
        self._helper.close()
        if self._display is not None:
            self._display.close()
            self._display = None
        if self._bus is not None:
            self._bus.close()
            self._bus = None

    # --- asking -------------------------------------------------------------------------------------------------

    def rpc(self, method: str, /, **params: Any) -> Any:
        """A JSON-RPC request's result."""
        self._alive()
        self.wait("a connection to its JSON-RPC", self._connected)
        assert self._rpc is not None
        try:
            return self._rpc.call(method, params, self.patience_s)
        except Gone:
            if method != "Application.Quit":
                # A Kodi that crashed closes its connections a moment before it has ended.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._running().wait(5)
                self._alive()
            raise

    def builtin(self, text: str) -> None:
        """Has Kodi run a builtin function, such as `RunScript(service.libtrakt,action=link)`.

        Returns when Kodi has run it, or has opened the dialog by which it waits for the user. (A script has begun.)
        """
        self._alive()
        self._builtins += 1
        since = len(self.notifications)
        self._send(text)
        # What comes this way is done one after the other, also while a dialog waits.
        self._send(f"NotifyAll({_DONE[0]},{_DONE[1]},{self._builtins})")
        self.wait(
            f"{text} to be run",
            lambda: self._connected() and any(_is_done(one, self._builtins) for one in self.notifications[since:]),
        )

    def label(self, name: str) -> str:
        """An info label, such as `System.ProfileName`, or a condition ("true", "false"), as skins write them."""
        return self.labels(name)[0]

    def labels(self, *names: str) -> List[str]:
        """Several info labels at the same moment."""
        found: Dict[str, str] = self.rpc("XBMC.GetInfoLabels", labels=list(names))
        return [found[name] for name in names]

    def condition(self, text: str) -> bool:
        """A condition as skins write it, such as `Player.HasVideo` or `Control.IsVisible(100)`."""
        found: Dict[str, bool] = self.rpc("XBMC.GetInfoBooleans", booleans=[text])
        return found[text]

    def window_property(self, name: str) -> str:
        """A property of the window on top, as an add-on has set it."""
        return self.label(f"Window.Property({name})")

    def home_property(self, name: str) -> str:
        """A property of the home window, which other add-ons and skins read."""
        return self.label(f"Window(home).Property({name})")

    def control(self, number: int) -> str:
        """The label of a control in the window on top."""
        return self.label(f"Control.GetLabel({number})")

    def visible(self, number: int) -> bool:
        """Whether a control of the window on top shows."""
        return self.condition(f"Control.IsVisible({number})")

    def window(self) -> Tuple[int, str]:
        """Number and label of the window on top, dialogs included."""
        found = self.rpc("GUI.GetProperties", properties=["currentwindow"])["currentwindow"]
        return found["id"], found["label"]

    def focus(self) -> Tuple[int, str]:
        """Number and label of the control that has the focus; number 0: none."""
        number = self.label("System.CurrentControlID")
        label: str = self.rpc("GUI.GetProperties", properties=["currentcontrol"])["currentcontrol"]["label"]
        # A button's label comes in brackets.
        return int(number or 0), label[1:-1] if label.startswith("[") and label.endswith("]") else label

    @property
    def notifications(self) -> List[Notification]:
        """All that it has announced since the first start; `method`, and in `params` the `sender` and `data`."""
        return self._past_notifications + (self._rpc.notifications if self._rpc else [])

    # --- waiting ------------------------------------------------------------------------------------------------

    def wait(self, what: str, look: Callable[[], T]) -> T:
        """Looks again and again until there is something to see, and returns it. A script that failed ends it."""
        end = time.monotonic() + self.patience_s
        while True:
            self._alive()
            self._look_for_trouble()
            seen = look()
            if seen:
                return seen
            if time.monotonic() > end:
                raise AssertionError(f"Waited {self.patience_s:.0f} s for {what}. {self._situation()}")
            time.sleep(GLANCE_S)

    def wait_window(self, number: int) -> None:
        """Waits until a window is on top: a number of Kodi's own."""
        self.wait(f"window {number}", lambda: self.window()[0] == number)

    def wait_python_window(self) -> None:
        """Waits until a window of a Python add-on is on top."""
        self.wait("an add-on's window", lambda: self.window()[0] >= FIRST_PYTHON_WINDOW)

    def wait_no_dialog(self) -> None:
        """Waits until the home screen is on top."""
        self.wait_window(HOME_WINDOW)

    def wait_label(self, name: str, wanted: Union[str, re.Pattern[str]]) -> str:
        """Waits until an info label is, or a pattern matches somewhere in it; returns it."""
        seen = ""

        def looks_so() -> bool:
            nonlocal seen
            seen = self.label(name)
            return seen == wanted if isinstance(wanted, str) else wanted.search(seen) is not None

        try:
            self.wait(f"{name} to be {wanted!r}", looks_so)
        except KodiDied:
            raise
        except AssertionError as error:
            raise AssertionError(f"{error} It was {seen!r}.") from None
        return seen

    def wait_property(self, name: str, wanted: Union[str, re.Pattern[str]]) -> str:
        """The same for a property of the window on top."""
        return self.wait_label(f"Window.Property({name})", wanted)

    def wait_home_property(self, name: str, wanted: Union[str, re.Pattern[str]]) -> str:
        """The same for a property of the home window."""
        return self.wait_label(f"Window(home).Property({name})", wanted)

    def wait_focus(self, label: str) -> None:
        """Waits until the control with this label has the focus."""
        self.wait(f"the focus on {label!r}", lambda: self.focus()[1] == label)

    def wait_notification(self, method: str, *, since: int = 0, **data: Any) -> Notification:
        """Waits for an announcement behind the first `since`, with at least these `data`; returns it."""

        def is_it(one: Notification) -> bool:
            given = one["params"].get("data")
            return one["method"] == method and (
                not data or isinstance(given, dict) and all(given.get(key) == data[key] for key in data)
            )

        return self.wait(f"{method} {data}", lambda: list(filter(is_it, self.notifications[since:])))[0]

    # --- the remote control ---------------------------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        """Presses keys one after the other, each when Kodi has done the one before: up down left right select back …"""
        for key in keys:
            # JSON-RPC's Input methods would answer only when the dialog that a key may open is closed again, and until
            # then nothing else either.
            self.builtin(f"Action({_KEYS[key]})")

    def press_until(self, key: str, what: str, look: Callable[[], bool], at_most: int = 40) -> None:
        """Presses a key until it shows what is wanted, not at all if it does already."""
        for _ in range(at_most):
            if look():
                return
            self.press(key)
        assert look(), f"{at_most} times {key} didn't lead to {what}. {self._situation()}"

    def focus_on(self, label: str, key: str = "down") -> None:
        """Moves the focus to the control or list entry with this label."""
        self.press_until(key, f"the focus on {label!r}", lambda: self.focus()[1] == label)

    def type(self, text: str) -> None:
        """Enters text in the keyboard dialog and closes it."""
        self.rpc("Input.SendText", text=text, done=True)

    # --- looking ------------------------------------------------------------------------------------------------

    def screenshot(self) -> Path:
        """What the screen shows at this moment, as PNG."""
        self._pictures += 1
        path = self.folder / "pictures" / f"{self._pictures}.png"
        path.parent.mkdir(exist_ok=True)
        self.builtin(f"TakeScreenshot({path},sync)")
        # The last bytes of any PNG.
        self.wait("a screenshot", lambda: path.exists() and path.read_bytes().endswith(b"IEND\xaeB`\x82"))
        return path

    def picture(self, moving: float = 0.0) -> Path:
        """A screenshot once the screen is still: two in a row differ in no more than a share `moving` of their rows."""
        newest = self.screenshot()

        def still() -> bool:
            nonlocal newest
            before, newest = newest, self.screenshot()
            return share_of_rows_that_differ(before, newest) <= moving

        self.wait("a still picture", still)
        return newest

    def qr(self) -> str:
        """What the QR code on the screen says."""
        return self.wait("a readable QR code", lambda: qr_texts(self.screenshot()))[0]

    # --- the log ------------------------------------------------------------------------------------------------

    @property
    def output(self) -> Path:
        """What it writes to standard output and error: among others, exceptions in ctypes callbacks."""
        return self.folder / "output.txt"

    def mark(self) -> int:
        """Where the log ends now; for `since`."""
        try:
            return self.home.log.stat().st_size
        except FileNotFoundError:
            return 0

    def log(self, since: int = 0) -> str:
        """The log of this run from a mark on."""
        return self._log_bytes(since).decode("utf-8", "replace")

    def whole_log(self) -> str:
        """The logs of all runs so far."""
        return "".join(path.read_text("utf-8-sig", "replace") for path in self._logs) + self.log()

    def wait_log(self, pattern: str, since: int = 0) -> re.Match[str]:
        """Waits for a line of this run's log, from a mark on, in which a pattern is found."""
        return self.wait(f"{pattern!r} in the log", lambda: list(re.finditer(pattern, self.log(since))))[0]

    # --- Kodi's own Python --------------------------------------------------------------------------------------

    def python(self, code: str, **given: Any) -> Any:
        """Runs Python code in Kodi, with the names `given`; what it leaves in `result`."""
        folder = Path(tempfile.mkdtemp(prefix="inside-", dir=self.folder))
        (folder / "code.py").write_text(code)
        (folder / "given.json").write_text(json.dumps(given))
        self.builtin(f'RunScript("{HERE / "inside.py"}","{folder}")')
        file = folder / "outcome.json"
        self.wait("the outcome of a script", file.exists)
        outcome = json.loads(file.read_text())
        assert "error" not in outcome, outcome["error"]
        return outcome["result"]

    def set_addon_setting(self, addon: str, setting: str, value: str) -> None:
        """Changes a setting of an add-on as its settings page does; the add-on is told."""
        self.python(
            "import xbmcaddon; xbmcaddon.Addon(addon).setSetting(setting, value)",
            addon=addon,
            setting=setting,
            value=value,
        )

    def addon_setting(self, addon: str, setting: str) -> str:
        """A setting of an add-on."""
        code = "import xbmcaddon; result = xbmcaddon.Addon(addon).getSetting(setting)"
        found: str = self.python(code, addon=addon, setting=setting)
        return found

    def addon_text(self, addon: str, number: int) -> str:
        """A text of an add-on in the language that Kodi shows."""
        code = "import xbmcaddon; result = xbmcaddon.Addon(addon).getLocalizedString(number)"
        found: str = self.python(code, addon=addon, number=number)
        return found

    # --- what it costs ------------------------------------------------------------------------------------------

    def rss_bytes(self) -> int:
        """Memory in use."""
        text = Path(f"/proc/{self.process_id}/status").read_text()
        return int(re.findall(r"^VmRSS:\s+(\d+) kB", text, re.MULTILINE)[0]) * 1024

    def cpu_s(self) -> float:
        """Processor time used since it was started."""
        fields = Path(f"/proc/{self.process_id}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # --- the machine and the user --------------------------------------------------------------------------------

    def suspend(self) -> None:
        """Tells it, as the system does, that the machine is about to sleep; `wake` follows. Its clocks go on."""
        assert self._bus is not None
        since = len(self.notifications)
        self._bus.prepare_for_sleep(True)
        self.wait_notification("System.OnSleep", since=since)

    def wake(self) -> None:
        """Tells it that the machine is awake again."""
        assert self._bus is not None
        since = len(self.notifications)
        self._bus.prepare_for_sleep(False)
        self.wait_notification("System.OnWake", since=since)

    def load_profile(self, name: str = "Master user") -> None:
        """Changes the profile and waits for its home screen. Services stop before and start again."""
        mark, before = self.mark(), self._rpc
        self._alive()
        # Not `builtin`: the way on which its end would be told is closed meanwhile.
        self._send(f"LoadProfile({name})")
        self.wait("the old profile's end", lambda: before is None or not before.open)
        self._wait_home(mark)
        self.wait_label("System.ProfileName", name)

    def set_language(self, language: str) -> None:
        """Changes the language, such as de_de; Debian's Kodi brings all of its own. The add-on isn't started anew."""
        self.rpc("Settings.SetSettingValue", setting="locale.language", value=f"resource.language.{language}")

    # --- add-ons ------------------------------------------------------------------------------------------------

    def disable(self, addon: str) -> int:
        """Disables a service and waits until it has stopped; the milliseconds that Kodi had to wait for it."""
        # Services start a moment after the home screen shows.
        self.wait(f"{addon} to run", lambda: len(self._starts(addon)) > len(self._stops(addon)))
        mark = self.mark()
        self.rpc("Addons.SetAddonEnabled", addonid=addon, enabled=False)
        return int(self.wait(f"{addon} to stop", lambda: self._stops(addon, mark))[0])

    def enable(self, addon: str) -> None:
        """Enables a service and waits until its code runs."""
        mark = self.mark()
        self.rpc("Addons.SetAddonEnabled", addonid=addon, enabled=True)
        self.wait_started(addon, mark)

    def wait_started(self, addon: str, since: int = 0) -> None:
        """Waits until a service's code runs."""
        self.wait(f"{addon} to start", lambda: self._starts(addon, since))

    def addon_version(self, addon: str) -> Optional[str]:
        """The version of an installed add-on; None: it isn't installed."""
        try:
            details = self.rpc("Addons.GetAddonDetails", addonid=addon, properties=["version"])
        except Refused:
            return None
        version: str = details["addon"]["version"]
        return version

    def allow_unknown_sources(self) -> None:
        """Lets zips be installed, by keys, from the dialog that Kodi shows when they may not be."""
        self.builtin("InstallFromZip")
        self.wait_window(YES_NO_DIALOG)
        self.focus_on("Settings", "right")
        self.press("select")
        self.wait("Kodi's settings", lambda: self.window()[0] == SYSTEM_SETTINGS_WINDOW)
        self.press_until("right", "the settings", lambda: self.focus()[1].startswith("Unknown sources"))
        self.press("select")
        self.wait_window(YES_NO_DIALOG)
        self.focus_on("Yes", "right")
        self.press("select")
        self.wait_window(SYSTEM_SETTINGS_WINDOW)
        self.press("back")
        self.wait_window(HOME_WINDOW)

    def install_zip(self, source: str, file: str) -> None:
        """Installs a zip by keys, as a user does: from a source of the file browser (`home.source`), by its name.

        Returns when Kodi has begun; `wait_started` and `addon_version` tell of the rest.
        """
        self.builtin("InstallFromZip")
        self.wait_window(FILE_BROWSER_DIALOG)
        self.focus_on(source)
        self.press("select")
        self.focus_on(file)
        self.press("select")
        self.wait("the file browser to close", lambda: self.window()[0] != FILE_BROWSER_DIALOG)

    def open_addon_settings(self, addon: str) -> None:
        """Opens an add-on's settings page."""
        self.builtin(f"Addon.OpenSettings({addon})")
        self.wait_window(ADDON_SETTINGS_DIALOG)

    # --- inside -------------------------------------------------------------------------------------------------

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "Kodi was not started."
        return self._process

    def _alive(self) -> None:
        code = self._running().poll()
        if code is not None:
            self._forget()
            output = self.output.read_text(errors="replace")[-2_000:]
            raise KodiDied(f"Kodi ended with {code}.\n{output}\nIts log ends so:\n{self.log()[-6_000:]}")

    def _wait_home(self, since: int = 0) -> None:
        """Waits for the home screen, for JSON-RPC and for the helper."""
        self.wait("its JSON-RPC", self._connected)
        self.wait_log("Activating window ID: 10000", since)
        self.wait("its home screen", self._home_shows)
        self.wait_log(f"{HELPER.name} listens", since)

    def _home_shows(self) -> bool:
        try:
            return self.window()[0] not in (0, 9999)
        except Refused:
            return False  # a dialog on the way to the home screen: JSON-RPC listens and knows no method yet

    def _send(self, builtin: str) -> None:
        """Has the helper run a builtin function, some time later."""
        self._helper.sendto(builtin.encode(), ("127.0.0.1", self._helper_port))

    def _starts(self, addon: str, since: int = 0) -> List[str]:
        """The starts of a service."""
        return re.findall(rf"{_service(addon)}: instantiating addon", self.log(since))

    def _stops(self, addon: str, since: int = 0) -> List[str]:
        """The milliseconds of each time that a service was stopped."""
        return re.findall(rf"{_service(addon)}: script termination took (\d+)ms", self.log(since))

    def _look_for_trouble(self) -> None:
        """Whoever waits for a script that has failed, or wasn't able to stop, would wait in vain."""
        new = self._log_bytes(self._looked_through)
        self._looked_through += new.rfind(b"\n") + 1
        for sign in TROUBLE:
            at = new.find(sign.encode())
            if at >= 0:
                raise AssertionError(f"The log says: {new[max(0, at - 200) :].decode(errors='replace')[:4_000]}")

    def _log_bytes(self, since: int) -> bytes:
        try:
            with self.home.log.open("rb") as file:
                file.seek(since)
                return file.read()
        except FileNotFoundError:
            return b""

    def _situation(self) -> str:
        if self._rpc is None or not self._rpc.open:
            return f"There was no connection to Kodi. Its log ends so:\n{self.log()[-6_000:]}"
        try:
            # Where dialogs of Kodi's own have their heading and text.
            says = " ".join(filter(None, self.labels("Control.GetLabel(1)", "Control.GetLabel(9)")))
            return f"On top was window {self.window()} {says!r}, with the focus on {self.focus()}."
        except (TimeoutError, ConnectionError, Refused) as error:
            return f"Kodi didn't say what is on top ({error!r}). Its log ends so:\n{self.log()[-6_000:]}"

    def _connected(self) -> bool:
        """Whether there is a connection; makes one if need be."""
        if self._rpc is not None and self._rpc.open:
            return True
        self._disconnect()
        try:
            self._rpc = JsonRpc(self._rpc_port)
        except OSError:
            return False
        return True

    def _disconnect(self) -> None:
        if self._rpc is not None:
            self._rpc.close()
            self._past_notifications += self._rpc.notifications
            self._rpc = None

    def _ended(self, begun: float) -> float:
        try:
            code = self._running().wait(self.patience_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"Kodi didn't end within {self.patience_s:.0f} s:\n{self.log()[-6_000:]}") from None
        took = time.monotonic() - begun
        self.exit_codes.append(code)
        self._forget()
        return took

    def _forget(self) -> None:
        self._disconnect()

    def _keep_log(self) -> None:
        """Kodi itself keeps only the log of the run before."""
        if self.home.log.exists():
            self._looked_through = 0
            kept = self.folder / f"kodi-{len(self._logs) + 1}.log"
            self.home.log.rename(kept)
            self._logs.append(kept)

    def _in_places(self, places: Mapping[str, Path], command: List[str]) -> List[str]:
        root = self.folder / "root"
        root.mkdir(exist_ok=True)
        mounts = [text for place, path in places.items() for text in (str(path), place)]
        script = [str(HERE / "places.sh"), str(root), str(len(places)), *mounts]
        return ["unshare", "--mount", "--propagation", "private", *script, *command]
