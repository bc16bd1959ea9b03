"""No secret gets out: everything is done once at log level trace, and all that came back is searched for each piece.

The scenario runs in a process of its own, so that its standard output and error are searched too.
"""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Set
from urllib.parse import urlsplit

from child import child_environment
from leaks import found, pieces
from libtrakt import Library
from paths import BINDING
from paths import HERE as PYTHON_TESTS
from proxies import HttpProxy
from simtrakt import DEVICE_TOKEN, REVOKE, SETTINGS, TOKEN, Sim
from wire import Wire, code, envelope_of

HERE = Path(__file__).resolve().parent

# None of them has eight letters in a row that could stand in a sentence.
PROXY_PASSWORD = "Xq7.vK2-Jr9_Zw3~Pb5"
REDIRECT = "https://player.example/back"
#: Parts of the user's settings that are as good as a password.
OWN = {"token": "Sx9Ac7Kt5Oq2Tw8Zr4Lm77", "email": "q7w4.z9x1@m8k5.j3h6.test"}
#: What Trakt, or something in between, may say in an answer that can't be used.
ECHO = "Ec4Ho7Sd9Rt2In5De8Fa3Ns6Ez"


class Scenario:
    """Does everything once and keeps all that came back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: List[bytes] = []
        self.secrets: Dict[str, str] = {"proxy password": PROXY_PASSWORD, "echo": ECHO}
        self.secrets.update({f"settings {key}": value for key, value in OWN.items()})
        self.levels: Set[str] = set()
        self.kinds: Set[str] = set()
        self.codes: Set[str] = set()
        self.mode_faults: List[str] = []
        self.library = Library.load()
        self._running = 0

    def keep(self, text: Optional[bytes]) -> Any:
        """Keeps a reply, but for what Trakt itself says of the user: that belongs to the host."""
        assert text is not None
        envelope = envelope_of(text)
        self.codes.add(code(envelope))
        shown = json.loads(text)
        if shown["status"] == 0 and isinstance(shown["data"], dict):
            shown["data"].pop("settings", None)
            shown["data"].pop("body", None)
        self.seen.append(json.dumps(shown, ensure_ascii=False).encode())
        return envelope

    def drain(self, wire: Wire) -> None:
        """Takes log records, events and everything that a host may look at."""
        for record in self.call(wire, "log.next")["data"]["records"]:
            self.levels.add(record["level"])
        self.kinds.update(event["type"] for event in self.call(wire, "events.next")["data"]["events"])
        for method in ("account.get", "device.poll", "methods"):
            self.call(wire, method)

    def call(self, wire: Wire, method: str, params: Optional[Mapping[str, Any]] = None) -> Any:
        """trakt_call."""
        return self.keep(
            wire.library.text("trakt_call", wire.handle, method, None if params is None else json.dumps(params))
        )

    def open(self, config: Mapping[str, Any]) -> Wire:
        """Opens a client."""
        return Wire(self.library, config)

    def refuse(self, config: Any) -> None:
        """Keeps the reply of a client that can't be opened."""
        handle, reply = self.library.open_client(config if isinstance(config, str) else json.dumps(config))
        assert handle == 0, "This was to be refused."
        self.keep(reply)

    def learn(self, sim: Sim) -> None:
        """Every secret that went over the wire."""
        for request in sim.log():
            token = request["headers"].get("authorization", "").replace("Bearer ", "")
            if token:
                self.secrets.setdefault(f"access token {len(self.secrets)} {token[:0]}", token)
            body = json.loads(request["body"]) if request["body"].startswith("{") else {}
            for key in ("refresh_token", "code", "code_verifier", "client_secret", "token"):
                if key in body:
                    self.secrets[f"{key} of request {request['n']}"] = body[key]

    def check_modes(self, *folders: Path) -> None:
        """Nobody else can read what the library has made."""
        for folder in folders:
            for path in [folder, *folder.rglob("*")]:
                mode = stat.S_IMODE(path.lstat().st_mode)
                if mode & 0o077:
                    self.mode_faults.append(f"{path.name}: {mode:o}")
                self.seen.append(os.fsencode(path.name))

    def stored(self, folder: Path) -> Dict[str, bytes]:
        """What the files hold."""
        return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def until_final(scenario: Scenario, wire: Wire, sim: Sim) -> str:
    """Polls until the login has ended."""
    while True:
        snapshot = scenario.call(wire, "device.poll", {"wait_ms": 5_000})["data"]
        # Who was linked is read right after it was.
        ended = snapshot["state"] not in ("starting", "pending")
        if ended and (snapshot["state"] != "authorized" or snapshot["account"]):
            return str(snapshot["state"])


