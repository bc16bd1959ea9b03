"""The Kodi add-on service.libtrakt: screens, notices and settings around the native library libtrakt.

What the add-on shows is decided by modules that know nothing of Kodi's API (`link`, `account`, `notices`, …); `kodi`
and `screens` are the only ones that do. Nothing here knows Trakt's protocol: that is the library's business.
"""
