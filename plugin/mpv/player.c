#include "player.h"

#include "json.h"
#include "mpv_media.h"
#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Observed properties, by the number that mpv sends along. */
enum property { POSITION = 1, DURATION, AT_END, PAUSE, SPEED };

enum { PROGRESS_MS = 5000 };

/* What lies behind this part of a film can be its credits; before it, a stream has broken off. */
static const double END_FROM = 0.8;
/* A file that is played in a loop is left at its last picture and goes on at its first, give or
   take these seconds. */
static const double LOOP_WITHIN = 1.5;

void player_observe(struct plugin *plugin)
{
    mpv_observe_property(plugin->mpv, POSITION, "time-pos", MPV_FORMAT_DOUBLE);
    mpv_observe_property(plugin->mpv, DURATION, "duration", MPV_FORMAT_DOUBLE);
    /* Before the pause: mpv pauses at the end of a file that it holds, and that isn't the user's doing. */
    mpv_observe_property(plugin->mpv, AT_END, "eof-reached", MPV_FORMAT_FLAG);
    mpv_observe_property(plugin->mpv, PAUSE, "pause", MPV_FORMAT_FLAG);
    mpv_observe_property(plugin->mpv, SPEED, "speed", MPV_FORMAT_DOUBLE);
}

static void add_ms(struct text *event, const char *key, double seconds)
{
    if (seconds < 0)
        return;
    text_add(event, ",\"");
    text_add(event, key);
    text_add(event, "\":");
    text_add_int(event, (long long)(seconds * 1000));
}

static void take_reply(struct plugin *plugin, const char *reply)
{
    struct player *player = &plugin->player;
    const char *data = json_get(reply, "data");
    if (data == NULL)
        return;
    json_text(json_get(data, "state"), player->state, sizeof player->state);
    json_text(json_get(data, "reason"), player->reason, sizeof player->reason);
    player->counts = json_true(json_get(data, "counts"));
    player->progress = (double)json_int(json_get(data, "progress"), 0);
}

static void tell(struct plugin *plugin, const char *what)
{
    struct player *player = &plugin->player;
    struct text event = {0};
    char *reply;
    text_add(&event, "{\"event\":");
    text_add_json(&event, what);
    text_add(&event, ",\"session\":");
    text_add_json(&event, player->session);
    add_ms(&event, "position_ms", player->position);
    add_ms(&event, "duration_ms", player->duration);
    if (strcmp(what, "started") == 0) {
        text_add(&event, ",\"item\":");
        text_add(&event, text_get(&player->item));
    }
    text_add(&event, "}");
    reply = contact_player_event(plugin, text_get(&event));
    take_reply(plugin, reply);
    contact_free(plugin, reply);
    text_free(&event);
    player->told_at = now_ms();
}

/* A name for this playback that no other player in the world gives to one of its own. */
static void name_session(struct player *player)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(player->session, sizeof player->session, "mpv-%ld-%lld-%ld-%d", (long)getpid(),
             (long long)now.tv_sec, now.tv_nsec, ++player->sessions);
}

static void begin(struct plugin *plugin)
{
    struct player *player = &plugin->player;
    name_session(player);
    player->told = true;
    player->at_end = false;
    tell(plugin, "started");
    contact_hint(plugin, player->reason);
    if (player->paused)
        tell(plugin, "paused");
}

static void finish(struct plugin *plugin, bool by_itself)
{
    struct player *player = &plugin->player;
    if (!player->told)
        return;
    if (by_itself && player->duration > 0 && player->position < player->duration * END_FROM)
        by_itself = false;
    tell(plugin, by_itself ? "ended" : "stopped");
    player->told = false;
}

static void refresh(struct plugin *plugin, const char *property, double *value)
{
    double now;
    if (mpv_get_property(plugin->mpv, property, MPV_FORMAT_DOUBLE, &now) >= 0)
        *value = now;
}

static void load(struct plugin *plugin)
{
    struct player *player = &plugin->player;
    struct media *media = calloc(1, sizeof *media);
    if (media == NULL)
        return;
    media_read(plugin->mpv, media);
    player->loaded = media->is_video && !media->is_encode;
    text_clear(&player->item);
    if (player->loaded)
        media_item(&player->item, media, plugin->options.exclude_network);
    text_free(&media->path);
    free(media);
}

/* Playback begins or goes on behind a seek. */
static void restarted(struct plugin *plugin)
{
    struct player *player = &plugin->player;
    bool looped;
    if (!player->loaded)
        return;
    refresh(plugin, "time-pos", &player->position);
    refresh(plugin, "duration", &player->duration);
    looped = player->duration > 0 && player->left_at >= player->duration - LOOP_WITHIN &&
             player->position < LOOP_WITHIN && player->seeking;
    if (player->told && looped) {
        double position = player->position;
        player->position = player->duration;
        finish(plugin, true);
        player->position = position;
    }
    if (!player->told) {
        if (!player->at_end || (player->duration > 0 && player->position < player->duration - LOOP_WITHIN))
            begin(plugin);
    } else if (player->seeking) {
        tell(plugin, "seeked");
    }
    player->seeking = false;
}

static void property_changed(struct plugin *plugin, enum property which, const mpv_event_property *property)
{
    struct player *player = &plugin->player;
    double number = -1;
    bool flag = false;
    if (property->format == MPV_FORMAT_DOUBLE)
        number = *(double *)property->data;
    else if (property->format == MPV_FORMAT_FLAG)
        flag = *(int *)property->data != 0;
    switch (which) {
    case POSITION:
        /* At the end of a file it is gone before the event comes that says why: the last one is
           what counts. */
        if (number >= 0)
            player->position = number;
        break;
    case DURATION:
        if (number >= 0)
            player->duration = number;
        break;
    case SPEED:
        player->speed = number > 0 ? number : 1;
        break;
    case PAUSE:
        if (flag != player->paused && player->told)
            tell(plugin, flag ? "paused" : "resumed");
        player->paused = flag;
        break;
    case AT_END:
        if (flag && player->told) {
            player->at_end = true;
            finish(plugin, true);
        }
    }
}

void player_event(struct plugin *plugin, const mpv_event *event)
{
    struct player *player = &plugin->player;
    const mpv_event_end_file *end;
    switch (event->event_id) {
    case MPV_EVENT_START_FILE:
        player->loaded = player->at_end = player->seeking = false;
        player->position = player->duration = player->left_at = -1;
        break;
    case MPV_EVENT_FILE_LOADED:
        load(plugin);
        break;
    case MPV_EVENT_SEEK:
        player->left_at = player->position;
        player->seeking = true;
        break;
    case MPV_EVENT_PLAYBACK_RESTART:
        restarted(plugin);
        break;
    case MPV_EVENT_PROPERTY_CHANGE:
        property_changed(plugin, (enum property)event->reply_userdata, event->data);
        break;
    case MPV_EVENT_END_FILE:
        end = event->data;
        finish(plugin, end->reason == MPV_END_FILE_REASON_EOF);
        player->loaded = false;
        break;
    default:
        break;
    }
}

void player_step(struct plugin *plugin)
{
    struct player *player = &plugin->player;
    double speed = player->speed > 1 ? player->speed : 1;
    if (player->told && !player->paused && now_ms() - player->told_at >= (int64_t)(PROGRESS_MS / speed))
        tell(plugin, "progress");
}

void player_close(struct plugin *plugin)
{
    finish(plugin, false);
    text_free(&plugin->player.item);
}
