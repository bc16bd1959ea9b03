#include "commands.h"

#include "json.h"
#include "notices.h"
#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void notice(struct plugin *plugin, enum text_name what, const char *name, const char *value)
{
    struct text line = {0};
    say(&line, what, name, value, (char *)NULL);
    osd_notice(plugin, text_get(&line));
    text_free(&line);
}

/* Says why it didn't work, if it didn't. */
static bool failed(struct plugin *plugin, const char *reply)
{
    struct text why = {0};
    bool so = contact_failed(plugin, reply, &why);
    if (so)
        notice(plugin, TEXT_DIDNT_WORK, "why", text_get(&why));
    text_free(&why);
    return so;
}

/* Appends a line to those of a panel. */
static void add_line(struct text *lines, const struct text *line)
{
    text_add(lines, lines->length > 0 ? "\n" : "");
    text_add(lines, text_get(line));
}

static void add_said(struct text *lines, enum text_name what, const char *name, const char *value)
{
    struct text line = {0};
    say(&line, what, name, value, (char *)NULL);
    add_line(lines, &line);
    text_free(&line);
}

static void add_paused(struct text *lines, const char *outbox)
{
    char paused[32];
    json_text(json_get(outbox, "paused"), paused, sizeof paused);
    if (paused[0] != 0)
        add_said(lines, TEXT_OUTBOX_PAUSED, "why", meaning(paused));
}

static void add_counts(struct text *lines, const char *outbox)
{
    char waiting[24], refused[24];
    struct text line = {0};
    snprintf(waiting, sizeof waiting, "%lld", (long long)json_int(json_get(outbox, "waiting"), 0));
    snprintf(refused, sizeof refused, "%lld", (long long)json_int(json_get(outbox, "refused"), 0));
    if (strcmp(waiting, "0") == 0 && strcmp(refused, "0") == 0)
        say(&line, TEXT_OUTBOX_EMPTY, (char *)NULL);
    else
        say(&line, TEXT_OUTBOX_COUNT, "waiting", waiting, "refused", refused, (char *)NULL);
    add_line(lines, &line);
    text_free(&line);
}

/* status */

static void add_account(struct text *lines, const char *account)
{
    char state[24], user[NAME_OF_USER];
    static const struct {
        const char *state;
        enum text_name text;
    } states[] = {
        {"none", TEXT_STATUS_NONE},       {"linked", TEXT_LINKED_AS},
        {"relink_needed", TEXT_RELINK},   {"locked", TEXT_STATUS_LOCKED},
        {"blocked", TEXT_STATUS_BLOCKED}, {"app_refused", TEXT_STATUS_APP_REFUSED},
    };
    size_t n;
    json_text(json_get(account, "state"), state, sizeof state);
    json_text(json_get(account, "user.username"), user, sizeof user);
    for (n = 0; n < sizeof states / sizeof *states; n++)
        if (strcmp(state, states[n].state) == 0)
            add_said(lines, states[n].text, "name", user);
    if (json_is(json_get(account, "store"), "readonly") || json_is(json_get(account, "store"), "memory") ||
        json_is(json_get(account, "store"), "full"))
        add_said(lines, TEXT_STATUS_STORE, "", "");
    if (json_is(json_get(account, "store"), "newer"))
        add_said(lines, TEXT_STATUS_NEWER, "", "");
}

static void add_playing(struct text *lines, const struct player *player)
{
    char progress[16];
    snprintf(progress, sizeof progress, "%d", (int)player->progress);
    if (!player->told)
        add_said(lines, TEXT_STATUS_IDLE, "", "");
    else if (player->reason[0] != 0)
        add_said(lines, TEXT_STATUS_IGNORED, "why", meaning(player->reason));
    else
        add_said(lines, player->counts ? TEXT_STATUS_COUNTS : TEXT_STATUS_PLAYING, "progress", progress);
}

