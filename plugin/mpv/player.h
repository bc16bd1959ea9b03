/* What mpv does, as the facts that libtrakt's engine wants. It decides nothing about what counts. */
#ifndef PLAYER_H
#define PLAYER_H

#include "media.h"

#include <mpv/client.h>

#include <stdbool.h>
#include <stdint.h>

struct plugin;

struct player {
    /* Whether a file is loaded that may be sent, and whether libtrakt was told that it plays. */
    bool loaded, told;
    /* Whether its end was told already: it is held at its last picture. */
    bool at_end;
    char session[64];
    int sessions;
    /* The item, as JSON. */
    struct text item;
    /* In seconds; below 0: unknown. */
    double position, duration, speed;
    /* Where it was when a seek began. */
    double left_at;
    bool paused, seeking;
    int64_t told_at;
    /* What the engine answered last. */
    char state[16], reason[32];
    bool counts;
    double progress;
};

/* Has mpv tell what the player wants to know. */
void player_observe(struct plugin *plugin);
/* Takes an event of mpv. */
void player_event(struct plugin *plugin, const mpv_event *event);
/* Tells, every few seconds, where it is. */
void player_step(struct plugin *plugin);
/* The player goes. */
void player_close(struct plugin *plugin);

#endif
