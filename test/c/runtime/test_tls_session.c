/* Two sessions with each other: whatever way their bytes are cut, they understand each other, and nothing
 * that others put in between gets through. */
#include "runtime/tls_session.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/fake_tls.h"
#include "unit.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A client that has connected to a server, and what both have been told. */
struct duel {
    struct fake_tls files;
    struct tls *client_tls;
    struct tls *server_tls;
    struct tls_session *client;
    struct tls_session *server;
    struct buf to_client; /* plain text that has arrived at it */
    struct buf to_server;
    int client_status; /* of the last feed */
    int server_status;
};

static void duel_of(struct duel *duel, struct tls *client, struct tls *server, const char *host, int version)
{
    duel->client_tls = client;
    duel->server_tls = server;
    SSL_CTX_set_max_proto_version(tls_context(client), version);
    duel->client = tls_session_connect(client, slice_of_text(host));
    duel->server = tls_session_accept(server);
}

static void duel_start(struct duel *duel, int version)
{
    *duel = (struct duel){0};
    fake_tls_open(&duel->files);
    duel_of(duel, fake_tls_load(&duel->files, "node", "ca"), fake_tls_load(&duel->files, "node", "ca"),
            "localhost", version);
}

static void duel_end(struct duel *duel)
{
    tls_session_free(duel->client);
    tls_session_free(duel->server);
    tls_free(duel->client_tls);
    tls_free(duel->server_tls);
    buf_release(&duel->to_client);
    buf_release(&duel->to_server);
    fake_tls_close(&duel->files);
}

/* A feed in a heap block of exactly that size. */
static int feed(struct tls_session *session, struct slice bytes, struct buf *plain)
{
    uint8_t *exact = mem_dup(bytes.data, bytes.size);
    int status = tls_session_feed(session, slice_of(exact, bytes.size), plain);
    mem_free(exact);
    return status;
}

/* Moves what one side has for the other, in pieces of so many bytes. True if there was something. */
static bool move(struct tls_session *from, struct tls_session *to, size_t piece, struct buf *plain,
                 int *status)
{
    struct buf bytes = *tls_session_output(from);
    *tls_session_output(from) = BUF_EMPTY;
    for (size_t at = 0; at < bytes.size; at += piece) {
        size_t left = bytes.size - at;
        *status = feed(to, slice_of(bytes.data + at, left < piece ? left : piece), plain);
    }
    bool moved = bytes.size > 0;
    buf_release(&bytes);
    return moved;
}

static void converse(struct duel *duel, size_t piece)
{
    bool moved = true;
    while (moved) {
        moved = move(duel->client, duel->server, piece, &duel->to_server, &duel->server_status);
        moved |= move(duel->server, duel->client, piece, &duel->to_client, &duel->client_status);
    }
}

static void say(struct tls_session *session, struct slice text)
{
    struct buf plain = BUF_EMPTY;
    buf_append_slice(&plain, text);
    tls_session_write(session, &plain);
    assert_int_equal(plain.size, 0);
    buf_release(&plain);
}

static void assert_heard(struct buf *plain, const char *text)
{
    assert_true(slice_equal(buf_slice(plain), slice_of_text(text)));
    buf_clear(plain);
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* ---- what it is for */

static void session__any_split__both_hear_each_other(void **state)
{
    static const size_t pieces[] = {1, 2, 3, 5, 7, 64, 1000, 16389, SIZE_MAX / 2};
    for (size_t i = 0; i < 2 * sizeof pieces / sizeof *pieces; i++) {
        struct duel duel;
        duel_start(&duel, versions[i % 2]);
        converse(&duel, pieces[i / 2]);
        say(duel.client, slice_of_text("hello"));
        say(duel.client, slice_of_text(", server"));
        say(duel.server, slice_of_text("hello, client"));
        converse(&duel, pieces[i / 2]);
        assert_heard(&duel.to_server, "hello, server");
        assert_heard(&duel.to_client, "hello, client");
        assert_int_equal(duel.client_status, 0);
        assert_int_equal(duel.server_status, 0);
        duel_end(&duel);
    }
}

static void session__megabytes__arrive_in_records(void **state)
{
    enum { SIZE = 3000001 };
    uint8_t *bytes = mem_alloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 256);
    for (int i = 0; i < 2; i++) {
        struct duel duel;
        duel_start(&duel, versions[i]);
        converse(&duel, SIZE_MAX / 2);
        say(duel.client, slice_of(bytes, SIZE));
        assert_in_range(tls_session_output(duel.client)->size, SIZE, SIZE + SIZE / 100);
        converse(&duel, 99991);
        assert_true(slice_equal(buf_slice(&duel.to_server), slice_of(bytes, SIZE)));
        duel_end(&duel);
    }
    mem_free(bytes);
}

