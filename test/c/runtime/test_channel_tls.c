/* Channels over TLS: as without, from the first byte to the last, and nothing gets past it. */
#include "runtime/channel_tls.h"

#include "base/error.h"
#include "runtime/channel_input.h"
#include "runtime/channel_output.h"
#include "runtime/fake_channel.h"
#include "runtime/fake_tls.h"
#include "unit.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A line whose node has TLS. */
struct secure {
    struct line line;
    struct fake_tls files;
    struct tls *tls;    /* the node's */
    struct tls *theirs; /* of those at the other end */
};

static void secure_open(struct secure *secure, struct connections_config config)
{
    fake_tls_open(&secure->files);
    secure->tls = fake_tls_load(&secure->files, "node", "ca");
    secure->theirs = fake_tls_load(&secure->files, "node", "ca");
    config.tls = secure->tls;
    line_open(&secure->line, config);
}

static void secure_close(struct secure *secure)
{
    line_close(&secure->line);
    tls_free(secure->tls);
    tls_free(secure->theirs);
    fake_tls_close(&secure->files);
}

static void secure_join(struct secure *secure, struct line_end *end)
{
    line_accept_tls(&secure->line, end, secure->theirs);
    assert_true(line_shake_hands(end, LINE_THEIRS, LINE_COOKIE));
    line_turn(&secure->line);
    assert_int_equal(end->channel->state, CHANNEL_UP);
}

/* The node connects; its socket's other end, which has said nothing. */
static void secure_connect(struct secure *secure, struct line_end *end)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &size), 0);
    *end = (struct line_end){.line = &secure->line};
    end->channel = channel_connect(&secure->line.channels, LINE_THEIRS, (struct sockaddr *)&address);
    end->fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(end->fd >= 0);
    close(listening);
}

static void assert_ended(struct secure *secure, struct line_end *end, int error)
{
    line_receive_all(end);
    line_hang_up(end);
    line_await_ended(&secure->line, 1);
    assert_int_equal(secure->line.errors[0], error);
}

/* ---- as without */

static void accept__both_versions__talks(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (int i = 0; i < 2; i++) {
        struct secure secure;
        struct line_end end;
        struct buf out = BUF_EMPTY;
        secure_open(&secure, (struct connections_config){0});
        SSL_CTX_set_max_proto_version(tls_context(secure.theirs), versions[i]);
        secure_join(&secure, &end);
        line_write_echo(&out, LINE_THEIRS, 10);
        line_write_echo(&out, LINE_THEIRS, 3000000);
        line_write_echo(&out, LINE_THEIRS, 0);
        line_send(&end, buf_slice(&out));
        line_expect_echo(&end, 10);
        line_expect_echo(&end, 3000000);
        line_expect_echo(&end, 0);
        assert_int_equal(channel_waiting(end.channel), 0);
        buf_release(&out);
        line_hang_up(&end);
        line_await_ended(&secure.line, 1);
        assert_int_equal(secure.line.errors[0], UV_EOF);
        secure_close(&secure);
    }
}

static void accept__byte_by_byte__talks(void **state)
{
    struct secure secure;
    struct line_end end;
    struct buf out = BUF_EMPTY;
    secure_open(&secure, (struct connections_config){0});
    line_accept_tls(&secure.line, &end, secure.theirs);
    assert_true(line_shake_hands_by(&end, LINE_THEIRS, LINE_COOKIE, 1));
    line_write_echo(&out, LINE_THEIRS, 100);
    for (size_t i = 0; i < out.size; i++)
        line_send(&end, slice_of(out.data + i, 1));
    line_expect_echo(&end, 100);
    buf_release(&out);
    line_hang_up(&end);
    secure_close(&secure);
}

static void connect__right_cookie__is_up(void **state)
{
    struct secure secure;
    struct line_end end;
    secure_open(&secure, (struct connections_config){0});
    secure_connect(&secure, &end);
    end.tls = tls_session_accept(secure.theirs);
    assert_true(line_answer_hands(&end, LINE_THEIRS, LINE_COOKIE));
    line_turn(&secure.line);
    assert_int_equal(secure.line.up, 1);
    assert_true(channel_tls_is_for(end.channel, slice_of_text("any@localhost")));
    assert_false(channel_tls_is_for(end.channel, slice_of_text("any@localhost.org")));
    assert_false(channel_tls_is_for(end.channel, slice_of_text("any@")));
    line_hang_up(&end);
    secure_close(&secure);
}

