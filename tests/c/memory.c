/* Text is wiped before it is freed, and NULL when there is no memory for it. The library's malloc() and
   free() are those below, so this isn't for tools that bring their own. */
#include "test.h"

extern void *__libc_malloc(size_t);
extern void __libc_free(void *);

static char *watched;
static size_t length;
static int seen, wiped;
static size_t refused;

void *malloc(size_t size)
{
    if (refused != 0 && size == refused) {
        refused = 0;
        return NULL;
    }
    return __libc_malloc(size);
}

void free(void *memory)
{
    if (memory != NULL && memory == watched) {
        seen = 1;
        wiped = 1;
        for (size_t i = 0; i < length; i++)
            wiped = wiped && watched[i] == 0;
        watched = NULL;
    }
    __libc_free(memory);
}

int main(void)
{
    char *reply = trakt_build_info();
    CHECK(reply != NULL);
    length = strlen(reply);
    watched = reply;
    trakt_string_free(reply);
    CHECK(seen && wiped);

    refused = length + 1;
    CHECK(trakt_build_info() == NULL);
    CHECK(refused == 0);
    EXPECT(trakt_build_info(), TRAKT_OK, NULL);

    CHECK(trakt_client_open("{}", &reply) == 0 && reply != NULL);
    refused = strlen(reply) + 1;
    trakt_string_free(reply);
    CHECK(trakt_client_open("{}", &reply) == 0 && reply == NULL);
    CHECK(refused == 0);
    return 0;
}
