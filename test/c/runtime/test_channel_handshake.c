/* From a socket to a peer, in both roles, however the bytes are cut; and what a handshake that does not end
 * leaves behind. What is said in it, test_handshake shows. */
#include "runtime/channel_handshake.h"

#include "base/error.h"
#include "runtime/channel_output.h"
#include "runtime/fake_channel.h"
#include "runtime/node.h"
#include "unit.h"
#include "wire/control.h"
#include "wire/etf_write.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct peer *peer_of(struct line *line, const char *name)
{
    return peer_find(&line->node, slice_of_text(name));
}

/* ---- accepted */

static void accept__bytes_in_pieces_of_any_size__up_once(void **state)
{
    for (size_t piece = 1; piece <= 24; piece++) {
        struct line line;
        struct line_end end;
        line_open(&line, (struct connections_config){0});
        line_accept(&line, &end);
        assert_true(line_shake_hands_by(&end, LINE_THEIRS, LINE_COOKIE, piece));
        assert_int_equal(line.up, 1);
        assert_string_equal(line.checked, LINE_THEIRS);
        assert_int_equal(end.channel->state, CHANNEL_UP);
        assert_int_equal(line.channels.accepted, 0);
        assert_ptr_equal(end.channel->peer, peer_of(&line, LINE_THEIRS));
        assert_null(end.channel->handshake);
        line_hang_up(&end);
        line_close(&line);
    }
}

/* What the other side says until its reply, in one piece, as a recorded connection would repeat it. */
static void write_name(struct buf *out)
{
    const struct handshake_config config = {.node = slice_of_text(LINE_THEIRS),
                                            .cookie = slice_of_text(LINE_COOKIE),
                                            .creation = 1,
                                            .flags = HANDSHAKE_FLAGS};
    struct handshake *handshake = handshake_connect_new(&config, slice_of_text(LINE_OURS), out);
    static const uint8_t reply[] = {0, 21, 'r', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    handshake_free(handshake);
    buf_append(out, reply, sizeof reply); /* of a digest that cannot be right */
}

static void accept__other_side_ends_after_each_byte__nothing_left(void **state)
{
    struct buf said = BUF_EMPTY;
    write_name(&said);
    for (size_t size = 0; size < said.size; size++) {
        struct line line;
        struct line_end end;
        line_open(&line, (struct connections_config){0});
        line_accept(&line, &end);
        line_send(&end, slice_of(said.data, size));
        shutdown(end.fd, SHUT_WR);
        line_await_ended(&line, 1);
        assert_int_equal(line.errors[0], UV_EOF);
        assert_int_equal(line.up, 0);
        assert_null(peer_of(&line, LINE_THEIRS));
        line_hang_up(&end);
        line_close(&line);
    }
    buf_release(&said);
}

static void accept__wrong_digest__never_up_and_told_by_the_end(void **state)
{
    struct buf said = BUF_EMPTY;
    struct line line;
    struct line_end end;
    write_name(&said);
    line_open(&line, (struct connections_config){0});
    line_accept(&line, &end);
    line_send(&end, buf_slice(&said));
    line_receive_all(&end);
    line_hang_up(&end);
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], ERR_BAD_COOKIE);
    assert_int_equal(line.up, 0);
    buf_release(&said);
    line_close(&line);
}

static void accept__any_first_byte_of_a_packet_changed__refused(void **state)
{
    struct buf said = BUF_EMPTY;
    write_name(&said);
    for (unsigned tag = 0; tag < 256; tag += 3) {
        struct line line;
        struct line_end end;
        if (tag == 'N')
            continue;
        said.data[2] = (uint8_t)tag;
        line_open(&line, (struct connections_config){0});
        line_accept(&line, &end);
        line_send(&end, buf_slice(&said));
        line_receive_all(&end);
        assert_int_equal(end.in.size, 0);
        assert_string_equal(line.checked, ""); /* nobody was asked */
        line_hang_up(&end);
        line_await_ended(&line, 1);
        assert_int_equal(line.errors[0], ERR_PROTOCOL);
        line_close(&line);
    }
    buf_release(&said);
}

static void accept__empty_packet__refused(void **state)
{
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){0});
    line_accept(&line, &end);
    line_send(&end, slice_of("\0\0", 2));
    line_receive_all(&end);
    line_hang_up(&end);
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], ERR_PROTOCOL);
    line_close(&line);
}

