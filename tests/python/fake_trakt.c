/* A library with trakt.h's functions whose answers a test dictates, for what the real one can't be made to do
 * on demand: never answer, be of another ABI, lack a function. It knows no Trakt and keeps no account.
 *
 * Built with -DABI_VERSION=2 it is of another ABI, with -DNO_UNLINK it lacks a function. The fake_ functions
 * are the test's side: replies by name (the last one stays), how long a submitted call takes, and what was
 * seen. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef ABI_VERSION
#define ABI_VERSION 1
#endif
#define SLOTS 256

struct reply {
    char name[64];
    char text[8192];
    int used;
};
struct request {
    int live;
    int cancelled;
    int64_t ready_at_ms;
    char method[64];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct reply replies[SLOTS];
static struct request requests[SLOTS];
static char counted[SLOTS][64];
static uint32_t counts[SLOTS];
static char last_method[64], last_text[8192], config[8192];
static int64_t call_takes_ms;
static uint32_t longest_wait_ms, live_texts, next_request = 1, closing_takes_ms;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_ms(int64_t ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    if (ms > 0)
        nanosleep(&pause, NULL);
}

static void count(const char *name)
{
    for (int i = 0; i < SLOTS; i++) {
        if (!counted[i][0])
            snprintf(counted[i], sizeof counted[i], "%s", name);
        if (!strcmp(counted[i], name)) {
            counts[i]++;
            return;
        }
    }
}

/* Under the lock. */
static char *owned(const char *text)
{
    char *copy = malloc(strlen(text) + 1);
    live_texts++;
    return strcpy(copy, text);
}

/* The first reply dictated for a name from a place on. */
static struct reply *find(const char *name, int from)
{
    for (int i = from; i < SLOTS; i++)
        if (replies[i].used && !strcmp(replies[i].name, name))
            return &replies[i];
    return NULL;
}

static char *current(const char *name)
{
    struct reply *first = find(name, 0);
    return owned(first ? first->text : "{\"status\":0,\"data\":{}}");
}

/* Lets the current reply go if another follows; the last one stays. */
static int go_on(const char *name)
{
    struct reply *first = find(name, 0);
    if (!first || !find(name, (int)(first - replies) + 1))
        return 0;
    first->used = 0;
    return 1;
}

static char *dictated(const char *name)
{
    char *reply = current(name);
    go_on(name);
    return reply;
}

static char *answer(const char *name, const char *text)
{
    pthread_mutex_lock(&lock);
    count(name);
    if (text)
        snprintf(last_text, sizeof last_text, "%s", text);
    char *reply = dictated(name);
    pthread_mutex_unlock(&lock);
    return reply;
}

static void note_wait(uint32_t wait_ms)
{
    if (wait_ms > longest_wait_ms)
        longest_wait_ms = wait_ms;
}

void trakt_string_free(char *text);

/* The test's side. */

void fake_reset(void)
{
    pthread_mutex_lock(&lock);
    memset(replies, 0, sizeof replies);
    memset(requests, 0, sizeof requests);
    memset(counted, 0, sizeof counted);
    memset(counts, 0, sizeof counts);
    last_method[0] = last_text[0] = config[0] = 0;
    call_takes_ms = longest_wait_ms = live_texts = closing_takes_ms = 0;
    pthread_mutex_unlock(&lock);
}

void fake_reply(const char *name, const char *text)
{
    pthread_mutex_lock(&lock);
    /* Kept in order: behind the last one in use. */
    int place = 0;
    for (int i = 0; i < SLOTS; i++)
        if (replies[i].used)
            place = i + 1;
    if (place < SLOTS) {
        snprintf(replies[place].name, sizeof replies[place].name, "%s", name);
        snprintf(replies[place].text, sizeof replies[place].text, "%s", text);
        replies[place].used = 1;
    }
    pthread_mutex_unlock(&lock);
}

