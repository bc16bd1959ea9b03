/* What belongs to the process stays as it was: signals, working directory, locale, environment, output. The
   library's threads block all signals. Its work is held up by a server that takes connections and never
   answers. */
#define _GNU_SOURCE
#include "test.h"

#include <dirent.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;

/* The line of a thread's status file that begins so. */
static void status_line(const char *thread, const char *begin, char *line, size_t size)
{
    char path[300];
    FILE *file;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", thread);
    *line = 0;
    file = fopen(path, "r");
    if (file == NULL)
        return; /* it has just ended */
    while (fgets(line, (int)size, file) != NULL && strncmp(line, begin, strlen(begin)) != 0)
        *line = 0;
    fclose(file);
}

/* How many threads the library has; each must block everything that can be blocked. */
static int library_threads(void)
{
    /* All but SIGKILL, SIGSTOP and the two that the C library keeps for itself. */
    const unsigned long long all = 0xfffffffe7ffbfeffULL;
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    int count = 0;
    CHECK(tasks != NULL);
    while ((task = readdir(tasks)) != NULL) {
        char name[128], blocked[128];
        if (task->d_name[0] == '.')
            continue;
        status_line(task->d_name, "Name:\ttrakt-", name, sizeof name);
        status_line(task->d_name, "SigBlk:", blocked, sizeof blocked);
        if (*name != 0 && *blocked != 0) {
            /* Under valgrind the kernel knows only valgrind's own masks. */
            CHECK(getenv("TEST_SLOW") != NULL || (strtoull(blocked + 7, NULL, 16) & all) == all);
            count++;
        }
    }
    closedir(tasks);
    return count;
}

static void handler(int signal) { (void)signal; }

int main(void)
{
    struct sigaction before[65], after;
    char config[512], directory[2][4096], *variables[256];
    int port, server = silent_server(&port), connection, count = 0;
    const char *locale;
    sigset_t mask_before, mask_after;
    trakt_client client;

    CHECK(setlocale(LC_ALL, "C.UTF-8") != NULL);
    locale = setlocale(LC_ALL, NULL);
    CHECK(signal(SIGUSR1, handler) != SIG_ERR);
    for (int i = 1; i < 65; i++)
        memset(&before[i], 0, sizeof before[i]), sigaction(i, NULL, &before[i]);
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &mask_before) == 0);
    CHECK(getcwd(directory[0], sizeof directory[0]) != NULL);
    while (environ[count] != NULL && count < 255) {
        variables[count] = environ[count];
        count++;
    }

    silent_config(config, sizeof config, port);
    client = open_client(config);
    EXPECT(trakt_device_start(client, "{\"wait_ms\":0}"), TRAKT_OK, NULL);
    /* The library is at work once its request has arrived. */
    connection = accept(server, NULL, NULL);
    CHECK(connection >= 0);
    CHECK(library_threads() > 0);
    EXPECT(trakt_call(client, "log.next", NULL), TRAKT_OK, NULL);

    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &mask_after) == 0);
    for (int i = 1; i < 65; i++) {
        memset(&after, 0, sizeof after), sigaction(i, NULL, &after);
        CHECK(after.sa_handler == before[i].sa_handler && after.sa_flags == before[i].sa_flags);
        CHECK(sigismember(&mask_after, i) == sigismember(&mask_before, i));
    }
    CHECK(getcwd(directory[1], sizeof directory[1]) != NULL && strcmp(directory[0], directory[1]) == 0);
    CHECK(strcmp(locale, setlocale(LC_ALL, NULL)) == 0);
    for (int i = 0; i < count; i++)
        CHECK(environ[i] == variables[i]);
    CHECK(environ[count] == NULL || count == 255);

    /* The other end goes away in the middle of it: that must not raise SIGPIPE. */
    close(connection);
    close(server);
    (void)trakt_client_close(client, 5000);
    while (library_threads() > 0)
        sched_yield();
    return 0;
}
