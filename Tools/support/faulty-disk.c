/*
 * A disk that fails, lies, tears, or loses what was not synced when the power goes: a library to be preloaded (LD_PRELOAD).
 *
 * Two parts, each switched on by its own environment variable; without them the library does nothing.
 *
 * FAULTY_DISK=FILE          what fails. FILE holds rules, one a line:  CALL PATTERN HOW FIRST COUNT
 *     CALL     write (write, pwrite, writev, pwritev), sync (fsync, fdatasync) or truncate (ftruncate)
 *     PATTERN  of the file's absolute path, as fnmatch(3) takes it; a star matches slashes too
 *     HOW      EIO, ENOSPC, EROFS: the call fails and does nothing
 *              lie:   the call succeeds and does nothing
 *              short: half of the bytes are written, and the call says so (with one byte left: ENOSPC)
 *              torn:  half of the bytes are written, and the call says that all were
 *     FIRST    the first call that is struck, counted from 1 in each process from the moment when the file got this content
 *     COUNT    how many calls are struck; 0 is for ever
 *   The file is read anew with every call, so it can be replaced (by rename) while the process runs; an empty one heals the disk. Each strike
 *   is noted as a line in FILE.strikes: CALL HOW PATH. A failed sync leaves the system's copy clean, as Linux does: no later sync writes it.
 *
 * POWER_CUT=FOLDER, POWER_CUT_FILES=PATTERN[:PATTERN...]   what a power cut takes away. For each matching file FOLDER holds its image, which
 *   is what the disk has for certain, and the list of its dirty pages of 4,096 bytes. A write makes pages dirty; an honest sync copies the
 *   dirty pages into the image; a sync that fails forgets that they are dirty and copies nothing; a sync that lies does nothing. All of it is in
 *   files under a lock, so that several processes may work, and a SIGKILL takes nothing away. When all are dead, power_cut() (below, called by
 *   whoever loads this library) puts the image in the place of each file, together with a random choice of the dirty pages, some of them cut
 *   in two at a sector: what a disk may have written before it was asked to.
 *   Simplified: names are durable at once (making, renaming and removing a file), and writes through mmap are not seen - SQLite's -shm, the
 *   only file written that way, means nothing after a restart.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096
#define SECTOR 512
#define MAX_RULES 16

enum call { WRITE, SYNC, TRUNCATE };
enum how { HONEST, FAIL, LIE, SHORT, TORN };

struct rule {
    enum call call;
    char pattern[256];
    enum how how;
    int error;
    unsigned long first, count, seen;
};

struct verdict {
    enum how how;
    int error;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[MAX_RULES];
static int rule_count;
static char rules_text[4096];

/* The system calls themselves, past this library. */
static ssize_t real_pwrite(int fd, const void *bytes, size_t count, off_t offset) { return syscall(SYS_pwrite64, fd, bytes, count, offset); }
static ssize_t real_write(int fd, const void *bytes, size_t count) { return syscall(SYS_write, fd, bytes, count); }
static int real_truncate(int fd, off_t size) { return (int)syscall(SYS_ftruncate, fd, size); }

static const char *const call_names[] = {"write", "sync", "truncate"};

static void give_up(const char *what) {
    dprintf(2, "faulty-disk: %s: %s\n", what, strerror(errno));
    abort();
}

/* The path of an open regular file; NULL for everything else. */
static const char *path_of(int fd, char path[PATH_MAX]) {
    struct stat status;
    char link[64];
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return NULL;
    path[length] = 0;
    return path;
}

/* ---- What fails ---- */

static int parse_rule(const char *line, struct rule *rule) {
    char call[16], how[16];
    memset(rule, 0, sizeof *rule);
    if (sscanf(line, "%15s %255s %15s %lu %lu", call, rule->pattern, how, &rule->first, &rule->count) != 5) return 0;
    rule->call = strcmp(call, "write") == 0 ? WRITE : strcmp(call, "sync") == 0 ? SYNC : TRUNCATE;
    if (strcmp(how, "lie") == 0) rule->how = LIE;
    else if (strcmp(how, "short") == 0) rule->how = SHORT;
    else if (strcmp(how, "torn") == 0) rule->how = TORN;
    else {
        rule->how = FAIL;
        rule->error = strcmp(how, "ENOSPC") == 0 ? ENOSPC : strcmp(how, "EROFS") == 0 ? EROFS : EIO;
    }
    return 1;
}

