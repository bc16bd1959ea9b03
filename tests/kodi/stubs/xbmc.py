"""Kodi's module xbmc, as far as the add-on uses it."""

from __future__ import annotations

import json

import fakekodi

LOGDEBUG, LOGINFO, LOGWARNING, LOGERROR, LOGFATAL, LOGNONE = 0, 1, 2, 3, 4, 5
ENGLISH_NAME, ISO_639_1, ISO_639_2 = 2, 0, 1


class Monitor:
    """Callbacks come inside waitForAbort."""

    def __init__(self) -> None:
        fakekodi.current().monitors.append(self)

    def waitForAbort(self, timeout: float = 0) -> bool:
        """Time passes, unless Kodi is ending; callbacks are delivered."""
        box = fakekodi.current()
        if not box.aborting:
            box.clock.advance(timeout)
        box.deliver()
        return box.aborting

    def abortRequested(self) -> bool:
        return fakekodi.current().aborting

    def onSettingsChanged(self) -> None:
        pass

    def onNotification(self, sender: str, method: str, data: str) -> None:
        pass


class Player:
    """Plays what the test has put into `box.video`; its callbacks come inside waitForAbort."""

    def __init__(self) -> None:
        fakekodi.current().players.append(self)

    def isPlaying(self) -> bool:
        conditions = fakekodi.current().conditions
        return self.isPlayingVideo() or any(conditions.get(f"Player.Has{what}", False) for what in ("Audio", "Game"))

    def isPlayingAudio(self) -> bool:
        return fakekodi.current().conditions.get("Player.HasAudio", False)

    def isPlayingVideo(self) -> bool:
        box = fakekodi.current()
        return box.video is not None or box.conditions.get("Player.HasVideo", False)

    def getTime(self) -> float:
        return _video().position_s

    def getTotalTime(self) -> float:
        return _video().duration_s

    def getPlayingFile(self) -> str:
        return _video().file

    def getVideoInfoTag(self) -> InfoTagVideo:
        return InfoTagVideo(_video().tag)

    def onPlayBackStarted(self) -> None:
        pass

    def onAVStarted(self) -> None:
        pass

    def onPlayBackPaused(self) -> None:
        pass

    def onPlayBackResumed(self) -> None:
        pass

    def onPlayBackSeek(self, time: int, seekOffset: int) -> None:
        pass

    def onPlayBackStopped(self) -> None:
        pass

    def onPlayBackError(self) -> None:
        pass

    def onPlayBackEnded(self) -> None:
        pass


class InfoTagVideo:
    """What the player knows of a video."""

    def __init__(self, tag: dict) -> None:
        self._tag = tag

    def getMediaType(self) -> str:
        return self._tag.get("mediatype", "")

    def getTitle(self) -> str:
        return self._tag.get("title", "")

    def getYear(self) -> int:
        return self._tag.get("year", 0)

    def getTVShowTitle(self) -> str:
        return self._tag.get("tvshowtitle", "")

    def getSeason(self) -> int:
        return self._tag.get("season", -1)

    def getEpisode(self) -> int:
        return self._tag.get("episode", -1)

    def getIMDBNumber(self) -> str:
        return self._tag.get("imdbnumber", "")


def _video() -> fakekodi.Video:
    video = fakekodi.current().video
    if video is None:
        raise RuntimeError("Kodi is not playing any media file")
    return video


def log(message: str, level: int = LOGDEBUG) -> None:
    fakekodi.current().log_lines.append(f"{level} {message}")


def executebuiltin(function: str, wait: bool = False) -> None:
    fakekodi.current().builtins.append(function)


def executeJSONRPC(text: str) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": 1, **fakekodi.current().json_rpc(json.loads(text))})


def getCondVisibility(condition: str) -> bool:
    raise AssertionError("getCondVisibility would hold up Kodi and all scripts")


def getInfoLabel(name: str) -> str:
    return fakekodi.current().labels.get(name, "")


def getRegion(id: str) -> str:
    return fakekodi.current().region.get(id, "")


def getLocalizedString(id: int) -> str:
    return fakekodi.current().core_texts.get(id, "")


def getLanguage(format: int = ENGLISH_NAME, region: bool = False) -> str:
    return fakekodi.current().labels.get("language", "English")


def getSkinDir() -> str:
    return "skin.estuary"
