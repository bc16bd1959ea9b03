/* What a host can hand in by mistake: NULL, no UTF-8, no JSON, wrong types, too much. */
#include "test.h"

/* One more than the longest text that is taken. */
#define TOO_LONG (4 * 1024 * 1024 + 1)

static char *filled(size_t length, const char *begin, char fill, const char *end)
{
    char *text = malloc(length + 1);
    CHECK(text != NULL);
    memset(text, fill, length);
    memcpy(text, begin, strlen(begin));
    memcpy(text + length - strlen(end), end, strlen(end));
    text[length] = 0;
    return text;
}

static void open_fails(const char *config_json, int status, const char *said)
{
    char *reply = NULL;
    CHECK(trakt_client_open(config_json, &reply) == 0);
    EXPECT(reply, status, said);
    CHECK(trakt_client_open(config_json, NULL) == 0);
}

static void config(void)
{
    char *huge = filled(TOO_LONG, "{\"client_id\":\"", 'x', "\"}");
    char *deep = filled(1000000, "{\"client_id\":", '[', "[");
    char *reply = (char *)&huge;

    open_fails(NULL, TRAKT_INVALID_ARGUMENT, "`config_json`");
    open_fails("{\"client_id\":\"\xff\"}", TRAKT_INVALID_ARGUMENT, "`config_json`");
    open_fails("{\"client_id\":\"\xc0\xaf\"}", TRAKT_INVALID_ARGUMENT, "`config_json`");
    open_fails(huge, TRAKT_INVALID_ARGUMENT, "`config_json`");
    open_fails("", TRAKT_INVALID_JSON, NULL);
    open_fails("{", TRAKT_INVALID_JSON, NULL);
    open_fails("{\"client_id\":\"a\"} x", TRAKT_INVALID_JSON, NULL);
    open_fails("[]", TRAKT_INVALID_ARGUMENT, NULL);
    open_fails("null", TRAKT_INVALID_ARGUMENT, NULL);
    open_fails("\"client_id\"", TRAKT_INVALID_ARGUMENT, NULL);
    open_fails("{\"client_id\":5}", TRAKT_INVALID_ARGUMENT, "`client_id`");
    open_fails("{\"client_id\":null}", TRAKT_INVALID_ARGUMENT, "`client_id`");
    open_fails("{\"client_id\":\"a\",\"colour\":1}", TRAKT_UNKNOWN_OPTION, "`colour`");
    open_fails("{}", TRAKT_CONFIG, "`client_id`");
    open_fails("{\"client_id\":\"a\",\"api_url\":\"http://example.com\"}", TRAKT_CONFIG, "`api_url`");

    CHECK(trakt_client_open(deep, &reply) == 0);
    CHECK(trakt_reply_status(reply) == TRAKT_INVALID_JSON ||
          trakt_reply_status(reply) == TRAKT_INVALID_ARGUMENT);
    trakt_string_free(reply);
    free(deep);
    free(huge);
}

/* The functions that take options. */
static void options(trakt_client client)
{
    char *(*const functions[])(trakt_client, const char *) = {trakt_device_start, trakt_authorize_url,
                                                              trakt_get_settings};
    char *huge = filled(TOO_LONG, "{\"wait_ms\":1", ' ', "}");

    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        EXPECT(functions[i](client, "\xff"), TRAKT_INVALID_ARGUMENT, "`options_json`");
        EXPECT(functions[i](client, huge), TRAKT_INVALID_ARGUMENT, "`options_json`");
        EXPECT(functions[i](client, ""), TRAKT_INVALID_JSON, NULL);
        EXPECT(functions[i](client, "{\"a\":"), TRAKT_INVALID_JSON, NULL);
        EXPECT(functions[i](client, "[]"), TRAKT_INVALID_ARGUMENT, NULL);
        EXPECT(functions[i](client, "null"), TRAKT_INVALID_ARGUMENT, NULL);
        EXPECT(functions[i](client, "{\"colour\":1}"), TRAKT_UNKNOWN_OPTION, "`colour`");
    }
    EXPECT(trakt_device_start(client, "{\"wait_ms\":\"1\"}"), TRAKT_INVALID_ARGUMENT, "`wait_ms`");
    EXPECT(trakt_device_start(client, "{\"wait_ms\":-1}"), TRAKT_INVALID_ARGUMENT, "`wait_ms`");
    EXPECT(trakt_device_start(client, "{\"wait_ms\":1e99}"), TRAKT_INVALID_ARGUMENT, "`wait_ms`");
    EXPECT(trakt_device_start(client, "{\"renew\":null}"), TRAKT_INVALID_ARGUMENT, "`renew`");
    EXPECT(trakt_get_settings(client, "{\"max_age_ms\":true}"), TRAKT_INVALID_ARGUMENT, "`max_age_ms`");
    EXPECT(trakt_authorize_url(client, "{\"signup\":1}"), TRAKT_INVALID_ARGUMENT, "`signup`");
    free(huge);
}