def run(folder: Path) -> Scenario:
    """Everything once."""
    scenario = Scenario(folder)
    data, qr = folder / "data", folder / "qr"
    qr.mkdir(mode=0o700)
    with Sim.start("--https") as sim:
        sim.expect_violations()  # the hosts have other names behind the proxy, and some calls are wrong on purpose
        sim.config(device_interval_s=1)
        sim._post("/clients", client_id=sim.client_id, redirect_uris=[sim.redirect_uri, REDIRECT])
        sim.settings(
            raw=json.dumps(
                {
                    "user": {"username": "somebody", "email": OWN["email"], "vip": False, "ids": {"slug": "somebody"}},
                    "account": {"timezone": "UTC", "token": OWN["token"]},
                    "limits": {"list": {"count": 2, "item_count": 100}},
                }
            )
        )
        config = sim.client_config(data_dir=data, log_level="trace", redirect_uri=REDIRECT)
        hosts = {}
        for key, name in (("auth_url", "auth.trakt.test"), ("api_url", "api.trakt.test")):
            port = urlsplit(config[key]).port
            assert port is not None
            hosts[f"{name}:{port}"] = ("127.0.0.1", port)
            config[key] = f"https://{name}:{port}"
        with HttpProxy(hosts, "somebody", PROXY_PASSWORD) as proxy:
            config["proxy"] = f"http://somebody:{PROXY_PASSWORD}@127.0.0.1:{proxy.port}"
            device_login(scenario, sim, config, qr)
            use(scenario, sim, config)
            code_login(scenario, sim, config)
            trouble_with_the_way(scenario, sim, config, proxy.port)
            scenario.learn(sim)
            broken_stores(scenario, sim, config, folder)
            mistakes(scenario, sim, config)
            scenario.check_modes(data / "libtrakt", qr)
            unlinking(scenario, sim, config, data)
        scenario.learn(sim)
        leaks = [one for one in sim.violations() if one["kind"] == "leak"]
        assert not leaks, leaks
    return scenario


def device_login(scenario: Scenario, sim: Sim, config: Dict[str, Any], qr: Path) -> None:
    token_with = json.dumps({"access_token": [ECHO], "expires_in": ECHO, "refresh_token": ECHO})
    with scenario.open(config) as wire:
        sim.fault("html", path="/oauth/device/code", status=502)
        scenario.call(wire, "device.start", {"qr_dir": str(qr), "wait_ms": 5_000})
        scenario.call(wire, "device.start", {"qr_dir": str(qr)})
        scenario.drain(wire)
        for ending, steer in (("denied", sim.deny), ("expired", sim.expire), ("already_used", sim.use_up)):
            steer()
            assert until_final(scenario, wire, sim) == ending
            scenario.drain(wire)
            scenario.call(wire, "device.start", {"qr_dir": str(qr)})
        for fault in (
            {"kind": "html", "status": 403},
            {"kind": "cut", "keep": 15},
            {"kind": "status", "status": 200, "body": token_with, "headers": {"Content-Type": "application/json"}},
            {
                "kind": "status",
                "status": 400,
                "body": json.dumps({"error": "authorization_pending", "error_description": ECHO}),
            },
            {"kind": "status", "status": 500, "body": f"<html>{ECHO}</html>"},
            {"kind": "raw", "text": f"HTTP/1.1 {ECHO}\r\n\r\n"},
            {"kind": "lost", "processed": False},
        ):
            struck = sim.fault(path=DEVICE_TOKEN, **fault)
            while sim._get("/fault/wait", fault=struck, fired=1, timeout_ms=50).get("timeout"):
                scenario.call(wire, "device.poll", {"wait_ms": 1_000})
            scenario.drain(wire)
        sim.approve()
        assert until_final(scenario, wire, sim) == "authorized"
        scenario.drain(wire)