static void read_rules(const char *file) {
    char text[sizeof rules_text];
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    text[length < 0 ? 0 : length] = 0;
    if (strcmp(text, rules_text) == 0) return;
    strcpy(rules_text, text);
    rule_count = 0;
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n")) != NULL)
        if (rule_count < MAX_RULES && parse_rule(line, &rules[rule_count])) rule_count++;
}

static void note_strike(const char *file, const struct rule *rule, const char *path) {
    char name[PATH_MAX], line[PATH_MAX + 64];
    snprintf(name, sizeof name, "%s.strikes", file);
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) give_up(name);
    const char *how = rule->how == LIE ? "lie" : rule->how == SHORT ? "short" : rule->how == TORN ? "torn" : "fail";
    int length = snprintf(line, sizeof line, "%s %s %s\n", call_names[rule->call], how, path);
    if (real_write(fd, line, (size_t)length) != length) give_up(name);
    close(fd);
}

/* What happens to a call on a file. Under the mutex. */
static struct verdict judge(enum call call, const char *path) {
    struct verdict verdict = {HONEST, 0};
    const char *file = getenv("FAULTY_DISK");
    if (file == NULL) return verdict;
    read_rules(file);
    for (int i = 0; i < rule_count; i++) {
        struct rule *rule = &rules[i];
        if (rule->call != call || fnmatch(rule->pattern, path, 0) != 0) continue;
        rule->seen++;
        if (verdict.how != HONEST || rule->seen < rule->first || (rule->count != 0 && rule->seen >= rule->first + rule->count)) continue;
        verdict.how = rule->how;
        verdict.error = rule->error;
        note_strike(file, rule, path);
    }
    return verdict;
}

/* ---- What a power cut takes away ---- */

struct ledger {
    int image, dirty; /* -1: this file is none that matters */
};

static int is_kept(const char *path) {
    const char *patterns = getenv("POWER_CUT_FILES");
    if (getenv("POWER_CUT") == NULL || patterns == NULL) return 0;
    char copy[1024], *rest = copy, *pattern;
    snprintf(copy, sizeof copy, "%s", patterns);
    while ((pattern = strsep(&rest, ":")) != NULL)
        if (fnmatch(pattern, path, 0) == 0) return 1;
    return 0;
}

/* Names the ledger of a file: its inode, and its birth, since numbers of inodes are used again. */
static void ledger_name(int fd, const char *folder, const char *kind, char name[PATH_MAX]) {
    struct statx status;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status) != 0) give_up("statx");
    snprintf(name, PATH_MAX, "%s/%llu-%lld-%u.%s", folder, (unsigned long long)status.stx_ino, (long long)status.stx_btime.tv_sec,
             status.stx_btime.tv_nsec, kind);
}

static void copy_range(int from, int to, off_t offset, off_t end) {
    char page[PAGE];
    while (offset < end) {
        size_t wanted = end - offset < PAGE ? (size_t)(end - offset) : PAGE;
        ssize_t count = pread(from, page, wanted, offset);
        if (count <= 0) break;
        if (real_pwrite(to, page, (size_t)count, offset) != count) give_up("the image of a file");
        offset += count;
    }
}

/* A descriptor to read the file with. It is the given one wherever that can be read: to close another one of the same file would take away the
 * locks (POSIX) that this process holds on it, and SQLite's are such. */
static int begin_reading(int fd, const char *path) { return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY ? open(path, O_RDONLY | O_CLOEXEC) : fd; }

static void end_reading(int source, int fd) {
    if (source != fd && source >= 0) close(source);
}

/* Opens and locks the ledger; makes it when this is the first that is seen of the file, which then counts as being on the disk. */
static struct ledger open_ledger(int fd, const char *path, const char *folder, int flags) {
    struct ledger ledger = {-1, -1};
    char name[PATH_MAX];
    ledger_name(fd, folder, "dirty", name);
    ledger.dirty = open(name, O_RDWR | O_APPEND | O_CLOEXEC | flags, 0600);
    if (ledger.dirty < 0) {
        if (flags == 0 && errno == ENOENT) return ledger;
        give_up(name);
    }
    while (flock(ledger.dirty, LOCK_EX) != 0)
        if (errno != EINTR) give_up("flock");
    ledger_name(fd, folder, "image", name);
    ledger.image = open(name, O_RDWR | O_CLOEXEC);
    if (ledger.image < 0) {
        ledger.image = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (ledger.image < 0) give_up(name);
        struct stat status;
        int source = begin_reading(fd, path);
        if (source >= 0 && fstat(source, &status) == 0) copy_range(source, ledger.image, 0, status.st_size);
        end_reading(source, fd);
    }
    return ledger;
}

