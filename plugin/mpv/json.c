#include "json.h"

#include <stdlib.h>
#include <string.h>

static const char *space(const char *at) { return at + strspn(at, " \t\r\n"); }

/* Behind the string that begins at `at`, or NULL. */
static const char *behind_string(const char *at)
{
    for (at++; *at != 0 && *at != '"'; at++)
        if (*at == '\\' && *++at == 0)
            return NULL;
    return *at == '"' ? at + 1 : NULL;
}

/* Behind the value that begins at `at`, or NULL. */
static const char *behind(const char *at)
{
    size_t depth = 0;
    do {
        at = space(at);
        if (*at == '"') {
            at = behind_string(at);
            if (at == NULL)
                return NULL;
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            if (depth == 0)
                return NULL;
            depth--;
            at++;
        } else if (depth > 0 && (*at == ',' || *at == ':')) {
            at++;
        } else {
            size_t length = strcspn(at, ",:]}[{\" \t\r\n");
            if (length == 0)
                return NULL;
            at += length;
        }
    } while (depth > 0);
    return at;
}

/* The value of a key in an object, or NULL. */
static const char *member(const char *object, const char *key, size_t length)
{
    const char *at = space(object);
    if (*at != '{')
        return NULL;
    at = space(at + 1);
    while (*at == '"') {
        const char *name = at + 1, *end = behind_string(at);
        if (end == NULL)
            return NULL;
        at = space(end);
        if (*at != ':')
            return NULL;
        at = space(at + 1);
        if ((size_t)(end - 1 - name) == length && memcmp(name, key, length) == 0)
            return *at != 0 ? at : NULL;
        at = behind(at);
        if (at == NULL)
            return NULL;
        at = space(at);
        if (*at != ',')
            return NULL;
        at = space(at + 1);
    }
    return NULL;
}

const char *json_get(const char *json, const char *path)
{
    while (json != NULL && *path != 0) {
        size_t length = strcspn(path, ".");
        json = member(json, path, length);
        path += length;
        path += *path == '.';
    }
    return json;
}

const char *json_first(const char *array)
{
    if (array == NULL)
        return NULL;
    array = space(array);
    if (*array != '[')
        return NULL;
    array = space(array + 1);
    return *array != ']' && *array != 0 ? array : NULL;
}

const char *json_next(const char *value)
{
    value = value != NULL ? behind(value) : NULL;
    if (value == NULL)
        return NULL;
    value = space(value);
    if (*value != ',')
        return NULL;
    value = space(value + 1);
    return *value != 0 ? value : NULL;
}

size_t json_length(const char *value)
{
    const char *end = value != NULL ? behind(value) : NULL;
    return end != NULL ? (size_t)(end - value) : 0;
}

static size_t put_utf8(char *out, unsigned long code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* The four hexadecimal digits at `at`, as far as they are there; `at` moves behind them. */
static unsigned long hex(const char **at)
{
    unsigned long code = 0;
    int n;
    for (n = 0; n < 4; n++, (*at)++) {
        if (**at >= '0' && **at <= '9')
            code = code << 4 | (unsigned long)(**at - '0');
        else if ((**at | 0x20) >= 'a' && (**at | 0x20) <= 'f')
            code = code << 4 | (unsigned long)((**at | 0x20) - 'a' + 10);
        else
            break;
    }
    return code;
}

/* The character whose escape begins at `at`, which moves behind it. */
static size_t unescape(const char **at, char out[4])
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *known;
    unsigned long code;
    (*at)++;
    if (**at != 'u') {
        known = **at != 0 ? strchr(from, **at) : NULL;
        out[0] = known != NULL ? to[known - from] : **at;
        (*at)++;
        return 1;
    }
    (*at)++;
    code = hex(at);
    if (code >= 0xd800 && code < 0xdc00 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        const char *low_at = *at + 2;
        unsigned long low = hex(&low_at);
        if (low >= 0xdc00 && low < 0xe000) {
            *at = low_at;
            return put_utf8(out, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
        }
    }
    if (code == 0 || (code >= 0xd800 && code < 0xe000))
        code = 0xfffd;
    return put_utf8(out, code);
}

const char *json_text(const char *value, char *out, size_t size)
{
    size_t length = 0;
    out[0] = 0;
    if (value == NULL || *value != '"' || behind_string(value) == NULL)
        return out;
    value++;
    while (*value != '"') {
        char bytes[4];
        size_t n = 1;
        if (*value == '\\') {
            n = unescape(&value, bytes);
        } else {
            bytes[0] = *value++;
            while (((unsigned char)*value & 0xc0) == 0x80 && n < 4)
                bytes[n++] = *value++;
        }
        if (length + n >= size)
            break;
        memcpy(out + length, bytes, n);
        length += n;
    }
    out[length] = 0;
    return out;
}

bool json_is(const char *value, const char *text)
{
    size_t length = strlen(text);
    return value != NULL && *value == '"' && strncmp(value + 1, text, length) == 0 &&
           value[length + 1] == '"';
}

int64_t json_int(const char *value, int64_t otherwise)
{
    char *end;
    long long number;
    if (value == NULL || (*value != '-' && (*value < '0' || *value > '9')))
        return otherwise;
    number = strtoll(value, &end, 10);
    return end != value ? number : otherwise;
}

bool json_true(const char *value) { return value != NULL && strncmp(value, "true", 4) == 0; }
