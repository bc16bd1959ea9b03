/* Versions, names of statuses, the reader of a reply's status. */
#include "test.h"

int main(void)
{
    char *reply;
    int known = 0;

    CHECK(strcmp(trakt_version(), TRAKT_VERSION_STRING) == 0);
    CHECK(trakt_version() == trakt_version());
    CHECK(trakt_abi_version() == TRAKT_ABI_VERSION);

    reply = trakt_build_info();
    CHECK(reply != NULL && strstr(reply, "\"version\":\"" TRAKT_VERSION_STRING "\"") != NULL);
    CHECK(strstr(reply, "\"target\":\"") != NULL && strstr(reply, "\"tls\":\"rustls ") != NULL);
    CHECK(strstr(reply, "\"sqlite\":\"3.") != NULL);
    EXPECT(reply, TRAKT_OK, "\"abi_version\":1,");

    CHECK(strcmp(trakt_status_name(TRAKT_OK), "ok") == 0);
    CHECK(strcmp(trakt_status_name(TRAKT_TLS_CLOCK), "tls_clock") == 0);
    CHECK(strcmp(trakt_status_name(TRAKT_INTERNAL), "internal") == 0);
    CHECK(strcmp(trakt_status_name(-1), "unknown") == 0);
    CHECK(strcmp(trakt_status_name(INT32_MIN), "unknown") == 0);
    CHECK(strcmp(trakt_status_name(INT32_MAX), "unknown") == 0);
    for (int32_t status = -1; status < 1000; status++)
        known += strcmp(trakt_status_name(status), "unknown") != 0;
    CHECK(known == 40);

    CHECK(trakt_reply_status("{\"status\":0,\"data\":{}}") == TRAKT_OK);
    CHECK(trakt_reply_status("{\"status\":21,\"error\":{}}") == TRAKT_TIMEOUT);
    CHECK(trakt_reply_status("{\"status\":12345,\"error\":{}}") == 12345);
    CHECK(trakt_reply_status(NULL) == -1);
    CHECK(trakt_reply_status("") == -1);
    CHECK(trakt_reply_status("{\"status\":") == -1);
    CHECK(trakt_reply_status("{\"status\":-1,") == -1);
    CHECK(trakt_reply_status("{\"status\":99999999999999999999}") == -1);
    CHECK(trakt_reply_status("<html>") == -1);
    CHECK(trakt_reply_status("\xff\xff") == -1);

    trakt_string_free(NULL);
    return 0;
}