static struct ledger ledger_of(int fd, const char *path) {
    struct ledger none = {-1, -1};
    return is_kept(path) ? open_ledger(fd, path, getenv("POWER_CUT"), O_CREAT) : none;
}

static void close_ledger(struct ledger ledger) {
    if (ledger.image >= 0) close(ledger.image);
    if (ledger.dirty >= 0) close(ledger.dirty); /* and unlocks */
}

static void make_dirty(struct ledger ledger, off_t offset, size_t count) {
    if (ledger.dirty < 0 || count == 0) return;
    for (uint64_t page = (uint64_t)offset / PAGE; page <= ((uint64_t)offset + count - 1) / PAGE; page++)
        if (real_write(ledger.dirty, &page, sizeof page) != sizeof page) give_up("the list of dirty pages");
}

/* Gives the dirty pages, each perhaps several times, and their number. */
static uint64_t *dirty_pages(struct ledger ledger, size_t *count) {
    struct stat status;
    if (fstat(ledger.dirty, &status) != 0) give_up("fstat");
    uint64_t *pages = malloc((size_t)status.st_size + 1);
    if (pages == NULL || pread(ledger.dirty, pages, (size_t)status.st_size, 0) != status.st_size) give_up("the list of dirty pages");
    *count = (size_t)status.st_size / sizeof *pages;
    return pages;
}

/* Brings the image to what an honest sync makes durable. */
static void sync_image(struct ledger ledger, int fd, const char *path) {
    struct stat status;
    size_t count;
    int source = begin_reading(fd, path);
    if (source < 0) return; /* It has no name any more: no restart finds it. */
    if (fstat(source, &status) != 0 || real_truncate(ledger.image, status.st_size) != 0) give_up("the image of a file");
    uint64_t *pages = dirty_pages(ledger, &count);
    for (size_t i = 0; i < count; i++) {
        off_t offset = (off_t)pages[i] * PAGE, end = offset + PAGE;
        copy_range(source, ledger.image, offset, end < status.st_size ? end : status.st_size);
    }
    free(pages);
    end_reading(source, fd);
    if (real_truncate(ledger.dirty, 0) != 0) give_up("the list of dirty pages");
}

