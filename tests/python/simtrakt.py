"""Runs the simulated Trakt and steers it: one `Sim` is one process with an auth host and an API host on loopback ports.

    with Sim.start() as sim:
        sim.config(device_interval_s=1)
        with libtrakt.Client(sim.client_config(data_dir=folder)) as client:
            login = client.device_start()
            sim.approve()
            sim.wait_log(path="/oauth/device/token", done=True)

`fault()` has a coming answer go wrong, `log()` and `wait_log()` show what was asked, and leaving the `with` block
asserts that the simulated Trakt had nothing to object to (say `sim.expect_violations()` where that is the point).
The process ends when its standard input closes, so it never outlives the tests. Knows nothing of pytest or libtrakt.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from types import TracebackType
from typing import Any, Dict, List, Mapping, Optional, Type

from paths import PATIENCE_S, sim_binary

#: A request as the log has it: n, at_ms, sim_ms, host, method, path, query, headers, body, status, fault, violations.
LoggedRequest = Dict[str, Any]

DEVICE_CODE = "/oauth/device/code"
DEVICE_TOKEN = "/oauth/device/token"
TOKEN = "/oauth/token"
REVOKE = "/oauth/revoke"
SETTINGS = "/users/settings"


class SimError(AssertionError):
    """The simulated Trakt didn't do what a test asked of it."""


