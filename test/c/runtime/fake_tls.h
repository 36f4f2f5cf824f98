/* Certificates and keys for tests, made on the spot: P-256, in files of a folder of their own.
 */
#ifndef TEST_C_RUNTIME_FAKE_TLS_H
#define TEST_C_RUNTIME_FAKE_TLS_H

#include "runtime/tls.h"

#include <stdbool.h>

enum { FAKE_TLS_PATH = 128 };

struct fake_tls {
    char folder[FAKE_TLS_PATH];
};

/* What certificate to make. Files: NAME.cert, NAME.key. */
struct fake_certificate {
    const char *name;   /* of the files, and common name */
    const char *issuer; /* name of the certificate that signs it; NULL: itself */
    const char *dns;    /* its DNS name; NULL: none */
    int from_days;      /* valid from so many days from now */
    int to_days;        /* to */
    bool authority;     /* it may sign others */
};

/* With an authority "ca" and the certificate "node" for localhost in it. */
void fake_tls_open(struct fake_tls *fake);
/* Removes the folder. */
void fake_tls_close(struct fake_tls *fake);

void fake_tls_make(struct fake_tls *fake, const struct fake_certificate *certificate);
/* A node's, by "ca", valid. */
void fake_tls_make_node(struct fake_tls *fake, const char *name, const char *dns);

/* Text into a file; the modes of a key. */
void fake_tls_write(struct fake_tls *fake, const char *file, const char *text);

/* The path of a file, in memory that lives as long as the test: the last 256 are remembered. */
const char *fake_tls_path(const struct fake_tls *fake, const char *file);

/* NAME.cert, NAME.key, CA.cert. */
struct tls_files fake_tls_files(const struct fake_tls *fake, const char *name, const char *ca);
struct tls *fake_tls_load(const struct fake_tls *fake, const char *name, const char *ca);

#endif