static void session__fed__gives_one_record_more_at_most(void **state)
{
    enum { PIECE = 1000, SIZE = 200000 };
    struct duel duel;
    uint8_t *bytes = mem_zalloc(SIZE);
    duel_start(&duel, TLS1_3_VERSION);
    converse(&duel, SIZE_MAX / 2);
    say(duel.client, slice_of(bytes, SIZE));
    struct buf *cipher = tls_session_output(duel.client);
    while (cipher->size > 0) {
        size_t piece = cipher->size < PIECE ? cipher->size : PIECE;
        size_t before = duel.to_server.size;
        assert_int_equal(feed(duel.server, slice_of(cipher->data, piece), &duel.to_server), 0);
        assert_true(duel.to_server.size - before <= PIECE + 16384);
        buf_consume(cipher, piece);
    }
    assert_int_equal(duel.to_server.size, SIZE);
    mem_free(bytes);
    duel_end(&duel);
}

static void write__before_hands_are_shaken__stays(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct duel duel;
        struct buf plain = BUF_EMPTY;
        duel_start(&duel, versions[i]);
        buf_append(&plain, "secret", 6);
        size_t before = tls_session_output(duel.client)->size;
        tls_session_write(duel.client, &plain);
        assert_int_equal(plain.size, 6);
        assert_int_equal(tls_session_output(duel.client)->size, before);
        tls_session_write(duel.server, &plain);
        assert_int_equal(plain.size, 6);
        /* Nor when the server knows the client's wishes, but not yet who it is. */
        move(duel.client, duel.server, SIZE_MAX / 2, &duel.to_server, &duel.server_status);
        tls_session_write(duel.server, &plain);
        assert_int_equal(plain.size, 6);
        converse(&duel, 11);
        tls_session_write(duel.server, &plain);
        assert_int_equal(plain.size, 0);
        converse(&duel, 11);
        assert_heard(&duel.to_client, "secret");
        buf_release(&plain);
        duel_end(&duel);
    }
}

static void close__after_some_words__ends_behind_them(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct duel duel;
        duel_start(&duel, versions[i]);
        converse(&duel, SIZE_MAX / 2);
        say(duel.server, slice_of_text("bye"));
        tls_session_close(duel.server);
        tls_session_close(duel.server);
        move(duel.server, duel.client, 1, &duel.to_client, &duel.client_status);
        assert_int_equal(duel.client_status, 1);
        assert_heard(&duel.to_client, "bye");
        assert_int_equal(feed(duel.client, slice_of_text("whatever"), &duel.to_client), 1);
        assert_int_equal(tls_session_output(duel.server)->size, 0);
        duel_end(&duel);
    }
}

static void close__while_hands_are_shaken__says_nothing(void **state)
{
    struct duel duel;
    duel_start(&duel, TLS1_3_VERSION);
    tls_session_close(duel.server);
    assert_int_equal(tls_session_output(duel.server)->size, 0);
    converse(&duel, 100);
    assert_int_equal(duel.server_status, 0);
    duel_end(&duel);
}

/* ---- who is refused */

