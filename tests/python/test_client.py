"""A client over a library whose answers are dictated: what is passed on, how waits are cut, what is left behind."""

from __future__ import annotations

import gc
import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, List

import libtrakt
import pytest
from child import child_environment, run_snippet
from fake import Fake
from libtrakt import Client, Request, errors
from libtrakt.client import _json
from paths import PATIENCE_S

FOREVER_MS = 3_600_000


class Stop:
    """A `should_stop` that is true when asked for the n-th time, or raises what it was given."""

    def __init__(self, times: int, raises: BaseException | None = None) -> None:
        self.left = times
        self.raises = raises

    def __call__(self) -> bool:
        self.left -= 1
        if self.left <= 0 and self.raises:
            raise self.raises
        return self.left <= 0


# opening and closing


def test_config_is_passed_on_as_mapping_and_keywords(fake: Fake, tmp_path: Path) -> None:
    config = {"client_id": "from mapping", "proxy": ""}
    with Client(config, library=fake.path, client_id="from keyword", data_dir=tmp_path, ca_file=None):
        assert fake.config == {"client_id": "from keyword", "proxy": "", "data_dir": str(tmp_path)}
    assert config == {"client_id": "from mapping", "proxy": ""}


def test_a_loaded_library_can_be_shared(fake: Fake) -> None:
    library = libtrakt.Library.load(fake.path)
    with Client(client_id="x", library=library) as one, Client(client_id="x", library=library) as two:
        assert one.library is two.library is library


def test_a_refused_config_raises(fake: Fake) -> None:
    fake.fails("open", 9, "config")
    with pytest.raises(errors.ConfigError, match="This is config"):
        Client(client_id="x", library=fake.path)
    assert fake.count("close") == 0 and fake.live_texts == 0


def test_leaving_the_block_closes(fake: Fake) -> None:
    with Client(client_id="x", library=fake.path) as client:
        assert not client.closed
    assert client.closed and fake.count("close") == 1


def test_closing_again_does_nothing(fake_client: Client, fake: Fake) -> None:
    assert fake_client.close() == 0
    assert fake_client.close(0) == 0
    assert fake.count("close") == 1


def test_closing_waits_until_all_is_done(fake_client: Client, fake: Fake) -> None:
    fake.closing_takes(600)
    assert fake_client.close() == 0
    assert fake.count("close") == 1


def test_closing_says_what_still_runs(fake_client: Client, fake: Fake) -> None:
    fake.closing_takes(FOREVER_MS)
    before = threading.active_count()
    assert fake_client.close(0) == 1
    assert threading.active_count() == before
    assert fake_client.closed and fake_client.close() == 0 and fake.count("close") == 1


def test_ctrl_c_and_should_stop_end_the_wait_for_closing(fake: Fake) -> None:
    fake.closing_takes(2000)
    client = Client(client_id="x", library=fake.path)
    with pytest.raises(KeyboardInterrupt):
        client.close(should_stop=Stop(2, KeyboardInterrupt()))
    assert client.closed and fake.count("close") == 1
    fake.closing_takes(2000)
    client = Client(client_id="x", library=fake.path)
    assert client.close(should_stop=Stop(2)) == 1
    assert client.closed


def test_pythons_end_waits_for_a_close_that_was_left(fake: Fake) -> None:
    code = f"""
import atexit, ctypes, time, libtrakt
fake = ctypes.CDLL({str(fake.path)!r})
client = libtrakt.Client(client_id="x", library={str(fake.path)!r})
fake.fake_closing_takes(1500)
began = time.monotonic()
client.close(should_stop=lambda: True)
atexit.register(lambda: print(time.monotonic() - began >= 1.4, flush=True))
"""
    done = run_snippet(code)
    assert done.stdout == "True\n", done.stderr


def test_a_dropped_client_is_closed(fake: Fake) -> None:
    client = Client(client_id="x", library=fake.path)
    del client
    gc.collect()
    assert fake.count("close") == 1