def use(scenario: Scenario, sim: Sim, config: Dict[str, Any]) -> None:
    answers: Iterable[Dict[str, Any]] = [
        {"kind": "status", "status": 200, "body": json.dumps({"user": {"username": OWN["email"]}})[:40]},
        {"kind": "status", "status": 200, "body": json.dumps({"account": OWN})},
        {"kind": "status", "status": 400, "body": json.dumps({"error": "invalid_request", "error_description": ECHO})},
        {"kind": "status", "status": 400, "body": json.dumps({"error": ECHO})},
        {"kind": "status", "status": 403, "body": ECHO},
        {"kind": "status", "status": 420, "headers": {"X-Upgrade-URL": f"http://{ECHO}", "X-Account-Limit": ECHO}},
        {"kind": "status", "status": 423, "body": ECHO},
        {"kind": "status", "status": 426, "body": ECHO},
        {"kind": "status", "status": 429, "body": ECHO, "headers": {"Retry-After": ECHO}},
        {"kind": "status", "status": 503, "body": f"<html>{ECHO}</html>"},
        {"kind": "status", "status": 599, "headers": {"Content-Encoding": ECHO}, "body": "x"},
        {"kind": "redirect", "location": f"https://evil.example/?access_token={ECHO}"},
        {"kind": "chunked_cut"},
    ]
    for fault in answers:
        with scenario.open({**config, "timeouts_ms": {"total": 700}}) as wire:
            sim.fault(path=SETTINGS, times=0, **fault)
            scenario.call(wire, "settings.get", {"max_age_ms": 0})
            scenario.call(wire, "settings.get", {})
            sim.clear_faults()
            scenario.drain(wire)
    with scenario.open(config) as wire:
        assert code(scenario.call(wire, "settings.get", {"max_age_ms": 0})) == "ok"
        assert code(scenario.call(wire, "settings.get", {"max_age_ms": 0, "extended": "browsing"})) == "ok"
        assert code(scenario.call(wire, "settings.get", {"offline": True})) == "ok"
        scenario.call(wire, "limit.check", {"limit": "list.count", "have": 2})
        scenario.call(wire, "permission.check", {"permission": "commenting"})
        assert code(scenario.call(wire, "http.request", {"method": "GET", "path": SETTINGS})) == "ok"
        sim.expire_access()
        for fault in (
            {
                "kind": "status",
                "status": 400,
                "body": json.dumps({"error": "invalid_request", "error_description": ECHO}),
            },
            {"kind": "status", "status": 200, "body": json.dumps({"access_token": ECHO, "token_type": 5})[:45]},
            {"kind": "html", "status": 503},
        ):
            sim.fault(path=TOKEN, **fault)
            scenario.call(wire, "http.request", {"method": "GET", "path": "/sync/last_activities"})
            scenario.drain(wire)
            while (
                scenario.call(wire, "settings.get", {"max_age_ms": 0})["status"]
                and sim.log(path=TOKEN)[-1]["fault"] is None
            ):
                pass
        wait_for_success(scenario, wire)
        scenario.drain(wire)


def wait_for_success(scenario: Scenario, wire: Wire) -> None:
    """The last error is repeated for a second; then Trakt is asked again."""
    while code(scenario.call(wire, "settings.get", {"max_age_ms": 0})) != "ok":
        pass