/* Hands are shaken with those certificates; at the end somebody has refused. */
static void duel_refused(struct duel *duel, const char *client, const char *client_ca, const char *server,
                         const char *server_ca, const char *host, int version)
{
    duel_of(duel, fake_tls_load(&duel->files, client, client_ca),
            fake_tls_load(&duel->files, server, server_ca), host, version);
    converse(duel, 50);
    say(duel->client, slice_of_text(""));
    converse(duel, 50);
}

static void assert_problem(struct tls_session *session, int status, const char *problem)
{
    assert_int_equal(status, ERR_TLS);
    assert_string_equal(tls_session_problem(session), problem);
}

static void refused_open(struct duel *duel)
{
    static const struct fake_certificate others[] = {
        {.name = "otherca", .from_days = -2, .to_days = 30, .authority = true},
        {.name = "stranger", .issuer = "otherca", .dns = "localhost", .from_days = -1, .to_days = 30},
        {.name = "expired", .issuer = "ca", .dns = "localhost", .from_days = -9, .to_days = -1},
        {.name = "early", .issuer = "ca", .dns = "localhost", .from_days = 1, .to_days = 9},
        {.name = "wild", .issuer = "ca", .dns = "*.example.org", .from_days = -1, .to_days = 9},
        {.name = "numeric", .issuer = "ca", .dns = "127.0.0.1", .from_days = -1, .to_days = 9},
        {.name = "named", .issuer = "ca", .from_days = -1, .to_days = 9}};
    *duel = (struct duel){0};
    fake_tls_open(&duel->files);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        fake_tls_make(&duel->files, &others[i]);
}

static void client__certificate_not_to_be_believed__is_refused(void **state)
{
    static const char *const cases[][3] = {
        {"stranger", "its certificate: unable to get local issuer certificate", "it refuses: unknown CA"},
        {"expired", "its certificate: certificate has expired", "it refuses: certificate expired"},
        {"early", "its certificate: certificate is not yet valid", "it refuses: bad certificate"}};
    for (size_t i = 0; i < 6; i++) {
        struct duel duel;
        const char *const *c = cases[i / 2];
        refused_open(&duel);
        duel_refused(&duel, c[0], "ca", "node", "ca", "localhost", versions[i % 2]);
        assert_problem(duel.server, duel.server_status, c[1]);
        assert_problem(duel.client, duel.client_status, c[2]);
        duel_end(&duel);
    }
}

static void server__certificate_not_to_be_believed__is_refused(void **state)
{
    static const char *const cases[][4] = {
        {"stranger", "localhost", "its certificate: unable to get local issuer certificate",
         "it refuses: unknown CA"},
        {"expired", "localhost", "its certificate: certificate has expired",
         "it refuses: certificate expired"},
        {"node", "elsewhere", "its certificate: hostname mismatch", "it refuses: bad certificate"},
        {"node", "localhost.example.org", "its certificate: hostname mismatch",
         "it refuses: bad certificate"},
        {"wild", "a.example.org", "its certificate: hostname mismatch", "it refuses: bad certificate"},
        {"named", "127.0.0.1", "its certificate: hostname mismatch", "it refuses: bad certificate"}};
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        struct duel duel;
        const char *const *c = cases[i / 2];
        refused_open(&duel);
        duel_refused(&duel, "node", "ca", c[0], "ca", c[1], versions[i % 2]);
        assert_problem(duel.client, duel.client_status, c[2]);
        assert_problem(duel.server, duel.server_status, c[3]);
        duel_end(&duel);
    }
}

static void server__host_by_common_name_or_in_capitals_or_numeric__is_taken(void **state)
{
    static const char *const cases[][2] = {
        {"named", "named"}, {"node", "LocalHost"}, {"numeric", "127.0.0.1"}};
    for (size_t i = 0; i < 6; i++) {
        struct duel duel;
        refused_open(&duel);
        duel_of(&duel, fake_tls_load(&duel.files, "node", "ca"),
                fake_tls_load(&duel.files, cases[i / 2][0], "ca"), cases[i / 2][1], versions[i % 2]);
        converse(&duel, 1000);
        say(duel.client, slice_of_text("hi"));
        converse(&duel, 1000);
        assert_heard(&duel.to_server, "hi");
        duel_end(&duel);
    }
}

