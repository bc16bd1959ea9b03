"""Replies as data or exceptions, and the one table of status numbers."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Dict

import libtrakt
import pytest
from libtrakt import Library, TraktError, errors
from libtrakt._reply import data_of
from paths import HEADER

CONTRACT = {
    1: "invalid_argument",
    2: "invalid_handle",
    3: "invalid_json",
    4: "unknown_method",
    5: "unknown_option",
    6: "wrong_state",
    7: "busy",
    8: "closed",
    9: "config",
    20: "network",
    21: "timeout",
    22: "dns",
    23: "tls",
    24: "tls_clock",
    25: "proxy",
    40: "not_linked",
    41: "forbidden",
    42: "not_found",
    43: "rate_limited",
    44: "server_error",
    45: "bad_reply",
    46: "account_locked",
    47: "vip_only",
    48: "account_limit",
    49: "conflict",
    50: "rejected",
    51: "blocked",
    60: "code_expired",
    61: "code_denied",
    62: "code_already_used",
    63: "code_invalid",
    64: "state_mismatch",
    70: "storage",
    71: "storage_full",
    72: "storage_corrupt",
    73: "storage_newer",
    90: "cancelled",
    98: "out_of_memory",
    99: "internal",
}


def table() -> Dict[int, str]:
    return {status: kind.CODE for status, kind in errors.BY_STATUS.items()}


def test_the_table_is_that_of_the_contract() -> None:
    assert table() == CONTRACT
    assert {code: kind.STATUS for code, kind in errors.BY_CODE.items()} == {c: s for s, c in CONTRACT.items()}


def test_the_table_is_that_of_the_header() -> None:
    assert HEADER.is_file(), f"{HEADER} is missing"
    found = re.findall(r"\bTRAKT_([A-Z_]+)\s*=\s*(\d+)\s*[,}\n]", HEADER.read_text(encoding="utf-8"))
    assert {int(number): name.lower() for name, number in found} == {0: "ok", **CONTRACT}


def test_the_table_is_that_of_the_library(library: Library) -> None:
    assert {status: library.status_name(status) for status in CONTRACT} == CONTRACT


def test_data() -> None:
    assert data_of(b'{"status":0,"data":{"id":9223372036854775807,"new":1}}') == {"id": 2**63 - 1, "new": 1}


@pytest.mark.parametrize("status", sorted(CONTRACT))
def test_each_status_has_its_exception(status: int) -> None:
    code = CONTRACT[status]
    reply = f'{{"status":{status},"error":{{"code":"{code}","message":"A sentence."}}}}'.encode()
    with pytest.raises(TraktError) as caught:
        data_of(reply)
    error = caught.value
    assert type(error) is errors.BY_STATUS[status] and type(error) is not TraktError
    assert (error.status, error.code, error.retryable) == (status, code, False)
    assert str(error) == f"A sentence. ({code})"


def test_an_error_carries_what_is_known() -> None:
    reply = b"""{"status":48,"error":{"code":"account_limit","message":"Full.","retryable":false,"retry_after_ms":5000,
        "http_status":420,"upgrade_url":"https://example.com/vip","limit":100,"reason":"list","later":[1]}}"""
    with pytest.raises(errors.AccountLimit) as caught:
        data_of(reply)
    error = caught.value
    assert (error.retry_after_ms, error.http_status, error.limit) == (5000, 420, 100)
    assert (error.upgrade_url, error.reason) == ("https://example.com/vip", "list")
    assert error.raw["later"] == [1] and error.expires_at is None


def test_a_conflict_says_until_when() -> None:
    until = "2030-01-01T00:00:00.000Z"
    with pytest.raises(errors.Conflict) as caught:
        data_of(f'{{"status":49,"error":{{"code":"conflict","message":"Busy.","expires_at":"{until}"}}}}'.encode())
    assert caught.value.expires_at == until


def test_a_status_of_the_future_is_a_trakt_error() -> None:
    with pytest.raises(TraktError) as caught:
        data_of(b'{"status":77,"error":{"code":"solar_flare","message":"Hm.","retryable":true}}')
    assert type(caught.value) is TraktError
    assert (caught.value.status, caught.value.code, caught.value.retryable) == (77, "solar_flare", True)


def test_an_error_of_a_login_becomes_an_exception_by_its_code() -> None:
    error = errors.from_error({"code": "code_denied", "message": "Denied."})
    assert isinstance(error, errors.CodeDenied) and error.status == 61
    assert type(errors.from_error({"code": "unheard_of"})) is TraktError


def test_an_error_can_be_copied_and_pickled() -> None:
    error = errors.from_error({"code": "rate_limited", "message": "Slower.", "retry_after_ms": 7, "retryable": True})
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is errors.RateLimited
        assert (twin.message, twin.retry_after_ms, twin.retryable, twin.raw) == ("Slower.", 7, True, error.raw)


@pytest.mark.parametrize(
    "text", [b"", b"null", b"[]", b"{}", b'{"status":1}', b'{"status":"1","error":{}}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_reply_is_internal(text: bytes) -> None:
    with pytest.raises(errors.Internal):
        data_of(text)


def test_no_reply_at_all_is_out_of_memory() -> None:
    with pytest.raises(errors.OutOfMemory):
        data_of(None)


def test_errors_of_loading_are_apart_from_those_of_trakt() -> None:
    assert issubclass(libtrakt.LibraryNotFound, libtrakt.LibraryError)
    assert not issubclass(libtrakt.LibraryError, TraktError)
