/* Loaded at run time, used, unloaded, and once more; also unloaded with a client left open and work under
   way. Linked without the library; TRAKT_TEST_LIBRARY says where it is. */
#include "test.h"

#include <dlfcn.h>

static void once(const char *path, int close)
{
    char *reply = NULL;
    trakt_client client;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    uint32_t (*abi_version)(void);
    trakt_client (*open)(const char *, char **);
    uint32_t (*client_close)(trakt_client, uint32_t);
    char *(*submit)(trakt_client, const char *, const char *);
    int32_t (*reply_status)(const char *);
    void (*string_free)(char *);

    if (library == NULL)
        fprintf(stderr, "%s\n", dlerror());
    CHECK(library != NULL);
    *(void **)&abi_version = dlsym(library, "trakt_abi_version");
    *(void **)&open = dlsym(library, "trakt_client_open");
    *(void **)&client_close = dlsym(library, "trakt_client_close");
    *(void **)&submit = dlsym(library, "trakt_submit");
    *(void **)&reply_status = dlsym(library, "trakt_reply_status");
    *(void **)&string_free = dlsym(library, "trakt_string_free");
    CHECK(abi_version && open && client_close && submit && reply_status && string_free);

    CHECK(abi_version() == TRAKT_ABI_VERSION);
    client = open("{" OFFLINE "}", &reply);
    CHECK(client != 0 && reply == NULL);
    reply = submit(client, "device.start", "{\"wait_ms\":0}");
    CHECK(reply_status(reply) == TRAKT_OK);
    string_free(reply);
    if (close)
        CHECK(client_close(client, 5000) == 0);
    CHECK(dlclose(library) == 0);
}

int main(void)
{
    const char *path = getenv("TRAKT_TEST_LIBRARY");
    CHECK(path != NULL);
    once(path, 1);
    once(path, 1);
    once(path, 0);
    return 0;
}
