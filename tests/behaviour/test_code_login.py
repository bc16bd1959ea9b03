"""The authorization-code login: the URL, what the redirect brings, PKCE, and what ends it."""

from __future__ import annotations

import base64
import json
import re
import time
import urllib.parse
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import pytest
from child import Child
from libtrakt import Client, Library, errors
from logins import AT_ONCE_S, Running, eventually, link, native, poll, start
from moved_clock import MovedClock
from simtrakt import REVOKE, SETTINGS, TOKEN, Sim

MINUTE = 60_000


@pytest.fixture
def config(sim: Sim, data_dir: Path) -> Dict[str, Any]:
    """A client's configuration with the app's registered redirect_uri."""
    sim.config(require_pkce=True)
    return sim.client_config(data_dir=data_dir, redirect_uri=sim.redirect_uri)


@pytest.fixture
def host(library: Library, config: Dict[str, Any]) -> Iterator[Client]:
    """A client for the code flow."""
    with Client(config, library=library) as client:
        yield client


def finish(host: Any, redirected: str) -> Dict[str, Any]:
    """`trakt_authorize_finish`."""
    account: Dict[str, Any] = native(host, "trakt_authorize_finish", redirected)
    return account


def ask(host: Any, **options: Any) -> Dict[str, Any]:
    """`trakt_authorize_url`."""
    asked: Dict[str, Any] = native(host, "trakt_authorize_url", json.dumps(options))
    assert list(asked) == ["url", "state", "expires_in_ms"]
    return asked


def query_of(url: str) -> Dict[str, str]:
    """A URL's parameters, each of which is there once."""
    pairs = urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def code_of(url: str) -> str:
    """The code in a redirected URL."""
    return query_of(url)["code"]


def exchanges(sim: Sim) -> Any:
    """The bodies of the requests for tokens."""
    return [json.loads(request["body"]) for request in sim.log(path=TOKEN)]


def refused(call: Callable[[], Any]) -> str:
    """The code of a call's error."""
    with pytest.raises(errors.TraktError) as error:
        call()
    return error.value.code


# the URL


def test_the_url_carries_everything_exactly(host: Client, sim: Sim) -> None:
    asked = ask(host)
    assert asked["url"].startswith(f"{sim.auth_url}/oauth/authorize?")
    query = query_of(asked["url"])
    assert set(query) == {
        "response_type",
        "client_id",
        "redirect_uri",
        "state",
        "code_challenge",
        "code_challenge_method",
    }
    assert query["response_type"] == "code" and query["client_id"] == sim.client_id
    assert query["redirect_uri"] == sim.redirect_uri
    assert query["code_challenge_method"] == "S256"
    assert len(base64.urlsafe_b64decode(query["code_challenge"] + "=")) == 32
    assert query["state"] == asked["state"] and re.fullmatch(r"[A-Za-z0-9_-]{43}", asked["state"])
    assert 14 * MINUTE < asked["expires_in_ms"] <= 15 * MINUTE
    assert sim.log() == [], "asking for the URL needs no network"


def test_signup_and_prompt_are_passed_on(host: Client) -> None:
    query = query_of(ask(host, signup=True, prompt="login")["url"])
    assert query["signup"] == "true" and query["prompt"] == "login"
    assert "signup" not in query_of(ask(host, signup=False)["url"])


def test_each_url_has_its_own_state_and_challenge(host: Client) -> None:
    queries = [query_of(ask(host)["url"]) for _ in range(5)]
    for key in ("state", "code_challenge"):
        assert len({query[key] for query in queries}) == 5


@pytest.mark.parametrize(
    "options, code",
    [
        ('{"prompt":"consent"}', "invalid_argument"),
        ('{"signup":"yes"}', "invalid_argument"),
        ('{"signup":null}', "invalid_argument"),
        ('{"scope":"all"}', "unknown_option"),
        ("{", "invalid_json"),
    ],
)
def test_options_that_are_none_are_refused(host: Client, options: str, code: str) -> None:
    assert refused(lambda: native(host, "trakt_authorize_url", options)) == code


# the way that works


def test_the_redirected_url_links_the_account(host: Client, sim: Sim) -> None:
    sim.account(username="sean")
    account = finish(host, sim.authorize(ask(host)["url"]))
    assert account["state"] == "linked" and account["linked"] and account["user"]["username"] == "sean"
    assert account == host.account() or account["user"] == host.account()["user"]
    assert host.get_settings(max_age_ms=0)["source"] == "network"
    (sent,) = exchanges(sim)
    assert sent["grant_type"] == "authorization_code" and sent["redirect_uri"] == sim.redirect_uri
    assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", sent["code_verifier"])
    assert sent["client_secret"] == sim.client_secret
    assert "account.linked" in {event["type"] for event in host.next_events()}