def test_shutdown_waits_in_slices(fake: Fake) -> None:
    fake.closing_takes(600)
    assert libtrakt.shutdown(library=fake.path) == 0
    assert fake.count("shutdown") == 3 and fake.longest_wait == 250


# named functions


def test_functions_that_ask_nobody_pass_their_arguments(fake_client: Client, fake: Fake) -> None:
    fake.replies("account", {"state": "none", "linked": False, "unheard_of": 1})
    assert fake_client.account() == {"state": "none", "linked": False, "unheard_of": 1}
    fake.replies("check_limit", {"allowed": False})
    assert fake_client.check_limit("list.count", 2**64 - 1) == {"allowed": False}
    assert fake.last_text == "list.count 18446744073709551615"
    fake_client.check_permission("commenting")
    assert fake.last_text == "commenting"
    fake_client.authorize_url(signup=True, prompt=None)
    assert json.loads(fake.last_text) == {"signup": True}
    fake.replies("player.event", {"state": "playing"})
    assert fake_client.player_event("progress", "film-1", position_ms=5)["state"] == "playing"
    assert json.loads(fake.last_text) == {"event": "progress", "session": "film-1", "position_ms": 5}
    fake_client.player_event({"event": "ended", "session": "film-1"}, duration_ms=9)
    assert json.loads(fake.last_text) == {"event": "ended", "session": "film-1", "duration_ms": 9}
    assert fake.count("submit") == 0


def test_functions_that_ask_trakt_are_submitted_once(fake_client: Client, fake: Fake) -> None:
    fake.replies("settings.get", {"source": "network"})
    assert fake_client.get_settings(max_age_ms=0, extended=None) == {"source": "network"}
    assert fake.last_method == "settings.get" and json.loads(fake.last_text) == {"max_age_ms": 0}
    fake_client.authorize_finish("https://example.com/callback?code=1")
    assert fake.last_method == "authorize.finish"
    assert json.loads(fake.last_text) == {"url": "https://example.com/callback?code=1"}
    fake_client.unlink()
    assert fake.last_method == "account.unlink" and fake.last_text == "NULL"
    assert fake.count("submit") == 3
    for blocking in ("trakt_get_settings", "trakt_authorize_finish", "trakt_unlink"):
        assert fake.count(blocking) == 0


def test_text_is_utf8(fake_client: Client, fake: Fake) -> None:
    fake_client.check_permission("größe 🎬")
    assert fake.last_text == "größe 🎬"
    fake.replies_text("account", '{"status":0,"data":{"user":{"name":"Zoë"}}}')
    assert fake_client.account()["user"] == {"name": "Zoë"}


@pytest.mark.parametrize("text", ["commenting\0x", "\ud800"])
def test_text_that_c_cannot_hold_is_refused(fake_client: Client, fake: Fake, text: str) -> None:
    with pytest.raises(errors.InvalidArgument):
        fake_client.check_permission(text)
    assert fake.count("check_permission") == 0


@pytest.mark.parametrize("have", [-1, 2**64, 1.5, "2", None])
def test_numbers_that_c_would_wrap_are_refused(fake_client: Client, fake: Fake, have: Any) -> None:
    with pytest.raises(errors.InvalidArgument, match="have must be"):
        fake_client.check_limit("list.count", have)
    assert fake.count("check_limit") == 0


def test_a_name_that_is_no_unicode_becomes_text_that_the_library_takes() -> None:
    name = b"Am\xe9lie \xf0\x9f\x98\x80".decode("utf-8", "surrogateescape")
    assert json.loads(_json({"file": name})) == {"file": "Am?lie 😀"}


@pytest.mark.parametrize("bad", [{"x": object()}, {"x": float("nan")}, {"x": {1, 2}}])
def test_parameters_that_json_cannot_hold_are_refused(fake_client: Client, fake: Fake, bad: Any) -> None:
    with pytest.raises(errors.InvalidArgument):
        fake_client.call("http.request", bad)
    assert fake.count("submit") == 0


