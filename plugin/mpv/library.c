#include "library.h"

#include <dlfcn.h>
#include <string.h>

/* ISO C knows no way from an object pointer to a function pointer; POSIX promises that the bytes
   are the same. */
#define TAKE(name)                                                                                           \
    do {                                                                                                     \
        void *symbol = dlsym(library->image, "trakt_" #name);                                                \
        if (symbol == NULL)                                                                                  \
            return false;                                                                                    \
        memcpy(&library->name, &symbol, sizeof symbol);                                                      \
    } while (0)

static bool take_functions(struct library *library)
{
    TAKE(abi_version);
    if (library->abi_version() < TRAKT_ABI_VERSION)
        return false;
    TAKE(client_open);
    TAKE(client_close);
    TAKE(player_event);
    TAKE(submit);
    TAKE(result);
    TAKE(device_poll);
    TAKE(next_events);
    TAKE(reply_status);
    TAKE(string_free);
    return true;
}

/* The folder in which this plug-in's own file is, with a slash at its end. */
static void own_folder(struct text *folder)
{
    static const char inside = 0;
    Dl_info info;
    const char *slash;
    if (dladdr(&inside, &info) == 0 || info.dli_fname == NULL)
        return;
    slash = strrchr(info.dli_fname, '/');
    if (slash != NULL)
        text_add_bytes(folder, info.dli_fname, (size_t)(slash + 1 - info.dli_fname));
}

enum library_state library_load(struct library *library, struct text *why)
{
    static const char *const names[] = {"libtrakt.so", "libtrakt.so.1"};
    struct text folder = {0};
    size_t n;
    memset(library, 0, sizeof *library);
    own_folder(&folder);
    for (n = 0; n < 2 && library->image == NULL && folder.length > 0; n++) {
        size_t length = folder.length;
        text_add(&folder, names[n]);
        library->image = dlopen(text_get(&folder), RTLD_NOW | RTLD_LOCAL);
        if (library->image == NULL && n == 0)
            text_add(why, dlerror());
        text_cut(&folder, length);
    }
    if (library->image == NULL)
        library->image = dlopen("libtrakt.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library->image != NULL)
        text_clear(why);
    text_free(&folder);
    if (library->image == NULL)
        return LIBRARY_MISSING;
    if (take_functions(library))
        return LIBRARY_LOADED;
    /* The library stays mapped (-z nodelete), so there is nothing to be gained by closing it. */
    return LIBRARY_TOO_OLD;
}