def test_a_bare_code_links_the_account(host: Client, sim: Sim) -> None:
    redirected = sim.authorize(ask(host)["url"])
    assert finish(host, f"  {code_of(redirected)}\n")["linked"]


def test_without_a_client_secret_pkce_alone_is_enough(library: Library, sim: Sim, config: Dict[str, Any]) -> None:
    public = {key: value for key, value in config.items() if key != "client_secret"}
    with Client(public, library=library) as client:
        assert finish(client, sim.authorize(ask(client)["url"]))["linked"]
        (sent,) = exchanges(sim)
        assert "client_secret" not in sent and sent["code_verifier"]


def test_the_verifier_of_another_url_doesnt_open_a_code(host: Client, sim: Sim) -> None:
    sim.expect_violations()
    code = code_of(sim.authorize(ask(host)["url"]))
    ask(host)
    assert refused(lambda: finish(host, code)) == "code_invalid"
    assert not host.account()["linked"]


@pytest.mark.parametrize("later", ["the same", "urn:ietf:wg:oauth:2.0:oob"])
def test_a_refresh_carries_the_redirect_uri_of_the_pair_however_the_client_is_configured_later(
    library: Library, sim: Sim, config: Dict[str, Any], later: str
) -> None:
    with Client(config, library=library) as client:
        finish(client, sim.authorize(ask(client)["url"]))
    if later != "the same":
        config = {**config, "redirect_uri": later}
    sim.expire_access()
    with Client(config, library=library) as client:
        assert client.get_settings(max_age_ms=0)["source"] == "network"
    assert exchanges(sim)[-1]["grant_type"] == "refresh_token"
    assert exchanges(sim)[-1]["redirect_uri"] == sim.redirect_uri


def test_a_pair_of_a_device_login_is_refreshed_with_the_device_flows_redirect_uri(host: Client, sim: Sim) -> None:
    link(host, sim)
    sim.expire_access()
    assert host.get_settings(max_age_ms=0)["source"] == "network"
    assert exchanges(sim)[-1]["redirect_uri"] == "urn:ietf:wg:oauth:2.0:oob"


def test_the_session_that_it_replaces_is_revoked(host: Client, sim: Sim) -> None:
    link(host, sim)
    asked = ask(host)
    assert host.get_settings(max_age_ms=0)["source"] == "network", "the old tokens work until the new are there"
    finish(host, sim.authorize(asked["url"]))
    sim.wait_log(path=REVOKE, done=True)
    host.get_settings(max_age_ms=0)
    assert sim.log(path=SETTINGS)[-1]["bearer"] == "access_2" and sim.log(path=SETTINGS)[-1]["status"] == 200


def test_another_users_stored_data_are_dropped(host: Client, sim: Sim) -> None:
    sim.account(username="anna")
    link(host, sim)
    host.get_settings()
    sim.account(username="bert")
    assert finish(host, sim.authorize(ask(host)["url"]))["user"]["username"] == "bert"
    assert host.get_settings(offline=True)["user"]["username"] == "bert"


def test_the_account_is_linked_also_while_it_cannot_be_read(host: Client, sim: Sim) -> None:
    sim.fault("status", status=423, path=SETTINGS)
    account = finish(host, sim.authorize(ask(host)["url"]))
    assert account["user"] is None and account["state"] != "none"
    assert eventually(host.get_settings)["user"]["username"]


# state


def test_a_url_with_another_state_is_refused_and_the_true_one_still_works(host: Client, sim: Sim) -> None:
    redirected = sim.authorize(ask(host)["url"])
    state = query_of(redirected)["state"]
    for wrong in (
        redirected.replace(state, state[:-1] + ("A" if state[-1] != "A" else "B")),
        redirected.replace(state, ""),
        redirected.replace(f"state={state}", ""),
        f"{redirected}&state={state}",
        redirected.replace(state, state.swapcase()),
        f"{sim.redirect_uri}?error=access_denied&state=somebody-elses",
    ):
        assert refused(lambda: finish(host, wrong)) == "state_mismatch", wrong  # noqa: B023
    assert exchanges(sim) == []
    assert finish(host, redirected)["linked"]


