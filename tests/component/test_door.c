/* SPDX-License-Identifier: MIT
 * Who has to go when all places are taken, at a door whose answers are too long for one write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/door.h"
#include "base/metrics.h"
#include "support/free_port.h"
#include "support/pump.h"

enum { PLACES = 8, LONG = 16 * 1024 * 1024 /* more than sockets hold */ };

static const char body[LONG];
static struct event_base *base;
static struct door *door;
static struct sockaddr_in address;
static unsigned requests;

static void on_request(struct evhttp_request *req, void *arg)
{
    struct evbuffer *out = evbuffer_new();
    bool is_long = strcmp(evhttp_request_get_uri(req), "/long") == 0;
    (void)arg;
    requests++;
    evhttp_add_header(evhttp_request_get_output_headers(req), "Connection", "close");
    evbuffer_add_reference(out, body, is_long ? LONG : 1, NULL, NULL);
    evhttp_send_reply(req, 200, NULL, out);
    evbuffer_free(out);
}

static int open_door(int64_t life_ms)
{
    const struct door_limits limits = {.places = PLACES, .silence_s = 3600, .life_ms = life_ms};
    int port = free_port();
    address = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    base = event_base_new();
    door = door_new(base, &limits, on_request, NULL);
    requests = 0;
    return door_bind(door, "127.0.0.1", (uint16_t)port) ? 0 : -1;
}

static int set_up(void **state)
{
    (void)state;
    return open_door(3600 * 1000);
}

static int set_up_short(void **state)
{
    (void)state;
    return open_door(300);
}

static int tear_down(void **state)
{
    (void)state;
    door_free(door);
    event_base_free(base);
    return 0;
}

static int open_client(const char *text)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    return fd;
}

/* To the end, which must come; the number of bytes. */
static size_t read_all(int fd)
{
    static char text[65536];
    size_t len = 0;
    ssize_t n = -1;
    do {
        pump_until(base, (n = recv(fd, text, sizeof text, 0)) >= 0 || errno != EAGAIN);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    close(fd);
    return len;
}

static int64_t put_out(const char *why)
{
    return metrics_get_at(METRIC_ADMIN_REFUSED, metrics_find(SET_DOOR, why), 0);
}

static void one_is_answered(void)
{
    assert_true(read_all(open_client("GET / HTTP/1.1\r\n\r\n")) > 0);
}

static int open_slow(void)
{
    unsigned before = requests;
    int fd = open_client("GET /long HTTP/1.1\r\n\r\n");
    pump_until(base, requests > before);
    return fd;
}

/* All read too slowly but one, which came last and has asked nothing: that one goes; then the
 * oldest of those that are being answered. */
static void the_silent_go_before_the_slow(void **state)
{
    (void)state;
    int slow[PLACES];
    int64_t before = put_out("crowd");
    for (size_t i = 0; i < PLACES - 1; i++)
        slow[i] = open_slow();
    int mute = open_client("");
    one_is_answered();
    assert_int_equal(read_all(mute), 0);
    assert_int_equal(put_out("crowd"), before + 1);
    slow[PLACES - 1] = open_slow();
    assert_int_equal(put_out("crowd"), before + 1);
    one_is_answered();
    assert_int_equal(put_out("crowd"), before + 2);
    assert_true(read_all(slow[0]) < LONG);
    for (size_t i = 1; i < PLACES; i++)
        assert_true(read_all(slow[i]) > LONG);
}

/* Places of those that went by themselves are free without anybody's going. */
static void places_come_back(void **state)
{
    (void)state;
    int64_t before = put_out("crowd");
    for (size_t i = 0; i < 3 * PLACES; i++)
        one_is_answered();
    assert_int_equal(put_out("crowd"), before);
}

static void a_slow_reader_ends(void **state)
{
    (void)state;
    int64_t before = put_out("slow");
    int fd = open_slow();
    pump_until(base, put_out("slow") > before);
    assert_true(read_all(fd) < LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_silent_go_before_the_slow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(places_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slow_reader_ends, set_up_short, tear_down),
    };
    return cmocka_run_group_tests_name("door", tests, NULL, NULL);
}