static void wrong_cookie__is_never_up(void **state)
{
    struct secure secure;
    struct line_end end;
    secure_open(&secure, (struct connections_config){0});
    line_accept_tls(&secure.line, &end, secure.theirs);
    assert_false(line_shake_hands(&end, LINE_THEIRS, "WRONG"));
    assert_int_equal(secure.line.up, 0);
    assert_ended(&secure, &end, ERR_BAD_COOKIE);
    secure_close(&secure);
}

/* ---- turns */

/* Channels that have got a client's first words, in one turn of the loop, without any answer to them. */
static void await_turns(struct secure *secure, struct line_end *ends, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        line_accept_tls(&secure->line, &ends[i], secure->theirs);
        struct buf *hello = tls_session_output(ends[i].tls);
        assert_int_equal(send(ends[i].fd, hello->data, hello->size, MSG_NOSIGNAL), hello->size);
        buf_clear(hello);
    }
    uv_run(&secure->line.loop, UV_RUN_NOWAIT);
    for (unsigned i = 0; i < count; i++)
        assert_true(ends[i].channel->awaits_turn);
}

static unsigned answered(struct line_end *ends, unsigned count)
{
    unsigned answers = 0;
    for (unsigned i = 0; i < count; i++) {
        char byte;
        answers += recv(ends[i].fd, &byte, 1, MSG_PEEK) == 1;
    }
    return answers;
}

static void turn__many_shake_hands__one_at_a_time(void **state)
{
    enum { ENDS = 5 };
    struct secure secure;
    struct line_end ends[ENDS];
    secure_open(&secure, (struct connections_config){0});
    await_turns(&secure, ends, ENDS);
    assert_int_equal(answered(ends, ENDS), 0);
    for (unsigned i = 1; i <= ENDS; i++) {
        line_turn(&secure.line);
        assert_int_equal(answered(ends, ENDS), i);
        assert_int_equal(answered(ends, i), i); /* in the order of their coming */
    }
    assert_null(secure.line.channels.awaiting);
    for (unsigned i = 0; i < ENDS; i++)
        line_hang_up(&ends[i]);
    secure_close(&secure);
}

static void turn__closed_or_finished_before__is_skipped(void **state)
{
    enum { ENDS = 3 };
    struct secure secure;
    struct line_end ends[ENDS];
    secure_open(&secure, (struct connections_config){0});
    await_turns(&secure, ends, ENDS);
    channel_close(ends[0].channel, ERR_TIMEOUT, NULL);
    channel_finish(ends[1].channel, ERR_STOPPED, 60000);
    line_turn(&secure.line);
    assert_int_equal(answered(&ends[2], 1), 1);
    line_receive_all(&ends[0]);
    line_receive_all(&ends[1]);
    assert_int_equal(ends[0].in.size + ends[1].in.size, 0);
    line_hang_up(&ends[1]); /* it is read again, so that this is seen */
    line_await_ended(&secure.line, 2);
    line_hang_up(&ends[0]);
    line_hang_up(&ends[2]);
    secure_close(&secure);
}

/* ---- the end */

static void finish__last_words__arrive_before_the_last_one(void **state)
{
    struct secure secure;
    struct line_end end;
    secure_open(&secure, (struct connections_config){0});
    secure_join(&secure, &end);
    buf_append(channel_output(end.channel), "last words", 10);
    channel_finish(end.channel, ERR_STOPPED, 60000);
    line_receive_all(&end);
    assert_int_equal(end.tls_status, 1); /* not merely cut */
    assert_int_equal(end.in.size, 10);
    line_hang_up(&end);
    line_await_ended(&secure.line, 1);
    assert_int_equal(secure.line.errors[0], ERR_STOPPED);
    secure_close(&secure);
}

static void finish__while_hands_are_shaken__just_ends(void **state)
{
    struct secure secure;
    struct line_end end;
    secure_open(&secure, (struct connections_config){0});
    secure_connect(&secure, &end);
    while (end.channel->state == CHANNEL_CONNECTING)
        line_turn(&secure.line);
    channel_finish(end.channel, ERR_STOPPED, 60000);
    assert_ended(&secure, &end, ERR_STOPPED);
    secure_close(&secure);
}

