/* LD_PRELOAD: a pretend /dev/dma_heap/linux,cma made of memfds, so that libcamera's "virtual" pipeline and picamera2
 * work on a kernel without dma-heap or udmabuf.
 * CAM_FPS=30 paces the frames (the pipeline itself runs as fast as it can), and while the file named by CAM_STALL_FILE
 * exists no frame comes: both act where libcamera maps a buffer (PROT_WRITE only) to draw into it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/dma-heap.h>
#include <linux/dma-buf.h>

static const char HEAP[] = "/dev/dma_heap/linux,cma";

static int heap_open(int flags) { return memfd_create("fake-dma-heap", (flags & O_CLOEXEC) ? MFD_CLOEXEC : 0); }

#define OPENFN(name)                                                        \
int name(const char *path, int flags, ...)                                  \
{                                                                           \
    static int (*real)(const char *, int, ...);                             \
    va_list ap; va_start(ap, flags); mode_t mode = va_arg(ap, mode_t); va_end(ap); \
    if (!strcmp(path, HEAP)) return heap_open(flags);               \
    if (!real) real = dlsym(RTLD_NEXT, #name);                              \
    return real(path, flags, mode);                                         \
}
OPENFN(open)
OPENFN(open64)

int ioctl(int fd, unsigned long req, ...)
{
    static int (*real)(int, unsigned long, ...);
    va_list ap; va_start(ap, req); void *arg = va_arg(ap, void *); va_end(ap);
    req = (unsigned int)req; /* python sign-extends */
    if (req == (unsigned int)DMA_HEAP_IOCTL_ALLOC) {
        struct dma_heap_allocation_data *a = arg;
        int m = memfd_create("fake-dma-buf", MFD_CLOEXEC);
        if (m < 0) return -1;
        if (ftruncate(m, (a->len + 4095) & ~4095ULL)) { close(m); return -1; }
        a->fd = m;
        return 0;
    }
    if (req == (unsigned int)DMA_BUF_IOCTL_SYNC || (req & ~IOCSIZE_MASK) == (_IOW(DMA_BUF_BASE, 1, int) & ~IOCSIZE_MASK))
        return 0; /* SYNC and SET_NAME */
    if (!real) real = dlsym(RTLD_NEXT, "ioctl");
    return real(fd, req, arg);
}

static void pace(int fd)
{
    static struct timespec next;
    char link[64], to[64]; ssize_t n;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if ((n = readlink(link, to, sizeof to - 1)) < 0) return;
    to[n] = 0;
    if (strncmp(to, "/memfd:fake-dma-buf", 19)) return;
    static ino_t last; struct stat st; /* NV12's two planes are mapped one after the other: count them once */
    if (fstat(fd, &st) || st.st_ino == last) return;
    last = st.st_ino;
    const char *stall = getenv("CAM_STALL_FILE"), *fps = getenv("CAM_FPS");
    while (stall && !access(stall, F_OK)) usleep(5000);
    if (!fps || atof(fps) <= 0) return;
    struct timespec now; clock_gettime(CLOCK_MONOTONIC, &now);
    if (next.tv_sec > now.tv_sec || (next.tv_sec == now.tv_sec && next.tv_nsec > now.tv_nsec))
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    else next = now;
    long long t = next.tv_nsec + (long long)(1e9 / atof(fps));
    next.tv_sec += t / 1000000000; next.tv_nsec = t % 1000000000;
}
#define MMAPFN(name)                                                        \
void *name(void *a, size_t l, int prot, int flags, int fd, off_t off)       \
{                                                                           \
    static void *(*real)(void *, size_t, int, int, int, off_t);             \
    if (fd >= 0 && prot == PROT_WRITE) pace(fd);                            \
    if (!real) real = dlsym(RTLD_NEXT, #name);                              \
    return real(a, l, prot, flags, fd, off);                                \
}
MMAPFN(mmap)
MMAPFN(mmap64)
