/* Which episodes a name speaks of: "Dark.S01E01E02.mkv", "Dark 1x03", and titles of chapters, "Episode 2".
   Pure. Only files with several episodes need it; the library itself reads the names of all others. */
#ifndef EPISODES_H
#define EPISODES_H

#include <stdbool.h>
#include <stddef.h>

enum { NAME_ROOM = 256 };

/* Season and episodes as a name has them. */
struct episode_numbers {
    int season;
    int first, last;
    /* Where in the name they begin. */
    size_t at;
};

/* A show as a name has it. */
struct show_name {
    char title[NAME_ROOM];
    /* 0: unknown. */
    int year;
};

/* Finds S01E01, S01E01E02, S01E01-E02, S01E01-02, 1x01 and 1x01-02 in a name. */
bool episodes_in_name(const char *name, struct episode_numbers *found);
/* The episode that a chapter's title names: as above, or "Episode 2" and "Ep. 2" of `season` (0:
   unknown, then not). */
bool episode_in_chapter(const char *title, int season, int *chapter_season, int *number);
/* The show in a path: what stands before the numbers, or the folder's name if nothing does. */
bool show_in_path(const char *path, struct show_name *show);
/* Whether a name has a year as films have it: "Heat (1995)", "Heat.1995.1080p", also escaped as in
   addresses. */
bool year_in_name(const char *name);
/* The last part of a path or address. */
const char *last_part(const char *path);

#endif
