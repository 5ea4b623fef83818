/* forks PER_SECOND: starts /bin/true so often, evenly, until it is killed or its parent is gone. */
#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

int main(int count, char **words) {
  if (count < 2) return 2;
  const long gap = 1000000000L / atol(words[1]);
  char *const true_words[] = {"true", NULL};
  struct timespec next;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  clock_gettime(CLOCK_MONOTONIC, &next);
  for (;;) {
    pid_t child;
    if (posix_spawn(&child, "/bin/true", NULL, NULL, true_words, environ) == 0) waitpid(child, NULL, 0);
    next.tv_nsec += gap;
    while (next.tv_nsec >= 1000000000L) {
      next.tv_nsec -= 1000000000L;
      next.tv_sec++;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
  }
}
