/* A program that calls all the time, and tells every tenth of a second how many calls it made and what CPU time they took.
   load MODE SECONDS WORK: MODE is s (system calls) or m (malloc and free); WORK spins between two calls, so that a million a second are made. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(int count, char **words) {
  if (count < 4) return 2;
  const int is_system = words[1][0] == 's';
  const double ends = now(CLOCK_MONOTONIC) + atof(words[2]) * 1e3;
  const int work = atoi(words[3]);
  volatile unsigned spun = 0;
  double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
  long calls = 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (wall < ends) {
    for (int i = 0; i < 200; i++) {
      if (is_system) syscall(SYS_getppid);
      else {
        char *p = malloc(64 + (i & 63));
        *(volatile char *)p = 1;
        free(p);
      }
      for (int k = 0; k < work; k++) spun += k;
    }
    calls += 200;
    const double at = now(CLOCK_MONOTONIC);
    if (at - wall < 100) continue;
    const double used = now(CLOCK_PROCESS_CPUTIME_ID);
    printf("%.3f %.3f %ld %.3f\n", at, at - wall, calls, used - cpu);
    wall = at, cpu = used, calls = 0;
  }
  return 0;
}
