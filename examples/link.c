/* Links a Trakt account by device code, from a terminal.

   cc -o link examples/link.c $(pkg-config --cflags --libs trakt)
   TRAKT_CLIENT_ID=... ./link          the account is kept in TRAKT_DATA_DIR, or only while the program runs
   ./link '{"client_id":"...", ...}'   with a configuration of your own, as trakt.h describes it */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <trakt.h>

#include "json_scan.h"

/* Two rows of the QR code in each line, dark on light, with the margin that scanners need. */
static void print_qr(const char *snapshot)
{
    static const char *const blocks[] = {" ", "\xe2\x96\x80", "\xe2\x96\x84", "\xe2\x96\x88"};
    const char *rows = json_find(snapshot, "data.qr_rows");
    int size = 0;

    while (json_member(rows, size, NULL) != NULL)
        size++;
    for (int y = -4; size > 0 && y < size + 4; y += 2) {
        const char *upper = y < 0 ? NULL : json_member(rows, y, NULL);
        const char *lower = y + 1 < 0 ? NULL : json_member(rows, y + 1, NULL);
        fputs("  \033[107;30m", stdout);
        for (int x = -4; x < size + 4; x++) {
            int inside = x >= 0 && x < size;
            int top = inside && upper != NULL && upper[1 + x] == '1';
            int bottom = inside && lower != NULL && lower[1 + x] == '1';
            fputs(blocks[top + 2 * bottom], stdout);
        }
        puts("\033[0m");
    }
}

/* Shows a code when it is new, and each time how long it is good for. */
static void show(const char *snapshot)
{
    static char shown[64];
    char code[64], url[512], trouble[64];
    long long seconds = json_number(snapshot, "data.expires_in_ms", 0) / 1000;

    json_text(snapshot, "data.user_code", code, sizeof code);
    if (strcmp(code, shown) != 0) {
        strcpy(shown, code);
        printf("\nOpen  %s\n", json_text(snapshot, "data.verification_url", url, sizeof url));
        printf("and type  %s\n\nor scan, which opens  %s\n\n", code,
               json_text(snapshot, "data.verification_url_complete", url, sizeof url));
        print_qr(snapshot);
    }
    json_text(snapshot, "data.last_error.code", trouble, sizeof trouble);
    if (*code == 0)
        printf("\rasking Trakt for a code %-24s", trouble);
    else
        printf("\r%2lld:%02lld left %-24s", seconds / 60, seconds % 60, trouble);
    fflush(stdout);
}

/* Why a call failed or how a login ended, for a human. */
static int fail(const char *what, char *reply)
{
    char code[64], message[512], state[64];
    const char *error = json_find(reply, "error");
    if (error == NULL)
        error = json_find(reply, "data.error");
    json_text(error, "code", code, sizeof code);
    json_text(error, "message", message, sizeof message);
    json_text(reply, "data.state", state, sizeof state);
    fprintf(stderr, "\n%s: %s (%s)\n", what, *message ? message : "no reason given", *code ? code : state);
    trakt_string_free(reply);
    return EXIT_FAILURE;
}

/* `name: value` for each value in an object, with the keys on the way there: "list.count: 2". */
static void print_values(const char *object, const char *before)
{
    char name[128], key[64];
    const char *key_at, *value;
    for (int n = 0; (value = json_member(object, n, &key_at)) != NULL; n++) {
        snprintf(name, sizeof name, "%s%s%s", before, *before ? "." : "",
                 json_string(key_at, key, sizeof key));
        if (*value == '{')
            print_values(value, name);
        else
            printf("  %s: %.*s\n", name, (int)(json_skip(value) - value), value);
    }
}

/* Whose account is linked, and what it may do. */
static int print_account(trakt_client client)
{
    char name[256], username[256];
    char *reply = trakt_get_settings(client, NULL);
    if (trakt_reply_status(reply) != TRAKT_OK)
        return fail("settings", reply);
    json_text(reply, "data.user.username", username, sizeof username);
    json_text(reply, "data.user.name", name, sizeof name);
    printf("Linked: %s%s%s%s\n", *name ? name : username, *name ? " (" : "", *name ? username : "",
           *name ? ")" : "");
    puts("Limits:");
    print_values(json_find(reply, "data.limits"), "");
    puts("Permissions:");
    print_values(json_find(reply, "data.permissions"), "");
    trakt_string_free(reply);
    return EXIT_SUCCESS;
}

static int link_account(trakt_client client)
{
    /* [readme:link] */
    char *reply = trakt_device_start(client, NULL);
    while (json_is(reply, "data.state", "starting") || json_is(reply, "data.state", "pending")) {
        show(reply); /* the code, the URL and the QR code, for the user to open on a phone */
        trakt_string_free(reply);
        reply = trakt_device_poll(client, 1000);
    }
    if (!json_is(reply, "data.state", "authorized"))
        return fail("not linked", reply);
    trakt_string_free(reply);
    /* [/readme:link] */
    puts("\n");
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    char own[1024], *reply = NULL;
    const char *config = own, *client_id = getenv("TRAKT_CLIENT_ID"), *data_dir = getenv("TRAKT_DATA_DIR");
    trakt_client client;
    int result = EXIT_SUCCESS, linked;

    if (argc > 1)
        config = argv[1];
    else if (client_id == NULL)
        return fputs("TRAKT_CLIENT_ID is not set: it is the id of your app at Trakt\n", stderr), EXIT_FAILURE;
    else
        snprintf(own, sizeof own, "{\"client_id\":\"%s\"%s%s%s}", client_id,
                 data_dir ? ",\"data_dir\":\"" : "", data_dir ? data_dir : "", data_dir ? "\"" : "");

    client = trakt_client_open(config, &reply);
    if (client == 0)
        return fail("open", reply);
    reply = trakt_account(client);
    linked = json_is(reply, "data.linked", "true");
    trakt_string_free(reply);
    if (!linked)
        result = link_account(client);
    if (result == EXIT_SUCCESS)
        result = print_account(client);
    trakt_client_close(client, 2000);
    return result;
}
