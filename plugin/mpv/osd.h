/* What the user sees: panels that stay for a while, notices, lines in the terminal. */
#ifndef OSD_H
#define OSD_H

#include "text.h"
#include "texts.h"

#include <stdbool.h>
#include <stdint.h>

struct plugin;

struct osd {
    bool shown;
    /* When the panel goes by itself; 0: it stays. */
    int64_t hide_at;
};

/* Shows ASS events on the screen for so long (0: until osd_hide). */
void osd_show(struct plugin *plugin, const char *events, int64_t for_ms);
void osd_hide(struct plugin *plugin);
/* A panel of text: a title and lines; it goes to the terminal, too. */
void osd_panel(struct plugin *plugin, const char *title, const char *lines);
/* A notice, in mpv's own way, and in the terminal. */
void osd_notice(struct plugin *plugin, const char *notice);
/* A line in the terminal and in mpv's log. */
void osd_log(struct plugin *plugin, const char *line);
/* Takes a panel away whose time is up. */
void osd_step(struct plugin *plugin);

#endif