void fake_call_takes(int64_t ms) { call_takes_ms = ms; }
void fake_closing_takes(uint32_t ms) { closing_takes_ms = ms; }
uint32_t fake_longest_wait(void) { return longest_wait_ms; }
uint32_t fake_live_texts(void) { return live_texts; }
const char *fake_config(void) { return config; }
const char *fake_last_method(void) { return last_method; }
const char *fake_last_text(void) { return last_text; }

uint32_t fake_count(const char *name)
{
    uint32_t found = 0;
    for (int i = 0; i < SLOTS; i++)
        if (!strcmp(counted[i], name))
            found = counts[i];
    return found;
}

uint32_t fake_pending_replies(void)
{
    uint32_t pending = 0;
    for (int i = 0; i < SLOTS; i++)
        pending += requests[i].live != 0;
    return pending;
}

/* trakt.h */

const char *trakt_version(void) { return "0.1.0"; }
uint32_t trakt_abi_version(void) { return ABI_VERSION; }
char *trakt_build_info(void) { return answer("build_info", NULL); }
const char *trakt_status_name(int32_t status) { return status ? "other" : "ok"; }

uint64_t trakt_client_open(const char *config_json, char **reply)
{
    char *text = answer("open", NULL);
    int refused = strstr(text, "\"error\"") != NULL;
    snprintf(config, sizeof config, "%s", config_json);
    if (reply)
        *reply = refused ? text : NULL;
    if (!reply || !refused)
        trakt_string_free(text);
    return refused ? 0 : (uint64_t)1 << 32;
}

static uint32_t end(const char *name, uint32_t wait_ms)
{
    pthread_mutex_lock(&lock);
    count(name);
    uint32_t left = closing_takes_ms;
    closing_takes_ms = left > wait_ms ? left - wait_ms : 0;
    uint32_t running = closing_takes_ms > 0;
    pthread_mutex_unlock(&lock);
    sleep_ms(left < wait_ms ? left : wait_ms);
    return running;
}

uint32_t trakt_client_close(uint64_t client, uint32_t wait_ms)
{
    (void)client;
    return end("close", wait_ms);
}

void trakt_client_cancel(uint64_t client)
{
    (void)client;
    pthread_mutex_lock(&lock);
    count("client_cancel");
    for (int i = 0; i < SLOTS; i++)
        requests[i].cancelled = 1;
    pthread_mutex_unlock(&lock);
}

uint32_t trakt_shutdown(uint32_t wait_ms)
{
    pthread_mutex_lock(&lock);
    note_wait(wait_ms);
    pthread_mutex_unlock(&lock);
    return end("shutdown", wait_ms);
}

char *trakt_device_start(uint64_t client, const char *options)
{
    (void)client;
    pthread_mutex_lock(&lock);
    go_on("device.poll");
    pthread_mutex_unlock(&lock);
    return answer("device.start", options);
}

/* Waiting brings the next reply, if there is one: that is the change. Without waiting nothing changes. */
char *trakt_device_poll(uint64_t client, uint32_t wait_ms)
{
    (void)client;
    pthread_mutex_lock(&lock);
    count("device.poll");
    note_wait(wait_ms);
    int changed = wait_ms && go_on("device.poll");
    char *reply = current("device.poll");
    pthread_mutex_unlock(&lock);
    if (!changed)
        sleep_ms(wait_ms);
    return reply;
}

char *trakt_device_cancel(uint64_t client)
{
    (void)client;
    return answer("device.cancel", NULL);
}

char *trakt_player_event(uint64_t client, const char *event)
{
    (void)client;
    return answer("player.event", event);
}

char *trakt_authorize_url(uint64_t client, const char *options)
{
    (void)client;
    return answer("authorize.url", options);
}

char *trakt_authorize_finish(uint64_t client, const char *url)
{
    (void)client;
    return answer("trakt_authorize_finish", url);
}

char *trakt_account(uint64_t client)
{
    (void)client;
    return answer("account", NULL);
}

