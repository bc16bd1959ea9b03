#include "notices.h"

#include "episodes.h"
#include "json.h"
#include "media.h"
#include "plugin.h"

#include <stdio.h>
#include <string.h>

static void notice(struct plugin *plugin, const struct text *line)
{
    if (plugin->options.notify)
        osd_notice(plugin, text_get(line));
}

/* " 1x02", of an episode or a part. */
static void add_place(struct text *name, const char *item)
{
    char place[48];
    int64_t season = json_int(json_get(item, "season"), -1), number = json_int(json_get(item, "number"), -1);
    if (number < 0)
        return;
    if (season >= 0)
        snprintf(place, sizeof place, " %lldx%02lld", (long long)season, (long long)number);
    else
        snprintf(place, sizeof place, " %lld", (long long)number);
    text_add(name, place);
}

void add_item_name(struct text *name, const char *item)
{
    char title[TITLE_ROOM], file[4096];
    int64_t year = json_int(json_get(item, "year"), 0);
    size_t before = name->length;
    const char *first = json_first(json_get(item, "episodes"));
    if (first != NULL)
        item = first;
    text_add(name, json_text(json_get(item, "show.title"), title, sizeof title));
    if (title[0] != 0) {
        add_place(name, item);
    } else {
        text_add(name, json_text(json_get(item, "title"), title, sizeof title));
        if (title[0] != 0 && year > 0) {
            text_add(name, " (");
            text_add_int(name, year);
            text_add(name, ")");
        }
    }
    if (name->length == before)
        text_add(name, last_part(json_text(json_get(item, "file"), file, sizeof file)));
    if (name->length == before)
        say(name, TEXT_NAMELESS, (char *)NULL);
}

void add_entry_name(struct text *name, const char *entry)
{
    char title[TITLE_ROOM];
    text_add(name, json_text(json_get(entry, "title"), title, sizeof title));
    if (title[0] == 0)
        add_item_name(name, json_get(entry, "item"));
}

void notice_counted(struct plugin *plugin, const char *item)
{
    struct text name = {0}, line = {0};
    add_item_name(&name, item);
    say(&line, TEXT_COUNTED, "title", text_get(&name), (char *)NULL);
    notice(plugin, &line);
    text_free(&name);
    text_free(&line);
}

void notice_refused(struct plugin *plugin, const char *entry)
{
    struct text name = {0}, line = {0};
    char reason[64];
    add_entry_name(&name, entry);
    json_text(json_get(entry, "reason"), reason, sizeof reason);
    say(&line, TEXT_REFUSED, "title", text_get(&name), "why", meaning(reason), (char *)NULL);
    notice(plugin, &line);
    text_free(&name);
    text_free(&line);
}

static void notice_plain(struct plugin *plugin, enum text_name what)
{
    struct text line = {0};
    say(&line, what, (char *)NULL);
    notice(plugin, &line);
    text_free(&line);
}

void notice_not_linked(struct plugin *plugin) { notice_plain(plugin, TEXT_NOT_LINKED_HINT); }
void notice_relink(struct plugin *plugin) { notice_plain(plugin, TEXT_RELINK); }