static void server__client_of_tls_1_1__is_refused(void **state)
{
    struct duel duel;
    duel = (struct duel){0};
    fake_tls_open(&duel.files);
    struct tls *client = fake_tls_load(&duel.files, "node", "ca");
    SSL_CTX_set_min_proto_version(tls_context(client), TLS1_1_VERSION);
    SSL_CTX_set_security_level(tls_context(client), 0);
    duel_of(&duel, client, fake_tls_load(&duel.files, "node", "ca"), "localhost", TLS1_1_VERSION);
    converse(&duel, 1000);
    assert_problem(duel.server, duel.server_status, "unsupported protocol");
    assert_problem(duel.client, duel.client_status, "it refuses: protocol version");
    duel_end(&duel);
}

/* ---- what others put in between */

static void feed__no_tls__is_an_error_and_stays_one(void **state)
{
    static const char send_name[] = "\0\24N\0\0\0\15\7\337\177\275c\17a\330\0\5a@b";
    static const char http[] = "GET / HTTP/1.0\r\n\r\n";
    static const char large[] = "\26\3\1\377\377aaaaaaaa";
    static const char nothing[] = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    const struct slice cases[] = {slice_of(send_name, sizeof send_name - 1), slice_of(http, sizeof http - 1),
                                  slice_of(large, sizeof large - 1), slice_of(nothing, sizeof nothing - 1)};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct duel duel;
        duel_start(&duel, TLS1_3_VERSION);
        assert_int_equal(feed(duel.server, cases[i], &duel.to_server), ERR_TLS);
        assert_true(strlen(tls_session_problem(duel.server)) > 0);
        assert_int_equal(move(duel.client, duel.server, 9, &duel.to_server, &duel.server_status), true);
        assert_int_equal(duel.server_status, ERR_TLS);
        assert_int_equal(duel.to_server.size, 0);
        duel_end(&duel);
    }
}

static void feed__noise__never_gets_through(void **state)
{
    enum { ROUNDS = 300, SIZE = 4000 };
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    struct duel duel;
    duel_start(&duel, TLS1_3_VERSION);
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t noise[SIZE];
        struct tls_session *session = round % 2 != 0
                                          ? tls_session_accept(duel.server_tls)
                                          : tls_session_connect(duel.client_tls, slice_of_text("localhost"));
        for (size_t i = 0; i < SIZE; i++)
            noise[i] = (uint8_t)rand();
        memcpy(noise, "\26\3\3", (size_t)(rand() % 4)); /* the beginning may be right */
        noise[3] = (uint8_t)(rand() % 20);
        int status = feed(session, slice_of(noise, SIZE), &duel.to_server);
        assert_true(status == 0 || status == ERR_TLS);
        assert_int_equal(duel.to_server.size, 0);
        tls_session_free(session);
    }
    duel_end(&duel);
}

/* Each byte of both hellos is wrong once. */
static void feed__damaged_hello__never_ends_well(void **state)
{
    struct duel duel;
    duel_start(&duel, TLS1_3_VERSION);
    struct buf hello = *tls_session_output(duel.client);
    *tls_session_output(duel.client) = BUF_EMPTY;
    for (size_t i = 0; i < hello.size; i++) {
        struct tls_session *server = tls_session_accept(duel.server_tls);
        int client_status = 0, server_status;
        hello.data[i] ^= 0x41;
        server_status = feed(server, buf_slice(&hello), &duel.to_server);
        hello.data[i] ^= 0x41;
        struct tls_session *client = tls_session_connect(duel.client_tls, slice_of_text("localhost"));
        move(server, client, SIZE_MAX / 2, &duel.to_client, &client_status);
        assert_true(server_status == 0 || server_status == ERR_TLS);
        assert_true(client_status == 0 || client_status == ERR_TLS);
        assert_int_equal(duel.to_server.size + duel.to_client.size, 0);
        tls_session_free(server);
        tls_session_free(client);
    }
    buf_release(&hello);
    duel_end(&duel);
}

