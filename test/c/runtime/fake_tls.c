/* Makes certificates by OpenSSL. */
#include "runtime/fake_tls.h"

#include "unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *fake_tls_path(const struct fake_tls *fake, const char *file)
{
    enum { PATHS = 256 };
    static char paths[PATHS][2 * FAKE_TLS_PATH];
    static unsigned next;
    char *path = paths[next++ % PATHS];
    snprintf(path, sizeof paths[0], "%s/%s", fake->folder, file);
    return path;
}

static const char *path_of(const struct fake_tls *fake, const char *name, const char *extension)
{
    char file[FAKE_TLS_PATH];
    snprintf(file, sizeof file, "%s.%s", name, extension);
    return fake_tls_path(fake, file);
}

static FILE *open_for(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    return file;
}

static X509 *read_certificate(const struct fake_tls *fake, const char *name)
{
    FILE *file = open_for(path_of(fake, name, "cert"), "r");
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    assert_non_null(certificate);
    return certificate;
}

static EVP_PKEY *read_key(const struct fake_tls *fake, const char *name)
{
    FILE *file = open_for(path_of(fake, name, "key"), "r");
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    assert_non_null(key);
    return key;
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void describe(X509 *certificate, const struct fake_certificate *wanted)
{
    static long serial = 1;
    char dns[FAKE_TLS_PATH];
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), wanted->from_days * 86400L);
    X509_gmtime_adj(X509_getm_notAfter(certificate), wanted->to_days * 86400L);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)wanted->name, -1, -1, 0);
    add_extension(certificate, NID_basic_constraints, wanted->authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (wanted->dns != NULL) {
        snprintf(dns, sizeof dns, "DNS:%s", wanted->dns);
        add_extension(certificate, NID_subject_alt_name, dns);
    }
}

static void write_files(const struct fake_tls *fake, const char *name, X509 *certificate, EVP_PKEY *key)
{
    FILE *file = open_for(path_of(fake, name, "cert"), "w");
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    fclose(file);
    file = open_for(path_of(fake, name, "key"), "w");
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    assert_int_equal(chmod(path_of(fake, name, "key"), S_IRUSR | S_IWUSR), 0);
}

void fake_tls_make(struct fake_tls *fake, const struct fake_certificate *wanted)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    describe(certificate, wanted);
    X509_set_pubkey(certificate, key);
    X509 *issuer = wanted->issuer != NULL ? read_certificate(fake, wanted->issuer) : certificate;
    EVP_PKEY *signer = wanted->issuer != NULL ? read_key(fake, wanted->issuer) : key;
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    assert_true(X509_sign(certificate, signer, EVP_sha256()) > 0);
    write_files(fake, wanted->name, certificate, key);
    if (wanted->issuer != NULL) {
        X509_free(issuer);
        EVP_PKEY_free(signer);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void fake_tls_make_node(struct fake_tls *fake, const char *name, const char *dns)
{
    const struct fake_certificate node = {
        .name = name, .issuer = "ca", .dns = dns, .from_days = -1, .to_days = 30};
    fake_tls_make(fake, &node);
}

void fake_tls_open(struct fake_tls *fake)
{
    const struct fake_certificate ca = {.name = "ca", .from_days = -2, .to_days = 30, .authority = true};
    strcpy(fake->folder, "/tmp/todo_tls_XXXXXX");
    assert_non_null(mkdtemp(fake->folder));
    fake_tls_make(fake, &ca);
    fake_tls_make_node(fake, "node", "localhost");
}

void fake_tls_close(struct fake_tls *fake)
{
    char command[2 * FAKE_TLS_PATH];
    snprintf(command, sizeof command, "rm -rf '%s'", fake->folder);
    assert_int_equal(system(command), 0);
}

void fake_tls_write(struct fake_tls *fake, const char *name, const char *text)
{
    const char *path = fake_tls_path(fake, name);
    FILE *file = open_for(path, "w");
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, S_IRUSR | S_IWUSR), 0);
}

struct tls_files fake_tls_files(const struct fake_tls *fake, const char *name, const char *ca)
{
    return (struct tls_files){.cert = path_of(fake, name, "cert"),
                              .key = path_of(fake, name, "key"),
                              .ca = path_of(fake, ca, "cert")};
}

struct tls *fake_tls_load(const struct fake_tls *fake, const char *name, const char *ca)
{
    const struct tls_files files = fake_tls_files(fake, name, ca);
    char message[TLS_MESSAGE_MAX] = "";
    struct tls *tls;
    if (tls_new(&tls, &files, message) != 0)
        fail_msg("%s", message);
    return tls;
}
