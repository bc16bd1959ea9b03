"""A private home folder for Kodi, written before it starts: settings, profiles, sources, add-ons.

Knows nothing of processes. Profiles: `None` is Kodi's first ("Master user"); another is named as in `Home(profiles=…)`.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence
from xml.sax.saxutils import escape, quoteattr

HERE = Path(__file__).resolve().parent
#: The add-on by which the driver runs builtin functions.
HELPER = HERE / "helper" / "service.tests"

#: Quiet, offline, English, without a first-start question. What a test needs otherwise it names.
SETTINGS = {
    "services.esenabled": "true",
    "services.esallinterfaces": "false",
    "services.esportrange": "1",
    "services.webserver": "false",
    "services.zeroconf": "false",
    "services.upnp": "false",
    "services.airplay": "false",
    "services.wsdiscovery": "false",
    "addons.unknownsources": "true",
    "general.addonupdates": "2",  # never
    "general.addonnotifications": "false",
    "lookandfeel.enablerssfeeds": "false",
    "lookandfeel.soundskin": "",
    "screensaver.mode": "",
    "weather.addon": "",
    "audiooutput.guisoundmode": "0",
    "audiooutput.streamsilence": "0",  # the null device would spin on silence
}

_ADVANCED = """<advancedsettings version="1.0">
    <loglevel hide="true">1</loglevel>
    <splash>false</splash>
    <jsonrpc><tcpport>{port}</tcpport></jsonrpc>
</advancedsettings>
"""

_PROFILE = """    <profile>
        <id>{id}</id>
        <name>{name}</name>
        <directory pathversion="1">{directory}</directory>
        <thumbnail pathversion="1"></thumbnail>
        <hasdatabases>true</hasdatabases>
        <canwritedatabases>true</canwritedatabases>
        <hassources>true</hassources>
        <canwritesources>true</canwritesources>
        <lockaddonmanager>false</lockaddonmanager>
        <locksettings>0</locksettings>
        <lockfiles>false</lockfiles>
        <lockmusic>false</lockmusic>
        <lockvideo>false</lockvideo>
        <lockpictures>false</lockpictures>
        <lockprograms>false</lockprograms>
        <lockgames>false</lockgames>
        <lockmode>0</lockmode>
        <lockcode>-</lockcode>
        <lastdate></lastdate>
    </profile>
"""


class Home:
    """The folder that Kodi takes for the user's home."""

    def __init__(
        self,
        folder: Path,
        *,
        rpc_port: int,
        event_port: int,
        helper_port: int,
        settings: Optional[Mapping[str, str]] = None,
        profiles: Sequence[str] = (),
    ) -> None:
        """Writes a fresh one: Kodi's own `settings` by id in every profile, `profiles` besides the first."""
        self.path = folder
        self.kodi = folder / ".kodi"
        self.addons = self.kodi / "addons"
        self.profiles: List[Optional[str]] = [None, *profiles]
        self.settings = {**SETTINGS, "services.esport": str(event_port), **(settings or {})}
        self._sources: Dict[str, Path] = {}
        self.addons.mkdir(parents=True)
        (folder / ".asoundrc").write_text("pcm.!default { type null }\nctl.!default { type null }\n")
        for profile in self.profiles:
            userdata = self.userdata(profile)
            userdata.mkdir(parents=True)
            lines = [f"    <setting id={quoteattr(k)}>{escape(v)}</setting>\n" for k, v in self.settings.items()]
            (userdata / "guisettings.xml").write_text(f'<settings version="2">\n{"".join(lines)}</settings>\n')
            # Estouchy asks how it shall look, and Kodi isn't there before that is answered.
            answered = self.data_of("skin.estouchy", profile) / "settings.xml"
            answered.parent.mkdir(parents=True)
            answered.write_text('<settings><setting id="FirstRun" type="string">done</setting></settings>\n')
        (self.userdata() / "advancedsettings.xml").write_text(_ADVANCED.format(port=rpc_port))
        if profiles:
            self._write_profiles()
        self.install(HELPER)
        (self.addons / HELPER.name / "port").write_text(str(helper_port))

    def userdata(self, profile: Optional[str] = None) -> Path:
        """Where Kodi keeps what belongs to a profile."""
        userdata = self.kodi / "userdata"
        return userdata if profile is None else userdata / "profiles" / profile

    def data_of(self, addon: str, profile: Optional[str] = None) -> Path:
        """Where an add-on keeps its data for a profile."""
        return self.userdata(profile) / "addon_data" / addon

    @property
    def log(self) -> Path:
        """Kodi's log."""
        return self.kodi / "temp" / "kodi.log"

    def install(self, source: Path, *, enabled: bool = True) -> None:
        """An add-on's folder, already installed and enabled in every profile when Kodi starts."""
        shutil.copytree(source, self.addons / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        for profile in self.profiles:
            database = self.userdata(profile) / "Database" / "Addons33.db"
            fresh = not database.exists()
            database.parent.mkdir(exist_ok=True)
            connection = sqlite3.connect(str(database))
            with connection:
                if fresh:
                    connection.executescript((HERE / "addons33.sql").read_text())
                # Without a reason (1: the user) Kodi asks about a disabled one before it shows the home screen.
                connection.execute(
                    "INSERT INTO installed (addonID, enabled, disabledReason, installDate)"
                    " VALUES (?, ?, ?, datetime('now'))",
                    (source.name, int(enabled), int(not enabled)),
                )
            connection.close()

    def configure(self, addon: str, values: Mapping[str, str], profile: Optional[str] = None) -> None:
        """An add-on's own settings, as if the user had chosen them before."""
        folder = self.data_of(addon, profile)
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"    <setting id={quoteattr(k)}>{escape(v)}</setting>\n" for k, v in values.items()]
        (folder / "settings.xml").write_text(f'<settings version="2">\n{"".join(lines)}</settings>\n')

    def source(self, label: str, folder: Path) -> None:
        """A folder that Kodi's file browser offers under a label."""
        self._sources[label] = folder
        entries = "".join(
            f'        <source><name>{escape(name)}</name><path pathversion="1">{escape(str(path))}/</path></source>\n'
            for name, path in self._sources.items()
        )
        for profile in self.profiles:
            (self.userdata(profile) / "sources.xml").write_text(
                f"<sources>\n    <files>\n{entries}    </files>\n</sources>\n"
            )

    def _write_profiles(self) -> None:
        entries = _PROFILE.format(id=0, name="Master user", directory="special://masterprofile/")
        for number, name in enumerate(self.profiles[1:], 1):
            entries += _PROFILE.format(id=number, name=escape(str(name)), directory=f"profiles/{name}/")
        (self.userdata() / "profiles.xml").write_text(
            "<profiles>\n    <lastloaded>0</lastloaded>\n    <useloginscreen>false</useloginscreen>\n"
            f"    <autologin>0</autologin>\n    <nextIdProfile>{len(self.profiles)}</nextIdProfile>\n"
            f"{entries}</profiles>\n"
        )