/* Frames and the last word in one read. */
static void last_word__behind_frames__they_are_acted_on(void **state)
{
    enum { FRAMES = 50 };
    struct secure secure;
    struct line_end end;
    struct buf out = BUF_EMPTY;
    secure_open(&secure, (struct connections_config){0});
    secure_join(&secure, &end);
    for (int i = 0; i < FRAMES; i++)
        line_write_echo(&out, LINE_THEIRS, 10);
    tls_session_write(end.tls, &out);
    tls_session_close(end.tls);
    line_send_raw(&end, buf_slice(tls_session_output(end.tls)));
    line_await_ended(&secure.line, 1);
    assert_int_equal(secure.line.echoed, FRAMES);
    assert_int_equal(secure.line.errors[0], UV_EOF);
    buf_release(&out);
    line_hang_up(&end);
    secure_close(&secure);
}

/* The same where the answers to the first of them are more than this side takes. */
static void last_word__while_paused__frames_are_acted_on_first(void **state)
{
    enum { FRAMES = 12, SIZE = 10000 };
    struct secure secure;
    struct line_end end;
    struct buf out = BUF_EMPTY;
    int small = 1, fd;
    secure_open(&secure, (struct connections_config){.output_size_max = 2 * SIZE});
    secure_join(&secure, &end);
    assert_int_equal(uv_fileno((uv_handle_t *)&end.channel->tcp, &fd), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    for (int i = 0; i < FRAMES; i++)
        line_write_echo(&out, LINE_THEIRS, SIZE);
    tls_session_write(end.tls, &out);
    tls_session_close(end.tls);
    struct buf *cipher = tls_session_output(end.tls);
    assert_int_equal(send(end.fd, cipher->data, cipher->size, MSG_NOSIGNAL), cipher->size);
    buf_clear(cipher);
    line_turn(&secure.line);
    assert_true(end.channel->paused);
    assert_in_range(secure.line.echoed, 1, FRAMES - 1);
    line_receive_all(&end);
    line_await_ended(&secure.line, 1);
    assert_int_equal(secure.line.echoed, FRAMES);
    assert_int_equal(secure.line.errors[0], UV_EOF);
    buf_release(&out);
    line_hang_up(&end);
    secure_close(&secure);
}

/* ---- who does not get in */

static void accept__no_tls__is_told_and_ended(void **state)
{
    struct secure secure;
    struct line_end end;
    secure_open(&secure, (struct connections_config){0});
    line_accept(&secure.line, &end);
    line_send(&end, slice_of("\0\x15N\0\0\0\x0d\x07\xdf\x7f\xbd\x63\x0f\x61\xd8\0\6them@l", 23));
    assert_ended(&secure, &end, ERR_TLS);
    assert_string_equal(secure.line.checked, "");
    secure_close(&secure);
}

static void accept__certificate_of_another_authority__is_told_and_ended(void **state)
{
    static const struct fake_certificate others[] = {
        {.name = "otherca", .from_days = -2, .to_days = 30, .authority = true},
        {.name = "stranger", .issuer = "otherca", .dns = "localhost", .from_days = -1, .to_days = 30}};
    struct secure secure;
    struct line_end end;
    secure_open(&secure, (struct connections_config){0});
    fake_tls_make(&secure.files, &others[0]);
    fake_tls_make(&secure.files, &others[1]);
    struct tls *stranger = fake_tls_load(&secure.files, "stranger", "ca");
    line_accept_tls(&secure.line, &end, stranger);
    assert_false(line_shake_hands(&end, LINE_THEIRS, LINE_COOKIE));
    assert_string_equal(tls_session_problem(end.tls), "it refuses: unknown CA");
    assert_ended(&secure, &end, ERR_TLS);
    assert_string_equal(secure.line.checked, ""); /* not even its name was looked at */
    tls_free(stranger);
    secure_close(&secure);
}

static void connect__ends_instead_of_an_answer__does_not_speak_tls(void **state)
{
    struct secure secure;
    struct line_end end;
    secure_open(&secure, (struct connections_config){0});
    secure_connect(&secure, &end);
    line_hang_up(&end);
    line_await_ended(&secure.line, 1);
    assert_int_equal(secure.line.errors[0], ERR_TLS);
    secure_close(&secure);
}

/* Without TLS our name would be the first thing said. */
static void connect__nothing_answered__nothing_is_said_in_the_clear(void **state)
{
    struct secure secure;
    struct line_end end;
    secure_open(&secure, (struct connections_config){.handshake_ms = 100});
    secure_connect(&secure, &end);
    line_receive_all(&end);
    assert_true(end.in.size > 100);
    assert_int_equal(end.in.data[0], SSL3_RT_HANDSHAKE);
    assert_null(memmem(end.in.data, end.in.size, "us@localhost", 12));
    line_hang_up(&end);
    line_await_ended(&secure.line, 1);
    assert_int_equal(secure.line.errors[0], ERR_TIMEOUT);
    secure_close(&secure);
}

static void up__damaged_record__ends_it(void **state)
{
    struct secure secure;
    struct line_end end;
    struct buf out = BUF_EMPTY;
    secure_open(&secure, (struct connections_config){0});
    secure_join(&secure, &end);
    line_write_echo(&out, LINE_THEIRS, 100);
    tls_session_write(end.tls, &out);
    tls_session_output(end.tls)->data[50] ^= 1;
    line_send_raw(&end, buf_slice(tls_session_output(end.tls)));
    buf_clear(tls_session_output(end.tls));
    assert_ended(&secure, &end, ERR_TLS);
    assert_int_equal(secure.line.echoed, 0);
    buf_release(&out);
    secure_close(&secure);
}

static void up__bytes_in_the_clear__end_it(void **state)
{
    struct secure secure;
    struct line_end end;
    struct buf out = BUF_EMPTY;
    secure_open(&secure, (struct connections_config){0});
    secure_join(&secure, &end);
    line_write_echo(&out, LINE_THEIRS, 100);
    line_send_raw(&end, buf_slice(&out));
    assert_ended(&secure, &end, ERR_TLS);
    assert_int_equal(secure.line.echoed, 0);
    buf_release(&out);
    secure_close(&secure);
}

/* A BEAM negotiates anew after so many records over TLS 1.2, whatever else is under way. Its first request
 * comes with the hello, its second one when all is agreed. */
static void negotiated_anew__much_waits__goes_on(void **state)
{
    struct secure secure;
    struct line_end end;
    struct buf out = BUF_EMPTY;
    secure_open(&secure, (struct connections_config){.output_size_max = 50000});
    SSL_CTX_set_max_proto_version(tls_context(secure.theirs), TLS1_2_VERSION);
    secure_join(&secure, &end);
    line_write_echo(&out, LINE_THEIRS, 200000);
    tls_session_write(end.tls, &out);
    SSL *ssl = *(SSL **)end.tls; /* its first member */
    assert_int_equal(SSL_renegotiate(ssl), 1);
    SSL_do_handshake(ssl); /* says hello */
    line_send_raw(&end, buf_slice(tls_session_output(end.tls)));
    buf_clear(tls_session_output(end.tls));
    line_write_echo(&out, LINE_THEIRS, 100000);
    for (int i = 0; i < 2000 && end.in.size < 300000 && !end.closed; i++) {
        uint8_t bytes[65536];
        line_turn(&secure.line);
        ssize_t size = recv(end.fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (size > 0)
            assert_int_equal(tls_session_feed(end.tls, slice_of(bytes, (size_t)size), &end.in), 0);
        tls_session_write(end.tls, &out); /* nothing while hands are shaken */
        line_send_raw(&end, buf_slice(tls_session_output(end.tls)));
        buf_clear(tls_session_output(end.tls));
    }
    assert_true(end.in.size >= 300000);
    assert_int_equal(secure.line.echoed, 2);
    buf_release(&out);
    line_hang_up(&end);
    secure_close(&secure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept__both_versions__talks),
        cmocka_unit_test(accept__byte_by_byte__talks),
        cmocka_unit_test(connect__right_cookie__is_up),
        cmocka_unit_test(wrong_cookie__is_never_up),
        cmocka_unit_test(turn__many_shake_hands__one_at_a_time),
        cmocka_unit_test(turn__closed_or_finished_before__is_skipped),
        cmocka_unit_test(finish__last_words__arrive_before_the_last_one),
        cmocka_unit_test(finish__while_hands_are_shaken__just_ends),
        cmocka_unit_test(last_word__behind_frames__they_are_acted_on),
        cmocka_unit_test(last_word__while_paused__frames_are_acted_on_first),
        cmocka_unit_test(accept__no_tls__is_told_and_ended),
        cmocka_unit_test(accept__certificate_of_another_authority__is_told_and_ended),
        cmocka_unit_test(connect__ends_instead_of_an_answer__does_not_speak_tls),
        cmocka_unit_test(connect__nothing_answered__nothing_is_said_in_the_clear),
        cmocka_unit_test(negotiated_anew__much_waits__goes_on),
        cmocka_unit_test(up__damaged_record__ends_it),
        cmocka_unit_test(up__bytes_in_the_clear__end_it),
    };
    return cmocka_run_group_tests_name("channel_tls", tests, NULL, NULL);
}
