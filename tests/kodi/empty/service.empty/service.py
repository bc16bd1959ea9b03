"""A service that does nothing: what any service costs."""

import xbmc

xbmc.log("service.empty waits")
xbmc.Monitor().waitForAbort()
