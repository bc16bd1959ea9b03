"""The stubs behave as Kodi does where the add-on relies on it, and the fake Trakt has the real one's interface."""

from __future__ import annotations

import inspect
from typing import Any

import fakekodi
import pytest
import xbmc
from faketrakt import FakeTrakt, error
from traktkodi.kodi import Kodi
from traktkodi.texts import CLOSE, Text
from traktkodi.trakt import Trakt


def test_the_fake_trakt_has_the_interface_of_the_real_one() -> None:
    def public(kind: Any) -> dict:
        return {name: member for name, member in inspect.getmembers(kind) if not name.startswith("_")}

    fake = FakeTrakt()
    for name, member in public(Trakt).items():
        assert hasattr(fake, name), name
        if inspect.isfunction(member):
            ours = inspect.signature(member).parameters
            theirs = inspect.signature(getattr(FakeTrakt, name)).parameters
            assert list(ours) == list(theirs), name


def test_texts_come_from_the_real_file_in_the_language_of_the_user(kodi: Kodi, box: fakekodi.Box) -> None:
    assert kodi.text(CLOSE) == "Close"
    box.language = "xx_xx"
    assert kodi.text(CLOSE) == "Close"
    assert kodi.say(Text(39999)) == ""


def test_callbacks_wait_for_the_wait(box: fakekodi.Box) -> None:
    heard = []

    class Monitor(xbmc.Monitor):
        def onNotification(self, sender: str, method: str, data: str) -> None:
            heard.append((sender, method, data))

    monitor = Monitor()
    Kodi().rpc("JSONRPC.NotifyAll", sender="me", message="hello", data={"a": 1})
    assert heard == []
    before = box.clock.monotonic()
    assert not monitor.waitForAbort(0.25)
    assert heard == [("me", "Other.hello", '{"a": 1}')]
    assert box.clock.monotonic() == before + 0.25
    box.abort()
    assert monitor.waitForAbort(10)


def test_calls_of_the_fake_trakt_end_when_the_test_says_so(trakt: FakeTrakt) -> None:
    told: list = []
    trakt.submit("account.unlink", None, lambda data, trouble: told.append((data, trouble)))
    trakt.step()
    assert trakt.busy
    assert told == []
    trakt.finish("account.unlink", error("network"))
    assert not trakt.busy
    assert told[0][1].code == "network"
    trakt.answers["limit.check"] = {"allowed": True}
    assert trakt.ask("limit.check", {"limit": "list.count"}) == {"allowed": True}
    trakt.answers["limit.check"] = error("not_linked")
    with pytest.raises(type(error("not_linked"))):
        trakt.ask("limit.check")
