/* OpenSSL between bytes and bytes. Knows no sockets and no nodes. */
#include "runtime/tls_session.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/tls.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    RECORD_SIZE = SSL3_RT_MAX_PLAIN_LENGTH,
    RECORD_MORE = 64, /* head, nonce, tag and more of a record */
    PROBLEM_MAX = 160
};

struct tls_session {
    SSL *ssl;
    BIO_METHOD *method; /* of the BIO that ssl owns: reads input, writes output */
    struct slice input; /* fed and not taken yet; borrowed during a feed, empty otherwise */
    struct buf output;  /* for the socket */
    int status;         /* what feed has returned last */
    bool awaits;        /* what write has told last */
    char problem[PROBLEM_MAX];
};

/* ---- the BIO */

static int bio_read(BIO *bio, char *room, int size)
{
    struct tls_session *session = BIO_get_data(bio);
    size_t n = session->input.size < (size_t)size ? session->input.size : (size_t)size;
    BIO_clear_retry_flags(bio);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(room, session->input.data, n);
    session->input = slice_of(session->input.data + n, session->input.size - n);
    return (int)n;
}

static int bio_write(BIO *bio, const char *bytes, int size)
{
    struct tls_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    buf_append(&session->output, bytes, (size_t)size);
    return size;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/* ---- beginning and end */

/* Only memory can be missing. */
static _Noreturn void fail(void)
{
    log_write(LOG_ERROR, "tls", "no_session", "reason=openssl");
    abort();
}

static struct tls_session *new_session(const struct tls *tls)
{
    struct tls_session *session = mem_zalloc(sizeof *session);
    session->ssl = SSL_new(tls_context(tls));
    session->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "tls_session");
    if (session->ssl == NULL || session->method == NULL)
        fail();
    BIO_meth_set_read(session->method, bio_read);
    BIO_meth_set_write(session->method, bio_write);
    BIO_meth_set_ctrl(session->method, bio_ctrl);
    BIO *bio = BIO_new(session->method);
    if (bio == NULL)
        fail();
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio);
    return session;
}

struct tls_session *tls_session_accept(const struct tls *tls)
{
    struct tls_session *session = new_session(tls);
    SSL_set_accept_state(session->ssl);
    return session;
}

struct tls_session *tls_session_connect(const struct tls *tls, struct slice host)
{
    struct tls_session *session = new_session(tls);
    char *name = mem_zalloc(host.size + 1);
    memcpy(name, host.data, host.size);
    X509_VERIFY_PARAM *parameters = SSL_get0_param(session->ssl);
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_WILDCARDS);
    /* Not SSL_set1_host, for which an address is no name. */
    if (X509_VERIFY_PARAM_set1_host(parameters, name, host.size) != 1 ||
        SSL_set_tlsext_host_name(session->ssl, name) != 1)
        fail();
    mem_free(name);
    SSL_set_connect_state(session->ssl);
    struct buf nothing = BUF_EMPTY;
    tls_session_feed(session, slice_of(NULL, 0), &nothing);
    buf_release(&nothing);
    return session;
}

void tls_session_free(struct tls_session *session)
{
    if (session == NULL)
        return;
    SSL_free(session->ssl);
    BIO_meth_free(session->method);
    buf_release(&session->output);
    mem_free(session);
}

/* ---- errors */

static void set_problem(struct tls_session *session, const char *what, const char *text)
{
    snprintf(session->problem, PROBLEM_MAX, "%s%s", what, text != NULL ? text : "unknown");
}

/* The first error is the cause; an alert that was received is a reason beyond the offset. */
static void explain(struct tls_session *session)
{
    unsigned long error = ERR_peek_error();
    int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        set_problem(session,
                    "its certificate: ", X509_verify_cert_error_string(SSL_get_verify_result(session->ssl)));
    else if (reason >= SSL_AD_REASON_OFFSET)
        set_problem(session, "it refuses: ", SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
    else
        set_problem(session, "", ERR_reason_error_string(error));
}

/* After a call that did not succeed. */
static void note_result(struct tls_session *session, int result)
{
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        break;
    case SSL_ERROR_ZERO_RETURN:
        session->status = 1;
        break;
    default:
        explain(session);
        session->status = ERR_TLS;
        break;
    }
    ERR_clear_error();
}

/* ---- both ways */

static bool read_record(struct tls_session *session, struct buf *plain)
{
    size_t size = 0;
    uint8_t *room = buf_reserve(plain, RECORD_SIZE);
    int result = SSL_read_ex(session->ssl, room, RECORD_SIZE, &size);
    if (result != 1) {
        note_result(session, result);
        return false;
    }
    plain->size += size;
    return true;
}

int tls_session_status(const struct tls_session *session)
{
    return session->status;
}

int tls_session_feed(struct tls_session *session, struct slice bytes, struct buf *plain)
{
    session->input = bytes;
    while (session->status == 0 && read_record(session, plain))
        ;
    session->input = slice_of(NULL, 0);
    return session->status;
}

int tls_session_cut(struct tls_session *session)
{
    if (session->status == 0 && !SSL_is_init_finished(session->ssl)) {
        set_problem(session, "", "it ended the connection instead of an answer");
        session->status = ERR_TLS;
    }
    return session->status;
}

void tls_session_write(struct tls_session *session, struct buf *plain)
{
    size_t taken = 0;
    session->awaits = false;
    size_t records = plain->size / RECORD_SIZE + 1;
    if (SSL_is_init_finished(session->ssl)) /* to grow once, not with each record */
        buf_reserve(&session->output, plain->size + records * RECORD_MORE);
    while (session->status >= 0 && taken < plain->size) {
        size_t size = 0;
        int result = SSL_write_ex(session->ssl, plain->data + taken, plain->size - taken, &size);
        if (result != 1) {
            session->awaits = true; /* output takes everything, so it is input that it wants */
            note_result(session, result);
            break;
        }
        taken += size;
    }
    buf_consume(plain, taken);
}

bool tls_session_awaits(const struct tls_session *session)
{
    return session->status == 0 && session->awaits;
}

void tls_session_close(struct tls_session *session)
{
    if (session->status < 0 || !SSL_is_init_finished(session->ssl) ||
        (SSL_get_shutdown(session->ssl) & SSL_SENT_SHUTDOWN) != 0)
        return;
    int result = SSL_shutdown(session->ssl);
    if (result < 0)
        note_result(session, result);
}

struct buf *tls_session_output(struct tls_session *session)
{
    return &session->output;
}

bool tls_session_is_for(const struct tls_session *session, struct slice host)
{
    X509 *certificate = SSL_get0_peer_certificate(session->ssl);
    return certificate != NULL && X509_check_host(certificate, (const char *)host.data, host.size,
                                                  X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1;
}

const char *tls_session_problem(const struct tls_session *session)
{
    return session->problem;
}
