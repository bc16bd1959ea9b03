/* Linking an account: the code and its picture on the screen, and how it ended. */
#ifndef LINK_H
#define LINK_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>

struct plugin;

struct link {
    /* Whether a login is under way, and whether its panel is to be seen. */
    bool active, shown;
    char state[24], code[32], url[256], trouble[32];
    /* The rows of the picture, as JSON. */
    struct text rows;
    int64_t expires_at, poll_at, drawn_at, linked_at;
    /* The code that the terminal was told. */
    char told[32];
};

/* Begins a login, or shows the one that is under way; pressed again, hides it while it goes on.
   `again`: also if an account is linked already. */
void link_toggle(struct plugin *plugin, bool again);
/* Gives it up. */
void link_cancel(struct plugin *plugin);
/* Takes up a login that was under way when the player was last closed. */
void link_resume(struct plugin *plugin);
/* Takes the login a step on, and the countdown. */
void link_step(struct plugin *plugin);

#endif
