/* A forked child: the parent's clients are refused, whatever was going on at the moment of the fork, and it
 * opens its own. */
#define _GNU_SOURCE
#include "test.h"

#include <sys/wait.h>
#include <unistd.h>

/* Everything shares one store, in the folder that the test runs in. */
#define STORED "{" OFFLINE ",\"data_dir\":\".\"}"

static int stop;

static void refused(trakt_client client)
{
    EXPECT(trakt_device_start(client, NULL), TRAKT_WRONG_STATE, NULL);
    EXPECT(trakt_device_poll(client, 1000000), TRAKT_WRONG_STATE, NULL);
    EXPECT(trakt_device_cancel(client), TRAKT_WRONG_STATE, NULL);
    EXPECT(trakt_authorize_url(client, NULL), TRAKT_WRONG_STATE, NULL);
    EXPECT(trakt_authorize_finish(client, "code"), TRAKT_WRONG_STATE, NULL);
    EXPECT(trakt_account(client), TRAKT_WRONG_STATE, NULL);
    EXPECT(trakt_get_settings(client, NULL), TRAKT_WRONG_STATE, NULL);
    EXPECT(trakt_check_limit(client, "list.count", 1), TRAKT_WRONG_STATE, NULL);
    EXPECT(trakt_check_permission(client, "liking"), TRAKT_WRONG_STATE, NULL);
    EXPECT(trakt_unlink(client), TRAKT_WRONG_STATE, NULL);
    EXPECT(trakt_player_event(client, "{}"), TRAKT_WRONG_STATE, NULL);
    EXPECT(trakt_call(client, "account.get", NULL), TRAKT_WRONG_STATE, NULL);
    EXPECT(trakt_submit(client, "account.get", NULL), TRAKT_WRONG_STATE, NULL);
    EXPECT(trakt_result(client, 1, 1000000), TRAKT_WRONG_STATE, NULL);
    EXPECT(trakt_cancel(client, 1), TRAKT_WRONG_STATE, NULL);
    EXPECT(trakt_next_events(client, 1000000), TRAKT_WRONG_STATE, NULL);
    trakt_client_cancel(client);
    CHECK(trakt_client_close(client, 1000000) == 0);
}

/* In a child, `inside` runs and must come to its end in time. */
static void in_child(void (*inside)(trakt_client), trakt_client parents)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(120);
        inside(parents);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (status != 0)
        fprintf(stderr, "the child ended with %d\n", status);
    CHECK(status == 0);
}

static void child_of_child(trakt_client childs) { refused(childs); }

static void child(trakt_client parents)
{
    trakt_client own;
    refused(parents);
    CHECK(trakt_shutdown(1000000) == 0);
    own = open_client(STORED);
    CHECK(own != parents);
    EXPECT(trakt_account(own), TRAKT_OK, "\"store\":\"ok\"");
    refused(parents);
    in_child(child_of_child, own);
    EXPECT(trakt_account(own), TRAKT_OK, NULL);
    CHECK(trakt_client_close(own, 5000) == 0);
    EXPECT(trakt_account(own), TRAKT_INVALID_HANDLE, NULL);
}

static void *keep_busy(void *unused)
{
    (void)unused;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        trakt_client client = open_client(STORED);
        EXPECT(trakt_account(client), TRAKT_OK, NULL);
        EXPECT(trakt_device_poll(client, 0), TRAKT_OK, NULL);
        (void)trakt_client_close(client, 1000);
    }
    return NULL;
}

int main(void)
{
    trakt_client client = open_client(STORED);
    pthread_t threads[3];
    int times = 100;

    EXPECT(trakt_account(client), TRAKT_OK, NULL);
    in_child(child, client);
    EXPECT(trakt_account(client), TRAKT_OK, NULL);

#ifdef __SANITIZE_ADDRESS__
    /* Its allocator isn't made for forks beside threads that allocate. */
    times = 0;
#endif
    /* In the child, what only the other threads' stacks knew looks like a leak to valgrind. */
    if (getenv("TEST_SLOW") != NULL)
        times = 0;
    for (int i = 0; i < 3; i++)
        threads[i] = start(keep_busy, NULL);
    for (int i = 0; i < times; i++)
        in_child(child, client);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    EXPECT(trakt_account(client), TRAKT_OK, NULL);
    CHECK(trakt_client_close(client, 5000) == 0);
    return 0;
}
