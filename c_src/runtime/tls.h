/* What a node proves itself with over TLS, and whom it believes: a certificate, its private key, and the
 * authorities that have to stand behind the certificates of others. All are PEM files.
 *
 * As ssl's options certfile, keyfile and cacertfile with {verify, verify_peer} and {fail_if_no_peer_cert,
 * true} in both roles (ssl User's Guide, "Using TLS for Erlang Distribution"). TLS 1.2 and 1.3, OpenSSL's own
 * choice of ciphers within the system's policy. Sessions are not resumed: each connection has its
 * certificates verified.
 */
#ifndef RUNTIME_TLS_H
#define RUNTIME_TLS_H

#include <stdbool.h>
#include <stddef.h>

enum { TLS_MESSAGE_MAX = 512 };

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

/* Paths, borrowed for the life of the struct tls that is made of them. */
struct tls_files {
    const char *cert; /* the own certificate; behind it those that lead to the authority, if any do */
    const char *key;  /* its private key, without a passphrase; readable as the contract of tls_new says */
    const char *ca;   /* certificates of the authorities, one or more; no others are believed */
};

/* True if all of them are given, or none. */
static inline bool tls_files_ok(const struct tls_files *files)
{
    return (files->cert != NULL) == (files->key != NULL) && (files->cert != NULL) == (files->ca != NULL);
}

struct tls;

/* Reads the files; where none are given *tls is NULL. A key that others could have read is none: it has to
 * belong to us and be accessible by its owner only, or to root and be readable by a group at most. An own
 * certificate that is not valid now is taken, with a line in the log. message: one line, written on failure.
 * Errors: negative errno (a file cannot be read), -EPERM (who may read the key), ERR_BADARG (not what it
 * should be). */
int tls_new(struct tls **tls, const struct tls_files *files, char message[TLS_MESSAGE_MAX]);

/* Reads them again, for connections that are begun from now on. After an error, as above or because the own
 * certificate is not valid now (ERR_BADARG), nothing has changed. */
int tls_reload(struct tls *tls, char message[TLS_MESSAGE_MAX]);

/* Sessions that there are may outlive it. NULL is allowed. */
void tls_free(struct tls *tls);

/* For tls_session: borrowed until the next reload. */
struct ssl_ctx_st *tls_context(const struct tls *tls);

#endif
