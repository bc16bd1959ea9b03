"""Links a Trakt account: shows the code, its URL and QR code, counts down, and says who was linked.

    TRAKT_CLIENT_ID=… python link.py

Set TRAKT_DATA_DIR to keep the account; otherwise it is forgotten when the program ends.
"""

import os
import sys

import libtrakt

OPTIONS = ("client_id", "client_secret", "data_dir", "auth_url", "api_url", "ca_file")


def main() -> int:
    """Runs the login; 0 when an account was linked."""
    config = {key: os.environ[f"TRAKT_{key.upper()}"] for key in OPTIONS if f"TRAKT_{key.upper()}" in os.environ}
    try:
        with libtrakt.Client(config, app_name="link-example", app_version="1.0") as client:
            return link(client)
    except (libtrakt.TraktError, libtrakt.LibraryError) as error:
        print(error)
        return 1


def link(client: libtrakt.Client) -> int:
    """Shows one login until it ends."""
    login = client.device_start()
    shown = None
    while login["state"] in ("starting", "pending"):
        if login.get("user_code") and login["user_code"] != shown:
            shown = login["user_code"]
            print("\n".join(libtrakt.qr.draw(login["qr_rows"] or [], colour=sys.stdout.isatty())))
            print(f"Open {login['verification_url']} and enter {shown}")
        seconds = (login.get("expires_in_ms") or 0) // 1000
        trouble = (login.get("last_error") or {}).get("message", "")
        print(f"\r{seconds // 60}:{seconds % 60:02} left {trouble}", end="", flush=True)
        login = client.device_poll(wait_ms=1000)
    if login["state"] != "authorized":
        print(f"\nNo account was linked: {login['state']}")
        return 1

    settings = client.get_settings()
    print(f"\nLinked {settings['user']['username']}")
    print("Limits:", settings["limits"])
    print("Permissions:", settings["permissions"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
