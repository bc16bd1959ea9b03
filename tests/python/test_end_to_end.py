"""The wrapper with the real library and the simulated Trakt: each function once, and what only the pair can show."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest
from child import Child, ChildGone
from libtrakt import Client, Library, errors
from libtrakt import client as client_module
from paths import PATIENCE_S
from simtrakt import DEVICE_CODE, DEVICE_TOKEN, REVOKE, SETTINGS, TOKEN, Sim

API_PATH = "/users/me"


class Interrupt:
    """A `should_stop` that is Ctrl-C as soon as the simulated Trakt has seen a request."""

    def __init__(self, sim: Sim, path: str, since: int = 0) -> None:
        self.sim, self.path, self.since = sim, path, since

    def __call__(self) -> bool:
        if self.sim.log(path=self.path, since=self.since):
            raise KeyboardInterrupt
        return False


def in_thread(call: Callable[[], Any]) -> Tuple[threading.Thread, List[Any]]:
    """Runs a call on a thread; its data or exception comes into the list."""
    outcome: List[Any] = []

    def run() -> None:
        try:
            outcome.append(call())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def finished(running: Tuple[threading.Thread, List[Any]]) -> Any:
    """The outcome of such a call."""
    thread, outcome = running
    thread.join(PATIENCE_S)
    assert not thread.is_alive(), "the call did not end"
    return outcome[0]


def events_until(client: Client, wanted: str) -> List[str]:
    """The types of the events up to a wanted one."""
    seen: List[str] = []
    end = time.monotonic() + PATIENCE_S
    while wanted not in seen:
        assert time.monotonic() < end, f"no event {wanted}, only {seen}"
        seen += [event["type"] for event in client.next_events(1000)]
    return seen


# linking


def test_a_device_login_from_start_to_unlink(client: Client, sim: Sim, tmp_path: Path) -> None:
    assert client.account()["state"] == "none"
    login = client.device_start(qr_dir=tmp_path)
    assert login["state"] == "pending"
    code, url = login["user_code"], login["verification_url"]
    assert code and url and login["verification_url_complete"] == f"{url.rstrip('/')}/{code}"
    rows = login["qr_rows"]
    assert rows and all(len(row) == len(rows) for row in rows)
    assert Path(str(login["qr_png_path"])).read_bytes().startswith(b"\x89PNG")

    sim.approve(code)
    while login["state"] == "pending":
        login = client.device_poll(wait_ms=5000)
    assert login["state"] == "authorized"
    assert "account.linked" in events_until(client, "account.linked")

    settings = client.get_settings()
    account = client.account()
    assert account["state"] == "linked" and account["linked"]
    assert account["user"] and account["user"]["username"] == settings["user"]["username"]
    assert settings["settings"]["user"]["username"] == settings["user"]["username"]

    assert client.unlink()["revoked"] is True
    assert client.account()["state"] == "none"
    assert len(sim.log(path=REVOKE)) == 1
    assert len(sim.log(path=DEVICE_CODE)) == 1


@pytest.mark.parametrize(
    "act, state, code",
    [
        (Sim.deny, "denied", "code_denied"),
        (Sim.expire, "expired", "code_expired"),
        (Sim.use_up, "already_used", "code_already_used"),
    ],
)
def test_a_login_that_ends_otherwise(
    client: Client, sim: Sim, act: Callable[[Sim], Any], state: str, code: str
) -> None:
    login = client.device_start()
    act(sim)
    while login["state"] == "pending":
        login = client.device_poll(wait_ms=5000)
    assert login["state"] == state
    error = login["error"]
    assert error is not None and isinstance(errors.from_error(error), errors.BY_CODE[code])


def test_a_login_driven_without_waiting(client: Client, sim: Sim) -> None:
    login = client.device_start(wait_ms=0)
    assert login["state"] == "starting"
    sim.wait_log(path=DEVICE_CODE, done=True)
    approved = False
    end = time.monotonic() + PATIENCE_S
    while login["state"] in ("starting", "pending") and time.monotonic() < end:
        login = client.device_poll()
        if login["state"] == "pending" and not approved:
            sim.approve(login["user_code"])
            approved = True
        time.sleep(0.01)  # as a user interface that draws itself
    assert login["state"] == "authorized"
    polls = sim.log(path=DEVICE_TOKEN)
    assert all(later["at_ms"] - earlier["at_ms"] >= 1000 for earlier, later in zip(polls, polls[1:]))


def test_a_cancelled_login(client: Client) -> None:
    client.device_start()
    client.device_cancel()
    assert client.device_poll()["state"] == "cancelled"


def test_an_authorization_code_login(library: Library, sim: Sim, data_dir: Path) -> None:
    config = sim.client_config(data_dir=data_dir, redirect_uri=sim.redirect_uri)
    with Client(config, library=library) as client:
        asked = client.authorize_url()
        assert asked["url"].startswith(sim.auth_url) and asked["state"]
        account = client.authorize_finish(sim.authorize(asked["url"]))
        assert account["linked"] and len(sim.log(path=TOKEN)) == 1
        with pytest.raises(errors.TraktError):
            client.authorize_finish("https://example.com/callback?code=again&state=again")


def test_an_authorization_code_login_that_was_denied(library: Library, sim: Sim, data_dir: Path) -> None:
    config = sim.client_config(data_dir=data_dir, redirect_uri=sim.redirect_uri)
    with Client(config, library=library) as client:
        location = sim.authorize(client.authorize_url()["url"], deny=True)
        with pytest.raises(errors.CodeDenied):
            client.authorize_finish(location)


# the account


def test_limits_and_permissions(linked: Client, sim: Sim) -> None:
    sim.settings(limits={"list": {"count": 2, "item_count": 100}}, permissions={"commenting": False})
    linked.get_settings(max_age_ms=0)
    full = linked.check_limit("list.count", 2)
    assert (full["allowed"], full["known"], full["limit"], full["remaining"]) == (False, True, 2, 0)
    assert full["upgrade_url"]
    assert linked.check_limit("list.count", 1)["allowed"]
    assert not linked.check_limit("no.such_limit", 10**15)["known"]
    assert not linked.check_permission("commenting")["allowed"]
    assert linked.check_permission("liking")["allowed"]


def test_settings_without_an_account(client: Client) -> None:
    with pytest.raises(errors.NotLinked) as caught:
        client.get_settings()
    assert caught.value.code == "not_linked" and not caught.value.retryable


def test_options_and_methods_that_do_not_exist(client: Client) -> None:
    with pytest.raises(errors.UnknownOption, match="no_such_option"):
        client.get_settings(no_such_option=1)
    with pytest.raises(errors.UnknownMethod):
        client.call("no.such_method")
    with pytest.raises(errors.InvalidArgument):
        client.device_start(background="yes")


def test_a_config_that_is_wrong(library: Library) -> None:
    with pytest.raises(errors.TraktError) as caught:
        Client({}, library=library)
    assert "client_id" in caught.value.message
    with pytest.raises(errors.UnknownOption, match="no_such_key"):
        Client(client_id="x", no_such_key=1, library=library)


def test_the_methods_that_this_package_submits_exist(client: Client) -> None:
    used = {
        client_module._ACCOUNT_UNLINK,
        client_module._AUTHORIZE_FINISH,
        client_module._LOG_NEXT,
        client_module._SETTINGS_GET,
    }
    assert used <= {method["name"] for method in client.call("methods")["methods"]}


def test_any_endpoint(linked: Client, sim: Sim) -> None:
    reply = linked.call("http.request", {"method": "GET", "path": API_PATH, "query": {"extended": "full"}})
    assert reply["status"] == 200 and reply["body"]["username"]
    (request,) = sim.log(path=API_PATH)
    assert request["query"] == "extended=full"


def test_a_request_without_waiting(linked: Client, sim: Sim) -> None:
    fault = sim.fault("silence", path=SETTINGS, times=0)
    since = sim.mark()
    request = linked.submit("settings.get", {"max_age_ms": 0})
    sim.wait_log(path=SETTINGS, since=since)
    assert request.result() is None and not request.done
    request.cancel()
    with pytest.raises(errors.Cancelled):
        request.result(PATIENCE_S * 1000)
    sim.clear_faults(fault)
    assert linked.submit("settings.get", {"max_age_ms": 0}).result(None)["source"] == "network"


def test_log_records(library: Library, sim: Sim) -> None:
    with Client(sim.client_config(log_level="trace"), library=library) as client:
        client.device_start()
        records = client.log_records()
    assert records and all(record["level"] and record["message"] for record in records)


# waits that end early


def test_ctrl_c_sends_nothing_twice_and_the_client_works_on(linked: Client, sim: Sim) -> None:
    since = sim.mark()
    fault = sim.fault("silence", path=SETTINGS, times=0)
    with pytest.raises(KeyboardInterrupt):
        linked.get_settings(max_age_ms=0, should_stop=Interrupt(sim, SETTINGS, since))
    assert len(sim.log(path=SETTINGS, since=since)) == 1
    sim.clear_faults(fault)
    assert linked.get_settings(max_age_ms=0)["source"] == "network"
    assert len(sim.log(path=SETTINGS, since=since)) == 2


def test_a_long_wait_sends_nothing_twice(linked: Client, sim: Sim) -> None:
    since = sim.mark()
    sim.fault("delay", path=SETTINGS, delay_ms=1500)
    assert linked.get_settings(max_age_ms=0)["source"] == "network"
    assert len(sim.log(path=SETTINGS, since=since)) == 1


def test_a_timeout(linked: Client, sim: Sim) -> None:
    sim.fault("silence", path=SETTINGS, times=0)
    with pytest.raises(errors.Timeout):
        linked.get_settings(max_age_ms=0, timeout_ms=300)
    sim.clear_faults()
    assert linked.get_settings(max_age_ms=0)["source"] == "network"


def test_cancel_from_another_thread(linked: Client, sim: Sim) -> None:
    since = sim.mark()
    sim.fault("silence", path=SETTINGS, times=0)
    running = in_thread(lambda: linked.get_settings(max_age_ms=0))
    sim.wait_log(path=SETTINGS, since=since)
    linked.cancel()
    assert isinstance(finished(running), errors.Cancelled)
    sim.clear_faults()
    assert linked.get_settings(max_age_ms=0)["source"] == "network"


def test_close_frees_who_waits(linked: Client, sim: Sim) -> None:
    since = sim.mark()
    sim.fault("silence", path=SETTINGS, times=0)
    running = in_thread(lambda: linked.get_settings(max_age_ms=0))
    sim.wait_log(path=SETTINGS, since=since)
    linked.close(0)
    assert isinstance(finished(running), (errors.Closed, errors.InvalidHandle))
    with pytest.raises(errors.InvalidHandle):
        linked.account()


def test_many_threads(linked: Client, sim: Sim) -> None:
    def work() -> List[Any]:
        found: List[Any] = []
        for _ in range(20):
            found += [linked.account()["linked"], linked.device_poll()["state"], linked.next_events()]
            found.append(linked.get_settings(offline=True)["user"]["username"])
        return found

    linked.get_settings()
    running = [in_thread(work) for _ in range(4)]
    for each in running:
        outcome = finished(each)
        assert isinstance(outcome, list) and outcome[0] is True, outcome


# processes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_is_told(library: Library, sim: Sim, data_dir: Path) -> None:
    with Child.start(sim.client_config(data_dir=data_dir), library=library.path) as child:
        said = child.run(
            """
