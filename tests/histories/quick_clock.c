/* A library for LD_PRELOAD under which nobody waits in vain: clocks run as ever, and whoever steers the
 * processes may skip the time in which all of them would only wait. It also has a process die at its n-th
 * step (SIGKILL, before a call that writes, sends, receives or locks), cuts it off from the network, and
 * fills its disk. It knows nothing of libtrakt nor of trakt-sim: it stands between a process and the C
 * library.
 *
 * QUICK_CLOCK names a file with `struct shared`, which all processes and their driver have mapped;
 * QUICK_CLOCK_PROCESS is this process's place in it. Every clock that tells the time is ahead of the kernel's
 * by `skipped_ns`. A thread that waits with a limit writes into `waits` until when, by CLOCK_MONOTONIC as it
 * sees it. The driver skips to the first such moment once no thread has anything to do: adds to `skipped_ns`,
 * then to `skips`, then wakes that futex.
 *
 * Covered are the waits with a limit that the library under test, trakt-sim and Rust's standard library use
 * (a test compares their imports): futex, nanosleep, clock_nanosleep, poll, epoll_wait, recv with
 * SO_RCVTIMEO. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES 16
#define WAITS 512
#define SOCKETS 1024
#define SECOND 1000000000LL
/* Waits for files can't be woken by a futex: they look up so often. */
#define SLICE 500000LL

struct process {
    int64_t steps;      /* how many calls that count there were */
    int64_t dies_at;    /* at which of them it dies; 0: never */
    int64_t wall_ns;    /* added to its wall clock alone */
    int64_t died_ms;    /* when it died of that, milliseconds since 1970 */
    uint32_t offline;   /* no packet leaves or arrives */
    uint32_t disk_full; /* no file can grow */
};

struct wait {
    int32_t pid; /* 0: free */
    int32_t tid;
    int64_t until_ns;
};

struct shared {
    int64_t skipped_ns;
    uint32_t skips;
    uint32_t unused;
    struct process processes[PROCESSES];
    struct wait waits[WAITS];
};

static struct shared *shared;
static struct process *self;
static int64_t receive_limit[SOCKETS];

static int (*real_clock_gettime)(clockid_t, struct timespec *);
static long (*real_syscall)(long, ...);
static int (*real_poll)(struct pollfd *, nfds_t, int);
static int (*real_epoll_wait)(int, struct epoll_event *, int, int);
static int (*real_setsockopt)(int, int, int, const void *, socklen_t);
static ssize_t (*real_recv)(int, void *, size_t, int);
static ssize_t (*real_send)(int, const void *, size_t, int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off64_t);
static int (*real_connect)(int, const struct sockaddr *, socklen_t);
static int (*real_close)(int);
static int (*real_fsync)(int);
static int (*real_ftruncate64)(int, off64_t);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);
static int (*real_flock)(int, int);

#define FIND(name) *(void **)&real_##name = dlsym(RTLD_NEXT, #name)

static void __attribute__((constructor)) begin(void)
{
    static struct shared nothing;
    if (shared)
        return;
    FIND(clock_gettime), FIND(syscall), FIND(poll), FIND(epoll_wait), FIND(setsockopt), FIND(recv),
        FIND(send);
    FIND(write), FIND(writev), FIND(pwrite64), FIND(connect), FIND(close), FIND(fsync), FIND(ftruncate64);
    FIND(unlink), FIND(rename), FIND(flock);
    const char *path = getenv("QUICK_CLOCK"), *place = getenv("QUICK_CLOCK_PROCESS");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map =
        file < 0 ? MAP_FAILED : mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file >= 0)
        real_close(file);
    shared = map == MAP_FAILED ? &nothing : map;
    self = &shared->processes[place ? (unsigned)atoi(place) % PROCESSES : 0];
}

/* --- clocks
 * ------------------------------------------------------------------------------------------------------ */

static int tells_the_time(clockid_t id)
{
    return id == CLOCK_REALTIME || id == CLOCK_MONOTONIC || id == CLOCK_BOOTTIME ||
           id == CLOCK_MONOTONIC_RAW || id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE;
}

static int is_wall(clockid_t id) { return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE; }

static struct timespec as_timespec(int64_t ns) { return (struct timespec){ns / SECOND, ns % SECOND}; }

static int64_t as_ns(const struct timespec *time) { return time->tv_sec * SECOND + time->tv_nsec; }

int clock_gettime(clockid_t id, struct timespec *time)
{
    begin();
    int result = real_clock_gettime(id, time);
    if (result == 0 && tells_the_time(id)) {
        int64_t ahead = __atomic_load_n(&shared->skipped_ns, __ATOMIC_SEQ_CST);
        *time = as_timespec(as_ns(time) + ahead +
                            (is_wall(id) ? __atomic_load_n(&self->wall_ns, __ATOMIC_SEQ_CST) : 0));
    }
    return result;
}