def test_the_state_of_an_earlier_url_is_no_longer_good(host: Client, sim: Sim) -> None:
    first = sim.authorize(ask(host)["url"])
    second = sim.authorize(ask(host)["url"])
    assert refused(lambda: finish(host, first)) == "state_mismatch"
    assert finish(host, second)["linked"]


def test_a_redirected_url_is_good_once(host: Client, sim: Sim) -> None:
    redirected = sim.authorize(ask(host)["url"])
    finish(host, redirected)
    assert refused(lambda: finish(host, redirected)) == "wrong_state"
    assert len(exchanges(sim)) == 1 and host.account()["linked"]


def test_of_two_that_finish_at_once_only_one_spends_the_code(host: Client, sim: Sim) -> None:
    redirected = sim.authorize(ask(host)["url"])
    slow = sim.fault("delay", path=TOKEN, delay_ms=600_000)
    first = Running(lambda: finish(host, redirected))
    sim.wait_log(path=TOKEN)
    assert refused(lambda: finish(host, redirected)) == "wrong_state"
    sim.clear_faults(slow)
    assert first.outcome()["linked"]


def test_without_a_url_asked_for_before_it_is_wrong_state(host: Client, sim: Sim) -> None:
    for text in ("abc123", f"{sim.redirect_uri}?code=a&state=b", f"{sim.redirect_uri}?error=access_denied&state=b"):
        assert refused(lambda: finish(host, text)) == "wrong_state"  # noqa: B023
    assert sim.log() == []


def test_the_url_lives_in_memory_only(library: Library, sim: Sim, config: Dict[str, Any]) -> None:
    with Client(config, library=library) as client:
        redirected = sim.authorize(ask(client)["url"])
    with Client(config, library=library) as client:
        assert refused(lambda: finish(client, redirected)) == "wrong_state"


@pytest.mark.parametrize(
    "text",
    ["", "   ", "two words", "{redirect}?state={state}", "{redirect}?code=&state={state}", "x" * 9000],
    ids=["empty", "blank", "words", "no code", "empty code", "huge"],
)
def test_text_that_brings_no_code_is_refused_and_the_login_goes_on(host: Client, sim: Sim, text: str) -> None:
    asked = ask(host)
    redirected = sim.authorize(asked["url"])
    text = text.replace("{redirect}", sim.redirect_uri).replace("{state}", asked["state"])
    assert refused(lambda: finish(host, text)) == "invalid_argument"
    assert finish(host, redirected)["linked"]


def test_a_url_that_leads_elsewhere_is_refused(host: Client, sim: Sim) -> None:
    redirected = sim.authorize(ask(host)["url"])
    elsewhere = redirected.replace(sim.redirect_uri, "https://evil.example/callback")
    assert refused(lambda: finish(host, elsewhere)) == "invalid_argument"
    assert exchanges(sim) == []


# no


def test_who_refuses_at_trakt_is_code_denied(host: Client, sim: Sim) -> None:
    denied = sim.authorize(ask(host)["url"], deny=True)
    assert "access_denied" in denied
    assert refused(lambda: finish(host, denied)) == "code_denied"
    assert refused(lambda: finish(host, denied)) == "wrong_state"
    assert not host.account()["linked"] and exchanges(sim) == []


def test_a_refusal_leaves_the_linked_account_as_it_was(host: Client, sim: Sim) -> None:
    link(host, sim)
    assert refused(lambda: finish(host, sim.authorize(ask(host)["url"], deny=True))) == "code_denied"
    assert host.get_settings(max_age_ms=0)["source"] == "network"


@pytest.mark.parametrize(
    "fault, code",
    [
        ({"kind": "status", "status": 400, "body": '{"error":"invalid_grant"}'}, "code_invalid"),
        ({"kind": "status", "status": 401, "body": '{"error":"invalid_grant"}'}, "code_invalid"),
        ({"kind": "status", "status": 400, "body": '{"error":"invalid_client"}'}, "forbidden"),
        ({"kind": "html", "status": 403}, "blocked"),
        ({"kind": "status", "status": 503, "body": "{}"}, "server_error"),
        ({"kind": "status", "status": 429, "body": "{}", "headers": {"Retry-After": "9"}}, "rate_limited"),
        ({"kind": "empty", "status": 200}, "bad_reply"),
        ({"kind": "reset"}, "network"),
    ],
    ids=lambda value: f"{value['kind']}-{value.get('status', '')}" if isinstance(value, dict) else value,
)
def test_what_goes_wrong_with_the_exchange_is_said_and_leaves_the_linked_account_alone(
    host: Client, sim: Sim, fault: Dict[str, Any], code: str
) -> None:
    link(host, sim)
    if "body" in fault:
        fault = {**fault, "headers": {"Content-Type": "application/json", **fault.get("headers", {})}}
    redirected = sim.authorize(ask(host)["url"])
    sim.fault(**fault, path=TOKEN)
    assert refused(lambda: finish(host, redirected)) == code
    assert host.account()["linked"]
    assert host.get_settings(max_age_ms=0)["source"] == "network"
    assert sim.log(path=SETTINGS)[-1]["bearer"] == "access_1"
    assert sim.log(path=REVOKE) == []


