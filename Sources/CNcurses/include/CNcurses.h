// A terminal screen through ncursesw. Only the functions that the browser needs: curses is full of macros, and its
// header needs other feature macros than CLinux does, so no Swift file includes it.
//
// One thread calls all of these.

#ifndef CNCURSES_H
#define CNCURSES_H

#include <stdint.h>

/// Sets the character set of the environment for this process; if its locale is not installed, C.UTF-8 instead if
/// `is_utf8`. Returns whether text is UTF-8 now.
int cncurses_set_locale(int is_utf8);

/// Takes over the terminal. Returns 0, or a negated errno: ENOTTY if standard input or output is not a terminal, ENOENT
/// if its type is unknown.
///
/// From here on the terminal is restored however the process ends, except by SIGKILL: by `cncurses_end`, at `exit`, and
/// in handlers of the signals that end a process.
int cncurses_begin(int uses_colour);

/// Restores the terminal. May be called twice.
void cncurses_end(void);

/// Like `cncurses_end`, but safe in a signal handler: it only writes the restoring sequence.
void cncurses_restore(void);

int cncurses_rows(void);
int cncurses_columns(void);

/// The style of text. Without colours: bold, dim and reverse.
enum {
    CNCURSES_PLAIN,
    CNCURSES_DIM,
    CNCURSES_STRONG,
    CNCURSES_ACCENT,
    CNCURSES_WARNING,
    CNCURSES_BAR,
    CNCURSES_SELECTED = 16,
};

void cncurses_erase(void);
/// Writes printable text that fits into the rest of the row. `style` is one of the above, with or without
/// CNCURSES_SELECTED.
void cncurses_put(int row, int column, const char *_Nonnull text, int length, int style);
void cncurses_show(void);

/// The next key, or -1 if none came within `milliseconds`. Characters are their bytes; keys are below.
int cncurses_key(int milliseconds);

/// Discards unread input.
void cncurses_forget_keys(void);

enum {
    CNCURSES_KEY_UP = 0x1000,
    CNCURSES_KEY_DOWN,
    CNCURSES_KEY_LEFT,
    CNCURSES_KEY_RIGHT,
    CNCURSES_KEY_HOME,
    CNCURSES_KEY_END,
    CNCURSES_KEY_PAGE_UP,
    CNCURSES_KEY_PAGE_DOWN,
    CNCURSES_KEY_ENTER,
    CNCURSES_KEY_BACKSPACE,
    CNCURSES_KEY_RESIZED,
    CNCURSES_KEY_UNKNOWN,
};

#endif