static uint64_t draw(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Turns the file at the path into what is found after a power cut. `kept` percent of the dirty pages were written all the same. Only when
 * nobody works with the file. Returns how many of its pages were dirty, -1 for a file that was never written to. */
long power_cut(const char *path, const char *folder, unsigned long seed, unsigned kept) {
    uint64_t random = seed;
    size_t count;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return -1;
    struct ledger ledger = open_ledger(fd, path, folder, 0);
    if (ledger.dirty < 0) {
        close(fd);
        return -1;
    }
    struct stat status, live_status;
    if (fstat(ledger.image, &status) != 0 || fstat(fd, &live_status) != 0) give_up("fstat");
    uint64_t *pages = dirty_pages(ledger, &count);
    off_t size = status.st_size;
    for (size_t i = 0; i < count; i++) {
        int again = 0;
        for (size_t j = 0; j < i && !again; j++) again = pages[j] == pages[i];
        if (again || draw(&random) % 100 >= kept) continue;
        off_t offset = (off_t)pages[i] * PAGE, length = PAGE;
        if (draw(&random) % 4 == 0) length = SECTOR * (off_t)(1 + draw(&random) % 7);
        off_t end = offset + length < live_status.st_size ? offset + length : live_status.st_size;
        copy_range(fd, ledger.image, offset, end);
        if (end > size) size = end;
    }
    free(pages);
    if (real_truncate(fd, 0) != 0) give_up(path);
    copy_range(ledger.image, fd, 0, size);
    if (real_truncate(fd, size) != 0 || real_truncate(ledger.dirty, 0) != 0) give_up(path);
    close_ledger(ledger);
    close(fd);
    return (long)count;
}

/* ---- The calls ---- */

static ssize_t put(int fd, const void *bytes, size_t count, off_t offset, int is_positioned) {
    return is_positioned ? real_pwrite(fd, bytes, count, offset) : real_write(fd, bytes, count);
}

static ssize_t written(int fd, const void *bytes, size_t count, off_t offset, int is_positioned) {
    char buffer[PATH_MAX];
    const char *path = path_of(fd, buffer);
    if (path == NULL || count == 0) return put(fd, bytes, count, offset, is_positioned);
    pthread_mutex_lock(&mutex);
    struct verdict verdict = judge(WRITE, path);
    size_t half = count > 2 * SECTOR ? count / 2 / SECTOR * SECTOR : count / 2;
    size_t taken = verdict.how == HONEST ? count : verdict.how == SHORT || verdict.how == TORN ? half : 0;
    ssize_t result = 0;
    int error = 0;
    if (taken > 0) {
        off_t place = offset;
        if (!is_positioned) {
            struct stat status;
            int is_appending = fcntl(fd, F_GETFL) & O_APPEND;
            place = is_appending && fstat(fd, &status) == 0 ? status.st_size : lseek(fd, 0, SEEK_CUR);
        }
        struct ledger ledger = ledger_of(fd, path);
        make_dirty(ledger, place, taken);
        result = put(fd, bytes, taken, offset, is_positioned);
        error = errno;
        close_ledger(ledger);
    }
    if (verdict.how == FAIL || (verdict.how == SHORT && taken == 0)) {
        result = -1;
        error = verdict.how == FAIL ? verdict.error : ENOSPC;
    } else if ((verdict.how == LIE || verdict.how == TORN) && result >= 0) {
        if (!is_positioned) lseek(fd, (off_t)(count - taken), SEEK_CUR);
        result = (ssize_t)count;
    }
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}

static int synced(int fd, long number) {
    char buffer[PATH_MAX];
    const char *path = path_of(fd, buffer);
    if (path == NULL) return (int)syscall(number, fd);
    pthread_mutex_lock(&mutex);
    struct verdict verdict = judge(SYNC, path);
    int result = 0, error = 0;
    if (verdict.how != LIE) {
        struct ledger ledger = ledger_of(fd, path);
        if (verdict.how == HONEST) {
            result = (int)syscall(number, fd);
            error = errno;
        } else {
            result = -1;
            error = verdict.error;
        }
        if (ledger.dirty >= 0) {
            if (result == 0) sync_image(ledger, fd, path);
            else if (real_truncate(ledger.dirty, 0) != 0) give_up("the list of dirty pages");
        }
        close_ledger(ledger);
    }
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}

static int truncated(int fd, off_t size) {
    char buffer[PATH_MAX];
    const char *path = path_of(fd, buffer);
    if (path == NULL) return real_truncate(fd, size);
    pthread_mutex_lock(&mutex);
    struct verdict verdict = judge(TRUNCATE, path);
    int result = 0, error = 0;
    if (verdict.how == FAIL) {
        result = -1;
        error = verdict.error;
    } else if (verdict.how == HONEST) {
        struct stat status;
        struct ledger ledger = ledger_of(fd, path);
        /* What is cut off and comes again is other than what the image holds. */
        if (fstat(fd, &status) == 0 && size < status.st_size) make_dirty(ledger, size, (size_t)(status.st_size - size));
        result = real_truncate(fd, size);
        error = errno;
        close_ledger(ledger);
    }
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}

static ssize_t written_vector(int fd, const struct iovec *parts, int count, off_t offset, int is_positioned) {
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return is_positioned ? syscall(SYS_pwritev, fd, parts, count, offset, 0) : syscall(SYS_writev, fd, parts, count);
    ssize_t total = 0;
    for (int i = 0; i < count; i++) {
        ssize_t result = written(fd, parts[i].iov_base, parts[i].iov_len, offset + total, is_positioned);
        if (result < 0) return total > 0 ? total : result;
        total += result;
        if ((size_t)result < parts[i].iov_len) break;
    }
    return total;
}

ssize_t write(int fd, const void *bytes, size_t count) { return written(fd, bytes, count, 0, 0); }
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return written(fd, bytes, count, offset, 1); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) { return written(fd, bytes, count, offset, 1); }
ssize_t writev(int fd, const struct iovec *parts, int count) { return written_vector(fd, parts, count, 0, 0); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) { return written_vector(fd, parts, count, offset, 1); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) { return written_vector(fd, parts, count, offset, 1); }
int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }
int ftruncate(int fd, off_t size) { return truncated(fd, size); }
int ftruncate64(int fd, off64_t size) { return truncated(fd, size); }
