/* A library for LD_PRELOAD that moves the clocks of one process, can make name lookups hang, and can have it
 * believe that the machine was started anew: MOVED_BOOT_ID names the file that is read as the kernel's boot
 * id. It knows nothing of libtrakt: it stands between the process and the C library.
 *
 * The file named by MOVED_CLOCK holds four 64-bit integers that another process may change at any time:
 *   [0] milliseconds added to CLOCK_REALTIME (the wall clock)
 *   [1] milliseconds added to CLOCK_BOOTTIME (a machine that slept: add the same to both)
 *   [2] if not 0, getaddrinfo doesn't return until it is 0 again
 *   [3] milliseconds added to CLOCK_MONOTONIC as code in a libpython sees it, that of no other: time passes
 *       for scripts that an application runs
 *
 * CLOCK_MONOTONIC stands still in a suspended machine, so otherwise it isn't moved. The kernel's clocks are
 * where they were: moments that somebody waits for are moved back. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *moved(void)
{
    static volatile int64_t *values;
    static volatile int64_t nothing[4];
    if (!values) {
        const char *path = getenv("MOVED_CLOCK");
        int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *map = file < 0 ? MAP_FAILED : mmap(NULL, sizeof nothing, PROT_READ, MAP_SHARED, file, 0);
        if (file >= 0)
            close(file);
        values = map == MAP_FAILED ? nothing : map;
    }
    return values;
}

static void add(struct timespec *time, int64_t ms)
{
    int64_t ns = time->tv_nsec + ms % 1000 * 1000000;
    time->tv_sec += ms / 1000 + (ns >= 1000000000) - (ns < 0);
    time->tv_nsec = ns + (ns < 0) * 1000000000 - (ns >= 1000000000) * 1000000000;
}

static int in_python(const void *caller)
{
    Dl_info library;
    return moved()[3] && dladdr(caller, &library) && library.dli_fname &&
           strstr(library.dli_fname, "libpython");
}

int clock_gettime(clockid_t id, struct timespec *time)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, time);
    if (result == 0 && id == CLOCK_REALTIME)
        add(time, moved()[0]);
    if (result == 0 && id == CLOCK_BOOTTIME)
        add(time, moved()[1]);
    if (result == 0 && id == CLOCK_MONOTONIC && in_python(__builtin_return_address(0)))
        add(time, moved()[3]);
    return result;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (!real) {
        void *found = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
        real = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))(
            found ? found : dlsym(RTLD_NEXT, "pthread_cond_timedwait"));
    }
    struct timespec moment = *until;
    /* The condition knows by which clock; no machine has been up since 1970. */
    if (moment.tv_sec > 1000000000)
        add(&moment, -moved()[0]);
    return real(condition, mutex, &moment);
}

int sem_clockwait(sem_t *restrict semaphore, clockid_t id, const struct timespec *restrict until)
{
    static int (*real)(sem_t *, clockid_t, const struct timespec *);
    if (!real)
        real = (int (*)(sem_t *, clockid_t, const struct timespec *))dlsym(RTLD_NEXT, "sem_clockwait");
    struct timespec moment = *until;
    if (id == CLOCK_MONOTONIC && in_python(__builtin_return_address(0)))
        add(&moment, -moved()[3]);
    return real(semaphore, id, &moment);
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *until, struct timespec *left)
{
    static int (*real)(clockid_t, int, const struct timespec *, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, int, const struct timespec *, struct timespec *))dlsym(RTLD_NEXT,
                                                                                          "clock_nanosleep");
    struct timespec moment = *until;
    if (id == CLOCK_MONOTONIC && (flags & TIMER_ABSTIME) && in_python(__builtin_return_address(0)))
        add(&moment, -moved()[3]);
    return real(id, flags, &moment, left);
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (!real)
        real = (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(
            RTLD_NEXT, "getaddrinfo");
    const struct timespec tick = {0, 1000000};
    while (moved()[2])
        nanosleep(&tick, NULL);
    return real(node, service, hints, found);
}

int open64(const char *path, int flags, ...)
{
    static int (*real)(const char *, int, ...);
    if (!real)
        real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    const char *boot_id = getenv("MOVED_BOOT_ID");
    if (boot_id && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0)
        path = boot_id;
    return real(path, flags, mode);
}
