/* Numbers that are no client: zero, closed, closed twice, invented. */
#include "test.h"

static void every_function_refuses(trakt_client client)
{
    EXPECT(trakt_device_start(client, NULL), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_device_poll(client, 1000000), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_device_cancel(client), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_authorize_url(client, NULL), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_authorize_finish(client, "code"), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_account(client), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_get_settings(client, NULL), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_check_limit(client, "list.count", 1), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_check_permission(client, "liking"), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_unlink(client), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_player_event(client, "{}"), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_call(client, "account.get", NULL), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_submit(client, "account.get", NULL), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_result(client, 1, 1000000), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_cancel(client, 1), TRAKT_INVALID_HANDLE, NULL);
    EXPECT(trakt_next_events(client, 1000000), TRAKT_INVALID_HANDLE, NULL);
    trakt_client_cancel(client);
    CHECK(trakt_client_close(client, 1000000) == 0);
}

/* Numbers without a pattern, the same in each run. */
static uint64_t invented(void)
{
    static uint64_t state = 0x9e3779b97f4a7c15;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

int main(void)
{
    trakt_client first, second;

    every_function_refuses(0);
    every_function_refuses(1);
    every_function_refuses(UINT64_MAX);
    every_function_refuses((uint64_t)1 << 53);
    every_function_refuses((uint64_t)1 << 32);

    first = open_client("{" OFFLINE "}");
    CHECK(first < (uint64_t)1 << 53 && first >> 32 >= 1);
    EXPECT(trakt_account(first), TRAKT_OK, NULL);
    CHECK(trakt_client_close(first, 5000) == 0);
    every_function_refuses(first);

    second = open_client("{" OFFLINE "}");
    CHECK(second != first);
    every_function_refuses(first);
    EXPECT(trakt_account(second), TRAKT_OK, NULL);
    for (int i = rounds(2000); i > 0; i--) {
        uint64_t number = invented();
        if (number != second && (number & 0x1fffff00000000) != second)
            every_function_refuses(number & (i % 2 ? UINT64_MAX : 0x1fffff000000ff));
    }

    CHECK(trakt_shutdown(5000) == 0);
    every_function_refuses(second);
    CHECK(trakt_shutdown(0) == 0);
    first = open_client("{" OFFLINE "}");
    EXPECT(trakt_account(first), TRAKT_OK, NULL);
    CHECK(trakt_client_close(first, 5000) == 0);
    return 0;
}
