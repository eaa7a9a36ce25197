// The parts of a page of `--format html`, embedded at build time: our own files beside this one, and d3-hierarchy from
// Debian's node-d3-hierarchy with its licence.

#ifndef CPAGE_H
#define CPAGE_H

#include <stddef.h>

struct cpage_part {
    const unsigned char *bytes;
    size_t count;
};

// The body of the page, its style and its script.
struct cpage_part cpage_markup(void);
struct cpage_part cpage_style(void);
struct cpage_part cpage_script(void);

// d3-hierarchy, minified by its authors, with the notice that its licence requires.
struct cpage_part cpage_library(void);
struct cpage_part cpage_licence(void);

#endif
