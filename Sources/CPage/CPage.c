#include "CPage.h"

// `make build` installs the package, or says how. Nothing from it is copied into the repository.
#define LIBRARY "/usr/share/nodejs/d3-hierarchy/dist/d3-hierarchy.min.js"
#define LICENCE "/usr/share/doc/node-d3-hierarchy/copyright"

#if !__has_embed(LIBRARY)
#error "d3-hierarchy is missing: install the Debian package node-d3-hierarchy (apt-get install node-d3-hierarchy)"
#endif
#if !__has_embed(LICENCE)
#error "The licence of d3-hierarchy is missing: /usr/share/doc/node-d3-hierarchy/copyright of the package node-d3-hierarchy"
#endif

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char markup[] = {
#embed "page.html"
};
static const unsigned char style[] = {
#embed "page.css"
};
static const unsigned char script[] = {
#embed "tree.js" suffix(,)
#embed "colour.js" suffix(,)
#embed "map.js" suffix(,)
#embed "tables.js" suffix(,)
#embed "page.js"
};
static const unsigned char library[] = {
#embed LIBRARY
};
static const unsigned char licence[] = {
#embed LICENCE
};

struct cpage_part cpage_markup(void) { return (struct cpage_part){markup, sizeof markup}; }
struct cpage_part cpage_style(void) { return (struct cpage_part){style, sizeof style}; }
struct cpage_part cpage_script(void) { return (struct cpage_part){script, sizeof script}; }
struct cpage_part cpage_library(void) { return (struct cpage_part){library, sizeof library}; }
struct cpage_part cpage_licence(void) { return (struct cpage_part){licence, sizeof licence}; }
