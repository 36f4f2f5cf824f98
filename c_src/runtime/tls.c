/* Certificates and keys out of files. Knows no connections: tls_session does. */
#include "runtime/tls.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MAX = 1024 * 1024, /* a larger file is none */
    CHAIN_MAX = 10,         /* certificates between a peer's and its authority, as ssl's option depth */
};

struct tls {
    struct tls_files files; /* as given */
    SSL_CTX *context;       /* what they held when they were read last; for both roles */
};

/* What one reading fills. */
struct loading {
    SSL_CTX *context;
    char *message; /* TLS_MESSAGE_MAX */
};

/* ---- files */

static int explain(const struct loading *loading, int status, const char *path, const char *what)
{
    snprintf(loading->message, TLS_MESSAGE_MAX, "%.300s: %s", path, what);
    return status;
}

/* What OpenSSL has to say. */
static int explain_openssl(const struct loading *loading, const char *path, const char *otherwise)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return explain(loading, ERR_BADARG, path, reason != NULL ? reason : otherwise);
}

/* As those do whose keys belong to a group of servers: root's file may be read by that group. */
static int check_secret(const struct loading *loading, const char *path, const struct stat *info)
{
    if (info->st_uid != geteuid() && info->st_uid != 0)
        return explain(loading, -EPERM, path, "belongs to another user");
    mode_t others = info->st_uid == 0 ? S_IRWXO | S_IWGRP | S_IXGRP : S_IRWXO | S_IRWXG;
    if ((info->st_mode & others) != 0)
        return explain(loading, -EPERM, path,
                       "must be accessible by its owner only (chmod 600), or be root's and readable by its "
                       "group (chmod 640)");
    return 0;
}

static int read_opened(const struct loading *loading, int fd, const char *path, bool secret,
                       struct buf *content)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return explain(loading, -errno, path, strerror(errno));
    if (!S_ISREG(info.st_mode) || info.st_size > FILE_MAX)
        return explain(loading, ERR_BADARG, path, "is not a file with certificates or a key");
    int status = secret ? check_secret(loading, path, &info) : 0;
    ssize_t n = 1;
    buf_reserve(content, FILE_MAX); /* never moved: a moved key would leave a copy */
    while (status == 0 && n > 0 && content->size < FILE_MAX) {
        n = read(fd, content->data + content->size, FILE_MAX - content->size);
        if (n < 0)
            status = explain(loading, -errno, path, strerror(errno));
        else
            content->size += (size_t)n;
    }
    return status;
}

static int read_file(const struct loading *loading, const char *path, bool secret, struct buf *content)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* not to wait for the writer of a fifo */
    if (fd < 0)
        return explain(loading, -errno, path, strerror(errno));
    int status = read_opened(loading, fd, path, secret, content);
    close(fd);
    return status;
}

/* Has take act on what the file holds. */
static int take_file(struct loading *loading, const char *path, bool secret,
                     int (*take)(struct loading *loading, const char *path, BIO *pem))
{
    struct buf content = BUF_EMPTY;
    int status = read_file(loading, path, secret, &content);
    BIO *pem = status == 0 ? BIO_new_mem_buf(content.data, (int)content.size) : NULL;
    if (status == 0)
        status = pem != NULL ? take(loading, path, pem) : explain(loading, -ENOMEM, path, strerror(ENOMEM));
    BIO_free(pem);
    if (content.data != NULL)
        explicit_bzero(content.data, content.size);
    buf_release(&content);
    return status;
}

/* ---- what is in them */

/* True: nothing more that begins like something; what broke off is no end. */
static bool is_end(void)
{
    unsigned long error = ERR_peek_last_error();
    bool end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    if (end)
        ERR_clear_error();
    return end;
}

static int take_certificate(struct loading *loading, const char *path, BIO *pem)
{
    X509 *certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL);
    bool taken = certificate != NULL && SSL_CTX_use_certificate(loading->context, certificate) == 1;
    X509_free(certificate); /* the context has its own reference */
    if (!taken)
        return explain_openssl(loading, path, "holds no certificate");
    while ((certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL) {
        if (SSL_CTX_add0_chain_cert(loading->context, certificate) != 1) {
            X509_free(certificate);
            break;
        }
    }
    return is_end() ? 0 : explain_openssl(loading, path, "holds a damaged certificate");
}