char *trakt_get_settings(uint64_t client, const char *options)
{
    (void)client;
    return answer("trakt_get_settings", options);
}

char *trakt_check_limit(uint64_t client, const char *limit, uint64_t have)
{
    (void)client;
    char text[128];
    snprintf(text, sizeof text, "%s %llu", limit, (unsigned long long)have);
    return answer("check_limit", text);
}

char *trakt_check_permission(uint64_t client, const char *permission)
{
    (void)client;
    return answer("check_permission", permission);
}

#ifndef NO_UNLINK
char *trakt_unlink(uint64_t client)
{
    (void)client;
    return answer("trakt_unlink", NULL);
}
#endif

char *trakt_call(uint64_t client, const char *method, const char *params)
{
    (void)client;
    (void)params;
    return answer(method, NULL);
}

char *trakt_submit(uint64_t client, const char *method, const char *params)
{
    (void)client;
    char text[64];
    pthread_mutex_lock(&lock);
    count("submit");
    snprintf(last_method, sizeof last_method, "%s", method);
    snprintf(last_text, sizeof last_text, "%s", params ? params : "NULL");
    uint32_t number = next_request++;
    struct request *request = &requests[number % SLOTS];
    memset(request, 0, sizeof *request);
    request->live = 1;
    request->ready_at_ms = now_ms() + call_takes_ms;
    snprintf(request->method, sizeof request->method, "%s", method);
    snprintf(text, sizeof text, "{\"status\":0,\"data\":{\"request\":%u}}", number);
    char *reply = owned(text);
    pthread_mutex_unlock(&lock);
    return reply;
}

char *trakt_result(uint64_t client, uint64_t number, uint32_t wait_ms)
{
    (void)client;
    struct request *request = &requests[number % SLOTS];
    int64_t deadline = now_ms() + wait_ms;
    char *reply = NULL;
    pthread_mutex_lock(&lock);
    count("result");
    note_wait(wait_ms);
    while (request->live && !request->cancelled && now_ms() < request->ready_at_ms && now_ms() < deadline) {
        pthread_mutex_unlock(&lock);
        sleep_ms(1);
        pthread_mutex_lock(&lock);
    }
    if (!request->live) {
        reply = owned(
            "{\"status\":1,\"error\":{\"code\":\"invalid_argument\",\"message\":\"Unknown request.\"}}");
    } else if (request->cancelled) {
        request->live = 0;
        reply = owned(
            "{\"status\":90,\"error\":{\"code\":\"cancelled\",\"message\":\"The call was cancelled.\"}}");
    } else if (now_ms() >= request->ready_at_ms) {
        request->live = 0;
        reply = dictated(request->method);
    } else {
        reply = owned("{\"status\":0,\"data\":{\"state\":\"running\"}}");
    }
    pthread_mutex_unlock(&lock);
    return reply;
}

char *trakt_cancel(uint64_t client, uint64_t number)
{
    (void)client;
    pthread_mutex_lock(&lock);
    count("cancel");
    requests[number % SLOTS].cancelled = 1;
    pthread_mutex_unlock(&lock);
    return answer("cancel_reply", NULL);
}

char *trakt_next_events(uint64_t client, uint32_t wait_ms)
{
    (void)client;
    pthread_mutex_lock(&lock);
    count("next_events");
    note_wait(wait_ms);
    char *reply = dictated("next_events");
    pthread_mutex_unlock(&lock);
    if (!strstr(reply, "\"type\""))
        sleep_ms(wait_ms);
    return reply;
}

int32_t trakt_reply_status(const char *reply)
{
    int status = -1;
    return reply && sscanf(reply, "{\"status\":%d", &status) == 1 ? status : -1;
}

void trakt_string_free(char *text)
{
    if (!text)
        return;
    pthread_mutex_lock(&lock);
    live_texts--;
    pthread_mutex_unlock(&lock);
    free(text);
}
