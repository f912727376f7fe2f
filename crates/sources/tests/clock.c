/* Has the wall clock of a process jump by so many seconds as stand in the file that CLOCK_JUMP names. Nothing else changes. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    const char *path = getenv("CLOCK_JUMP");
    if (result == 0 && clock == CLOCK_REALTIME && path != NULL) {
        long long jump = 0;
        FILE *file = fopen(path, "r");
        if (file != NULL) {
            if (fscanf(file, "%lld", &jump) == 1) {
                time->tv_sec += (time_t)jump;
            }
            fclose(file);
        }
    }
    return result;
}
