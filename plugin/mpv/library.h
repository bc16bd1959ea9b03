/* Loads libtrakt: beside this plug-in, else where the system has it. Knows nothing of mpv. */
#ifndef LIBRARY_H
#define LIBRARY_H

#include "text.h"

#include <stdint.h>

#include <trakt.h>

/* The library's functions as far as this plug-in calls them. None of these waits for network or disk but
   client_open (at most 250 ms) and client_close (as long as it is told). */
struct library {
    void *image;
    uint32_t (*abi_version)(void);
    trakt_client (*client_open)(const char *config_json, char **reply);
    uint32_t (*client_close)(trakt_client client, uint32_t wait_ms);
    char *(*player_event)(trakt_client client, const char *event_json);
    char *(*submit)(trakt_client client, const char *method, const char *params_json);
    char *(*result)(trakt_client client, uint64_t request, uint32_t wait_ms);
    char *(*device_poll)(trakt_client client, uint32_t wait_ms);
    char *(*next_events)(trakt_client client, uint32_t wait_ms);
    int32_t (*reply_status)(const char *reply);
    void (*string_free)(char *text);
};

/* What came of loading. */
enum library_state { LIBRARY_LOADED, LIBRARY_MISSING, LIBRARY_TOO_OLD };

/* Loads it; `why` says in which way it failed, for a log. */
enum library_state library_load(struct library *library, struct text *why);

#endif
