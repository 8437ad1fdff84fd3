/* Stands between a process and the disk (LD_PRELOAD), for files below a directory: makes writes and syncs fail as it is told,
 * and records what was written, in which order, and what was synced. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);

/* Written by the test: what fails. */
struct control { int32_t file; int32_t what; int32_t error; int32_t times; int32_t skip; };
enum { DATA = 1, META = 2, SYNC = 4 };
static volatile struct control *control;
static int trace = -1;
static const char *below;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_pwritev = dlsym(RTLD_NEXT, "pwritev64");
  real_write = dlsym(RTLD_NEXT, "write");
  real_writev = dlsym(RTLD_NEXT, "writev");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  const char *path = getenv("DISK_FAULT_CONTROL");
  int fd = path == NULL ? -1 : open(path, O_RDWR);
  if (fd >= 0) control = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  below = getenv("DISK_FAULT_BELOW");
  if ((path = getenv("DISK_FAULT_TRACE")) != NULL) trace = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
}

/* 1: the tables' file, 2 and 3: the journal, 4: what the test notes; 0: none of ours. */
static int file_of(int fd) {
  char link[64], path[PATH_MAX];
  if (below == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n <= 0) return 0;
  path[n] = 0;
  if (strncmp(path, below, strlen(below)) != 0) return 0;
  const char *name = strrchr(path, '/') + 1;
  if (strcmp(name, "tables.mdb") == 0) return 1;
  if (strcmp(name, "journal-0") == 0) return 2;
  if (strcmp(name, "journal-1") == 0) return 3;
  if (strcmp(name, "notes") == 0) return 4;
  return 0;
}

static int is_synced(int fd) { return (fcntl(fd, F_GETFL) & O_DSYNC) != 0; }

/* W: is being written; D: what was written there is durable; S: a sync begins; E: it has ended. */
static void record(char what, int file, uint64_t at, const void *octets, uint32_t length) {
  struct __attribute__((packed)) { char what; uint8_t file; uint64_t at; uint32_t length; } head = {what, file, at, length};
  if (trace < 0) return;
  pthread_mutex_lock(&lock);
  struct iovec parts[2] = {{&head, sizeof head}, {(void *)octets, length}};
  if (real_writev(trace, parts, length == 0 ? 1 : 2) < 0) abort();
  pthread_mutex_unlock(&lock);
}

static int fails(int file, int what) {
  if (control == NULL || control->times == 0 || (control->file & (1 << file)) == 0 || (control->what & what) == 0) return 0;
  if (control->skip > 0) { control->skip--; return 0; }
  if (control->times > 0) control->times--;
  errno = control->error;
  return 1;
}

static int kind(int file, off_t at) { return file == 1 && at < 8192 ? META : DATA; }

static ssize_t one(int fd, const void *octets, size_t length, off_t at) {
  int file = file_of(fd);
  if (file == 0) return real_pwrite(fd, octets, length, at);
  if (fails(file, kind(file, at))) return -1;
  record('W', file, at, octets, length);
  ssize_t done = real_pwrite(fd, octets, length, at);
  if (is_synced(fd)) record('D', file, at, NULL, 0);
  return done;
}

ssize_t pwrite64(int fd, const void *octets, size_t length, off_t at) { return one(fd, octets, length, at); }
ssize_t pwrite(int fd, const void *octets, size_t length, off_t at) { return one(fd, octets, length, at); }

static void record_parts(int file, const struct iovec *parts, int count, off_t at) {
  for (int i = 0; i < count; at += parts[i++].iov_len) record('W', file, at, parts[i].iov_base, parts[i].iov_len);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at) {
  int file = file_of(fd);
  if (file == 0) return real_pwritev(fd, parts, count, at);
  if (fails(file, kind(file, at))) return -1;
  record_parts(file, parts, count, at);
  ssize_t done = real_pwritev(fd, parts, count, at);
  if (is_synced(fd)) record('D', file, at, NULL, 0);
  return done;
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return pwritev64(fd, parts, count, at); }

/* LMDB writes several pages so, behind an lseek. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
  int file = fd < 3 || fd == trace ? 0 : file_of(fd);
  if (file == 0) return real_writev(fd, parts, count);
  off_t at = lseek(fd, 0, SEEK_CUR);
  if (fails(file, kind(file, at))) return -1;
  record_parts(file, parts, count, at);
  return real_writev(fd, parts, count);
}

ssize_t write(int fd, const void *octets, size_t length) {
  int file = trace < 0 || fd < 3 || fd == trace ? 0 : file_of(fd);
  if (file != 0) record('W', file, UINT64_MAX, octets, length);
  return real_write(fd, octets, length);
}

static int synced(int fd, int (*real)(int)) {
  int file = file_of(fd);
  if (file == 0) return real(fd);
  if (fails(file, SYNC)) return -1;
  record('S', file, 0, NULL, 0);
  int rc = real(fd);
  record('E', file, 0, NULL, 0);
  return rc;
}
int fdatasync(int fd) { return synced(fd, real_fdatasync); }
int fsync(int fd) { return synced(fd, real_fsync); }