def test_a_negative_wait_is_refused_before_anything_is_sent(fake_client: Client, fake: Fake) -> None:
    wrong: List[Callable[[], Any]] = [
        lambda: fake_client.device_start(wait_ms=-1),
        lambda: fake_client.call("x", timeout_ms=-1),
        lambda: fake_client.next_events(-1),
        lambda: fake_client.close(-1),
    ]
    for call in wrong:
        with pytest.raises(errors.InvalidArgument):
            call()
    assert [fake.count(name) for name in ("device.start", "submit", "next_events", "close")] == [0, 0, 0, 0]


def test_no_text_is_kept(fake: Fake) -> None:
    with Client(client_id="x", library=fake.path) as client:
        for _ in range(20):
            client.account()
            client.call("x")
            client.device_poll()
            client.next_events()
    assert fake.live_texts == 0 and fake.pending_replies == 0


# calls


def test_a_long_call_is_sent_once_and_waited_for_in_slices(fake_client: Client, fake: Fake) -> None:
    fake.call_takes(700)
    fake.replies("slow", {"answer": 42})
    assert fake_client.call("slow") == {"answer": 42}
    assert fake.count("submit") == 1 and fake.longest_wait == 250
    assert fake.count("result") >= 3 and fake.pending_replies == 0


def test_a_failing_call_raises_and_leaves_nothing(fake_client: Client, fake: Fake) -> None:
    fake.fails("x", 43, "rate_limited", retryable=True, retry_after_ms=3000)
    with pytest.raises(errors.RateLimited) as caught:
        fake_client.call("x")
    assert caught.value.retryable and caught.value.retry_after_ms == 3000
    assert fake.pending_replies == 0 and fake.count("cancel") == 0


def test_ctrl_c_cancels_the_call_and_leaves_nothing(fake_client: Client, fake: Fake) -> None:
    fake.call_takes(FOREVER_MS)
    with pytest.raises(KeyboardInterrupt):
        fake_client.call("x", should_stop=Stop(2, KeyboardInterrupt()))
    assert (fake.count("submit"), fake.count("cancel"), fake.pending_replies) == (1, 1, 0)
    fake.call_takes(0)
    fake.replies("y", {"fine": True})
    assert fake_client.call("y") == {"fine": True}


def test_a_timeout_cancels_the_call(fake_client: Client, fake: Fake) -> None:
    fake.call_takes(FOREVER_MS)
    with pytest.raises(errors.Timeout) as caught:
        fake_client.call("x", timeout_ms=20)
    assert caught.value.retryable and "x took longer than 20 ms" in str(caught.value)
    assert (fake.count("submit"), fake.count("cancel"), fake.pending_replies) == (1, 1, 0)


def test_should_stop_cancels_the_call(fake_client: Client, fake: Fake) -> None:
    fake.call_takes(FOREVER_MS)
    with pytest.raises(errors.Cancelled):
        fake_client.call("x", should_stop=Stop(2))
    assert (fake.count("submit"), fake.count("cancel"), fake.pending_replies) == (1, 1, 0)


def test_cancelling_everything_is_not_mistaken_for_a_timeout(fake_client: Client, fake: Fake) -> None:
    fake.call_takes(FOREVER_MS)

    def cancel_all() -> bool:
        fake_client.cancel()
        return False

    with pytest.raises(errors.Cancelled):
        fake_client.call("x", timeout_ms=FOREVER_MS, should_stop=cancel_all)
    assert fake.pending_replies == 0


