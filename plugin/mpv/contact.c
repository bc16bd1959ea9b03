#include "contact.h"

#include "json.h"
#include "notices.h"
#include "plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EVENTS_MS = 500, CLOSE_MS = 250 };

static void complain(struct plugin *plugin, enum text_name what, const char *name, const char *value)
{
    struct text line = {0};
    text_add(&line, "libtrakt: ");
    say(&line, what, name, value, (char *)NULL);
    osd_log(plugin, text_get(&line));
    text_free(&line);
}

/* Makes a folder and those above it. */
static void make_folder(char *path)
{
    char *slash = path;
    while ((slash = strchr(slash + 1, '/')) != NULL) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
    mkdir(path, 0700);
}

/* Where players keep their state, as the XDG rules have it; "" without a home. */
static void state_folder(struct text *folder)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state != NULL && state[0] == '/') {
        text_add(folder, state);
    } else if (home != NULL && home[0] == '/') {
        text_add(folder, home);
        text_add(folder, "/.local/state");
    } else {
        return;
    }
    text_add(folder, "/mpv");
    if (folder->at != NULL)
        make_folder(folder->at);
}

static void account_told(struct plugin *plugin, const char *reply, long number)
{
    struct contact *contact = &plugin->contact;
    const char *state = json_get(reply, "data.state");
    (void)number;
    if (state != NULL)
        json_text(state, contact->account, sizeof contact->account);
}

static void open_client(struct plugin *plugin)
{
    struct contact *contact = &plugin->contact;
    struct text config = {0}, folder = {0};
    char *reply = NULL, message[512];
    if (plugin->options.client_id[0] == 0) {
        complain(plugin, TEXT_NO_CLIENT_ID, "", "");
        return;
    }
    state_folder(&folder);
    options_config(&config, &plugin->options, text_get(&folder));
    contact->client = contact->library.client_open(text_get(&config), &reply);
    if (contact->client == 0) {
        json_text(json_get(reply, "error.message"), message, sizeof message);
        complain(plugin, TEXT_CANT_OPEN, "why", message);
    }
    contact->library.string_free(reply);
    text_free(&config);
    text_free(&folder);
}

bool contact_open(struct plugin *plugin)
{
    struct contact *contact = &plugin->contact;
    struct text why = {0};
    if (contact->tried)
        return contact->client != 0;
    contact->tried = true;
    switch (library_load(&contact->library, &why)) {
    case LIBRARY_MISSING:
        complain(plugin, TEXT_LIBRARY_IS_MISSING, "why", text_get(&why));
        break;
    case LIBRARY_TOO_OLD:
        complain(plugin, TEXT_LIBRARY_IS_TOO_OLD, "", "");
        break;
    case LIBRARY_LOADED:
        open_client(plugin);
    }
    text_free(&why);
    if (contact->client == 0)
        return false;
    contact_rules(plugin);
    contact_ask(plugin, "account.get", NULL, account_told, 0);
    link_resume(plugin);
    return true;
}

void contact_ask(struct plugin *plugin, const char *method, const char *params, answer then, long number)
{
    struct contact *contact = &plugin->contact;
    struct request *request;
    char *reply;
    if (contact->client == 0 || contact->request_count == MOST_REQUESTS)
        return;
    reply = contact->library.submit(contact->client, method, params);
    if (contact->library.reply_status(reply) == TRAKT_OK) {
        request = &contact->requests[contact->request_count++];
        request->id = (uint64_t)json_int(json_get(reply, "data.request"), 0);
        request->then = then;
        request->number = number;
    } else if (then != NULL) {
        then(plugin, reply, number);
    }
    contact->library.string_free(reply);
}

static void happened(struct plugin *plugin, const char *event)
{
    struct contact *contact = &plugin->contact;
    const char *type = json_get(event, "type"), *data = json_get(event, "data"),
               *item = json_get(data, "item");
    if (json_is(type, "play.counted")) {
        text_clear(&contact->counted);
        text_add_bytes(&contact->counted, item, json_length(item));
        notice_counted(plugin, item);
    } else if (json_is(type, "outbox.refused")) {
        notice_refused(plugin, data);
    } else if (json_is(type, "account.linked") || json_is(type, "account.changed") ||
               json_is(type, "account.unlinked") || json_is(type, "store.trouble")) {
        contact_ask(plugin, "account.get", NULL, account_told, 0);
    } else if (json_is(type, "account.relink_needed")) {
        contact_ask(plugin, "account.get", NULL, account_told, 0);
        contact->relink_said = true;
        notice_relink(plugin);
    }
}