static void status_outbox(struct plugin *plugin, const char *reply, long number)
{
    struct text title = {0}, lines = {0};
    const char *outbox = json_get(reply, "data");
    (void)number;
    text_add(&lines, text_get(&plugin->commands.status));
    add_playing(&lines, &plugin->player);
    if (outbox != NULL) {
        add_counts(&lines, outbox);
        add_paused(&lines, outbox);
    }
    say(&title, TEXT_STATUS_TITLE, (char *)NULL);
    osd_panel(plugin, text_get(&title), text_get(&lines));
    text_free(&title);
    text_free(&lines);
}

/* What the last event was told may be old: while it is paused there is none. */
static void status_playing(struct plugin *plugin, const char *reply, long number)
{
    const char *session = json_first(json_get(reply, "data.sessions"));
    (void)number;
    while (session != NULL && !json_is(json_get(session, "session"), plugin->player.session))
        session = json_next(session);
    if (session != NULL)
        json_text(json_get(session, "reason"), plugin->player.reason, sizeof plugin->player.reason);
    contact_ask(plugin, "outbox.list", "{\"limit\":1}", status_outbox, 0);
}

static void status_account(struct plugin *plugin, const char *reply, long number)
{
    (void)number;
    if (failed(plugin, reply))
        return;
    text_clear(&plugin->commands.status);
    add_account(&plugin->commands.status, json_get(reply, "data"));
    contact_ask(plugin, "player.get", NULL, status_playing, 0);
}

/* outbox */

static void show_outbox(struct plugin *plugin, const char *reply, long number)
{
    struct text title = {0}, lines = {0};
    const char *outbox = json_get(reply, "data"), *entry;
    int64_t count = json_int(json_get(outbox, "waiting"), 0) + json_int(json_get(outbox, "refused"), 0);
    char more[24];
    (void)number;
    if (failed(plugin, reply))
        return;
    add_counts(&lines, outbox);
    add_paused(&lines, outbox);
    for (entry = json_first(json_get(outbox, "entries")); entry != NULL; entry = json_next(entry), count--) {
        struct text name = {0}, line = {0};
        char reason[64];
        bool refused = json_is(json_get(entry, "state"), "refused");
        json_text(json_get(entry, "reason"), reason, sizeof reason);
        add_entry_name(&name, entry);
        say(&line, refused ? TEXT_OUTBOX_REFUSED : TEXT_OUTBOX_WAITS, "title", text_get(&name), "why",
            meaning(reason), (char *)NULL);
        add_line(&lines, &line);
        text_free(&name);
        text_free(&line);
    }
    snprintf(more, sizeof more, "%lld", (long long)count);
    if (count > 0)
        add_said(&lines, TEXT_OUTBOX_MORE, "count", more);
    say(&title, TEXT_OUTBOX_TITLE, (char *)NULL);
    osd_panel(plugin, text_get(&title), text_get(&lines));
    text_free(&title);
    text_free(&lines);
}

static void retried(struct plugin *plugin, const char *reply, long number)
{
    char count[24];
    (void)number;
    snprintf(count, sizeof count, "%lld", (long long)json_int(json_get(reply, "data.retried"), 0));
    if (!failed(plugin, reply))
        notice(plugin, TEXT_RETRIED, "count", count);
}

/* rate */

static void rated(struct plugin *plugin, const char *reply, long rating)
{
    struct text line = {0};
    char number[16];
    if (failed(plugin, reply))
        return;
    snprintf(number, sizeof number, "%ld", rating);
    say(&line, rating > 0 ? TEXT_RATED : TEXT_UNRATED, "title", text_get(&plugin->commands.rated), "rating",
        number, (char *)NULL);
    osd_notice(plugin, text_get(&line));
    text_free(&line);
}

