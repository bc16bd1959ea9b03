#include "link.h"

#include "ass.h"
#include "json.h"
#include "plugin.h"

#include <stdio.h>
#include <string.h>

enum { LEFT = 40, TOP = 40, PICTURE = 320, NAME_PATIENCE_MS = 10000, POLL_MS = 250 };

static bool waits(const struct link *link)
{
    return strcmp(link->state, "pending") == 0 || strcmp(link->state, "starting") == 0;
}

static void draw(struct plugin *plugin)
{
    struct link *link = &plugin->link;
    struct text ass = {0}, line = {0};
    int64_t left = link->expires_at - now_ms();
    int x = LEFT + 28 + PICTURE + 28, y = TOP + 26;
    char time[32];
    left = left > 0 ? (left + 999) / 1000 : 0;
    snprintf(time, sizeof time, "%d:%02d", (int)(left / 60), (int)(left % 60));
    ass_box(&ass, LEFT, TOP, 880, PICTURE + 56);
    ass_qr(&ass, text_get(&link->rows), LEFT + 28, TOP + 28, PICTURE);
    say(&line, TEXT_LINK_TITLE, (char *)NULL);
    ass_text(&ass, text_get(&line), x, y, 38, 1);
    text_clear(&line);
    say(&line, link->code[0] != 0 ? TEXT_LINK_HOW : TEXT_LINK_ASKING, (char *)NULL);
    ass_text(&ass, text_get(&line), x, y + 62, 26, 0);
    if (link->code[0] != 0) {
        ass_text(&ass, link->url, x, y + 94, 32, 1);
        text_clear(&line);
        say(&line, TEXT_LINK_CODE, (char *)NULL);
        ass_text(&ass, text_get(&line), x, y + 140, 26, 0);
        ass_text(&ass, link->code, x, y + 170, 64, 1);
        text_clear(&line);
        say(&line, TEXT_LINK_LEFT, "time", time, (char *)NULL);
        ass_text(&ass, text_get(&line), x, y + 246, 26, 0);
    }
    if (link->trouble[0] != 0) {
        text_clear(&line);
        say(&line, TEXT_LINK_TROUBLE, "why", meaning(link->trouble), (char *)NULL);
        ass_text(&ass, text_get(&line), x, y + 282, 24, 0);
    }
    osd_show(plugin, text_get(&ass), 0);
    link->drawn_at = now_ms();
    text_free(&ass);
    text_free(&line);
}

/* Says the code in the terminal, too: for players without a window. */
static void tell_code(struct plugin *plugin)
{
    struct link *link = &plugin->link;
    struct text line = {0};
    if (link->code[0] == 0 || strcmp(link->told, link->code) == 0)
        return;
    snprintf(link->told, sizeof link->told, "%s", link->code);
    say(&line, TEXT_LINK_PLAIN, "url", link->url, "code", link->code, (char *)NULL);
    osd_log(plugin, text_get(&line));
    text_free(&line);
}

static void end(struct plugin *plugin, enum text_name how, const char *name, const char *value)
{
    struct text line = {0};
    if (plugin->link.shown)
        osd_hide(plugin);
    plugin->link.active = plugin->link.shown = false;
    say(&line, how, name, value, (char *)NULL);
    osd_notice(plugin, text_get(&line));
    text_free(&line);
}

static void ended(struct plugin *plugin, const char *snapshot)
{
    static const struct {
        const char *state;
        enum text_name how;
    } ways[] = {
        {"denied", TEXT_LINK_DENIED},   {"expired", TEXT_LINK_EXPIRED},     {"already_used", TEXT_LINK_USED},
        {"invalid", TEXT_LINK_INVALID}, {"cancelled", TEXT_LINK_CANCELLED}, {"idle", TEXT_LINK_CANCELLED},
    };
    struct link *link = &plugin->link;
    char word[NAME_OF_USER];
    size_t n;
    if (strcmp(link->state, "authorized") == 0) {
        /* Whose account it is comes a moment later. */
        if (link->linked_at == 0)
            link->linked_at = now_ms();
        json_text(json_get(snapshot, "account.username"), word, sizeof word);
        if (word[0] == 0 && now_ms() - link->linked_at < NAME_PATIENCE_MS)
            return;
        end(plugin, word[0] != 0 ? TEXT_LINKED_AS : TEXT_LINKED, "name", word);
        return;
    }
    for (n = 0; n < sizeof ways / sizeof *ways; n++) {
        if (strcmp(link->state, ways[n].state) == 0) {
            end(plugin, ways[n].how, "", "");
            return;
        }
    }
    json_text(json_get(snapshot, "error.code"), word, sizeof word);
    end(plugin, TEXT_LINK_FAILED, "why", meaning(word));
}

