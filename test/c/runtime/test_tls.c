/* Files with certificates and keys: which are taken, what is said about the others, and when they are read
 * again. */
#include "runtime/tls.h"

#include "base/error.h"
#include "base/log.h"
#include "runtime/fake_tls.h"
#include "unit.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int try_load(const struct tls_files *files, char message[TLS_MESSAGE_MAX])
{
    struct tls *tls = NULL;
    message[0] = '\0';
    int status = tls_new(&tls, files, message);
    tls_free(tls);
    return status;
}

/* Refused with that error, and a line that names the file and ends so. */
static void assert_refused(const struct tls_files *files, int error, const char *file, const char *text)
{
    char message[TLS_MESSAGE_MAX];
    assert_int_equal(try_load(files, message), error);
    if (strstr(message, file) == NULL || strstr(message, text) == NULL)
        fail_msg("%s", message);
    assert_null(strchr(message, '\n'));
}

static void new__whole_files__are_taken(void **state)
{
    struct fake_tls fake;
    fake_tls_open(&fake);
    tls_free(fake_tls_load(&fake, "node", "ca"));
    tls_free(NULL);
    fake_tls_close(&fake);
}

static void new__file_missing_or_none__is_named(void **state)
{
    struct fake_tls fake;
    fake_tls_open(&fake);
    const struct tls_files good = fake_tls_files(&fake, "node", "ca");
    const char *missing = fake_tls_path(&fake, "missing");
    struct tls_files files = good;
    files.cert = missing;
    assert_refused(&files, -ENOENT, "missing", "No such file");
    files = good;
    files.key = missing;
    assert_refused(&files, -ENOENT, "missing", "No such file");
    files = good;
    files.ca = missing;
    assert_refused(&files, -ENOENT, "missing", "No such file");
    files.ca = fake.folder;
    assert_refused(&files, ERR_BADARG, fake.folder, "is not a file");
    fake_tls_close(&fake);
}

static void new__content_of_another_kind__is_refused(void **state)
{
    struct fake_tls fake;
    fake_tls_open(&fake);
    const struct tls_files good = fake_tls_files(&fake, "node", "ca");
    fake_tls_write(&fake, "empty", "");
    fake_tls_write(&fake, "text", "no certificate at all\n");
    const char *others[] = {fake_tls_path(&fake, "empty"), fake_tls_path(&fake, "text")};
    for (size_t i = 0; i < 2; i++) {
        struct tls_files files = good;
        files.cert = others[i];
        assert_refused(&files, ERR_BADARG, others[i], "");
        files = good;
        files.key = others[i];
        assert_refused(&files, ERR_BADARG, others[i], "holds no private key");
        files = good;
        files.ca = others[i];
        assert_refused(&files, ERR_BADARG, others[i], "holds no certificate");
    }
    struct tls_files files = good;
    files.key = good.cert;
    chmod(good.cert, S_IRUSR);
    assert_refused(&files, ERR_BADARG, "node.cert", "holds no private key");
    fake_tls_close(&fake);
}

static void append_file(const char *to, const char *from, size_t size)
{
    char bytes[8192];
    FILE *in = fopen(from, "r"), *out = fopen(to, "a");
    size_t n = fread(bytes, 1, sizeof bytes, in);
    assert_int_equal(fwrite(bytes, 1, n < size ? n : size, out), n < size ? n : size);
    fclose(in);
    fclose(out);
}

static void new__second_certificate_damaged__is_refused(void **state)
{
    struct fake_tls fake;
    fake_tls_open(&fake);
    const struct tls_files files = fake_tls_files(&fake, "node", "ca");
    append_file(files.ca, files.cert, 200);
    assert_refused(&files, ERR_BADARG, "ca.cert", "");
    fake_tls_close(&fake);
    fake_tls_open(&fake);
    const struct tls_files others = fake_tls_files(&fake, "node", "ca");
    append_file(others.cert, others.ca, 200);
    assert_refused(&others, ERR_BADARG, "node.cert", "");
    fake_tls_close(&fake);
}

static void new__chain_and_several_authorities__are_taken(void **state)
{
    static const struct fake_certificate middle = {
        .name = "middle", .issuer = "ca", .from_days = -1, .to_days = 9, .authority = true};
    static const struct fake_certificate leaf = {
        .name = "leaf", .issuer = "middle", .dns = "localhost", .from_days = -1, .to_days = 9};
    struct fake_tls fake;
    STACK_OF(X509) * chain;
    fake_tls_open(&fake);
    fake_tls_make(&fake, &middle);
    fake_tls_make(&fake, &leaf);
    append_file(fake_tls_path(&fake, "leaf.cert"), fake_tls_path(&fake, "middle.cert"), SIZE_MAX);
    append_file(fake_tls_path(&fake, "ca.cert"), fake_tls_path(&fake, "node.cert"), SIZE_MAX);
    struct tls *tls = fake_tls_load(&fake, "leaf", "ca");
    assert_int_equal(SSL_CTX_get0_chain_certs(tls_context(tls), &chain), 1);
    assert_int_equal(sk_X509_num(chain), 1);
    assert_int_equal(sk_X509_NAME_num(SSL_CTX_get_client_CA_list(tls_context(tls))), 2);
    tls_free(tls);
    fake_tls_close(&fake);
}