# time


@pytest.mark.parametrize("jump", [0, 7 * 24 * 60 * MINUTE, -7 * 24 * 60 * MINUTE], ids=["", "ahead", "back"])
def test_the_url_is_good_for_fifteen_minutes_whatever_the_wall_clock_does(
    sim: Sim, config: Dict[str, Any], moved_clock: MovedClock, jump: int
) -> None:
    with Child.start(config, env=moved_clock.env()) as host:
        redirected = sim.authorize(ask(host)["url"])
        moved_clock.sleep(15 * MINUTE - 20_000)
        moved_clock.wall(jump)
        assert refused(lambda: finish(host, "two words")) == "invalid_argument", "still good"
        moved_clock.sleep(20_000)
        assert refused(lambda: finish(host, redirected)) == "wrong_state"
        assert exchanges(sim) == []
        assert finish(host, sim.authorize(ask(host)["url"]))["linked"]


def test_a_url_is_still_good_after_fourteen_minutes(sim: Sim, config: Dict[str, Any], moved_clock: MovedClock) -> None:
    with Child.start(config, env=moved_clock.env()) as host:
        asked = ask(host)
        moved_clock.sleep(14 * MINUTE)
        assert finish(host, sim.authorize(asked["url"]))["linked"]


# cancelled in the middle


@pytest.mark.parametrize("kind", ["late", "delay"])
def test_an_exchange_goes_on_when_its_call_is_cancelled(host: Client, sim: Sim, kind: str) -> None:
    redirected = sim.authorize(ask(host)["url"])
    fault = sim.fault(kind, path=TOKEN, delay_ms=600_000)
    waiting = Running(lambda: finish(host, redirected))
    sim.wait_log(path=TOKEN)
    host.cancel()
    cancelled = time.monotonic()
    assert isinstance(waiting.outcome(), errors.Cancelled)
    assert waiting.ended - cancelled < AT_ONCE_S
    sim.clear_faults(fault)
    until_linked(host)
    assert host.get_settings()["source"] == "network"


def until_linked(host: Any) -> None:
    """Waits for the event that an account was linked."""
    end = time.monotonic() + 30
    while not native(host, "trakt_account")["linked"]:
        assert time.monotonic() < end, "no account was linked"
        native(host, "trakt_next_events", 250)


def test_an_exchange_goes_on_when_its_client_is_closed(library: Library, sim: Sim, config: Dict[str, Any]) -> None:
    client = Client(config, library=library)
    redirected = sim.authorize(ask(client)["url"])
    fault = sim.fault("late", path=TOKEN, delay_ms=600_000)
    waiting = Running(lambda: finish(client, redirected))
    sim.wait_log(path=TOKEN)
    client.close(0)
    assert isinstance(waiting.outcome(), errors.Closed)
    with Client(config, library=library) as later:
        sim.clear_faults(fault)
        until_linked(later)


def test_a_submitted_finish_can_be_cancelled_alone(host: Client, sim: Sim) -> None:
    redirected = sim.authorize(ask(host)["url"])
    fault = sim.fault("late", path=TOKEN, delay_ms=600_000)
    request = host.submit("authorize.finish", {"url": redirected})
    sim.wait_log(path=TOKEN)
    request.cancel()
    assert refused(lambda: request.result(5_000)) == "cancelled"
    sim.clear_faults(fault)
    until_linked(host)


def test_both_logins_may_be_under_way_at_once(host: Client, sim: Sim) -> None:
    device = start(host)
    finish(host, sim.authorize(ask(host)["url"]))
    now = poll(host)
    assert now["state"] == "pending" and now["login_id"] == device["login_id"]
    assert host.account()["linked"]
