/* Reads lines of a date and a title. Knows how Elixir represents a date; knows no files. */
#include "tools/csv.h"

#include "base/error.h"
#include "wire/etf_write.h"

#include <ctype.h>
#include <stdbool.h>

enum { DATE_SIZE = 10 };

struct date {
    unsigned year;  /* 0..9999 */
    unsigned month; /* from 1 */
    unsigned day;   /* from 1 */
};

static unsigned number(const uint8_t *digits, size_t count)
{
    unsigned value = 0;
    for (size_t i = 0; i < count; i++)
        value = value * 10 + digits[i] - '0';
    return value;
}

static unsigned days_of(const struct date *date)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (date->year % 4 == 0 && date->year % 100 != 0) || date->year % 400 == 0;
    return date->month == 2 && leap ? 29 : days[date->month - 1];
}

static bool read_date(struct slice text, struct date *date)
{
    static const char form[] = "dddd-dd-dd";
    if (text.size < DATE_SIZE)
        return false;
    for (size_t i = 0; i < DATE_SIZE; i++) {
        if (form[i] == 'd' ? !isdigit(text.data[i]) : text.data[i] != '-')
            return false;
    }
    *date = (struct date){number(text.data, 4), number(text.data + 5, 2), number(text.data + 8, 2)};
    return date->month >= 1 && date->month <= 12 && date->day >= 1 && date->day <= days_of(date);
}

static void write_pair(struct buf *out, const char *key, unsigned value)
{
    etf_write_atom(out, key);
    etf_write_uint64(out, value);
}

/* #{date => #{...}, title => Title}; the keys of maps in term order. */
static void write_entry(const struct date *date, struct slice title, struct buf *out)
{
    etf_write_map(out, 2);
    etf_write_atom(out, "date");
    etf_write_map(out, 5);
    etf_write_atom(out, "__struct__");
    etf_write_atom(out, "Elixir.Date");
    etf_write_atom(out, "calendar");
    etf_write_atom(out, "Elixir.Calendar.ISO");
    write_pair(out, "day", date->day);
    write_pair(out, "month", date->month);
    write_pair(out, "year", date->year);
    etf_write_atom(out, "title");
    etf_write_binary(out, title);
}

static const char *read_line(struct slice line, struct todo_list *list)
{
    struct date date;
    struct buf entry = BUF_EMPTY;
    uint64_t id;
    if (!read_date(line, &date))
        return "a date is expected at its beginning: YYYY-MM-DD";
    if (line.size == DATE_SIZE || line.data[DATE_SIZE] != ',')
        return "a comma is expected behind the date";
    write_entry(&date, slice_of(line.data + DATE_SIZE + 1, line.size - DATE_SIZE - 1), &entry);
    int status = list_add(list, buf_slice(&entry), &id);
    buf_release(&entry);
    return status == 0 ? NULL : error_text(status);
}

/* The next line without its end. */
static struct slice take_line(struct slice *text)
{
    const uint8_t *end = memchr(text->data, '\n', text->size);
    struct slice line = slice_of(text->data, end == NULL ? text->size : (size_t)(end - text->data));
    size_t taken = line.size + (end != NULL);
    *text = slice_of(text->data + taken, text->size - taken);
    if (line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    return line;
}

int csv_read(struct slice text, struct todo_list *list, unsigned long *line, const char **error)
{
    for (*line = 1; text.size > 0; ++*line) {
        struct slice taken = take_line(&text);
        const char *wrong = taken.size > 0 ? read_line(taken, list) : NULL;
        if (wrong == NULL)
            continue;
        *error = wrong;
        return ERR_BADARG;
    }
    return 0;
}