def test_a_real_signal_gets_through(fake: Fake) -> None:
    fake_path = str(fake.path)
    code = f"""
import ctypes, libtrakt
fake = ctypes.CDLL({fake_path!r})
fake.fake_call_takes.argtypes = [ctypes.c_int64]
fake.fake_call_takes({FOREVER_MS})
client = libtrakt.Client(client_id="x", library={fake_path!r})
try:
    client.call("x", should_stop=lambda: print("waiting", flush=True))
except KeyboardInterrupt:
    print("interrupted", fake.fake_pending_replies(), fake.fake_live_texts(), flush=True)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=child_environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert out.splitlines()[-1] == "interrupted 0 0"


def test_other_threads_run_while_one_waits(fake_client: Client, fake: Fake) -> None:
    fake.call_takes(600)
    caught: List[Any] = []
    threads = [threading.Thread(target=lambda: caught.append(fake_client.call("x"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        fake_client.account()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert caught == [{}] * 8 and fake.count("submit") == 8 and fake.pending_replies == 0


# requests


def test_a_request_is_none_while_it_runs_and_keeps_its_answer(fake_client: Client, fake: Fake) -> None:
    fake.call_takes(300)
    fake.replies("x", {"answer": 42})
    request = fake_client.submit("x", {"a": 1})
    assert isinstance(request, Request) and json.loads(fake.last_text) == {"a": 1}
    assert request.result() is None and not request.done
    assert fake.longest_wait == 0
    assert request.result(None) == {"answer": 42}
    assert request.result() == {"answer": 42} and request.done


def test_a_request_that_failed_keeps_its_error(fake_client: Client, fake: Fake) -> None:
    fake.fails("x", 40, "not_linked")
    request = fake_client.submit("x")
    assert request.done
    for _ in range(2):
        with pytest.raises(errors.NotLinked):
            request.result()


def test_a_cancelled_request(fake_client: Client, fake: Fake) -> None:
    fake.call_takes(FOREVER_MS)
    request = fake_client.submit("x")
    request.cancel()
    with pytest.raises(errors.Cancelled):
        request.result(1000)
    assert fake.pending_replies == 0
    request.cancel()
    assert fake.count("cancel") == 1


def test_should_stop_leaves_a_request_running(fake_client: Client, fake: Fake) -> None:
    fake.call_takes(FOREVER_MS)
    request = fake_client.submit("x")
    assert request.result(None, should_stop=Stop(1)) is None
    assert fake.count("cancel") == 0 and not request.done
    request.cancel()


def test_two_threads_may_wait_for_one_request(fake_client: Client, fake: Fake) -> None:
    fake.call_takes(400)
    fake.replies("x", {"answer": 42})
    request = fake_client.submit("x")
    got: List[Any] = []
    threads = [threading.Thread(target=lambda: got.append(request.result(None))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert got == [{"answer": 42}] * 4


def test_who_must_not_wait_does_not_wait_for_who_does(fake_client: Client, fake: Fake) -> None:
    fake.call_takes(FOREVER_MS)
    request = fake_client.submit("x")
    with request._taking:  # as a thread does that is inside the library
        assert request.result() is None and not request.done
    request.cancel()


# the login


def pending(**changes: Any) -> Any:
    return {"state": "pending", "user_code": "5055CC52", "expires_in_ms": 600_000, "polls": 0, **changes}


def test_starting_never_waits_inside_the_library(fake_client: Client, fake: Fake) -> None:
    fake.replies("device.start", {"state": "starting"})
    fake.replies("device.poll", {"state": "starting"}, pending())
    assert fake_client.device_start(qr_dir=Path("/qr"), renew=None)["user_code"] == "5055CC52"
    assert json.loads(fake.last_text) == {"qr_dir": "/qr", "wait_ms": 0}
    assert fake.longest_wait == 250 and fake.count("device.start") == 1


def test_starting_without_waiting(fake_client: Client, fake: Fake) -> None:
    fake.replies("device.start", {"state": "starting"})
    assert fake_client.device_start(wait_ms=0) == {"state": "starting"}
    assert fake.count("device.poll") == 0


def test_starting_gives_up_waiting(fake_client: Client, fake: Fake) -> None:
    fake.replies("device.start", {"state": "starting"})
    fake.replies("device.poll", {"state": "starting", "last_error": {"code": "network"}})
    assert fake_client.device_start(wait_ms=300)["last_error"] == {"code": "network"}
    assert fake_client.device_start(should_stop=Stop(1))["state"] == "starting"


def test_a_poll_without_waiting_is_one_call(fake_client: Client, fake: Fake) -> None:
    fake.replies("device.poll", pending())
    assert fake_client.device_poll()["state"] == "pending"
    assert fake.count("device.poll") == 1 and fake.longest_wait == 0


def test_a_poll_waits_in_slices_and_countdowns_are_no_change(fake_client: Client, fake: Fake) -> None:
    fake.replies("device.poll", pending(expires_in_ms=600_000, next_poll_in_ms=5000))
    assert fake_client.device_poll(600)["state"] == "pending"
    assert fake.longest_wait == 250 and 3 <= fake.count("device.poll") <= 5


def test_a_poll_returns_with_a_change(fake_client: Client, fake: Fake) -> None:
    fake.replies("device.poll", pending(), pending(expires_in_ms=1), pending(polls=1), {"state": "denied"})
    states = [fake_client.device_poll(FOREVER_MS)["state"]]
    while states[-1] == "pending":
        states.append(fake_client.device_poll(FOREVER_MS)["state"])
    assert states[-1] == "denied"


@pytest.mark.parametrize("state", ["idle", "denied", "expired", "failed", "of the future"])
def test_a_poll_of_what_cannot_change_returns_at_once(fake_client: Client, fake: Fake, state: str) -> None:
    fake.replies("device.poll", {"state": state})
    assert fake_client.device_poll(FOREVER_MS)["state"] == state
    assert fake.count("device.poll") == 1


def test_a_poll_can_be_stopped(fake_client: Client, fake: Fake) -> None:
    fake.replies("device.poll", pending())
    assert fake_client.device_poll(FOREVER_MS, should_stop=Stop(2))["state"] == "pending"
    with pytest.raises(KeyboardInterrupt):
        fake_client.device_poll(FOREVER_MS, should_stop=Stop(1, KeyboardInterrupt()))
    assert fake.count("device.cancel") == 0


# events and logs


def test_events_come_at_once_or_after_waiting_in_slices(fake_client: Client, fake: Fake) -> None:
    event = {"type": "account.linked", "at": "2026-11-22T10:00:00Z", "by": "other"}
    fake.replies("next_events", {"events": []}, {"events": []}, {"events": [event]})
    assert fake_client.next_events() == []
    assert fake_client.next_events(None) == [event]
    assert fake.longest_wait == 250


def test_waiting_for_events_ends(fake_client: Client, fake: Fake) -> None:
    fake.replies("next_events", {"events": []})
    assert fake_client.next_events(300) == []
    assert fake_client.next_events(None, should_stop=Stop(2)) == []


def test_log_records(fake_client: Client, fake: Fake) -> None:
    fake.replies("log.next", {"records": [{"level": "warn", "message": "Hm."}]})
    assert fake_client.log_records() == [{"level": "warn", "message": "Hm."}]
    assert fake.last_method == "log.next"


# processes


def test_a_client_left_open_is_closed_when_the_interpreter_ends(fake: Fake) -> None:
    code = f"""
import atexit, ctypes, libtrakt
fake = ctypes.CDLL({str(fake.path)!r})
atexit.register(lambda: print("closed", fake.fake_count(b"close"), flush=True))
client = libtrakt.Client(client_id="x", library={str(fake.path)!r})
"""
    done = run_snippet(code)
    assert done.stdout == "closed 1\n", done.stderr


def test_the_package_starts_no_thread(fake: Fake) -> None:
    before = threading.active_count()
    with Client(client_id="x", library=fake.path) as client:
        client.call("x")
        client.device_poll(10)
        assert threading.active_count() == before