static void rate_item(struct plugin *plugin, const char *item, long rating)
{
    struct text params = {0};
    if (json_length(item) == 0) {
        notice(plugin, TEXT_NOTHING_TO_RATE, "", "");
        return;
    }
    text_clear(&plugin->commands.rated);
    add_item_name(&plugin->commands.rated, item);
    text_add(&params, "{\"item\":");
    text_add_bytes(&params, item, json_length(item));
    if (rating > 0) {
        text_add(&params, ",\"rating\":");
        text_add_int(&params, rating);
    }
    text_add(&params, "}");
    contact_ask(plugin, rating > 0 ? "rating.set" : "rating.remove", text_get(&params), rated, rating);
    text_free(&params);
}

/* What plays now is rated, else what counted last. */
static void rate_playing(struct plugin *plugin, const char *reply, long rating)
{
    const char *session = json_first(json_get(reply, "data.sessions"));
    while (session != NULL && !json_is(json_get(session, "session"), plugin->player.session))
        session = json_next(session);
    rate_item(plugin, session != NULL ? json_get(session, "item") : text_get(&plugin->contact.counted),
              rating);
}

static void rate(struct plugin *plugin, const char *word)
{
    char *end;
    long rating = strtol(word, &end, 10);
    if (end == word || *end != 0 || rating < 1 || rating > 10)
        notice(plugin, TEXT_RATE_HOW, "", "");
    else
        contact_ask(plugin, "player.get", NULL, rate_playing, rating);
}

/* unlink */

static void unlinked(struct plugin *plugin, const char *reply, long number)
{
    (void)number;
    if (!failed(plugin, reply))
        notice(plugin, TEXT_UNLINKED, "", "");
}

static bool is_known(const char *command)
{
    static const char *const known[] = {"link", "unlink", "status", "outbox", "rate", "unrate"};
    size_t n;
    for (n = 0; n < sizeof known / sizeof *known; n++)
        if (strcmp(command, known[n]) == 0)
            return true;
    return false;
}

static void obey(struct plugin *plugin, const char *command, const char *more)
{
    if (!contact_open(plugin))
        notice(plugin, TEXT_NOT_RUNNING, "", "");
    else if (strcmp(command, "link") == 0 && strcmp(more, "cancel") == 0)
        link_cancel(plugin);
    else if (strcmp(command, "link") == 0)
        link_toggle(plugin, strcmp(more, "again") == 0);
    else if (strcmp(command, "unlink") == 0)
        contact_ask(plugin, "account.unlink", NULL, unlinked, 0);
    else if (strcmp(command, "status") == 0)
        contact_ask(plugin, "account.get", NULL, status_account, 0);
    else if (strcmp(command, "outbox") == 0 && strcmp(more, "retry") == 0)
        contact_ask(plugin, "outbox.retry", "{\"all\":true}", retried, 0);
    else if (strcmp(command, "outbox") == 0)
        contact_ask(plugin, "outbox.list", "{\"limit\":8}", show_outbox, 0);
    else if (strcmp(command, "rate") == 0)
        rate(plugin, more);
    else if (strcmp(command, "unrate") == 0)
        contact_ask(plugin, "player.get", NULL, rate_playing, 0);
    else
        notice(plugin, TEXT_UNKNOWN_COMMAND, "command", command);
}

void command_obey(struct plugin *plugin, const mpv_event_client_message *message)
{
    const char *command = message->num_args > 0 ? message->args[0] : "";
    const char *more = message->num_args > 1 ? message->args[1] : "";
    /* `script-binding libtrakt/link` comes like this, once for the key going down and once for its
       coming up. */
    if (strcmp(command, "key-binding") == 0) {
        const char *how = message->num_args > 2 ? message->args[2] : "";
        if (how[0] != 'd' && how[0] != 'p')
            return;
        command = more;
        more = "";
    } else if (!is_known(command)) {
        /* `script-message` goes to every script: this one is meant for another. */
        return;
    }
    obey(plugin, command, more);
}

void command_close(struct plugin *plugin)
{
    text_free(&plugin->commands.status);
    text_free(&plugin->commands.rated);
}
