/* The plug-in's client of libtrakt: opening it, asking without waiting, what it reports by itself,
   the account. */
#ifndef CONTACT_H
#define CONTACT_H

#include "library.h"
#include "text.h"

#include <stdbool.h>
#include <stdint.h>

struct plugin;

/* Takes the reply to a request; `number` is what the asker gave. */
typedef void (*answer)(struct plugin *plugin, const char *reply, long number);

struct request {
    uint64_t id;
    answer then;
    long number;
};

enum { MOST_REQUESTS = 16, NAME_OF_USER = 128 };

struct contact {
    struct library library;
    trakt_client client;
    /* Whether opening was tried; it isn't tried twice. */
    bool tried;
    struct request requests[MOST_REQUESTS];
    int request_count;
    int64_t events_at;
    /* The account's state as the library last told it: "" before that. */
    char account[24];
    /* The item whose play was counted last, as JSON. */
    struct text counted;
    bool hinted, relink_said;
};

/* Loads the library and opens a client, once; says in the terminal why that fails. Whether there is
   a client. */
bool contact_open(struct plugin *plugin);
/* Sends what was asked a step on, and hears what is new. */
void contact_step(struct plugin *plugin);
/* Asks by a method's name; the answer comes in a later step. `then` may be NULL. Takes the client's
   absence calmly. */
void contact_ask(struct plugin *plugin, const char *method, const char *params, answer then, long number);
/* Gives a fact of the player to the engine; NULL if there is no client. The reply is freed by
   contact_free(). */
char *contact_player_event(struct plugin *plugin, const char *event);
void contact_free(struct plugin *plugin, char *reply);
/* Hands the rules over: after opening, and when the options have changed. */
void contact_rules(struct plugin *plugin);
/* Says what keeps plays from being recorded when something begins to play: once for each start of the player
   that the account has to be linked again, and once in all that there is none. `reason`: the engine's. */
void contact_hint(struct plugin *plugin, const char *reason);
/* Whether a reply is an error; then `why` gets its meaning. */
bool contact_failed(const struct plugin *plugin, const char *reply, struct text *why);
/* Leaves within a quarter of a second. */
void contact_close(struct plugin *plugin);

#endif