/* Nobody is there to be asked. */
static int no_passphrase(char *text, int size, int writing, void *ctx)
{
    return -1;
}

static int take_key(struct loading *loading, const char *path, BIO *pem)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, no_passphrase, NULL);
    if (key == NULL) {
        ERR_clear_error();
        return explain(loading, ERR_BADARG, path, "holds no private key, or one with a passphrase");
    }
    bool taken = SSL_CTX_use_PrivateKey(loading->context, key) == 1;
    EVP_PKEY_free(key);
    return taken ? 0 : explain_openssl(loading, path, "cannot be used");
}

static bool believe(struct loading *loading, X509 *certificate)
{
    return X509_STORE_add_cert(SSL_CTX_get_cert_store(loading->context), certificate) == 1 &&
           SSL_CTX_add_client_CA(loading->context, certificate) == 1;
}

static int take_authorities(struct loading *loading, const char *path, BIO *pem)
{
    unsigned count = 0;
    X509 *certificate;
    bool taken = true;
    while (taken && (certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL) {
        taken = believe(loading, certificate);
        X509_free(certificate);
        count++;
    }
    if (!taken || !is_end())
        return explain_openssl(loading, path, "holds a damaged certificate");
    return count > 0 ? 0 : explain(loading, ERR_BADARG, path, "holds no certificate");
}

/* ---- the context */

/* A peer has a certificate in both roles. A BEAM negotiates anew by itself over TLS 1.2, after so many
 * records. */
static bool set_policy(SSL_CTX *context)
{
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_verify_depth(context, CHAIN_MAX);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context,
                        SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_num_tickets(context, 0) == 1;
}

static int fill(struct loading *loading, const struct tls_files *files)
{
    int status = take_file(loading, files->cert, false, take_certificate);
    if (status == 0)
        status = take_file(loading, files->key, true, take_key);
    if (status == 0 && SSL_CTX_check_private_key(loading->context) != 1) {
        ERR_clear_error();
        status = explain(loading, ERR_BADARG, files->key, "is not the key of the certificate");
    }
    return status == 0 ? take_file(loading, files->ca, false, take_authorities) : status;
}

static int load(SSL_CTX **out, const struct tls_files *files, char message[TLS_MESSAGE_MAX])
{
    struct loading loading = {.context = SSL_CTX_new(TLS_method()), .message = message};
    int status = loading.context != NULL && set_policy(loading.context)
                     ? fill(&loading, files)
                     : explain_openssl(&loading, "OpenSSL", "cannot be used");
    if (status == 0)
        *out = loading.context;
    else
        SSL_CTX_free(loading.context);
    return status;
}

/* NULL: it is. */
static const char *not_valid_now(SSL_CTX *context)
{
    const X509 *certificate = SSL_CTX_get0_certificate(context);
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        return "is not valid yet";
    return X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0 ? "has expired" : NULL;
}

int tls_new(struct tls **tls, const struct tls_files *files, char message[TLS_MESSAGE_MAX])
{
    SSL_CTX *context;
    if (files->cert == NULL) {
        *tls = NULL;
        return 0;
    }
    int status = load(&context, files, message);
    if (status != 0)
        return status;
    const char *problem = not_valid_now(context);
    if (problem != NULL)
        log_write(LOG_WARN, "tls", "certificate", "%s: %s: peers will refuse it", files->cert, problem);
    *tls = mem_alloc(sizeof **tls);
    **tls = (struct tls){.files = *files, .context = context};
    return 0;
}

int tls_reload(struct tls *tls, char message[TLS_MESSAGE_MAX])
{
    SSL_CTX *context;
    int status = load(&context, &tls->files, message);
    if (status != 0)
        return status;
    const char *problem = not_valid_now(context);
    if (problem != NULL) {
        SSL_CTX_free(context);
        snprintf(message, TLS_MESSAGE_MAX, "%.300s: %s", tls->files.cert, problem);
        return ERR_BADARG;
    }
    SSL_CTX_free(tls->context); /* sessions keep it as long as they need it */
    tls->context = context;
    return 0;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    mem_free(tls);
}

struct ssl_ctx_st *tls_context(const struct tls *tls)
{
    return tls->context;
}