static void feed__any_byte_of_a_record_changed__is_an_error(void **state)
{
    for (int i = 0; i < 2; i++) {
        size_t size = 1;
        for (size_t at = 0; at < size; at++) {
            struct duel duel;
            duel_start(&duel, versions[i]);
            converse(&duel, SIZE_MAX / 2);
            say(duel.client, slice_of_text("ten words."));
            struct buf *record = tls_session_output(duel.client);
            size = record->size;
            record->data[at] ^= 1;
            if (at == 3 || at == 4) /* a longer record: the rest of it must come */
                memset(buf_extend(record, 300), 0, 300);
            int status = feed(duel.server, buf_slice(record), &duel.to_server);
            assert_true(status == ERR_TLS || (status == 0 && (at == 3 || at == 4)));
            assert_int_equal(duel.to_server.size, 0);
            duel_end(&duel);
        }
    }
}

static void feed__record_twice__is_an_error(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct duel duel;
        duel_start(&duel, versions[i]);
        converse(&duel, SIZE_MAX / 2);
        say(duel.client, slice_of_text("pay 100"));
        struct buf *record = tls_session_output(duel.client);
        assert_int_equal(feed(duel.server, buf_slice(record), &duel.to_server), 0);
        assert_heard(&duel.to_server, "pay 100");
        assert_int_equal(feed(duel.server, buf_slice(record), &duel.to_server), ERR_TLS);
        assert_int_equal(duel.to_server.size, 0);
        duel_end(&duel);
    }
}

static void write__after_an_error__takes_nothing(void **state)
{
    struct duel duel;
    struct buf plain = BUF_EMPTY;
    duel_start(&duel, TLS1_3_VERSION);
    converse(&duel, SIZE_MAX / 2);
    assert_int_equal(feed(duel.server, slice_of_text("this is no record"), &duel.to_server), ERR_TLS);
    assert_true(tls_session_output(duel.server)->size > 0); /* the alert */
    buf_append(&plain, "x", 1);
    tls_session_write(duel.server, &plain);
    tls_session_close(duel.server);
    assert_int_equal(plain.size, 1);
    move(duel.server, duel.client, 3, &duel.to_client, &duel.client_status);
    assert_int_equal(duel.client_status, ERR_TLS);
    buf_release(&plain);
    duel_end(&duel);
}

static int quiet(void **state)
{
    log_set_level(LOG_NONE);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session__any_split__both_hear_each_other),
        cmocka_unit_test(session__megabytes__arrive_in_records),
        cmocka_unit_test(session__fed__gives_one_record_more_at_most),
        cmocka_unit_test(write__before_hands_are_shaken__stays),
        cmocka_unit_test(close__after_some_words__ends_behind_them),
        cmocka_unit_test(close__while_hands_are_shaken__says_nothing),
        cmocka_unit_test(client__certificate_not_to_be_believed__is_refused),
        cmocka_unit_test(server__certificate_not_to_be_believed__is_refused),
        cmocka_unit_test(server__host_by_common_name_or_in_capitals_or_numeric__is_taken),
        cmocka_unit_test(server__client_of_tls_1_1__is_refused),
        cmocka_unit_test(feed__no_tls__is_an_error_and_stays_one),
        cmocka_unit_test(feed__noise__never_gets_through),
        cmocka_unit_test(feed__damaged_hello__never_ends_well),
        cmocka_unit_test(feed__any_byte_of_a_record_changed__is_an_error),
        cmocka_unit_test(feed__record_twice__is_an_error),
        cmocka_unit_test(write__after_an_error__takes_nothing),
    };
    return cmocka_run_group_tests_name("tls_session", tests, quiet, NULL);
}