/* The functions that need a text. */
static void texts(trakt_client client)
{
    char *huge = filled(TOO_LONG, "", 'x', "");

    EXPECT(trakt_authorize_finish(client, NULL), TRAKT_INVALID_ARGUMENT, "`redirected_url`");
    EXPECT(trakt_authorize_finish(client, "\xff"), TRAKT_INVALID_ARGUMENT, "`redirected_url`");
    EXPECT(trakt_authorize_finish(client, huge), TRAKT_INVALID_ARGUMENT, "`redirected_url`");
    EXPECT(trakt_check_limit(client, NULL, 1), TRAKT_INVALID_ARGUMENT, "`limit`");
    EXPECT(trakt_check_limit(client, "\xff", 1), TRAKT_INVALID_ARGUMENT, "`limit`");
    EXPECT(trakt_check_limit(client, huge, 1), TRAKT_INVALID_ARGUMENT, "`limit`");
    EXPECT(trakt_check_limit(client, "", 1), TRAKT_INVALID_ARGUMENT, "`limit`");
    EXPECT(trakt_check_limit(client, "two words\n", 1), TRAKT_INVALID_ARGUMENT, "`limit`");
    EXPECT(trakt_check_permission(client, "\xc3\xa9t\xc3\xa9"), TRAKT_INVALID_ARGUMENT, "`permission`");
    EXPECT(trakt_check_permission(client, NULL), TRAKT_INVALID_ARGUMENT, "`permission`");
    EXPECT(trakt_check_permission(client, "\xff"), TRAKT_INVALID_ARGUMENT, "`permission`");
    EXPECT(trakt_player_event(client, NULL), TRAKT_INVALID_ARGUMENT, "`event_json`");
    EXPECT(trakt_player_event(client, "\xff"), TRAKT_INVALID_ARGUMENT, "`event_json`");
    EXPECT(trakt_player_event(client, huge), TRAKT_INVALID_ARGUMENT, "`event_json`");
    EXPECT(trakt_player_event(client, "x"), TRAKT_INVALID_JSON, NULL);
    EXPECT(trakt_player_event(client, "{}"), TRAKT_INVALID_ARGUMENT, "`event`");
    EXPECT(trakt_player_event(client, "{\"event\":\"started\",\"session\":\"\"}"), TRAKT_INVALID_ARGUMENT,
           "`session`");
    EXPECT(trakt_player_event(client, "{\"event\":\"started\",\"session\":\"a\"}"), TRAKT_INVALID_ARGUMENT,
           "`item`");
    EXPECT(trakt_call(client, NULL, NULL), TRAKT_INVALID_ARGUMENT, "`method`");
    EXPECT(trakt_call(client, "\xff", NULL), TRAKT_INVALID_ARGUMENT, "`method`");
    EXPECT(trakt_call(client, huge, NULL), TRAKT_INVALID_ARGUMENT, "`method`");
    EXPECT(trakt_call(client, "account.get", "\xff"), TRAKT_INVALID_ARGUMENT, "`params_json`");
    EXPECT(trakt_call(client, "account.get", "x"), TRAKT_INVALID_JSON, NULL);
    EXPECT(trakt_call(client, "account.get", "[]"), TRAKT_INVALID_ARGUMENT, NULL);
    EXPECT(trakt_call(client, "", NULL), TRAKT_UNKNOWN_METHOD, NULL);
    EXPECT(trakt_call(client, "no.such", NULL), TRAKT_UNKNOWN_METHOD, NULL);
    EXPECT(trakt_call(client, "no.\"quote\n", NULL), TRAKT_UNKNOWN_METHOD, NULL);
    EXPECT(trakt_submit(client, NULL, NULL), TRAKT_INVALID_ARGUMENT, "`method`");
    EXPECT(trakt_submit(client, "\xff", NULL), TRAKT_INVALID_ARGUMENT, "`method`");
    EXPECT(trakt_submit(client, "account.get", "\xff"), TRAKT_INVALID_ARGUMENT, "`params_json`");
    EXPECT(trakt_submit(client, "no.such", NULL), TRAKT_UNKNOWN_METHOD, NULL);
    EXPECT(trakt_result(client, 12345, 0), TRAKT_INVALID_ARGUMENT, NULL);
    EXPECT(trakt_result(client, UINT64_MAX, 0), TRAKT_INVALID_ARGUMENT, NULL);
    EXPECT(trakt_cancel(client, 12345), TRAKT_INVALID_ARGUMENT, NULL);
    free(huge);
}

/* What is odd but no mistake. */
static void harmless(trakt_client client)
{
    EXPECT(trakt_account(client), TRAKT_OK, NULL);
    EXPECT(trakt_check_limit(client, "no.\"such\"\\", UINT64_MAX), TRAKT_OK, "\"known\":false");
    EXPECT(trakt_check_permission(client, "no.\"such\"\\"), TRAKT_OK, "\"allowed\":true");
    EXPECT(trakt_device_poll(client, 0), TRAKT_OK, "\"state\":\"idle\"");
    EXPECT(trakt_device_cancel(client), TRAKT_OK, NULL);
    EXPECT(trakt_player_event(client, "{\"event\":\"stopped\",\"session\":\"a\"}"), TRAKT_OK,
           "\"unknown_session\"");
    EXPECT(trakt_next_events(client, 0), TRAKT_OK, "\"events\":[");
    EXPECT(trakt_call(client, "methods", NULL), TRAKT_OK, "device.start");
}

int main(void)
{
    trakt_client client;

    config();
    client = open_client("{" OFFLINE "}");
    options(client);
    texts(client);
    harmless(client);
    CHECK(trakt_client_close(client, 5000) == 0);
    return 0;
}
