"""The HTTP layer through the C ABI: what each answer means, how often Trakt is asked, TLS and proxies."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple
from urllib.parse import urlsplit

import pytest
from child import Child
from libtrakt import Client, Library, errors
from prelinked import Hub, link
from proxies import HttpProxy, Proxy, SocksProxy
from simtrakt import DEVICE_CODE, SETTINGS, Sim
from wire import Envelope, Wire, code

FRESH = {"max_age_ms": 0}
PAGE = "<html><head><title>Attention Required! | Cloudflare</title></head><body>Sorry</body></html>"
JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html", "Server": "cloudflare"}
UPGRADE = "https://app.trakt.tv/vip"

#: status, headers, body; then the code and what else the error must say (None: must not be there).
ANSWERS: List[Tuple[int, Dict[str, str], str, str, Dict[str, Any]]] = [
    (400, JSON, '{"error":"invalid_request"}', "rejected", {"reason": "invalid_request"}),
    (400, {}, "", "rejected", {"reason": None}),
    (403, JSON, '{"error":"forbidden"}', "forbidden", {}),
    (403, {}, "", "forbidden", {}),
    (403, HTML, PAGE, "blocked", {}),
    (403, {"Content-Type": "text/plain"}, "error code: 1010", "blocked", {}),
    (403, {"Content-Type": "text/plain"}, "Forbidden", "blocked", {}),
    (404, JSON, "{}", "not_found", {}),
    (404, HTML, "<html>no</html>", "not_found", {}),
    (405, {}, "", "rejected", {}),
    (409, JSON, '{"expires_at":"2030-01-01T00:00:00.000Z"}', "conflict", {}),
    (412, {}, "", "rejected", {}),
    (
        420,
        {**JSON, "X-Upgrade-URL": f"{UPGRADE}?x", "X-VIP-User": "false", "X-Account-Limit": "250"},
        "{}",
        "account_limit",
        {"upgrade_url": f"{UPGRADE}?x", "limit": 250, "reason": "free_user"},
    ),
    (420, {}, "", "account_limit", {"upgrade_url": UPGRADE, "limit": None, "reason": None}),
    (
        420,
        {"X-Upgrade-URL": "javascript:alert(1)", "X-Account-Limit": "-3"},
        "",
        "account_limit",
        {"upgrade_url": UPGRADE, "limit": None},
    ),
    (422, JSON, '{"errors":{}}', "rejected", {}),
    (423, {"X-Account-Locked": "true"}, "", "account_locked", {"reason": "account_locked"}),
    (423, {"X-Account-Deactivated": "true"}, "", "account_locked", {"reason": "account_deactivated"}),
    (423, {}, "", "account_locked", {"reason": "account_locked"}),
    (426, {"X-Upgrade-URL": f"{UPGRADE}?y"}, "", "vip_only", {"upgrade_url": f"{UPGRADE}?y"}),
    (426, {}, "", "vip_only", {"upgrade_url": UPGRADE}),
    (429, {**JSON, "Retry-After": "40"}, "{}", "rate_limited", {"retry_after_ms": (39_000, 40_000)}),
    (429, {**HTML, "Retry-After": "300"}, "<html>slow</html>", "rate_limited", {"retry_after_ms": (299_000, 300_000)}),
    (
        429,
        {"Retry-After": "Sun, 06 Nov 2050 08:50:07 GMT", "Date": "Sun, 06 Nov 2050 08:49:37 GMT"},
        "",
        "rate_limited",
        {"retry_after_ms": (29_000, 30_000)},
    ),
    (429, {"Retry-After": "soon"}, "", "rate_limited", {"retry_after_ms": (800, 1_200)}),
    (429, {}, "", "rate_limited", {"retry_after_ms": (800, 1_200)}),
    (408, {}, "", "server_error", {"retry_after_ms": (800, 1_200)}),
    (500, JSON, "{}", "server_error", {"retry_after_ms": (800, 1_200)}),
    (502, HTML, "<html>bad gateway</html>", "server_error", {}),
    (503, {"Retry-After": "30"}, "", "server_error", {"retry_after_ms": (29_000, 30_000)}),
    (504, {}, "", "server_error", {}),
    (520, HTML, "<html>520</html>", "server_error", {}),
    (521, HTML, "<html>521</html>", "server_error", {}),
    (522, HTML, "<html>522</html>", "server_error", {}),
    (524, HTML, "<html>524</html>", "server_error", {}),
    (301, {"Location": "https://evil.example/"}, "", "bad_reply", {}),
    (200, HTML, "<html>hello</html>", "bad_reply", {}),
    (201, {**HTML, "cf-mitigated": "challenge"}, PAGE, "blocked", {}),
    (200, JSON, "nonsense", "bad_reply", {}),
]

RETRYABLE = {
    "network",
    "timeout",
    "dns",
    "tls_clock",
    "proxy",
    "rate_limited",
    "server_error",
    "bad_reply",
    "blocked",
    "busy",
}


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected", "more"),
    ANSWERS,
    ids=[f"{one[0]}-{one[3]}-{number}" for number, one in enumerate(ANSWERS)],
)
def test_each_answer_has_its_meaning(
    hub: Hub, wire: Wire, status: int, headers: Dict[str, str], body: str, expected: str, more: Dict[str, Any]
) -> None:
    since = hub.sim.mark()
    hub.sim.fault("status", host="api", path="/sync/history", status=status, headers=headers, body=body)
    envelope = wire.post()
    assert code(envelope) == expected, envelope
    error = envelope["error"]
    assert error["http_status"] == status and error["retryable"] == (expected in RETRYABLE), error
    assert error["message"] and "<" not in error["message"], error
    for key, value in more.items():
        if isinstance(value, tuple):
            assert value[0] <= error[key] <= value[1], error
        else:
            assert error.get(key) == value, (key, error)
    assert len(hub.sim.log(since=since)) == 1
    # Nothing but 401 and what the account itself is can end or hide the link.
    account = wire.data("account.get")
    expected_state = {"account_locked": "locked", "blocked": "blocked"}.get(expected, "linked")
    assert account["state"] == expected_state and account["token"], account


def test_an_answer_that_isn_t_http_is_a_bad_reply_or_no_answer(hub: Hub, open_wire: Callable[..., Wire]) -> None:
    for text in (
        "nonsense\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
        "\0" * 99,
    ):
        hub.sim.fault("raw", host="api", times=0, text=text)
        envelope = open_wire(timeouts_ms={"total": 790}).call("settings.get", FRESH)
        assert code(envelope) in ("bad_reply", "network"), (text, envelope)
        hub.sim.clear_faults()


@pytest.mark.parametrize(
    ("kind", "details", "expected"),
    [
        ("empty", {}, "bad_reply"),
        ("cut", {"keep": 20}, "bad_reply"),
        ("cut", {"keep": 0}, "bad_reply"),
        ("chunked_cut", {}, "bad_reply"),
        ("lost", {}, "network"),
        ("reset", {}, "network"),
        ("cut_before", {}, "network"),
        ("silence", {}, "timeout"),
    ],
)
def test_half_an_answer_is_asked_for_again_and_then_an_error(
    hub: Hub, open_wire: Callable[..., Wire], kind: str, details: Dict[str, Any], expected: str
) -> None:
    hub.sim.fault(kind, path=SETTINGS, times=0, **details)
    envelope = open_wire(timeouts_ms={"total": 790}).call("settings.get", FRESH)
    assert code(envelope) == expected and envelope["error"]["retryable"], envelope
    if kind == "silence":
        return
    hub.sim.clear_faults()
    since = hub.sim.mark()
    hub.sim.fault(kind, path=SETTINGS, times=1, **details)
    wire = open_wire()
    envelope = wire.call("settings.get", FRESH)
    if kind == "empty":
        # An answer all the same: no reason to ask again by itself.
        assert code(envelope) == "bad_reply"
        assert len(hub.sim.log(path=SETTINGS, since=since)) == 1
    else:
        assert code(envelope) == "ok", envelope
        assert len(hub.sim.log(path=SETTINGS, since=since)) == 2


@pytest.mark.parametrize("kind", ["gzip", "bom"])
def test_a_packed_answer_and_one_with_a_byte_order_mark_are_read(hub: Hub, wire: Wire, kind: str) -> None:
    plain = wire.data("settings.get", FRESH)["settings"]
    hub.sim.fault(kind, path=SETTINGS)
    assert wire.data("settings.get", FRESH)["settings"] == plain


@pytest.mark.parametrize("how", [{}, {"length": True}, {"gzip": True}], ids=["chunks", "length", "gzip"])
def test_more_than_64_mib_is_refused_and_not_asked_for_again(hub: Hub, wire: Wire, how: Dict[str, bool]) -> None:
    since = hub.sim.mark()
    hub.sim.fault("huge", host="api", times=0, bytes=64 * 1024 * 1024 + 1, **how)
    envelope = wire.get("/movies/trending")
    assert (code(envelope), envelope["error"].get("reason")) == ("bad_reply", "too_large"), envelope
    assert len(hub.sim.log(since=since)) == 1


def test_a_redirect_is_not_followed_and_takes_no_token_elsewhere(
    hub: Hub, open_wire: Callable[..., Wire], start_sim: Callable[..., Sim]
) -> None:
    elsewhere = start_sim()
    for status in (301, 302, 303, 307, 308):
        for url in (elsewhere.api_url, elsewhere.auth_url):
            hub.sim.fault("redirect", host="api", status=status, location=f"{url}{SETTINGS}")
            envelope = open_wire().call("settings.get", FRESH)
            assert code(envelope) == "bad_reply" and envelope["error"]["http_status"] == status, envelope
    hub.sim.fault("redirect", path=DEVICE_CODE, location=f"{elsewhere.auth_url}{DEVICE_CODE}")
    snapshot = open_wire().data("device.start")
    assert snapshot["state"] == "starting" and snapshot["last_error"]["code"] == "bad_reply", snapshot
    assert elsewhere.log() == []


# How often Trakt is asked.


def test_each_request_carries_what_trakt_wants(hub: Hub, open_wire: Callable[..., Wire]) -> None:
    since = hub.sim.mark()
    wire = open_wire(app_name="Player", app_version="2.1")
    wire.data("settings.get", FRESH)
    wire.data("http.request", {"method": "POST", "path": "/sync/history", "body": {"movies": []}})
    requests = hub.sim.log(since=since)
    assert len(requests) == 2
    for request in requests:
        headers = request["headers"]
        assert headers["content-type"] == "application/json"
        assert headers["user-agent"].startswith("Player/2.1 libtrakt/")
        assert headers["trakt-api-version"] == "2" and headers["trakt-api-key"] == hub.sim.client_id
        assert request["bearer"].startswith("access_") and request["violations"] == []


def gaps(requests: List[Dict[str, Any]]) -> List[int]:
    """Milliseconds between one request and the next."""
    times = sorted(request["at_ms"] for request in requests)
    return [later - earlier for earlier, later in zip(times, times[1:])]


def test_writes_are_a_second_apart_over_clients_and_processes(
    hub: Hub, open_wire: Callable[..., Wire], linked_dir: Path
) -> None:
    since = hub.sim.mark()
    config = hub.sim.client_config(data_dir=linked_dir)
    params = {"method": "POST", "path": "/sync/history", "body": {"movies": []}}
    with Child.start(config) as one, Child.start(config) as other:
        wires = [open_wire(), open_wire()]
        pending = [child.send("call", "http.request", params) for child in (one, other)]
        requests = [(wire, wire.submit("http.request", params)) for wire in wires]
        assert [code(wire.result(request)) for wire, request in requests] == ["ok", "ok"]
        assert [one.result()["status"] for one in pending] == [201, 201]
    apart = gaps(hub.sim.log(path="/sync/history", since=since))
    assert len(apart) == 3 and min(apart) >= 950, apart  # 50 ms are the machine's


def test_a_write_that_would_wait_too_long_says_so_at_once(open_wire: Callable[..., Wire]) -> None:
    wire = open_wire(timeouts_ms={"total": 600})
    assert code(wire.post()) == "ok"
    began = time.monotonic()
    envelope = wire.post()
    assert time.monotonic() - began < 0.5
    assert code(envelope) == "rate_limited" and 600 < envelope["error"]["retry_after_ms"] <= 1_200, envelope


def test_reads_stay_within_500_in_five_minutes(hub: Hub, open_wire: Callable[..., Wire]) -> None:
    hub.sim.advance_clock(300_000)
    wire = open_wire()
    for _ in range(500):
        assert code(wire.get("/sync/last_activities")) == "ok"
    envelope = wire.get("/sync/last_activities")
    assert code(envelope) == "rate_limited", envelope
    assert 200_000 < envelope["error"]["retry_after_ms"] <= 300_000, envelope
    hub.sim.advance_clock(300_000)


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "2"},
        {"Retry-After": "Sun, 06 Nov 2050 08:49:39 GMT", "Date": "Sun, 06 Nov 2050 08:49:37 GMT"},
        {"Retry-After": "2", **HTML},
    ],
    ids=["seconds", "date", "page"],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_kept_to_and_the_read_then_succeeds(
    hub: Hub, wire: Wire, status: int, headers: Dict[str, str]
) -> None:
    since = hub.sim.mark()
    hub.sim.fault("status", path=SETTINGS, status=status, headers=headers, body="<html>later</html>")
    assert code(wire.call("settings.get", FRESH)) == "ok"
    (apart,) = gaps(hub.sim.log(path=SETTINGS, since=since))
    assert apart >= 1_990, apart


def test_a_pause_that_is_longer_than_the_call_is_said_at_once_and_holds_for_the_next(hub: Hub, wire: Wire) -> None:
    since = hub.sim.mark()
    hub.sim.fault("status", path=SETTINGS, status=429, headers={"Retry-After": "300", **HTML}, body="<html>1015</html>")
    for call in (lambda: wire.call("settings.get", FRESH), lambda: wire.get("/movies/trending"), wire.post):
        began = time.monotonic()
        envelope = call()
        assert time.monotonic() - began < 2
        assert code(envelope) == "rate_limited" and envelope["error"]["http_status"] == 429, envelope
        assert 295_000 < envelope["error"]["retry_after_ms"] <= 300_000, envelope
    assert len(hub.sim.log(since=since)) == 1


def test_the_last_error_is_repeated_for_a_second_and_then_trakt_is_asked_again(
    hub: Hub, open_wire: Callable[..., Wire]
) -> None:
    wire = open_wire(timeouts_ms={"total": 790})
    since = hub.sim.mark()
    hub.sim.fault("status", path=SETTINGS, times=0, status=503, body="")
    first = wire.call("settings.get", FRESH)
    for _ in range(5):
        again = wire.call("settings.get", FRESH)
        assert code(again) == "server_error" and again["error"]["http_status"] == 503, again
        assert again["error"]["message"] == first["error"]["message"]
        assert 0 < again["error"]["retry_after_ms"] <= 1_200
    assert len(hub.sim.log(path=SETTINGS, since=since)) == 1
    hub.sim.clear_faults()
    end = time.monotonic() + 10
    while code(wire.call("settings.get", FRESH)) != "ok":
        assert time.monotonic() < end
    assert min(gaps(hub.sim.log(path=SETTINGS, since=since))) >= 990


def test_a_read_is_repeated_twice_with_growing_waits(hub: Hub, wire: Wire) -> None:
    since = hub.sim.mark()
    hub.sim.fault("status", path=SETTINGS, times=0, status=502, body="")
    envelope = wire.call("settings.get", FRESH)
    assert code(envelope) == "server_error" and envelope["error"]["http_status"] == 502
    first, second = gaps(hub.sim.log(path=SETTINGS, since=since))
    assert first >= 790 and second >= 1_590, (first, second)


def test_settings_that_are_stored_stand_in_while_trakt_is_in_trouble(hub: Hub, open_wire: Callable[..., Wire]) -> None:
    wire = open_wire(timeouts_ms={"total": 790})
    hub.sim.fault("html", path=SETTINGS, times=0, status=502)
    data = wire.data("settings.get", {"max_age_ms": 1})
    assert (data["source"], data["stale"], data["error"]["code"]) == ("stored", True, "server_error"), data


def test_a_401_is_answered_by_one_refresh_and_the_call_succeeds(sim: Sim, linked: Client) -> None:
    sim.wait_log(path=SETTINGS, done=True)  # who was linked
    sim.expire_access()
    since = sim.mark()
    assert linked.get_settings(max_age_ms=0)["source"] == "network"
    assert [(one["path"], one["status"]) for one in sim.log(since=since)] == [
        (SETTINGS, 401),
        ("/oauth/token", 200),
        (SETTINGS, 200),
    ]


def test_a_post_that_gets_a_401_is_sent_again_since_it_did_nothing(sim: Sim, linked: Client) -> None:
    sim.expire_access()
    since = sim.mark()
    answer = linked.call("http.request", {"method": "POST", "path": "/sync/history", "body": {"movies": []}})
    assert answer["status"] == 201
    assert [one["status"] for one in sim.log(path="/sync/history", since=since)] == [401, 201]


# TLS.


@pytest.fixture(scope="module")
def secure_hub(tmp_path_factory: pytest.TempPathFactory, library: Library) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("secure") / "data"
    with Sim.start("--https") as sim:
        link(sim, folder, library)
        sim.expect_violations()  # through a proxy the host has another name
        yield Hub(sim, folder)


@pytest.fixture
def secure(secure_hub: Hub) -> Iterator[Hub]:
    secure_hub.sim.config(certificate="good")
    secure_hub.sim.advance_clock(1_000)
    yield secure_hub
    secure_hub.sim.clear_faults()


def ask(library: Library, config: Dict[str, Any], **timeouts_ms: int) -> Envelope:
    """Asks once: there is no time for a second try, unless the time limits say so."""
    with Wire(library, {**config, "timeouts_ms": timeouts_ms or {"total": 790}}) as wire:
        return wire.call("settings.get", FRESH)


def test_a_ca_file_is_trusted_and_without_it_the_server_isn_t(secure: Hub, library: Library, tmp_path: Path) -> None:
    config = secure.sim.client_config(data_dir=secure.copy(tmp_path / "data"))
    assert code(ask(library, config, total=30_000)) == "ok"
    without = ask(library, {key: value for key, value in config.items() if key != "ca_file"})
    assert code(without) == "tls" and not without["error"]["retryable"], without
    for bad in (str(tmp_path / "missing.pem"), str(tmp_path), "/dev/null"):
        handle, reply = library.open_client(json.dumps({**config, "ca_file": bad}))
        assert handle == 0 and reply is not None
        assert json.loads(reply)["error"]["code"] == "config" and b"ca_file" in reply, reply


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [("expired", "tls_clock"), ("not_yet_valid", "tls_clock"), ("wrong_name", "tls"), ("unknown_ca", "tls")],
)
def test_a_bad_certificate_is_told_from_a_wrong_clock(
    secure: Hub, library: Library, tmp_path: Path, certificate: str, expected: str
) -> None:
    config = secure.sim.client_config(data_dir=secure.copy(tmp_path / "data"))
    since = secure.sim.mark()
    secure.sim.config(certificate=certificate)
    envelope = ask(library, config)
    assert code(envelope) == expected, envelope
    assert secure.sim.log(since=since) == []
    secure.sim.config(certificate="good")
    assert code(ask(library, config, total=30_000)) == "ok"


# Proxies.


def behind(proxy_url: Optional[str], secure: Hub, folder: Path) -> Dict[str, Any]:
    """A configuration whose API host only a proxy knows."""
    port = urlsplit(secure.sim.api_url).port
    return secure.sim.client_config(data_dir=folder, api_url=f"https://api.trakt.test:{port}", proxy=proxy_url)


def known_hosts(secure: Hub) -> Dict[str, Tuple[str, int]]:
    port = urlsplit(secure.sim.api_url).port
    assert port is not None
    return {f"{host}:{port}": ("127.0.0.1", port) for host in ("api.trakt.test", "198.51.100.7")}


@pytest.mark.parametrize(("kind", "scheme"), [(HttpProxy, "http"), (SocksProxy, "socks5h")], ids=["http", "socks5"])
@pytest.mark.parametrize("user", ["", "somebody"])
def test_a_proxy_leads_to_hosts_that_it_alone_knows(
    secure: Hub, library: Library, tmp_path: Path, kind: Callable[..., Proxy], scheme: str, user: str
) -> None:
    password = "p@ss:word/with%odd"
    login = f"{user}:p%40ss%3Aword%2Fwith%25odd@" if user else ""
    folder = secure.copy(tmp_path / "data")
    with kind(known_hosts(secure), user, password) as proxy:
        config = behind(f"{scheme}://{login}127.0.0.1:{proxy.port}", secure, folder)
        since = secure.sim.mark()
        with Wire(library, config) as wire:
            assert code(wire.call("settings.get", FRESH)) == "ok"
            assert code(wire.post()) == "ok"
        # The auth host is on loopback, which never goes through a proxy.
        assert set(proxy.asked) == {f"api.trakt.test:{urlsplit(config['api_url']).port}"}
        assert len(secure.sim.log(since=since)) == 2
        if user:
            for wrong in (f"{user}:wrongword@", "", "other:p%40ss@"):
                envelope = ask(library, behind(f"{scheme}://{wrong}127.0.0.1:{proxy.port}", secure, folder))
                assert code(envelope) == "proxy" and envelope["error"]["retryable"], envelope
                assert "wrongword" not in json.dumps(envelope)
        assert b"trakt-api-key" not in proxy.heard.lower() and b"Bearer" not in proxy.heard


def test_a_socks5_proxy_without_h_gets_the_address(secure: Hub, library: Library, tmp_path: Path) -> None:
    with SocksProxy(known_hosts(secure)) as proxy:
        config = behind(f"socks5://127.0.0.1:{proxy.port}", secure, secure.copy(tmp_path / "data"))
        port = urlsplit(config["api_url"]).port
        envelope = ask(library, {**config, "api_url": f"https://198.51.100.7:{port}"})
        assert code(envelope) == "tls", envelope  # it got there: the certificate is for other names
        assert set(proxy.asked) == {f"198.51.100.7:{port}"}


def test_a_proxy_that_can_t_is_the_proxy_s_trouble(secure: Hub, library: Library, tmp_path: Path) -> None:
    folder = secure.copy(tmp_path / "data")
    with HttpProxy({}) as http, SocksProxy({}) as socks:
        for url in (
            f"http://127.0.0.1:{http.port}",
            f"socks5h://127.0.0.1:{socks.port}",
            "http://127.0.0.1:9",
            "socks5h://127.0.0.1:9",
            f"socks5h://127.0.0.1:{http.port}",
        ):
            envelope = ask(library, behind(url, secure, folder), connect=600, total=790)
            assert code(envelope) == "proxy", (url, envelope)


def test_the_environment_s_proxy_is_used_unless_the_option_says_otherwise(
    secure: Hub, library: Library, tmp_path: Path
) -> None:
    folder = secure.copy(tmp_path / "data")
    with ExitStack() as ending:
        proxy = ending.enter_context(HttpProxy(known_hosts(secure), "somebody", "password1"))
        url = f"http://somebody:password1@127.0.0.1:{proxy.port}"
        names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        child = ending.enter_context(Child.start(env=dict.fromkeys(names, url)))
        child.call("open", behind(None, secure, folder), client="by environment")
        assert child.call("get_settings", max_age_ms=0, client="by environment")["source"] == "network"
        assert len(proxy.asked) == 1
        child.call("open", behind("", secure, folder), client="none")
        with pytest.raises(errors.TraktError) as raised:
            child.call("get_settings", max_age_ms=0, client="none")
        assert raised.value.code in ("dns", "timeout"), raised.value
        # Loopback never goes through one.
        child.call("open", secure.sim.client_config(data_dir=folder), client="loopback")
        assert child.call("get_settings", max_age_ms=0, client="loopback")["source"] == "network"
        assert len(proxy.asked) == 1


def test_a_whole_login_goes_through_a_proxy(library: Library, tmp_path: Path) -> None:
    with Sim.start("--https") as sim:
        sim.expect_violations()  # the hosts have other names there
        sim.config(device_interval_s=1)
        hosts = {}
        config = sim.client_config(data_dir=tmp_path / "data")
        for key, name in (("auth_url", "auth.trakt.test"), ("api_url", "api.trakt.test")):
            port = urlsplit(config[key]).port
            assert port is not None
            hosts[f"{name}:{port}"] = ("127.0.0.1", port)
            config[key] = f"https://{name}:{port}"
        with HttpProxy(hosts, "somebody", "password1") as proxy:
            config["proxy"] = f"http://somebody:password1@127.0.0.1:{proxy.port}"
            with Client(config, library=library) as client:
                login = client.device_start()
                sim.approve(login["user_code"])
                while login["state"] == "pending" or not login["account"]:
                    login = client.device_poll(wait_ms=5000)
                    assert login["state"] in ("pending", "authorized"), login
                assert client.unlink()["revoked"]
            assert set(proxy.asked) == set(hosts)
        kinds = {one["kind"] for one in sim.violations() if not one["text"].startswith("Host is ")}
        assert not kinds, sim.violations()