def code_login(scenario: Scenario, sim: Sim, config: Dict[str, Any]) -> None:
    direct = {**config, "auth_url": sim.auth_url}
    with scenario.open({**config, "log_level": "trace"}) as wire:

        def begin() -> str:
            url = scenario.call(wire, "authorize.url", {"signup": True, "prompt": "login"})["data"]["url"]
            assert url.startswith(direct["auth_url"].split("//")[0])
            return str(url)

        def through_browser(url: str, deny: bool = False) -> str:
            # The browser reaches the host by its true address.
            return sim.authorize(url.replace(config["auth_url"], sim.auth_url), deny)

        for wrong in (
            lambda back: back.replace("state=", "state=x"),
            lambda back: f"{back}&code=other",
            lambda back: "x" * 5_000,
        ):
            back = through_browser(begin())
            scenario.call(wire, "authorize.finish", {"url": wrong(back)})
        scenario.call(wire, "authorize.finish", {"url": through_browser(begin(), deny=True)})
        back = through_browser(begin())
        sim.fault(
            "status", path=TOKEN, status=400, body=json.dumps({"error": "invalid_request", "error_description": ECHO})
        )
        scenario.call(wire, "authorize.finish", {"url": back})
        scenario.drain(wire)
        back = through_browser(begin())
        assert code(scenario.call(wire, "authorize.finish", {"url": back})) == "ok"
        scenario.call(wire, "authorize.finish", {"url": back})
        sim.wait_log(path=REVOKE)
        scenario.drain(wire)


def trouble_with_the_way(scenario: Scenario, sim: Sim, config: Dict[str, Any], port: int) -> None:
    for proxy in (
        f"http://other:{PROXY_PASSWORD}@127.0.0.1:{port}",
        f"http://somebody:{PROXY_PASSWORD}@127.0.0.1:9",
        f"socks5h://somebody:{PROXY_PASSWORD}@127.0.0.1:{port}",
        f"http://somebody:{PROXY_PASSWORD}@no-such-host.invalid:8080",
        f"https://somebody:{PROXY_PASSWORD}@127.0.0.1:{port}",
    ):
        with scenario.open({**config, "proxy": proxy, "timeouts_ms": {"connect": 500, "total": 700}}) as wire:
            assert scenario.call(wire, "settings.get", {"max_age_ms": 0})["status"] != 0
            scenario.drain(wire)
    for certificate in ("expired", "wrong_name", "unknown_ca"):
        sim.config(certificate=certificate)
        with scenario.open({**config, "timeouts_ms": {"total": 700}}) as wire:
            assert scenario.call(wire, "settings.get", {"max_age_ms": 0})["status"] != 0
            scenario.drain(wire)
    sim.config(certificate="good")


