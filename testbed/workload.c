// The work that a test guest does, more exact than shell loops:
//   burn        keeps /run/cpu per cent of a core busy, in slices of /run/slice ms (50 where none is asked for)
//   dirty FILL  holds FILL MiB that can't be compressed, and rewrites /run/dirty MiB/s, page after page over /run/span MiB
//   serve       does as much work as /run/cpu per cent of an undisturbed core can; what it was kept from it owes, up to a second's worth,
//               as a server owes answers: held back, it is always ready to run
//   beat MS     prints "beat SEQ UPTIME" so often and leaves it in /run/beat: from a shell it would cost a process each
//   write FILE  writes and syncs /run/write MiB/s to FILE, from its start again at 64 MiB
// What is asked is read anew five times a second. What was done is left in /run/done-MODE: a total (pages, or MiB) and when.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES_PER_MIB = 256, SPAN_MIB_MAX = 256, FILE_MIB = 64 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void pause_for(double seconds) {
  if (seconds <= 0) return;
  struct timespec t = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
  nanosleep(&t, 0);
}

static int asked(const char *path, int otherwise) {
  char text[32];
  int file = open(path, O_RDONLY);
  if (file < 0) return otherwise;
  int length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return otherwise;
  text[length] = 0;
  return atoi(text);
}

static void tell(const char *path, unsigned long long done) {
  char text[64];
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) return;
  int length = snprintf(text, sizeof text, "%llu %.3f\n", done, now());
  if (write(file, text, length) < 0) { /* The next time tells it. */ }
  close(file);
}

static uint64_t luck = 88172645463325252ULL;
static uint64_t draw(void) {
  luck ^= luck << 13;
  luck ^= luck >> 7;
  luck ^= luck << 17;
  return luck;
}

static void *memory(size_t mib) {
  void *got = mmap(0, mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (got == MAP_FAILED) exit(1);
  return got;
}

static void burn(void) {
  double read_at = -1, slice = asked("/run/slice", 50) * 1e-3;
  for (int percent = 0;;) {
    double at = now();
    if (at - read_at > 0.2) percent = asked("/run/cpu", 30), read_at = at;
    double end = at + slice * percent / 100;
    while (now() < end) {}
    pause_for(slice * (100 - percent) / 100);
  }
}

static volatile uint64_t sink;
static void work(void) {
  for (int i = 0; i < 200000; i++) sink += i;
}

static void serve(void) {
  // The fastest of many tries is what it takes undisturbed.
  double one = 1e9;
  for (int i = 0; i < 100; i++) {
    double at = now();
    work();
    if (now() - at < one) one = now() - at;
    pause_for(0.005);
  }
  double read_at = -1, last = now(), owed = 0, slice = asked("/run/slice", 50) * 1e-3;
  for (int percent = 0;;) {
    double at = now();
    if (at - read_at > 0.5) percent = asked("/run/cpu", 30), read_at = at;
    owed += (at - last) * percent / 100;
    last = at;
    if (owed > 1) owed = 1;
    for (; owed >= one && now() - at < 0.2; owed -= one) work();
    // With little to do it wakes seldom: to an emulated guest that is most of what rest costs.
    if (owed < one) pause_for(percent < 5 ? 4 * slice : slice);
  }
}

static void beat(int every_ms) {
  for (unsigned long seq = 0;; seq++) {
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    char text[64];
    int length = snprintf(text, sizeof text, "beat %lu %ld.%02ld\n", seq, (long)t.tv_sec, t.tv_nsec / 10000000);
    if (write(1, text, length) < 0) { /* Whoever listens hears the next. */ }
    int file = open("/run/beat", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file >= 0) {
      if (write(file, text + 5, length - 5) < 0) { /* The same. */ }
      close(file);
    }
    pause_for(every_ms * 1e-3);
  }
}

static void dirty(size_t fill_mib) {
  static uint64_t page[PAGE / 8];
  if (fill_mib > 0) {
    uint64_t *held = memory(fill_mib);
    for (size_t i = 0; i < (fill_mib << 20) / 8; i += 8) held[i] = draw();
  }
  for (int i = 0; i < PAGE / 8; i++) page[i] = draw();
  char *heap = memory(SPAN_MIB_MAX);
  uint64_t at_page = 0, done = 0;
  double read_at = -1, told_at = 0, last = now(), owed = 0;
  for (int rate = 0, span = 8;;) {
    double at = now();
    if (at - read_at > 0.2) {
      rate = asked("/run/dirty", 0);
      span = asked("/run/span", 8);
      if (span > SPAN_MIB_MAX) span = SPAN_MIB_MAX;
      if (span < 1) span = 1;
      read_at = at;
    }
    double per_second = rate * (double)PAGES_PER_MIB;
    owed += per_second * (at - last);
    last = at;
    // Time in which the guest stood still is not made up for.
    if (owed > per_second * 0.1) owed = per_second * 0.1;
    for (; owed >= 1; owed--) {
      if (at_page >= (uint64_t)span * PAGES_PER_MIB) at_page = 0;
      page[0] = ++done;
      memcpy(heap + at_page++ * PAGE, page, PAGE);
    }
    if (at - told_at > 0.5) tell("/run/done-dirty", done), told_at = at;
    // Nothing to do: the next look at what is asked is soon enough.
    pause_for(rate > 0 ? 0.02 : 1);
  }
}

static void write_to(const char *path) {
  char *mib = memory(1);
  for (int i = 0; i < (1 << 20) / 8; i++) ((uint64_t *)mib)[i] = draw();
  int file = open(path, O_WRONLY | O_CREAT, 0644);
  if (file < 0) perror(path), exit(1);
  for (unsigned long long done = 0;;) {
    double at = now();
    int rate = asked("/run/write", 4);
    for (int i = 0; i < rate; i++) {
      if (pwrite(file, mib, 1 << 20, (off_t)(done % FILE_MIB) << 20) < 0) perror(path), exit(1);
      done++;
    }
    fdatasync(file);
    tell("/run/done-write", done);
    pause_for(1 - (now() - at));
  }
}

int main(int count, char **words) {
  const char *mode = count > 1 ? words[1] : "";
  if (!strcmp(mode, "burn")) burn();
  if (!strcmp(mode, "serve")) serve();
  if (!strcmp(mode, "beat")) beat(count > 2 ? atoi(words[2]) : 200);
  if (!strcmp(mode, "dirty")) dirty(count > 2 ? strtoul(words[2], 0, 10) : 0);
  if (!strcmp(mode, "write") && count > 2) write_to(words[2]);
  fprintf(stderr, "usage: workload burn | serve | beat MS | dirty FILL-MIB | write FILE\n");
  return 2;
}