static void new__key_of_another_certificate__is_refused(void **state)
{
    struct fake_tls fake;
    fake_tls_open(&fake);
    struct tls_files files = fake_tls_files(&fake, "node", "ca");
    files.key = fake_tls_path(&fake, "ca.key");
    assert_refused(&files, ERR_BADARG, "ca.key", "key values mismatch");
    fake_tls_close(&fake);
}

static void new__key_with_a_passphrase__is_refused_unasked(void **state)
{
    struct fake_tls fake;
    fake_tls_open(&fake);
    const struct tls_files files = fake_tls_files(&fake, "node", "ca");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *file = fopen(files.key, "w");
    assert_int_equal(
        PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL),
        1);
    fclose(file);
    EVP_PKEY_free(key);
    assert_refused(&files, ERR_BADARG, "node.key", "with a passphrase");
    fake_tls_close(&fake);
}

static void new__key_that_others_may_read__is_refused(void **state)
{
    static const struct {
        mode_t mode;
        bool taken;      /* from its owner */
        bool taken_root; /* where that is root */
    } cases[] = {{0400, true, true},   {0600, true, true},   {0640, false, true},  {0440, false, true},
                 {0660, false, false}, {0604, false, false}, {0602, false, false}, {0610, false, false}};
    struct fake_tls fake;
    char message[TLS_MESSAGE_MAX];
    fake_tls_open(&fake);
    const struct tls_files files = fake_tls_files(&fake, "node", "ca");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool taken = geteuid() == 0 ? cases[i].taken_root : cases[i].taken;
        assert_int_equal(chmod(files.key, cases[i].mode), 0);
        assert_int_equal(try_load(&files, message), taken ? 0 : -EPERM);
    }
    chmod(files.key, 0604);
    assert_refused(&files, -EPERM, "node.key", "chmod 600");
    if (geteuid() == 0) { /* nobody else can give files away */
        chmod(files.key, 0600);
        assert_int_equal(chown(files.key, 65534, 65534), 0);
        assert_refused(&files, -EPERM, "node.key", "belongs to another user");
    }
    fake_tls_close(&fake);
}

static void new__expired_certificate__is_taken(void **state)
{
    static const struct fake_certificate expired = {
        .name = "expired", .issuer = "ca", .dns = "localhost", .from_days = -9, .to_days = -1};
    struct fake_tls fake;
    fake_tls_open(&fake);
    fake_tls_make(&fake, &expired);
    tls_free(fake_tls_load(&fake, "expired", "ca"));
    fake_tls_close(&fake);
}

static void reload__new_files__count_from_then_on(void **state)
{
    struct fake_tls fake;
    char message[TLS_MESSAGE_MAX];
    fake_tls_open(&fake);
    struct tls *tls = fake_tls_load(&fake, "node", "ca");
    X509 *before = X509_dup(SSL_CTX_get0_certificate(tls_context(tls)));
    fake_tls_make_node(&fake, "node", "localhost");
    assert_int_equal(tls_reload(tls, message), 0);
    assert_int_not_equal(X509_cmp(before, SSL_CTX_get0_certificate(tls_context(tls))), 0);
    X509_free(before);
    tls_free(tls);
    fake_tls_close(&fake);
}

static void reload__broken_or_not_valid__keeps_what_is_there(void **state)
{
    static const struct fake_certificate bad[] = {
        {.name = "node", .issuer = "ca", .dns = "localhost", .from_days = -9, .to_days = -1},
        {.name = "node", .issuer = "ca", .dns = "localhost", .from_days = 1, .to_days = 9}};
    struct fake_tls fake;
    char message[TLS_MESSAGE_MAX];
    fake_tls_open(&fake);
    struct tls *tls = fake_tls_load(&fake, "node", "ca");
    const void *before = tls_context(tls);
    fake_tls_make(&fake, &bad[0]);
    assert_int_equal(tls_reload(tls, message), ERR_BADARG);
    assert_non_null(strstr(message, "node.cert: has expired"));
    fake_tls_make(&fake, &bad[1]);
    assert_int_equal(tls_reload(tls, message), ERR_BADARG);
    assert_non_null(strstr(message, "node.cert: is not valid yet"));
    fake_tls_write(&fake, "node.cert", "half a certi");
    assert_int_equal(tls_reload(tls, message), ERR_BADARG);
    assert_int_equal(unlink(fake_tls_path(&fake, "node.cert")), 0);
    assert_int_equal(tls_reload(tls, message), -ENOENT);
    assert_ptr_equal(tls_context(tls), before);
    fake_tls_make_node(&fake, "node", "localhost");
    assert_int_equal(tls_reload(tls, message), 0);
    tls_free(tls);
    fake_tls_close(&fake);
}

static int quiet(void **state)
{
    log_set_level(LOG_NONE);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new__whole_files__are_taken),
        cmocka_unit_test(new__file_missing_or_none__is_named),
        cmocka_unit_test(new__content_of_another_kind__is_refused),
        cmocka_unit_test(new__second_certificate_damaged__is_refused),
        cmocka_unit_test(new__chain_and_several_authorities__are_taken),
        cmocka_unit_test(new__key_of_another_certificate__is_refused),
        cmocka_unit_test(new__key_with_a_passphrase__is_refused_unasked),
        cmocka_unit_test(new__key_that_others_may_read__is_refused),
        cmocka_unit_test(new__expired_certificate__is_taken),
        cmocka_unit_test(reload__new_files__count_from_then_on),
        cmocka_unit_test(reload__broken_or_not_valid__keeps_what_is_there),
    };
    return cmocka_run_group_tests_name("tls", tests, quiet, NULL);
}