import os
reading, writing = os.pipe()
pid = os.fork()
if pid == 0:
    try:
        client.account()
        said = b"nothing"
    except libtrakt.TraktError as error:
        said = error.code.encode()
    os.write(writing, said)
    os._exit(0)
os.waitpid(pid, 0)
result = os.read(reading, 100).decode()
"""
        )
        assert said == "wrong_state"
        assert child.call("account")["state"] == "none"


def test_a_killed_process_leaves_its_login(library: Library, sim: Sim, data_dir: Path) -> None:
    config = sim.client_config(data_dir=data_dir)
    with Child.start(config, library=library.path) as child:
        code = child.call("device_start")["user_code"]
        child.kill9()
        assert child.wait_exit() == -9
        with pytest.raises(ChildGone):
            child.call("account")
    with Child.start(config, library=library.path) as child:
        login = child.call("device_poll")
        assert (login["state"], login["user_code"]) == ("pending", code)
        sim.approve(code)
        while login["state"] == "pending":
            login = child.call("device_poll", wait_ms=5000)
        assert login["state"] == "authorized"
        assert child.finish() == 0
    assert len(sim.log(path=DEVICE_CODE)) == 1


def test_a_child_takes_calls_side_by_side(linked: Client, library: Library, sim: Sim, data_dir: Path) -> None:
    with Child.start(sim.client_config(data_dir=data_dir), library=library.path) as child:
        since = sim.mark()
        sim.fault("silence", path=SETTINGS, times=0)
        pending = child.send("get_settings", max_age_ms=0)
        sim.wait_log(path=SETTINGS, since=since)
        assert child.call("account")["linked"] and not pending.done
        child.call("cancel")
        with pytest.raises(errors.Cancelled):
            pending.result()