static void accept__name_refused_by_the_owner__status_arrives_before_the_end(void **state)
{
    static const struct {
        enum handshake_status status;
        const char *text;
    } refusals[] = {{HANDSHAKE_NOT_ALLOWED, "snot_allowed"}, {HANDSHAKE_NOK, "snok"}};
    for (int i = 0; i < 2; i++) {
        struct line line;
        struct line_end end;
        line_open(&line, (struct connections_config){0});
        line.status = refusals[i].status;
        line_accept(&line, &end);
        assert_false(line_shake_hands(&end, LINE_THEIRS, LINE_COOKIE));
        assert_memory_equal(end.packet.data, refusals[i].text, end.packet.size);
        assert_string_equal(end.channel->name, LINE_THEIRS); /* for the log */
        line_receive_all(&end);
        line_hang_up(&end);
        line_await_ended(&line, 1);
        assert_int_equal(line.errors[0], ERR_REFUSED);
        line_close(&line);
    }
}

static void accept__name_of_255_characters__is_the_peers(void **state)
{
    char name[256];
    struct line line;
    struct line_end end;
    memset(name, 'n', 255);
    memcpy(name + 200, "@host", 5);
    name[255] = '\0';
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, name);
    assert_string_equal(end.channel->name, name);
    assert_string_equal(line.checked, name);
    line_hang_up(&end);
    line_close(&line);
}

/* ---- who is replaced */

static void up__name_is_connected__closes_the_older_with_its_reason(void **state)
{
    struct line line;
    struct line_end older, newer;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &older, LINE_THEIRS);
    struct channel *first = older.channel;
    line_accept(&line, &newer);
    assert_ptr_equal(peer_of(&line, LINE_THEIRS), first->peer); /* stays until the newer one is up */
    assert_true(line_shake_hands(&newer, LINE_THEIRS, LINE_COOKIE));
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], ERR_EXISTS);
    assert_int_equal(line.up, 2);
    assert_ptr_equal(peer_of(&line, LINE_THEIRS), newer.channel->peer);
    assert_int_equal(line.channels.count, 1);
    line_receive_all(&older);
    line_hang_up(&older);
    line_hang_up(&newer);
    line_close(&line);
}

static void up__name_is_finishing__both_end_by_themselves(void **state)
{
    struct line line;
    struct line_end older, newer;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &older, LINE_THEIRS);
    channel_finish(older.channel, ERR_STOPPED, 60000);
    line_join(&line, &newer, LINE_THEIRS);
    assert_int_equal(line.ended, 0);
    assert_int_equal(older.channel->state, CHANNEL_FINISHING);
    line_hang_up(&older);
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], ERR_STOPPED);
    assert_non_null(peer_of(&line, LINE_THEIRS));
    line_hang_up(&newer);
    line_close(&line);
}

static void up__as_many_as_may_be_meanwhile__is_finished(void **state)
{
    struct line line;
    struct line_end first, surplus, again;
    line_open(&line, (struct connections_config){.connections_max = 1});
    line_join(&line, &first, LINE_THEIRS);
    line_accept(&line, &surplus);
    assert_true(line_shake_hands(&surplus, "other@there", LINE_COOKIE)); /* and then it is closed */
    line_hang_up(&surplus);
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], ERR_SYSTEM_LIMIT);
    assert_null(peer_of(&line, "other@there"));
    assert_non_null(peer_of(&line, LINE_THEIRS));
    line_accept(&line, &again);
    assert_true(line_shake_hands(&again, LINE_THEIRS, LINE_COOKIE)); /* instead of the older one */
    line_await_ended(&line, 2);
    assert_int_equal(line.errors[1], ERR_EXISTS);
    assert_int_equal(line.channels.up, 1);
    line_receive_all(&first);
    line_hang_up(&first);
    line_hang_up(&again);
    line_close(&line);
}

/* ---- what waited for the peer */

static bool dial_later(void *ctx, const char *name)
{
    return true;
}

/* Frames for them before they are connected. */
static void write_for_pending(struct line *line, struct buf *expected)
{
    struct buf atom = BUF_EMPTY;
    etf_write_atom(&atom, LINE_THEIRS);
    line->node.dial.connect = dial_later;
    line->node.dial.waiting_size_max = 1 << 20;
    struct peer *pending = peer_reach(&line->node, buf_slice(&atom));
    assert_non_null(pending);
    control_tick(&pending->out);
    control_link(&pending->out, buf_slice(&atom), buf_slice(&atom));
    buf_append_slice(expected, buf_slice(&pending->out));
    buf_release(&atom);
}

