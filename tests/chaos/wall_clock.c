/* The wall clock of a process, set ahead or back by the seconds in a file, for `make chaos`.
 *
 * Preloaded into a process (LD_PRELOAD), it answers what asks for the wall clock. The file, named
 * by CHAOS_WALL_CLOCK, holds one long and is mapped, so that a step is seen at once. Clocks that
 * cannot be set (monotonic, boot time) stay as they are. A wait until a time of the wall clock takes
 * as long as it did when it began.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static long ahead_s(void) {
    static volatile long *shared;
    static const long none = 0;
    if (!shared) {
        const char *path = getenv("CHAOS_WALL_CLOCK");
        int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *mapped = file < 0 ? MAP_FAILED
                                : mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
        if (file >= 0)
            close(file);
        shared = mapped == MAP_FAILED ? (volatile long *)&none : mapped;
    }
    return *shared;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int failed = (int)syscall(SYS_clock_gettime, clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        at->tv_sec += ahead_s();
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *at, int base) {
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, at) == 0 ? base : 0;
}

/* Times of the monotonic clock are below this, in seconds; those of the wall clock are above it. */
static const time_t OF_WALL_CLOCK = 1000000000;

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    struct timespec unset = *until;
    if (until->tv_sec < OF_WALL_CLOCK)
        return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, until);
    unset.tv_sec -= ahead_s();
    return pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, &unset);
}

/* In glibc, C11's condition variables are those of POSIX. */
int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict until) {
    int failed = pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until);
    return failed == 0 ? thrd_success : failed == ETIMEDOUT ? thrd_timedout : thrd_error;
}