static void take(struct plugin *plugin, const char *reply)
{
    struct link *link = &plugin->link;
    const char *snapshot = json_get(reply, "data"), *rows = json_get(snapshot, "qr_rows");
    char before[sizeof link->code];
    if (snapshot == NULL)
        return;
    memcpy(before, link->code, sizeof before);
    json_text(json_get(snapshot, "state"), link->state, sizeof link->state);
    json_text(json_get(snapshot, "user_code"), link->code, sizeof link->code);
    json_text(json_get(snapshot, "verification_url"), link->url, sizeof link->url);
    json_text(json_get(snapshot, "last_error.code"), link->trouble, sizeof link->trouble);
    link->expires_at = now_ms() + json_int(json_get(snapshot, "expires_in_ms"), 0);
    if (strcmp(before, link->code) != 0 || link->rows.length == 0) {
        text_clear(&link->rows);
        text_add_bytes(&link->rows, rows, json_length(rows));
        link->drawn_at = 0;
    }
    if (!link->active)
        return;
    if (waits(link))
        tell_code(plugin);
    else
        ended(plugin, snapshot);
}

static void started(struct plugin *plugin, const char *reply, long number)
{
    struct text why = {0};
    (void)number;
    if (contact_failed(plugin, reply, &why))
        end(plugin, TEXT_LINK_FAILED, "why", text_get(&why));
    else
        take(plugin, reply);
    plugin->link.poll_at = now_ms() + POLL_MS;
    text_free(&why);
}

static void poll(struct plugin *plugin)
{
    struct contact *contact = &plugin->contact;
    char *reply = contact->library.device_poll(contact->client, 0);
    take(plugin, reply);
    contact_free(plugin, reply);
    plugin->link.poll_at = now_ms() + POLL_MS;
}

static void begin(struct plugin *plugin)
{
    struct link *link = &plugin->link;
    text_free(&link->rows);
    memset(link, 0, sizeof *link);
    snprintf(link->state, sizeof link->state, "starting");
    link->active = true;
    /* The start itself is asked for first: until then there is the end of the last login to be seen. */
    link->poll_at = INT64_MAX;
    contact_ask(plugin, "device.start", "{\"wait_ms\":0,\"renew\":true}", started, 0);
}

static void show_linked(struct plugin *plugin, const char *name)
{
    struct text line = {0};
    say(&line, TEXT_LINKED_ALREADY, "name", name, (char *)NULL);
    osd_notice(plugin, text_get(&line));
    text_free(&line);
}

static void begin_and_show(struct plugin *plugin)
{
    if (!plugin->link.active)
        link_resume(plugin);
    if (!plugin->link.active)
        begin(plugin);
    plugin->link.shown = true;
    draw(plugin);
}

static void account_told(struct plugin *plugin, const char *reply, long number)
{
    char name[NAME_OF_USER];
    (void)number;
    if (json_is(json_get(reply, "data.state"), "linked"))
        show_linked(plugin, json_text(json_get(reply, "data.user.username"), name, sizeof name));
    else
        begin_and_show(plugin);
}

static void hide(struct plugin *plugin)
{
    struct text line = {0};
    plugin->link.shown = false;
    osd_hide(plugin);
    say(&line, TEXT_LINK_HIDDEN, (char *)NULL);
    osd_notice(plugin, text_get(&line));
    text_free(&line);
}

void link_toggle(struct plugin *plugin, bool again)
{
    struct link *link = &plugin->link;
    if (link->active && link->shown)
        hide(plugin);
    else if (link->active || again)
        begin_and_show(plugin);
    else
        contact_ask(plugin, "account.get", NULL, account_told, 0);
}

void link_cancel(struct plugin *plugin)
{
    if (plugin->link.active)
        contact_ask(plugin, "device.cancel", NULL, NULL, 0);
}

void link_resume(struct plugin *plugin)
{
    poll(plugin);
    plugin->link.active = waits(&plugin->link);
    if (plugin->link.active)
        tell_code(plugin);
}

void link_step(struct plugin *plugin)
{
    struct link *link = &plugin->link;
    if (!link->active)
        return;
    if (now_ms() >= link->poll_at)
        poll(plugin);
    if (link->active && link->shown && now_ms() - link->drawn_at >= 1000)
        draw(plugin);
}