static int64_t now(clockid_t id)
{
    struct timespec time;
    clock_gettime(id, &time);
    return as_ns(&time);
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    (void)zone;
    int64_t wall = now(CLOCK_REALTIME);
    time->tv_sec = wall / SECOND;
    time->tv_usec = wall % SECOND / 1000;
    return 0;
}

time_t time(time_t *out)
{
    time_t wall = now(CLOCK_REALTIME) / SECOND;
    if (out)
        *out = wall;
    return wall;
}

/* --- waits with a limit
 * ------------------------------------------------------------------------------------------ */

/* Until when, by CLOCK_MONOTONIC, for a limit that another clock may measure. */
static int64_t monotonic(const struct timespec *limit, clockid_t id, int absolute)
{
    int64_t here = now(CLOCK_MONOTONIC), ns = as_ns(limit);
    if (!absolute)
        return here + ns;
    return id == CLOCK_MONOTONIC ? ns : ns - now(id) + here;
}

static struct wait *waits_until(int64_t until)
{
    int32_t pid = getpid(), tid = gettid();
    for (unsigned i = (unsigned)tid;; i++) {
        struct wait *wait = &shared->waits[i % WAITS];
        int32_t nobody = 0;
        if (__atomic_load_n(&wait->pid, __ATOMIC_SEQ_CST) == 0 &&
            __atomic_compare_exchange_n(&wait->tid, &nobody, tid, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            __atomic_store_n(&wait->until_ns, until, __ATOMIC_SEQ_CST);
            __atomic_store_n(&wait->pid, pid, __ATOMIC_SEQ_CST);
            return wait;
        }
    }
}

static void waits_no_more(struct wait *wait)
{
    int error = errno;
    __atomic_store_n(&wait->pid, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&wait->tid, 0, __ATOMIC_SEQ_CST);
    errno = error;
}

/* Waits for a futex (or, without one, for nothing) until that moment. As the kernel: 0 or -1 with errno. */
static long wait_for(uint32_t *word, uint32_t expected, int shared_word, int64_t until)
{
    struct wait *wait = waits_until(until);
    long result;
    for (;;) {
        uint32_t skips = __atomic_load_n(&shared->skips, __ATOMIC_SEQ_CST);
        int64_t skipped = __atomic_load_n(&shared->skipped_ns, __ATOMIC_SEQ_CST);
        if (now(CLOCK_MONOTONIC) >= until) {
            errno = ETIMEDOUT;
            result = -1;
            break;
        }
        struct timespec limit = as_timespec(until - skipped);
        struct futex_waitv both[2] = {{.val = skips, .uaddr = (uintptr_t)&shared->skips, .flags = FUTEX_32},
                                      {.val = expected,
                                       .uaddr = (uintptr_t)word,
                                       .flags = FUTEX_32 | (shared_word ? 0 : FUTEX_PRIVATE_FLAG)}};
        result = real_syscall(SYS_futex_waitv, both, word ? 2 : 1, 0, &limit, CLOCK_MONOTONIC);
        if (result == 1) {
            result = 0;
            break;
        }
        if (word && __atomic_load_n(word, __ATOMIC_SEQ_CST) != expected) {
            errno = EAGAIN;
            result = -1;
            break;
        }
        if (result < 0 && errno == EINTR)
            break;
    }
    waits_no_more(wait);
    return result;
}

long syscall(long number, ...)
{
    begin();
    va_list list;
    long a[6];
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_futex) {
        int operation = (int)a[1] & FUTEX_CMD_MASK;
        const struct timespec *limit = (const struct timespec *)a[3];
        if ((operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET) && limit) {
            clockid_t id = a[1] & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
            return wait_for((uint32_t *)a[0], (uint32_t)a[2], !(a[1] & FUTEX_PRIVATE_FLAG),
                            monotonic(limit, id, operation == FUTEX_WAIT_BITSET));
        }
    }
    return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static int sleep_until(int64_t until, int absolute, struct timespec *left)
{
    if (wait_for(NULL, 0, 0, until) == 0 || errno == ETIMEDOUT)
        return 0;
    int64_t remains = until - now(CLOCK_MONOTONIC);
    if (left && !absolute)
        *left = as_timespec(remains > 0 ? remains : 0);
    return EINTR;
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *limit, struct timespec *left)
{
    return sleep_until(monotonic(limit, id, flags & TIMER_ABSTIME), flags & TIMER_ABSTIME, left);
}

int nanosleep(const struct timespec *limit, struct timespec *left)
{
    errno = sleep_until(monotonic(limit, CLOCK_MONOTONIC, 0), 0, left);
    return errno ? -1 : 0;
}

static int milliseconds(int64_t ns) { return ns < 1000000 ? 1 : (int)(ns / 1000000); }

int poll(struct pollfd *files, nfds_t count, int limit_ms)
{
    begin();
    int result = real_poll(files, count, limit_ms > 0 ? 0 : limit_ms);
    if (limit_ms <= 0 || result != 0)
        return result;
    int64_t until = now(CLOCK_MONOTONIC) + limit_ms * 1000000LL;
    struct wait *wait = waits_until(until);
    while (result == 0 && now(CLOCK_MONOTONIC) < until) {
        int64_t left = until - now(CLOCK_MONOTONIC);
        struct timespec slice = as_timespec(left < SLICE ? (left > 0 ? left : 0) : SLICE);
        result = ppoll(files, count, &slice, NULL);
    }
    waits_no_more(wait);
    return result;
}

int epoll_wait(int file, struct epoll_event *events, int count, int limit_ms)
{
    begin();
    int result = real_epoll_wait(file, events, count, limit_ms > 0 ? 0 : limit_ms);
    if (limit_ms <= 0 || result != 0)
        return result;
    int64_t until = now(CLOCK_MONOTONIC) + limit_ms * 1000000LL;
    struct wait *wait = waits_until(until);
    while (result == 0 && now(CLOCK_MONOTONIC) < until)
        result = real_epoll_wait(file, events, count, milliseconds(SLICE));
    waits_no_more(wait);
    return result;
}

int setsockopt(int file, int level, int option, const void *value, socklen_t length)
{
    begin();
    if (level == SOL_SOCKET && option == SO_RCVTIMEO && file < SOCKETS && length == sizeof(struct timeval)) {
        const struct timeval *limit = value;
        receive_limit[file] = limit->tv_sec * SECOND + limit->tv_usec * 1000LL;
        return 0;
    }
    return real_setsockopt(file, level, option, value, length);
}

/* --- the end of the process, of the network and of the disk
 * --------------------------------------------------------- */

static void step(void)
{
    begin();
    int64_t steps = __atomic_add_fetch(&self->steps, 1, __ATOMIC_SEQ_CST);
    int64_t last = __atomic_load_n(&self->dies_at, __ATOMIC_SEQ_CST);
    if (last && steps >= last) {
        int64_t nobody = 0, wall = now(CLOCK_REALTIME) / 1000000;
        __atomic_compare_exchange_n(&self->died_ms, &nobody, wall, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        kill(getpid(), SIGKILL);
        for (;;)
            pause();
    }
}

static int is_offline(void)
{
    int offline = __atomic_load_n(&self->offline, __ATOMIC_SEQ_CST) != 0;
    if (offline)
        errno = ENETUNREACH;
    return offline;
}

static int is_full(int file, off64_t end)
{
    struct stat about;
    if (!__atomic_load_n(&self->disk_full, __ATOMIC_SEQ_CST) || fstat(file, &about) ||
        !S_ISREG(about.st_mode) || end <= about.st_size)
        return 0;
    errno = ENOSPC;
    return 1;
}

int connect(int file, const struct sockaddr *address, socklen_t length)
{
    step();
    return is_offline() ? -1 : real_connect(file, address, length);
}

ssize_t recv(int file, void *buffer, size_t length, int flags)
{
    step();
    int64_t limit = file >= 0 && file < SOCKETS ? receive_limit[file] : 0;
    if (limit && !(flags & MSG_DONTWAIT) && !(fcntl(file, F_GETFL) & O_NONBLOCK)) {
        struct pollfd one = {.fd = file, .events = POLLIN};
        int ready = poll(&one, 1, milliseconds(limit));
        if (ready <= 0) {
            errno = ready ? errno : EAGAIN;
            return -1;
        }
    }
    return is_offline() ? -1 : real_recv(file, buffer, length, flags);
}

ssize_t send(int file, const void *buffer, size_t length, int flags)
{
    step();
    return is_offline() ? -1 : real_send(file, buffer, length, flags);
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    step();
    return real_writev(file, parts, count);
}

ssize_t write(int file, const void *buffer, size_t length)
{
    begin();
    if (file <= 2)
        return real_write(file, buffer, length);
    step();
    return is_full(file, lseek64(file, 0, SEEK_CUR) + (off64_t)length) ? -1
                                                                       : real_write(file, buffer, length);
}

ssize_t pwrite64(int file, const void *buffer, size_t length, off64_t at)
{
    step();
    return is_full(file, at + (off64_t)length) ? -1 : real_pwrite64(file, buffer, length, at);
}

int ftruncate64(int file, off64_t length)
{
    step();
    return is_full(file, length) ? -1 : real_ftruncate64(file, length);
}

int fsync(int file)
{
    step();
    return real_fsync(file);
}

int unlink(const char *path)
{
    step();
    return real_unlink(path);
}

int rename(const char *from, const char *to)
{
    step();
    return real_rename(from, to);
}

int flock(int file, int operation)
{
    step();
    return real_flock(file, operation);
}

int close(int file)
{
    begin();
    if (file >= 0 && file < SOCKETS)
        receive_limit[file] = 0;
    return real_close(file);
}
