"""Trouble has a sentence in plain words, whatever the library says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List

import pytest
from libtrakt import errors
from traktkodi import texts, trouble
from traktkodi.texts import Text

STATUSES = Path(__file__).resolve().parents[3] / "docs" / "statuses.md"
DEFECTS = {"invalid_argument", "invalid_handle", "invalid_json", "unknown_method", "unknown_option", "wrong_state"}


def codes() -> List[str]:
    names = re.findall(r"^\| \d+ \| `(\w+)`", STATUSES.read_text(encoding="utf-8"), re.MULTILINE)
    return [name for name in names if name != "ok"]


def test_the_list_of_codes_is_the_librarys() -> None:
    assert set(codes()) == set(errors.BY_CODE)
    assert len(codes()) > 30


@pytest.mark.parametrize("code", codes())
def test_each_code_has_a_sentence_of_its_own(code: str) -> None:
    said = trouble.of_error({"code": code, "message": "x", "retryable": False})
    assert said.id != texts.TROUBLE_UNKNOWN
    shared = {trouble.of_error({"code": other}).id for other in codes() if other != code}
    assert said.id not in shared or code in DEFECTS | {"internal"}
    assert trouble.of_error(errors.from_error({"code": code, "message": "x"})) == said


def test_a_code_that_is_not_known_yet_is_named() -> None:
    assert trouble.of_error({"code": "brand_new"}) == Text(texts.TROUBLE_UNKNOWN, {"code": "brand_new"})


def test_the_reason_makes_a_code_more_exact() -> None:
    assert trouble.of_error({"code": "not_linked", "reason": "relink_needed"}).id == texts.TROUBLE_SESSION_ENDED
    assert trouble.of_error({"code": "not_linked", "reason": "unauthorized"}).id == texts.TROUBLE_UNAUTHORIZED
    assert trouble.of_error({"code": "forbidden", "reason": "invalid_client"}).id == texts.TROUBLE_APP_REFUSED
    locked = {"code": "account_locked", "reason": "account_deactivated"}
    assert trouble.of_error(locked).id == texts.TROUBLE_DEACTIVATED
    assert trouble.of_account({"state": "locked", **locked}).id == texts.TROUBLE_DEACTIVATED


def test_a_limit_names_its_number_and_who_has_vip_is_not_told_to_get_it() -> None:
    limit = {"code": "account_limit", "limit": 250}
    assert trouble.of_error({**limit, "reason": "free_user"}) == Text(texts.TROUBLE_LIMIT_OF, {"limit": 250})
    assert trouble.of_error({**limit, "limit": None}).id == texts.TROUBLE_LIMIT
    assert trouble.of_error({**limit, "reason": "vip_user"}).id == texts.TROUBLE_LIMIT_VIP


def test_each_state_of_the_account_that_is_trouble_has_a_sentence_and_the_others_none() -> None:
    for state in ("relink_needed", "locked", "blocked", "app_refused", "unavailable"):
        assert trouble.of_account({"state": state, "reason": "whatever"}) is not None
    for state in ("none", "linked"):
        assert trouble.of_account({"state": state, "reason": None}) is None


def test_each_condition_of_the_store_that_is_trouble_has_a_sentence() -> None:
    for store in ("memory", "readonly", "full", "newer", "corrupt_moved"):
        assert trouble.of_store({"store": store}) is not None
    assert trouble.of_store({"store": "ok"}) is None
    assert trouble.of_store({"state": "unavailable"}) is None


def test_why_there_is_no_client() -> None:
    assert trouble.of_unavailable(None).id == texts.TROUBLE_NO_CLIENT_ID
    assert trouble.of_unavailable(errors.LibraryNotFound("…")).id == texts.TROUBLE_LIBRARY
    assert trouble.of_unavailable(errors.from_error({"code": "config"})).id == texts.TROUBLE_CONFIG

    class Worded(errors.LibraryError):
        text = Text(texts.CLOSE)

    assert trouble.of_unavailable(Worded("…")) == Text(texts.CLOSE)
