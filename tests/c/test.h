/* What the C tests share: checks that name their line, replies that are looked at and freed, threads.
   A test prints nothing when it passes, so that anything printed is the library's. */
#ifndef TRAKT_TEST_H
#define TRAKT_TEST_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <trakt.h>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                  \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* A reply must have this status, begin with it, be one line, and have `said` somewhere (NULL: anything). */
#define EXPECT(reply, status, said) expect(__FILE__, __LINE__, (reply), (status), (said))

static inline void expect(const char *file, int line, char *reply, int status, const char *said)
{
    char begin[64];
    if (status == TRAKT_OK)
        snprintf(begin, sizeof begin, "{\"status\":0,\"data\":");
    else
        snprintf(begin, sizeof begin, "{\"status\":%d,\"error\":{\"code\":\"%s\"", status,
                 trakt_status_name(status));
    if (reply == NULL || trakt_reply_status(reply) != status || strncmp(reply, begin, strlen(begin)) != 0 ||
        strchr(reply, '\n') != NULL || (said != NULL && strstr(reply, said) == NULL)) {
        fprintf(stderr, "%s:%d: expected %s ... %s, got %.2000s\n", file, line, begin, said ? said : "",
                reply ? reply : "NULL");
        abort();
    }
    trakt_string_free(reply);
}

/* A client in memory, whose hosts refuse every connection. */
#define OFFLINE                                                                                              \
    "\"client_id\":\"test\",\"proxy\":\"\",\"auth_url\":\"http://127.0.0.1:1\",\"api_url\":\"http://"        \
    "127.0.0.1:1\""

static inline trakt_client open_client(const char *config_json)
{
    char *reply = NULL;
    trakt_client client = trakt_client_open(config_json, &reply);
    if (client == 0)
        fprintf(stderr, "open: %s\n", reply ? reply : "NULL");
    CHECK(client != 0 && reply == NULL);
    return client;
}

/* A server that takes connections and never answers, so that the library's work hangs. */
static inline int silent_server(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(server >= 0 && bind(server, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(server, 1024) == 0);
    CHECK(getsockname(server, (struct sockaddr *)&address, &length) == 0);
    *port = ntohs(address.sin_port);
    return server;
}

/* The configuration for it. */
static inline void silent_config(char *config, size_t size, int port)
{
    snprintf(config, size,
             "{\"client_id\":\"test\",\"proxy\":\"\",\"auth_url\":\"http://127.0.0.1:%d\","
             "\"api_url\":\"http://127.0.0.1:%d\",\"log_level\":\"trace\"}",
             port, port);
}

static inline pthread_t start(void *(*run)(void *), void *with)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run, with) == 0);
    return thread;
}

/* How often a test repeats something; fewer times where each instruction is checked. */
static inline int rounds(int usual) { return getenv("TEST_SLOW") != NULL ? (usual + 19) / 20 : usual; }

#endif
