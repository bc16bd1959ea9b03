/* A panic inside the library, asked for by LIBTRAKT_TEST=1: it becomes a reply, prints nothing, and
 * everything goes on. */
#define _GNU_SOURCE
#include "test.h"

static trakt_client client;

static void *in_a_thread(void *unused)
{
    (void)unused;
    EXPECT(trakt_call(client, "test.panic", NULL), TRAKT_INTERNAL, NULL);
    return NULL;
}

int main(void)
{
    client = open_client("{" OFFLINE "}");
    CHECK(unsetenv("LIBTRAKT_TEST") == 0);
    EXPECT(trakt_call(client, "test.panic", NULL), TRAKT_UNKNOWN_METHOD, NULL);
    CHECK(setenv("LIBTRAKT_TEST", "1", 1) == 0);
    for (int i = 0; i < 10; i++)
        EXPECT(trakt_call(client, "test.panic", NULL), TRAKT_INTERNAL,
               "\"message\":\"the library has a defect");
    CHECK(pthread_join(start(in_a_thread, NULL), NULL) == 0);
    EXPECT(trakt_call(0, "test.panic", NULL), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_account(client), TRAKT_OK, NULL);
    CHECK(trakt_client_close(client, 5000) == 0);
    return 0;
}
