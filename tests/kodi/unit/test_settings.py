"""The settings as values: what is typed by hand is checked, secrets are taken away, Kodi's proxy is followed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator

import fakekodi
import libtrakt
import pytest
from test_native import LIBRARY
from traktkodi import settings, texts
from traktkodi.kodi import Kodi
from traktkodi.private import Private

SECRET, PASSWORD = "sekrit0123456789", "hunter2@:/"


@pytest.fixture
def private(data_dir: str) -> Private:
    return Private(f"{data_dir}/private.json")


def config(kodi: Kodi, private: Private) -> Dict[str, Any]:
    return settings.read(kodi, "/data", private).config


@pytest.fixture
def built_in(tmp_path: Path, box: fakekodi.Box) -> Iterator[None]:
    """A build with a client id."""
    addon = tmp_path / "addon"
    addon.mkdir()
    for entry in box.addon_path.iterdir():
        if entry.name != "resources":
            (addon / entry.name).symlink_to(entry)
    (addon / "resources").mkdir()
    for entry in (box.addon_path / "resources").iterdir():
        (addon / "resources" / entry.name).symlink_to(entry)
    (addon / "resources" / "client_id.txt").write_text("builtin123\n")
    box.addon_path = addon
    yield


def test_untouched_settings_are_those_of_settings_xml(kodi: Kodi, private: Private) -> None:
    read = settings.read(kodi, "/data", private)
    assert (read.notify_link, read.notify_trouble, read.invite) == (True, True, True)
    assert read.trouble is None
    assert read.client_id is None
    assert read.config == {
        "log_level": "info",
        "data_dir": "/data",
        "app_name": "Kodi-libtrakt",
        "app_version": "0.1.0",
    }


@pytest.mark.usefixtures("built_in")
def test_the_users_client_id_comes_before_that_of_the_build(box: fakekodi.Box, private: Private) -> None:
    kodi = Kodi()
    assert config(kodi, private)["client_id"] == "builtin123"
    box.settings["client_id"] = " own456 "
    assert config(kodi, private)["client_id"] == "own456"


@pytest.mark.parametrize("typed", ["with space", "tab\tin", "ümlaut", "x" * 513, "\x7f"])
def test_a_client_id_that_cannot_be_one_is_explained(
    kodi: Kodi, box: fakekodi.Box, private: Private, typed: str
) -> None:
    box.settings["client_id"] = typed
    read = settings.read(kodi, "/data", private)
    assert read.trouble
    assert read.trouble.text.id == texts.SETTING_CLIENT_ID_WRONG
    assert typed not in str(read.trouble)
    assert read.client_id is None


@pytest.mark.parametrize("typed", ["", "x", "-1", "5", "2.5"])
def test_numbers_of_a_broken_file_become_the_usual_ones(
    kodi: Kodi, box: fakekodi.Box, private: Private, typed: str
) -> None:
    box.settings.update(log_level=typed, proxy=typed)
    assert config(kodi, private)["log_level"] == "info"
    assert "proxy" not in config(kodi, private)


# hosts


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("", None),
        ("  ", None),
        ("https://trakt.example.org", "https://trakt.example.org"),
        ("trakt.example.org", "https://trakt.example.org"),
        (" https://trakt.example.org:8443/ ", "https://trakt.example.org:8443"),
        ("HTTPS://Trakt.Example.org", "https://Trakt.Example.org"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ],
)
def test_an_address_is_taken_as_people_write_it(
    kodi: Kodi, box: fakekodi.Box, private: Private, typed: str, address: str
) -> None:
    box.settings.update(auth_url=typed, api_url=typed, client_id="own")
    read = settings.read(kodi, "/data", private)
    assert read.trouble is None
    assert read.config.get("auth_url") == read.config.get("api_url") == address


@pytest.mark.parametrize(
    "typed",
    [
        "https://",
        "https://example.org/path",
        "https://example.org?x=1",
        "https://example.org/#x",
        "https://user:password@example.org",
        "https://example.org:",
        "https://example.org:0",
        "https://example.org:99999",
        "https://example.org:x",
        "https://exämple.org",
        "https://[::1",
        "two words",
        "ftp://example.org",
    ],
)
def test_an_address_that_cannot_be_used_is_named(kodi: Kodi, box: fakekodi.Box, private: Private, typed: str) -> None:
    box.settings["api_url"] = typed
    trouble = settings.read(kodi, "/data", private).trouble
    assert trouble
    assert trouble.text.id in (texts.SETTING_HOST_WRONG, texts.SETTING_HOST_NOT_SECURE)
    assert typed in kodi.say(trouble.text)


@pytest.mark.parametrize("typed", ["http://example.org", "http://192.168.1.5", "http://127.0.0.1.example.org"])
def test_only_this_machine_goes_without_encryption(kodi: Kodi, box: fakekodi.Box, private: Private, typed: str) -> None:
    box.settings["auth_url"] = typed
    trouble = settings.read(kodi, "/data", private).trouble
    assert trouble
    assert trouble.text.id == texts.SETTING_HOST_NOT_SECURE


def test_kodis_certificates_are_used_if_there_are_any(kodi: Kodi, box: fakekodi.Box, private: Private) -> None:
    file = box.userdata.parent / "xbmc" / "system" / "certs" / "cacert.pem"
    file.parent.mkdir(parents=True)
    assert "ca_file" not in config(kodi, private)
    file.write_text("")
    assert "ca_file" not in config(kodi, private)
    file.write_text("# roots\n-----BEGIN CERTIFICATE-----\n")
    assert config(kodi, private)["ca_file"] == str(file)


# proxies


def set_kodi_proxy(box: fakekodi.Box, **values: Any) -> None:
    settings_of_kodi = {
        "usehttpproxy": True,
        "httpproxytype": 0,
        "httpproxyserver": "proxy.example.org",
        "httpproxyport": 3128,
        "httpproxyusername": "",
        "httpproxypassword": "",
        **values,
    }
    box.core_settings.update({f"network.{id}": value for id, value in settings_of_kodi.items()})


@pytest.mark.parametrize(
    ("values", "proxy"),
    [
        ({"usehttpproxy": False}, None),
        ({}, "http://proxy.example.org:3128"),
        ({"httpproxytype": 1}, "socks4://proxy.example.org:3128"),
        ({"httpproxytype": 2}, "socks4a://proxy.example.org:3128"),
        ({"httpproxytype": 3}, "socks5://proxy.example.org:3128"),
        ({"httpproxytype": 4}, "socks5h://proxy.example.org:3128"),
        ({"httpproxytype": 5}, "https://proxy.example.org:3128"),
        ({"httpproxytype": 77}, "http://proxy.example.org:3128"),
        ({"httpproxyserver": "fd00::1"}, "http://[fd00::1]:3128"),
        ({"httpproxyserver": ""}, None),
        ({"httpproxyport": 0}, None),
        (
            {"httpproxyusername": "me@home", "httpproxypassword": PASSWORD},
            "http://me%40home:hunter2%40%3A%2F@proxy.example.org:3128",
        ),
    ],
)
def test_kodis_own_proxy_is_followed(
    kodi: Kodi, box: fakekodi.Box, private: Private, values: Dict[str, Any], proxy: str
) -> None:
    set_kodi_proxy(box, **values)
    assert config(kodi, private).get("proxy") == proxy


def test_without_a_proxy_in_kodi_one_question_is_enough(kodi: Kodi, box: fakekodi.Box, private: Private) -> None:
    set_kodi_proxy(box, usehttpproxy=False)
    config(kodi, private)
    assert len(box.rpc_calls) == 1


def test_no_proxy_means_none_whatever_kodi_uses(kodi: Kodi, box: fakekodi.Box, private: Private) -> None:
    set_kodi_proxy(box)
    box.settings["proxy"] = str(settings.PROXY_OFF)
    assert config(kodi, private)["proxy"] == ""


@pytest.mark.parametrize(
    ("typed", "user", "proxy"),
    [
        ("10.0.0.1:3128", "", "http://10.0.0.1:3128"),
        ("socks5://10.0.0.1:1080/", "", "socks5://10.0.0.1:1080"),
        ("https://proxy:443", "me", "https://me:hunter2%40%3A%2F@proxy:443"),
    ],
)
def test_an_own_proxy_with_the_password_that_was_typed_for_it(
    kodi: Kodi, box: fakekodi.Box, private: Private, typed: str, user: str, proxy: str
) -> None:
    box.settings.update(proxy=str(settings.PROXY_OWN), proxy_url=typed, proxy_user=user, proxy_password=PASSWORD)
    settings.take_secrets(kodi, private)
    assert config(kodi, private)["proxy"] == proxy
    box.settings["proxy_url"] = "elsewhere.example.org"
    if user:
        assert config(kodi, private)["proxy"] == f"http://{user}:@elsewhere.example.org"


@pytest.mark.parametrize("typed", ["", "ftp://proxy", "http://", "http://a:b@proxy", "two words", "http://proxy/path"])
def test_an_own_proxy_that_cannot_be_used_is_explained(
    kodi: Kodi, box: fakekodi.Box, private: Private, typed: str
) -> None:
    box.settings.update(proxy=str(settings.PROXY_OWN), proxy_url=typed)
    read = settings.read(kodi, "/data", private)
    assert read.trouble
    assert read.trouble.text.id == texts.SETTING_PROXY_WRONG


@pytest.mark.skipif(not fakekodi.TOP.joinpath("target/release/libtrakt.so").exists(), reason="isn't built")
@pytest.mark.parametrize("scheme", settings._PROXY_SCHEMES)
def test_the_library_takes_every_proxy_that_is_taken_here(scheme: str) -> None:
    library = libtrakt.Library.load(fakekodi.TOP / "target" / "release" / "libtrakt.so")
    url = settings._proxy_url(scheme, "proxy.example.org:1080", "me", PASSWORD)
    libtrakt.Client({"client_id": "x", "proxy": url}, library=library).close(0)


# secrets


def stored(data_dir: str) -> str:
    file = Path(data_dir) / "private.json"
    return file.read_text() if file.exists() else ""


def type_secret(box: fakekodi.Box, kodi: Kodi, private: Private, **values: str) -> None:
    box.settings.update(values)
    settings.take_secrets(kodi, private)


def test_a_typed_secret_is_taken_from_kodis_settings_at_once(
    kodi: Kodi, box: fakekodi.Box, private: Private, data_dir: str
) -> None:
    type_secret(box, kodi, private, client_id="own", client_secret=f" {SECRET}\n")
    assert SECRET not in str(box.settings)
    assert box.settings["client_secret_kept"] == "true"
    assert SECRET in stored(data_dir)
    assert config(kodi, private)["client_secret"] == SECRET
    assert config(kodi, Private(f"{data_dir}/private.json"))["client_secret"] == SECRET
    assert [note.message for note in box.notifications] == [kodi.text(texts.SECRET_KEPT)]
    # Nothing more happens when it is looked at again.
    settings.take_secrets(kodi, private)
    assert len(box.notifications) == 1
    assert config(kodi, private)["client_secret"] == SECRET


def test_a_kept_secret_is_changed_by_typing_another_and_removed_by_its_switch(
    kodi: Kodi, box: fakekodi.Box, private: Private, data_dir: str
) -> None:
    type_secret(box, kodi, private, client_id="own", client_secret=SECRET)
    type_secret(box, kodi, private, client_secret="another")
    assert config(kodi, private)["client_secret"] == "another"
    assert SECRET not in stored(data_dir)
    type_secret(box, kodi, private, client_secret_kept="false")
    assert "client_secret" not in config(kodi, private)
    assert "another" not in stored(data_dir)
    assert box.notifications[-1].message == kodi.text(texts.SECRET_FORGOTTEN)
    # The switch can't be switched on without one.
    type_secret(box, kodi, private, client_secret_kept="true")
    assert box.settings["client_secret_kept"] == "false"


@pytest.mark.parametrize("client_id", ["", "another"])
def test_with_its_client_id_a_secret_goes(
    kodi: Kodi, box: fakekodi.Box, private: Private, data_dir: str, client_id: str
) -> None:
    type_secret(box, kodi, private, client_id="own", client_secret=SECRET)
    type_secret(box, kodi, private, client_id=client_id)
    assert "client_secret" not in config(kodi, private)
    assert SECRET not in stored(data_dir)
    assert box.settings["client_secret_kept"] == "false"


def test_a_secret_typed_together_with_its_new_client_id_is_kept(
    kodi: Kodi, box: fakekodi.Box, private: Private
) -> None:
    type_secret(box, kodi, private, client_id="own", client_secret=SECRET)
    type_secret(box, kodi, private, client_id="another", client_secret="its-secret")
    assert config(kodi, private)["client_id"] == "another"
    assert private.get("client_secret", "another") == "its-secret"


def test_a_secret_for_nothing_is_not_kept(kodi: Kodi, box: fakekodi.Box, private: Private, data_dir: str) -> None:
    type_secret(box, kodi, private, client_secret=SECRET, proxy_password=PASSWORD, proxy_url="proxy")
    assert SECRET not in str(box.settings)
    assert PASSWORD not in str(box.settings)
    assert stored(data_dir) == ""


@pytest.mark.parametrize("changes_before_death", [0, 1])
def test_killed_while_it_takes_a_secret_it_takes_it_at_the_next_start(
    kodi: Kodi,
    box: fakekodi.Box,
    private: Private,
    data_dir: str,
    monkeypatch: pytest.MonkeyPatch,
    changes_before_death: int,
) -> None:
    box.settings.update(client_id="own", client_secret=SECRET)
    set_setting = kodi.set_setting
    left = changes_before_death

    def dying(id: str, value: str) -> None:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        set_setting(id, value)

    with monkeypatch.context() as death:
        death.setattr(kodi, "set_setting", dying)
        with pytest.raises(KeyboardInterrupt):
            settings.take_secrets(kodi, private)
    after_restart = Private(f"{data_dir}/private.json")
    settings.take_secrets(kodi, after_restart)
    assert after_restart.get("client_secret", "own") == SECRET
    assert box.settings["client_secret"] == ""
    assert box.settings["client_secret_kept"] == "true"


def test_a_secret_that_cannot_be_written_is_used_and_that_is_said(
    kodi: Kodi, box: fakekodi.Box, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    private = Private(str(tmp_path / "file" / "private.json"))
    type_secret(box, kodi, private, client_id="own", client_secret=SECRET)
    assert SECRET not in str(box.settings)
    assert config(kodi, private)["client_secret"] == SECRET
    assert box.notifications[-1].message == kodi.text(texts.SECRET_NOT_WRITTEN)


def test_secrets_stay_out_of_the_log_and_of_notifications(kodi: Kodi, box: fakekodi.Box, private: Private) -> None:
    values = {"client_id": "own", "client_secret": SECRET, "proxy": "2", "proxy_url": "two words", "proxy_user": "me"}
    type_secret(box, kodi, private, proxy_password=PASSWORD, **values)
    trouble = settings.read(kodi, "/data", private).trouble
    said = f"{box.log_lines} {box.notifications} {trouble} {trouble and kodi.say(trouble.text)} {box.rpc_calls}"
    assert SECRET not in said
    assert PASSWORD not in said


# what is told to Trakt


def scrobbling(kodi: Kodi, private: Private) -> settings.Scrobbling:
    return settings.read(kodi, "/data", private).scrobbling


@pytest.mark.parametrize(
    ("typed", "pattern"),
    [
        ("*[anime]*", "*[[]anime]*"),
        ("*[x", "*[[]x"),
        ("smb://nas/kids/**.mkv", "smb://nas/kids/*.mkv"),
        ("/films/**/trailer?.mkv", "/films/**/trailer?.mkv"),
        ("**/kids/***", "**/kids/*"),
    ],
)
def test_whatever_is_typed_is_a_pattern_for_the_library(
    kodi: Kodi, box: fakekodi.Box, private: Private, typed: str, pattern: str
) -> None:
    box.settings["exclude_paths"] = typed
    read = scrobbling(kodi, private)
    assert read.exclude_globs == [pattern]
    with libtrakt.Client(client_id="none", library=str(LIBRARY)) as client:
        assert client.call("player.options", read.player_options())["exclude"]["globs"] == [pattern]


def test_untouched_settings_of_scrobbling_are_the_defaults_of_the_code(kodi: Kodi, private: Private) -> None:
    read = scrobbling(kodi, private)
    usual = settings.Scrobbling()
    assert {name: type(value)(getattr(read, name)) for name, value in usual._asdict().items()} == usual._asdict()


def test_what_the_library_is_told(kodi: Kodi, box: fakekodi.Box, private: Private) -> None:
    box.settings.update(
        scrobble_movies="false",
        watching_delay="15",
        min_minutes="10",
        exclude_live="false",
        exclude_http="true",
        exclude_plugin="true",
        exclude_folder_1="smb://box/home films [*]/",
        exclude_folder_2="",
        exclude_folder_3="/clips/",
        exclude_paths=" nfs://box/a/ | *trailer* ||/b/Film?/",
        exclude_genres="Documentary, Talk Show ,",
        exclude_tags="private",
    )
    assert scrobbling(kodi, private).player_options() == {
        "enabled": True,
        "movies": False,
        "episodes": True,
        "watching_delay_ms": 15_000,
        "min_duration_ms": 600_000,
        "exclude": {
            "live": False,
            "http": True,
            "plugin": True,
            "prefixes": ["smb://box/home films [*]/", "/clips/", "nfs://box/a/"],
            "globs": ["*trailer*", "/b/Film?/"],
            "genres": ["Documentary", "Talk Show"],
            "tags": ["private"],
        },
    }


def test_when_the_user_is_told_and_asked(kodi: Kodi, box: fakekodi.Box, private: Private) -> None:
    box.settings.update(notify_watching="1", notify_scrobbled="0", rate_movies="false", rate_episodes="true")
    box.settings.update(rate_after="90", marks_send="false", scrobble_episodes="false")
    read = scrobbling(kodi, private)
    assert (read.notify_watching, read.notify_scrobbled) == (settings.NOTIFY_ALWAYS, settings.NOTIFY_NEVER)
    assert (read.rate_movies, read.rate_episodes, read.rate_after) == (False, True, 90)
    assert (read.marks_send, read.movies, read.episodes) == (False, True, False)


@pytest.mark.parametrize("typed", ["", "x", "-1", "1000", "2.5"])
def test_numbers_of_scrobbling_that_cannot_be_become_the_usual_ones(
    kodi: Kodi, box: fakekodi.Box, private: Private, typed: str
) -> None:
    names = ("watching_delay", "min_minutes", "notify_watching", "notify_scrobbled", "rate_after")
    box.settings.update({name: typed for name in names})
    read = scrobbling(kodi, private)
    numbers = (read.watching_delay_s, read.min_minutes, read.notify_watching, read.notify_scrobbled, read.rate_after)
    assert numbers == (0, 0, settings.NOTIFY_NEVER, settings.NOTIFY_CALM, 80)


# the status line


@pytest.mark.parametrize(
    ("account", "says"),
    [
        ({"state": "none", "linked": False}, "Not linked"),
        ({"state": "linked", "linked": True, "user": None}, "Linked"),
        ({"state": "linked", "linked": True, "user": {"username": "anna", "name": "Anna B."}}, "Linked as anna"),
        ({"state": "linked", "linked": True, "user": {"username": None, "name": None, "slug": "a"}}, "Linked as a"),
        ({"state": "relink_needed", "linked": False}, "Needs to be linked again"),
        ({"state": "something new"}, "Not working: link with Trakt to see why"),
        ({"state": "unavailable", "linked": False}, "Not working: link with Trakt to see why"),
    ],
)
def test_the_page_says_who_is_linked(kodi: Kodi, box: fakekodi.Box, account: Dict[str, Any], says: str) -> None:
    settings.show_status(kodi, account)
    assert box.properties["libtrakt.status"] == says
    assert box.setting("status") == "$INFO[Window(home).Property(libtrakt.status)]"