class Sim:
    """A running simulated Trakt."""

    auth_url: str
    api_url: str
    control_url: str
    client_id: str
    client_secret: str
    redirect_uri: str
    ca_file: Optional[str]

    def __init__(self, process: subprocess.Popen[str], announced: Mapping[str, Any]) -> None:
        """For `start`."""
        self._process = process
        self._violations_expected = False
        self.auth_url = announced["auth_url"]
        self.api_url = announced["api_url"]
        self.control_url = announced["control_url"]
        self.client_id = announced["client_id"]
        self.client_secret = announced["client_secret"]
        self.redirect_uri = announced["redirect_uri"]
        self.ca_file = announced.get("ca_file")

    @classmethod
    def start(cls, *flags: str) -> Sim:
        """Starts the binary that TRAKT_SIM names, with flags such as `--https`, and waits until it listens."""
        process = subprocess.Popen(
            [str(sim_binary()), *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        lines: queue.Queue[str] = queue.Queue()
        assert process.stdout is not None
        stdout = process.stdout
        threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
        try:
            line = lines.get(timeout=PATIENCE_S)
            return cls(process, json.loads(line))
        except (queue.Empty, ValueError, KeyError) as error:
            process.kill()
            process.wait()
            raise SimError(f"trakt-sim did not say where it listens (exit code {process.returncode}).") from error

    def __enter__(self) -> Sim:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        try:
            # A test that failed already has its own story to tell.
            if error is None:
                self.assert_no_violations()
        finally:
            self.stop()

    def stop(self) -> None:
        """Ends the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise SimError("trakt-sim did not end when its input was closed.") from None
        finally:
            if self._process.stdout is not None:
                self._process.stdout.close()

    def client_config(self, **more: Any) -> Dict[str, Any]:
        """What a client needs to talk to this simulated Trakt, and `more`; None takes a key out."""
        config = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "auth_url": self.auth_url,
            "api_url": self.api_url,
            "ca_file": self.ca_file,
            **more,
        }
        return {key: str(value) if key == "data_dir" else value for key, value in config.items() if value is not None}

    # what the user does

    def approve(self, user_code: Optional[str] = None) -> Dict[str, Any]:
        """The user enters the code (the newest, unless named) and agrees."""
        return self._post("/approve", user_code=user_code)

    def deny(self, user_code: Optional[str] = None) -> Dict[str, Any]:
        """The user enters the code and refuses."""
        return self._post("/deny", user_code=user_code)

    def expire(self, user_code: Optional[str] = None) -> Dict[str, Any]:
        """The code runs out at once."""
        return self._post("/expire", user_code=user_code)

    def use_up(self, user_code: Optional[str] = None) -> Dict[str, Any]:
        """Somebody else takes the code's token."""
        return self._post("/use_up", user_code=user_code)

    def authorize(self, url: str, deny: bool = False) -> str:
        """What a browser does with an authorize URL; returns where it is sent to."""
        location: str = self._post("/authorize", url=url, deny=deny or None)["location"]
        return location

    # what Trakt is like

    def state(self) -> Dict[str, Any]:
        """Everything: codes, tokens by id, account, clock, faults, settings."""
        return self._get("/state")

    def account(self, **changes: Any) -> Dict[str, Any]:
        """Changes the account: username, name, slug, uuid, vip, locked, deactivated, app_refused."""
        return self._post("/account", **changes)

    def settings(self, **changes: Any) -> Dict[str, Any]:
        """What /users/settings answers: `shape="s1"` to `"s7"`, `raw="…"`, or `limits={…}, permissions={…}`."""
        return self._post("/settings", **changes)

    def advance_clock(self, ms: int) -> Dict[str, Any]:
        """Moves the simulated Trakt's own clock: ages of tokens and codes, rate windows, the Date header."""
        return self._post("/clock", advance_ms=ms)

    def config(self, **changes: Any) -> Dict[str, Any]:
        """Changes how it behaves: device_interval_s, device_expires_s, access_lifetime_s, pending_style and so on."""
        return self._post("/config", **changes)

    def app(self, **changes: Any) -> Dict[str, Any]:
        """Registers another app and returns its keys; with `client_id` changes that one: redirect_uris, name."""
        return self._post("/clients", **changes)

    def issue_tokens(self, redirect_uri: Optional[str] = None) -> Dict[str, Any]:
        """A linked pair of tokens without a login, as if one with that redirect_uri (default: the device login's)."""
        return self._post("/tokens/issue", redirect_uri=redirect_uri)

    def expire_access(self) -> Dict[str, Any]:
        """Every access token is out of time from now on."""
        return self._post("/tokens/expire_access")

    def end_session(self) -> Dict[str, Any]:
        """Access and refresh tokens die."""
        return self._post("/tokens/end_session")

    def reset(self) -> Dict[str, Any]:
        """Everything as at the start."""
        return self._post("/reset")

    # what it has recorded

    def history(self) -> List[Dict[str, Any]]:
        """The plays that came in, oldest first: id, watched_at, action, type, the media, title, recorded_at."""
        plays: List[Dict[str, Any]] = self._get("/history")["plays"]
        return plays

    def watching(self) -> Optional[Dict[str, Any]]:
        """What the account is watching."""
        watching: Optional[Dict[str, Any]] = self._get("/watching")["watching"]
        return watching

    def playback(self) -> List[Dict[str, Any]]:
        """Where it can go on: progress, paused_at, type, the media, title."""
        playback: List[Dict[str, Any]] = self._get("/playback")["playback"]
        return playback

    # what goes wrong

    def fault(
        self,
        kind: str,
        *,
        host: str = "any",
        method: str = "*",
        path: str = "/*",
        times: int = 1,
        after: int = 0,
        **details: Any,
    ) -> int:
        """Has the next `times` (0: all) matching requests go wrong, after `after` that go right; returns its id.

        `path` may end in `*`. Kinds and their details: status (status, headers, body), html (status, headers),
        text1010, empty (status), cut (keep), cut_before, lost, late (delay_ms), delay (delay_ms),
        drip (bytes_per_tick, tick_ms), reset, silence, redirect (status, location), date (offset_ms or value), gzip,
        bom, huge (bytes), chunked_cut, headers (headers).
        """
        match = {"host": host, "method": method, "path": path}
        fault: int = self._post("/fault", match=match, times=times, after=after, kind=kind, **details)["fault"]
        return fault

    def clear_faults(self, fault: Optional[int] = None) -> Dict[str, Any]:
        """Ends one fault, or all; requests held in silence are closed."""
        return self._post("/fault/clear", fault=fault)

    def wait_fault(self, fault: int, fired: int = 1) -> None:
        """Waits until a fault has struck so often."""
        self._get("/fault/wait", fault=fault, fired=fired, timeout_ms=int(PATIENCE_S * 1000))

    # what was asked

    def log(
        self, *, host: Optional[str] = None, method: Optional[str] = None, path: Optional[str] = None, since: int = 0
    ) -> List[LoggedRequest]:
        """The requests so far, those that match."""
        wanted = {"host": host, "method": method, "path": path}
        requests: List[LoggedRequest] = self._get("/log", since=since)["requests"]
        return [
            request
            for request in requests
            if all(value is None or request[key] == value for key, value in wanted.items())
        ]

    def mark(self) -> int:
        """The number of the last request; for `since`."""
        return max((request["n"] for request in self.log()), default=0)

    def wait_log(
        self,
        *,
        host: Optional[str] = None,
        method: Optional[str] = None,
        path: Optional[str] = None,
        count: int = 1,
        since: int = 0,
        done: bool = False,
        timeout_s: float = PATIENCE_S,
    ) -> List[LoggedRequest]:
        """Waits until `count` matching requests arrived after number `since` (`done`: were answered)."""
        answer = self._get(
            "/log/wait",
            host=host,
            method=method,
            path=path,
            count=count,
            since=since,
            timeout_ms=int(timeout_s * 1000),
            done=1 if done else None,
        )
        if answer.get("timeout"):
            seen = [f"{request['method']} {request['path']}" for request in self.log(since=since)]
            raise SimError(f"Waited {timeout_s} s for {count} x {method or ''} {path or 'anything'}; saw {seen}.")
        requests: List[LoggedRequest] = answer["requests"]
        return requests

    def violations(self) -> List[Dict[str, Any]]:
        """Every rule of Trakt that a request has broken so far."""
        violations: List[Dict[str, Any]] = self._get("/violations")["violations"]
        return violations

    def expect_violations(self) -> None:
        """This test breaks rules on purpose: the end doesn't look for violations."""
        self._violations_expected = True

    def assert_no_violations(self) -> None:
        """Fails when a request broke a rule of Trakt."""
        if not self._violations_expected:
            violations = self.violations()
            assert not violations, f"Trakt's rules were broken: {violations}"

    # the control API

    def _get(self, endpoint: str, /, **query: Any) -> Dict[str, Any]:
        given = urllib.parse.urlencode({key: value for key, value in query.items() if value is not None})
        patience = PATIENCE_S + query.get("timeout_ms", 0) / 1000
        return self._send(urllib.request.Request(f"{self.control_url}{endpoint}?{given}"), patience)

    def _post(self, endpoint: str, /, **body: Any) -> Dict[str, Any]:
        data = json.dumps({key: value for key, value in body.items() if value is not None}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.control_url}{endpoint}", data, headers, method="POST")
        return self._send(request, PATIENCE_S)

    def _send(self, request: urllib.request.Request, patience_s: float) -> Dict[str, Any]:
        # A proxy in the environment is for the library under test, not for the way to its simulated Trakt.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=patience_s) as response:
                answer: Dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            with contextlib.closing(error):
                text = error.read().decode("utf-8", "replace")
            raise SimError(f"{request.get_method()} {request.full_url}: {error.code} {text}") from None
