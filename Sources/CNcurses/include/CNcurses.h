// A terminal's screen, by ncursesw. Only the functions that the browser needs: curses itself is full of macros, and its
// header wants other feature macros than CLinux does, so no Swift file sees it.
//
// One thread calls all of these.

#ifndef CNCURSES_H
#define CNCURSES_H

#include <stdint.h>

/// Takes the character set of the environment for this process; where its locale is not installed, C.UTF-8 in its place
/// if `is_utf8`. Returns whether text is UTF-8 now.
int cncurses_set_locale(int is_utf8);

/// Takes the terminal over. Returns 0, or a negated errno: ENOTTY where standard input or output is no terminal, ENOENT
/// where nothing is known of its type.
///
/// From here on the terminal is restored whatever ends the process, SIGKILL excepted: by `cncurses_end`, at `exit`, and
/// in handlers of the signals that end a process.
int cncurses_begin(int uses_colour);

/// Gives the terminal back. May be called twice.
void cncurses_end(void);

/// As `cncurses_end`, but safe in a signal handler: it only writes what gives the terminal back.
void cncurses_restore(void);

int cncurses_rows(void);
int cncurses_columns(void);

/// How text looks. Where there are no colours: bold, dim and reverse.
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
/// Puts text, printable and no wider than what is left of the row, at a place. `style` is one of the above, with or
/// without CNCURSES_SELECTED.
void cncurses_put(int row, int column, const char *_Nonnull text, int length, int style);
void cncurses_show(void);

/// The next key, or -1 when none came within `milliseconds`. Characters are their bytes; keys are below.
int cncurses_key(int milliseconds);

/// Forgets what was typed and not read yet.
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