static void up__something_waited_for_the_peer__comes_behind_the_handshake(void **state)
{
    struct line line;
    struct line_end end;
    struct buf expected = BUF_EMPTY;
    line_open(&line, (struct connections_config){0});
    write_for_pending(&line, &expected);
    line_accept(&line, &end);
    /* The handshake's last packet must come first: else this side would not be done. */
    assert_true(line_shake_hands(&end, LINE_THEIRS, LINE_COOKIE));
    channel_wake(end.channel);
    assert_true(line_receive(&end, expected.size));
    assert_memory_equal(end.in.data, expected.data, expected.size);
    buf_release(&expected);
    line_hang_up(&end);
    line_close(&line);
}

/* ---- connected by us */

/* A listening socket; connects a channel to it and takes the other end. */
static void connect_to(struct line *line, struct line_end *end, const char *name)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &size), 0);
    *end = (struct line_end){.line = line};
    end->channel = channel_connect(&line->channels, name, (struct sockaddr *)&address);
    end->fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(end->fd >= 0);
    close(listening);
}

static void connect__right_cookie__up_on_both_sides(void **state)
{
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){0});
    connect_to(&line, &end, LINE_THEIRS);
    assert_true(line_answer_hands(&end, LINE_THEIRS, LINE_COOKIE));
    line_turn(&line);
    assert_int_equal(line.up, 1);
    assert_string_equal(line.checked, ""); /* whom we connect to need not be allowed */
    assert_non_null(peer_of(&line, LINE_THEIRS));
    line_hang_up(&end);
    line_close(&line);
}

static void connect__wrong_cookie__never_up(void **state)
{
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){0});
    connect_to(&line, &end, LINE_THEIRS);
    assert_false(line_answer_hands(&end, LINE_THEIRS, "WRONG"));
    line_hang_up(&end);
    line_await_ended(&line, 1);
    assert_int_equal(line.up, 0);
    assert_true(line.errors[0] != 0);
    line_close(&line);
}

static void connect__answers__tell_why_it_ended(void **state)
{
    static const struct {
        const char *packet; /* behind the low byte of its length */
        int error;
    } answers[] = {
        {"\4snok", ERR_EXISTS},
        {"\14snot_allowed", ERR_REFUSED},
        {"\3sno", ERR_PROTOCOL},
        {"\1N", ERR_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct line line;
        struct line_end end;
        line_open(&line, (struct connections_config){0});
        connect_to(&line, &end, LINE_THEIRS);
        assert_true(line_packet(&end)); /* our name */
        assert_int_equal(end.packet.data[0], 'N');
        line_send(&end, slice_of("", 1));
        line_send(&end, slice_of_text(answers[i].packet));
        line_receive_all(&end);
        line_hang_up(&end);
        line_await_ended(&line, 1);
        assert_int_equal(line.errors[0], answers[i].error);
        line_close(&line);
    }
}

static void connect__silence__ended_at_the_deadline(void **state)
{
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){.handshake_ms = 1});
    connect_to(&line, &end, LINE_THEIRS);
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], ERR_TIMEOUT);
    line_hang_up(&end);
    line_close(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept__bytes_in_pieces_of_any_size__up_once),
        cmocka_unit_test(accept__other_side_ends_after_each_byte__nothing_left),
        cmocka_unit_test(accept__wrong_digest__never_up_and_told_by_the_end),
        cmocka_unit_test(accept__any_first_byte_of_a_packet_changed__refused),
        cmocka_unit_test(accept__empty_packet__refused),
        cmocka_unit_test(accept__name_refused_by_the_owner__status_arrives_before_the_end),
        cmocka_unit_test(accept__name_of_255_characters__is_the_peers),
        cmocka_unit_test(up__name_is_connected__closes_the_older_with_its_reason),
        cmocka_unit_test(up__name_is_finishing__both_end_by_themselves),
        cmocka_unit_test(up__as_many_as_may_be_meanwhile__is_finished),
        cmocka_unit_test(up__something_waited_for_the_peer__comes_behind_the_handshake),
        cmocka_unit_test(connect__right_cookie__up_on_both_sides),
        cmocka_unit_test(connect__wrong_cookie__never_up),
        cmocka_unit_test(connect__answers__tell_why_it_ended),
        cmocka_unit_test(connect__silence__ended_at_the_deadline),
    };
    return cmocka_run_group_tests_name("channel_handshake", tests, NULL, NULL);
}
