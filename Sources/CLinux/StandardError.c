#include "CLinux.h"

#include <stdio.h>

// The buffer holds a line of any library, so that lines arrive whole.
static char line_buffer[4096];

// Set and read with the stream locked, as `write_lines` is called.
static int is_held;
static char held_line[512];

static ssize_t write_lines(void *cookie, const char *text, size_t count) {
    (void)cookie;
    const char *end = text + count;
    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline != NULL ? newline : end;
        if (!is_held) {
            // In one call of write(2), like the program's own messages.
            dprintf(STDERR_FILENO, "fsscan: %.*s\n", (int)(stop - line), line);
        } else if (held_line[0] == 0) {
            snprintf(held_line, sizeof held_line, "%.*s", (int)(stop - line), line);
        }
        line = stop + 1;
    }
    return (ssize_t)count;
}

void clinux_prefix_standard_error(void) {
    cookie_io_functions_t functions = {.write = write_lines};
    FILE *stream = fopencookie(NULL, "w", functions);
    if (stream == NULL) return;
    setvbuf(stream, line_buffer, _IOLBF, sizeof line_buffer);
    // A variable of glibc, which libraries read when they print.
    stderr = stream;
}

void clinux_hold_standard_error(void) {
    flockfile(stderr);
    held_line[0] = 0;
    is_held = 1;
    funlockfile(stderr);
}

const char *clinux_release_standard_error(void) {
    flockfile(stderr);
    fflush(stderr);
    is_held = 0;
    funlockfile(stderr);
    return held_line;
}
