/* Stands in for libtrakt where a test is about the plug-in alone. In the folder that FAKE_LIBTRAKT names, it
   appends each call to `calls`, a line "METHOD JSON", and answers what lies in METHOD.json; `events.json` is
   handed out once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <trakt.h>

#ifndef FAKE_ABI
#define FAKE_ABI TRAKT_ABI_VERSION
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *replies[64];
static uint64_t requests;

static void path_of(char *path, size_t size, const char *name, const char *end)
{
    const char *folder = getenv("FAKE_LIBTRAKT");
    snprintf(path, size, "%s/%s%s", folder != NULL ? folder : ".", name, end);
}

static void write_down(const char *method, const char *json)
{
    char path[4096];
    FILE *file;
    path_of(path, sizeof path, "calls", "");
    pthread_mutex_lock(&lock);
    file = fopen(path, "a");
    if (file != NULL) {
        fprintf(file, "%s %s\n", method, json != NULL ? json : "{}");
        fclose(file);
    }
    pthread_mutex_unlock(&lock);
}

static char *dictated(const char *method, const char *otherwise)
{
    char path[4096], *text = calloc(1, 1 << 20);
    FILE *file;
    path_of(path, sizeof path, method, ".json");
    file = fopen(path, "r");
    if (text == NULL || file == NULL)
        snprintf(text, 1 << 20, "%s", otherwise);
    else
        (void)!fread(text, 1, (1 << 20) - 1, file);
    if (file != NULL)
        fclose(file);
    return text;
}

uint32_t trakt_abi_version(void) { return FAKE_ABI; }

trakt_client trakt_client_open(const char *config_json, char **reply)
{
    write_down("open", config_json);
    *reply = NULL;
    return 1;
}

uint32_t trakt_client_close(trakt_client client, uint32_t wait_ms)
{
    char wait[16];
    (void)client;
    snprintf(wait, sizeof wait, "%u", wait_ms);
    write_down("close", wait);
    return 0;
}

char *trakt_player_event(trakt_client client, const char *event_json);

char *trakt_player_event(trakt_client client, const char *event_json)
{
    (void)client;
    write_down("player.event", event_json);
    return dictated(
        "player.event",
        "{\"status\":0,\"data\":{\"state\":\"playing\",\"reason\":null,\"counts\":false,\"progress\":1.5}}");
}

char *trakt_submit(trakt_client client, const char *method, const char *params_json)
{
    char reply[64];
    (void)client;
    write_down(method, params_json);
    pthread_mutex_lock(&lock);
    free(replies[++requests % 64]);
    replies[requests % 64] = dictated(method, "{\"status\":0,\"data\":{}}");
    snprintf(reply, sizeof reply, "{\"status\":0,\"data\":{\"request\":%u}}", (unsigned)requests);
    pthread_mutex_unlock(&lock);
    return strdup(reply);
}

char *trakt_result(trakt_client client, uint64_t request, uint32_t wait_ms)
{
    char *reply;
    (void)client;
    (void)wait_ms;
    pthread_mutex_lock(&lock);
    reply = replies[request % 64];
    replies[request % 64] = NULL;
    pthread_mutex_unlock(&lock);
    return reply;
}

char *trakt_device_poll(trakt_client client, uint32_t wait_ms)
{
    (void)client;
    (void)wait_ms;
    return dictated("device.poll", "{\"status\":0,\"data\":{\"state\":\"idle\"}}");
}

char *trakt_next_events(trakt_client client, uint32_t wait_ms)
{
    char path[4096], *events = dictated("events", "{\"status\":0,\"data\":{\"events\":[]}}");
    (void)client;
    (void)wait_ms;
    path_of(path, sizeof path, "events", ".json");
    remove(path);
    return events;
}

int32_t trakt_reply_status(const char *reply)
{
    return reply != NULL && strncmp(reply, "{\"status\":", 10) == 0 ? atoi(reply + 10) : -1;
}

void trakt_string_free(char *text) { free(text); }
