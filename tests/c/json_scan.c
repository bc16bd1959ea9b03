/* The examples' reader of JSON. */
#include "test.h"

#include "../../examples/json_scan.h"

static const char *text(const char *json, const char *path)
{
    static char value[64];
    return json_text(json, path, value, sizeof value);
}

int main(void)
{
    const char *json =
        "{\"status\":0, \"data\" : {\"state\":\"pending\",\"account\":{\"state\":\"none\",\"x\":null},"
        "\"rows\":[\"010\",\"1]\",[],{}],\"n\":-12,\"big\":9007199254740993,\"yes\":true,"
        "\"odd\":\"a\\\"b\\\\}\\n\\u00e9\\ud83d\\ude00/\\/\",\"empty\":{},\"none\":[]}}";
    char small[8];
    const char *key;

    CHECK(strcmp(text(json, "data.state"), "pending") == 0);
    CHECK(strcmp(text(json, "data.account.state"), "none") == 0);
    CHECK(strcmp(text(json, "data.account.x"), "") == 0);
    CHECK(strcmp(text(json, "data.rows.0"), "010") == 0);
    CHECK(strcmp(text(json, "data.rows.1"), "1]") == 0);
    CHECK(strcmp(text(json, "data.odd"), "a\"b\\}\n\xc3\xa9\xf0\x9f\x98\x80//") == 0);
    CHECK(strcmp(json_text(json, "data.odd", small, sizeof small), "a\"b\\") == 0);
    CHECK(json_find(json, "data.sta") == NULL && json_find(json, "data.states") == NULL);
    CHECK(json_find(json, "state") == NULL && json_find(json, "data.rows.4") == NULL);
    CHECK(json_find(json, "data.state.deeper") == NULL && json_find(json, "data.empty.x") == NULL);
    CHECK(json_find(json, "data.none.0") == NULL && json_find(NULL, "data") == NULL);
    CHECK(json_find("", "data") == NULL && json_find("<html>", "data") == NULL);

    CHECK(json_number(json, "status", -1) == 0);
    CHECK(json_number(json, "data.n", 0) == -12);
    CHECK(json_number(json, "data.big", 0) == 9007199254740993);
    CHECK(json_number(json, "data.state", 7) == 7 && json_number(json, "data.no", 7) == 7);

    CHECK(json_is(json, "data.state", "pending") && !json_is(json, "data.state", "pend"));
    CHECK(!json_is(json, "data.state", "pending2") && json_is(json, "data.yes", "true"));
    CHECK(!json_is(json, "data.yes", "tru") && json_is(json, "data.account.x", "null"));
    CHECK(!json_is(json, "data.no", "") && !json_is(NULL, "data.no", ""));

    CHECK(json_member(json_find(json, "data.account"), 1, &key) != NULL && strncmp(key, "\"x\"", 3) == 0);
    CHECK(json_member(json_find(json, "data.account"), 2, NULL) == NULL);

    /* What is cut off must not lead it astray. */
    for (size_t length = strlen(json); length > 0; length--) {
        char *cut = malloc(length);
        CHECK(cut != NULL);
        memcpy(cut, json, length - 1);
        cut[length - 1] = 0;
        (void)text(cut, "data.odd");
        (void)text(cut, "data.none.0");
        (void)json_is(cut, "data.state", "pending");
        (void)json_number(cut, "data.big", 0);
        free(cut);
    }
    return 0;
}
