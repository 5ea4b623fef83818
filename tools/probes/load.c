/* A program that calls all the time, and tells every tenth of a second how many calls it made and what CPU time they took.
   load MODE SECONDS WORK: MODE is s (system calls), m (malloc and free), t (a read of a TLS library, refused for its length) or d (look-up of a name that
   is an address: no packet is sent); WORK spins between two calls, so that as many a second are made as are wanted. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int (*ssl_read)(void *, void *, int);

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void call(char mode, int i) {
  if (mode == 's') syscall(SYS_getppid);
  else if (mode == 'm') {
    char *p = malloc(64 + (i & 63));
    *(volatile char *)p = 1;
    free(p);
  } else if (mode == 't') ssl_read(NULL, NULL, -1);
  else {
    struct addrinfo hints, *found = NULL;
    memset(&hints, 0, sizeof hints);
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo("127.0.0.1", NULL, &hints, &found) == 0) freeaddrinfo(found);
  }
}

int main(int count, char **words) {
  if (count < 4) return 2;
  const char mode = words[1][0];
  if (mode == 't') {
    void *library = dlopen("libssl.so.3", RTLD_NOW);
    if (library) ssl_read = (int (*)(void *, void *, int))dlsym(library, "SSL_read");
    if (!ssl_read) return 3;
  }
  const double ends = now(CLOCK_MONOTONIC) + atof(words[2]) * 1e3;
  const int work = atoi(words[3]);
  volatile unsigned spun = 0;
  double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
  long calls = 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (wall < ends) {
    for (int i = 0; i < 200; i++) {
      call(mode, i);
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