static void hear(struct plugin *plugin)
{
    struct contact *contact = &plugin->contact;
    const char *event;
    char *reply;
    if (now_ms() < contact->events_at)
        return;
    contact->events_at = now_ms() + EVENTS_MS;
    reply = contact->library.next_events(contact->client, 0);
    for (event = json_first(json_get(reply, "data.events")); event != NULL; event = json_next(event))
        happened(plugin, event);
    contact->library.string_free(reply);
}

void contact_step(struct plugin *plugin)
{
    struct contact *contact = &plugin->contact;
    int n = 0;
    if (contact->client == 0)
        return;
    while (n < contact->request_count) {
        struct request request = contact->requests[n];
        char *reply = contact->library.result(contact->client, request.id, 0);
        if (json_is(json_get(reply, "data.state"), "running")) {
            n++;
        } else {
            contact->requests[n] = contact->requests[--contact->request_count];
            if (request.then != NULL)
                request.then(plugin, reply, request.number);
        }
        contact->library.string_free(reply);
    }
    hear(plugin);
}

char *contact_player_event(struct plugin *plugin, const char *event)
{
    struct contact *contact = &plugin->contact;
    return contact->client != 0 ? contact->library.player_event(contact->client, event) : NULL;
}

void contact_free(struct plugin *plugin, char *reply)
{
    if (reply != NULL)
        plugin->contact.library.string_free(reply);
}

static void rules_told(struct plugin *plugin, const char *reply, long number)
{
    struct text line = {0};
    char why[256];
    (void)number;
    if (plugin->contact.library.reply_status(reply) == TRAKT_OK)
        return;
    /* None of them holds then: rather nothing is recorded than what was to be left out. */
    contact_ask(plugin, "player.options", "{\"enabled\":false}", NULL, 0);
    json_text(json_get(reply, "error.message"), why, sizeof why);
    complain(plugin, TEXT_RULES_WRONG, "why", why);
    say(&line, TEXT_RULES_WRONG, "why", why, (char *)NULL);
    osd_notice(plugin, text_get(&line));
    text_free(&line);
}

void contact_rules(struct plugin *plugin)
{
    struct text rules = {0};
    options_rules(&rules, &plugin->options);
    contact_ask(plugin, "player.options", text_get(&rules), rules_told, 0);
    text_free(&rules);
}

/* Whether this is the first time on this machine; a file beside the account remembers. */
static bool first_time(const struct plugin *plugin)
{
    struct text path = {0};
    int file;
    if (plugin->options.data_dir[0] != 0)
        text_add(&path, plugin->options.data_dir);
    else
        state_folder(&path);
    text_add(&path, "/libtrakt-hint");
    file = open(text_get(&path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    text_free(&path);
    if (file >= 0)
        close(file);
    return file >= 0 || errno != EEXIST;
}

void contact_hint(struct plugin *plugin, const char *reason)
{
    struct contact *contact = &plugin->contact;
    if (!contact->relink_said && strcmp(contact->account, "relink_needed") == 0) {
        contact->relink_said = true;
        notice_relink(plugin);
    } else if (!contact->hinted && !plugin->link.active && strcmp(reason, "not_linked") == 0) {
        contact->hinted = true;
        if (first_time(plugin))
            notice_not_linked(plugin);
    }
}

bool contact_failed(const struct plugin *plugin, const char *reply, struct text *why)
{
    char code[64];
    if (plugin->contact.library.reply_status(reply) == TRAKT_OK)
        return false;
    json_text(json_get(reply, "error.code"), code, sizeof code);
    text_add(why, meaning(code));
    return true;
}

void contact_close(struct plugin *plugin)
{
    struct contact *contact = &plugin->contact;
    if (contact->client != 0)
        contact->library.client_close(contact->client, CLOSE_MS);
    contact->client = 0;
    text_free(&contact->counted);
}
