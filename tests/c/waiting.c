/* A thread waits in a call while another closes the client, cancels, or shuts down. */
#define _GNU_SOURCE
#include "test.h"

#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LONG 600000

struct waiter {
    trakt_client client;
    int on_login; /* wait for a login, else for events */
    volatile pid_t id;
    char *reply;
};

static void *wait_long(void *with)
{
    struct waiter *waiter = with;
    __atomic_store_n(&waiter->id, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
    waiter->reply =
        waiter->on_login ? trakt_device_poll(waiter->client, LONG) : trakt_next_events(waiter->client, LONG);
    return NULL;
}

/* Until the kernel says that the thread sleeps: then it is inside the call. */
static void until_asleep(struct waiter *waiter)
{
    char path[64], line[512], state = '?';
    pid_t id;
    while ((id = __atomic_load_n(&waiter->id, __ATOMIC_ACQUIRE)) == 0)
        sched_yield();
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)id);
    while (state != 'S') {
        FILE *file = fopen(path, "r");
        if (file == NULL)
            return; /* it is back already: the round won't count */
        state = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')')[2] : 'S';
        fclose(file);
        sched_yield();
    }
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

enum end { CLOSE, CANCEL, SHUTDOWN };

/* Whether the waiter was in the call, and not just before it, when the client was ended. */
static int one_round(const char *config, enum end end, int on_login)
{
    struct waiter waiter = {.on_login = on_login};
    pthread_t thread;
    double begun;
    int32_t status;

    waiter.client = open_client(config);
    if (on_login)
        EXPECT(trakt_device_start(waiter.client, "{\"wait_ms\":0}"), TRAKT_OK, "\"state\":\"starting\"");
    thread = start(wait_long, &waiter);
    until_asleep(&waiter);
    begun = seconds();
    if (end == CANCEL) {
        /* A cancel ends what runs now: it is repeated until it has found the call. */
        struct timespec soon;
        do {
            trakt_client_cancel(waiter.client);
            clock_gettime(CLOCK_REALTIME, &soon);
            soon.tv_nsec += 50 * 1000 * 1000;
            soon.tv_sec += soon.tv_nsec / 1000000000;
            soon.tv_nsec %= 1000000000;
        } while (pthread_timedjoin_np(thread, NULL, &soon) != 0);
    } else {
        if (end == CLOSE)
            (void)trakt_client_close(waiter.client, 0);
        else
            (void)trakt_shutdown(0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    CHECK(seconds() - begun < 60);

    status = trakt_reply_status(waiter.reply);
    trakt_string_free(waiter.reply);
    /* A login that changed in just that moment is an answer too. */
    CHECK(status == TRAKT_OK || status == (end == CANCEL ? TRAKT_CANCELLED : TRAKT_CLOSED) ||
          (end != CANCEL && status == TRAKT_INVALID_HANDLE));
    if (end == CANCEL) {
        EXPECT(trakt_account(waiter.client), TRAKT_OK, NULL);
        (void)trakt_client_close(waiter.client, 0);
    }
    EXPECT(trakt_account(waiter.client), TRAKT_INVALID_HANDLE, NULL);
    return status == TRAKT_CLOSED || status == TRAKT_CANCELLED;
}

int main(void)
{
    char config[512];
    int port, server = silent_server(&port);

    silent_config(config, sizeof config, port);
    for (int on_login = 0; on_login < 2; on_login++) {
        for (enum end end = CLOSE; end <= SHUTDOWN; end++) {
            int inside = 0;
            for (int i = rounds(40); i > 0; i--)
                inside += one_round(config, end, on_login);
            CHECK(inside > 0);
        }
    }
    /* The clients are closed; what they were still at ends with the server, and a shutdown waits for it. */
    close(server);
    CHECK(trakt_shutdown(60000) == 0);
    return 0;
}
