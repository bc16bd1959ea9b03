"""The shortest login there is, as the README shows it."""

# [readme:link]
import libtrakt


def link(config: libtrakt.types.Config) -> None:
    """For example {"client_id": "…", "data_dir": "/var/lib/my-player"}."""
    with libtrakt.Client(config) as client:
        login = client.device_start()
        print("Open", login["verification_url"], "and enter", login["user_code"])
        while login["state"] in ("starting", "pending"):
            login = client.device_poll(wait_ms=1000)
        if login["state"] == "authorized":
            print("Linked", client.get_settings()["user"]["username"])


# [/readme:link]
