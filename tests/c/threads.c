/* Many threads that open, use and close clients, their own and each other's. */
#include "test.h"

#define THREADS 8
#define SHARED 4

static trakt_client shared[SHARED];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static trakt_client exchange(int at, trakt_client client)
{
    trakt_client before;
    pthread_mutex_lock(&lock);
    before = shared[at];
    shared[at] = client;
    pthread_mutex_unlock(&lock);
    return before;
}

/* Another thread may close the client before, within or after the call. */
static void expect_any_of_those(char *reply)
{
    int32_t status = trakt_reply_status(reply);
    if (status != TRAKT_OK && status != TRAKT_CLOSED && status != TRAKT_INVALID_HANDLE &&
        status != TRAKT_CANCELLED && status != TRAKT_BUSY) {
        fprintf(stderr, "%s\n", reply ? reply : "NULL");
        abort();
    }
    trakt_string_free(reply);
}

static void *run(void *with)
{
    int seed = *(int *)with;
    for (int i = rounds(200); i > 0; i--) {
        int at = (i + seed) % SHARED;
        trakt_client own = open_client("{" OFFLINE "}");
        trakt_client other = exchange(at, own);
        trakt_client now;
        pthread_mutex_lock(&lock);
        now = shared[(at + 1) % SHARED];
        pthread_mutex_unlock(&lock);
        expect_any_of_those(trakt_account(own));
        expect_any_of_those(trakt_device_poll(now, i % 3));
        expect_any_of_those(trakt_next_events(own, i % 2));
        expect_any_of_those(trakt_check_permission(now, "liking"));
        if (i % 5 == 0)
            trakt_client_cancel(now);
        (void)trakt_client_close(other, i % 2 ? 0 : 1000);
        expect_any_of_those(trakt_account(other));
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    int seeds[THREADS];

    for (int i = 0; i < THREADS; i++) {
        seeds[i] = i;
        threads[i] = start(run, &seeds[i]);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(trakt_shutdown(10000) == 0);
    for (int i = 0; i < SHARED; i++)
        EXPECT(trakt_account(shared[i]), TRAKT_INVALID_HANDLE, NULL);
    return 0;
}