def broken_stores(scenario: Scenario, sim: Sim, config: Dict[str, Any], folder: Path) -> None:
    whole = (folder / "data" / "libtrakt" / "store.db").read_bytes()
    for name, content in (("cut", whole[: len(whole) // 2]), ("torn", whole[:4096] + b"\xaa" * (len(whole) - 4096))):
        own = folder / name / "libtrakt"
        own.mkdir(parents=True, mode=0o700)
        (own / "store.db").write_bytes(content)
        (own / "store.db").chmod(0o600)
        with scenario.open({**config, "data_dir": str(folder / name)}) as wire:
            scenario.call(wire, "settings.get", {"offline": True})
            scenario.drain(wire)
        scenario.check_modes(own)


def mistakes(scenario: Scenario, sim: Sim, config: Dict[str, Any]) -> None:
    secret = config["client_secret"]
    for text in (
        {**config, "client_secret": f"{secret} "},
        {**config, "client_secret": [secret]},
        {**config, "proxy": f"ftp://somebody:{PROXY_PASSWORD}@127.0.0.1:1"},
        {**config, "proxy": f"http://somebody:{PROXY_PASSWORD}@[bad"},
        {**config, "proxy": {"password": PROXY_PASSWORD}},
        {**config, "api_url": f"https://somebody:{PROXY_PASSWORD}@api.trakt.test"},
        json.dumps(config)[:-1],
        json.dumps(config).replace('"client_secret":', '"client_secret"'),
    ):
        scenario.refuse(text)
    with scenario.open(config) as wire:
        for params in (
            {"method": "GET", "path": f"/users/{ECHO}?token={ECHO}"},
            {"method": "GET", "path": "/users/me", "headers": {"Authorization": f"Bearer {ECHO}"}},
            {"method": ECHO, "path": "/users/me"},
            {"method": "GET", "path": "/users/me", "query": {"a": [ECHO]}},
        ):
            assert scenario.call(wire, "http.request", params)["status"] != 0
        scenario.keep(wire.library.text("trakt_call", wire.handle, "settings.get", f'{{"max_age_ms":"{ECHO}"}}'))
        scenario.keep(wire.library.text("trakt_call", wire.handle, "settings.get", f'{{"max_age_ms":{ECHO}}}'))
        scenario.drain(wire)


def unlinking(scenario: Scenario, sim: Sim, config: Dict[str, Any], data: Path) -> None:
    with scenario.open(config) as wire:
        sim.fault(
            "status", path=REVOKE, status=400, body=json.dumps({"error": "invalid_request", "error_description": ECHO})
        )
        assert scenario.call(wire, "account.unlink")["data"]["revoked"] is False
        scenario.drain(wire)
    with scenario.open(config) as wire:
        scenario.call(wire, "device.start", {})
        sim.approve()
        assert until_final(scenario, wire, sim) == "authorized"
        sim.end_session()
        while scenario.call(wire, "account.get")["data"]["state"] != "relink_needed":
            scenario.call(wire, "settings.get", {"max_age_ms": 0})
        scenario.drain(wire)
        scenario.call(wire, "account.unlink")
        scenario.drain(wire)
    scenario.learn(sim)
    for name, content in scenario.stored(data).items():
        for what, piece in pieces(scenario.secrets):
            assert piece not in content, f"{name} still holds a piece of {what} after unlinking."


def test_the_search_finds_a_secret_in_any_disguise() -> None:
    secret = {"token": "0123456789abcdefQRST"}
    hidden: List[Callable[[bytes], bytes]] = [
        lambda part: part,
        lambda part: part.hex().encode(),
        lambda part: part.hex().upper().encode(),
        *[lambda part, o=o: base64.b64encode(b"xyz"[:o] + part + b"tail") for o in range(3)],
    ]
    for number, hide in enumerate(hidden):
        assert found(b"..." + hide(b"456789ab") + b"...", secret) == ["token"], number
        assert found(b"..." + hide(b"4567-9ab") + b"...", secret) == [], number


def test_no_secret_shows_in_anything_that_comes_back(tmp_path: Path) -> None:
    paths = os.pathsep.join(map(str, (BINDING, HERE, PYTHON_TESTS)))
    process = subprocess.run(
        [sys.executable, "-c", "import sys, test_secrets; test_secrets.main(sys.argv[1])", str(tmp_path)],
        env=child_environment({"PYTHONPATH": paths}),
        capture_output=True,
        timeout=120,
    )
    report = tmp_path / "report.json"
    assert process.returncode == 0, process.stderr.decode()
    assert (process.stdout, process.stderr) == (b"", b"")
    result = json.loads(report.read_text())
    secrets: Dict[str, str] = result["secrets"]
    kinds = {what.split(" of ")[0].split(" token ")[0] for what in secrets}
    assert kinds >= {"access", "refresh_token", "code", "code_verifier", "client_secret", "proxy password"}, kinds
    # It has really been through it.
    assert set(result["levels"]) >= {"debug", "info", "warn"}, result["levels"]
    assert set(result["codes"]) >= {
        "ok",
        "bad_reply",
        "rejected",
        "blocked",
        "account_limit",
        "account_locked",
        "vip_only",
        "rate_limited",
        "server_error",
        "proxy",
        "tls",
        "tls_clock",
        "config",
        "invalid_json",
        "invalid_argument",
        "state_mismatch",
        "code_denied",
        "not_linked",
    }, result["codes"]
    assert set(result["kinds"]) >= {"account.linked", "account.unlinked", "token.refreshed", "login.changed"}
    assert result["mode_faults"] == []
    haystack = "\n".join(result["seen"]).encode()
    assert len(haystack) > 100_000
    assert found(haystack, secrets) == []


def main(folder: str) -> None:
    """The process of its own."""
    scenario = run(Path(folder))
    report = {
        "secrets": scenario.secrets,
        "levels": sorted(scenario.levels),
        "kinds": sorted(scenario.kinds),
        "codes": sorted(scenario.codes),
        "mode_faults": scenario.mode_faults,
        "seen": [one.decode("utf-8", "replace") for one in scenario.seen],
    }
    (Path(folder) / "report.json").write_text(json.dumps(report))
