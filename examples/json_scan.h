/* Reads single values out of a reply, so that the examples need no JSON library. It trusts that the text is
   JSON, which the library's replies are; a program that has a JSON parser uses that.

   A path names keys and positions from the outside in: "data.user_code", "data.qr_rows.0". */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline const char *json_space(const char *at) { return at + strspn(at, " \t\r\n"); }

/* Behind the value that begins at `at`. */
static inline const char *json_skip(const char *at)
{
    int depth = 0;
    do {
        if (*at == '"') {
            for (at++; *at != '"' && *at != 0; at++)
                if (*at == '\\' && at[1] != 0)
                    at++;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            depth--;
        } else if (strchr(",: \t\r\n", *at) == NULL) {
            at += strcspn(at, ",]}: \t\r\n") - 1;
        }
        if (*at != 0)
            at++;
    } while (depth > 0 && *at != 0);
    return at;
}

/* The value of the n-th member of an object or array that begins at `in`, or NULL. `key` (may be NULL) is
   where its key begins, in quotes; NULL in an array. */
static inline const char *json_member(const char *in, int n, const char **key)
{
    char close;
    if (in == NULL || (*in != '{' && *in != '['))
        return NULL;
    close = *in == '{' ? '}' : ']';
    for (in = json_space(in + 1); *in != close && *in != 0; n--) {
        const char *name = NULL;
        if (close == '}') {
            name = in;
            in = json_space(json_skip(in));
            if (*in == ':')
                in = json_space(in + 1);
        }
        if (n == 0) {
            if (key != NULL)
                *key = name;
            return in;
        }
        in = json_space(json_skip(in));
        if (*in == ',')
            in = json_space(in + 1);
    }
    return NULL;
}

/* The value at a path, or NULL. */
static inline const char *json_find(const char *json, const char *path)
{
    const char *at = json == NULL ? NULL : json_space(json);
    while (at != NULL && *path != 0) {
        size_t length = strcspn(path, ".");
        const char *key = NULL, *in = at;
        if (*in == '[') {
            at = json_member(in, atoi(path), NULL);
        } else {
            int n = 0;
            do {
                at = json_member(in, n++, &key);
            } while (at != NULL && (strncmp(key + 1, path, length) != 0 || key[length + 1] != '"'));
        }
        path += length;
        if (*path == '.')
            path++;
    }
    return at;
}

static inline char *json_put_utf8(char *out, unsigned long code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3f));
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    }
    return out;
}

/* The four hexadecimal digits at `at`, which moves behind them. */
static inline unsigned long json_hex4(const char **at)
{
    char digits[5] = {0};
    size_t length = strspn(*at, "0123456789abcdefABCDEF");
    length = length < 4 ? length : 4;
    memcpy(digits, *at, length);
    *at += length;
    return strtoul(digits, NULL, 16);
}

/* The string that begins at `at`, as UTF-8, cut to the room there is; "" if there is no string. Returns
 * `out`. */
static inline const char *json_string(const char *at, char *out, size_t size)
{
    static const char escapes[] = "b\bf\fn\nr\rt\t";
    char *to = out;
    if (at != NULL && *at == '"')
        at++;
    else
        at = "";
    while (*at != '"' && *at != 0 && to + 4 < out + size) {
        if (*at != '\\') {
            *to++ = *at++;
        } else if (*++at == 'u') {
            unsigned long code;
            at++;
            code = json_hex4(&at);
            if (code >= 0xd800 && code < 0xdc00 && at[0] == '\\' && at[1] == 'u') {
                at += 2;
                code = 0x10000 + ((code - 0xd800) << 10) + ((json_hex4(&at) - 0xdc00) & 0x3ff);
            }
            to = json_put_utf8(to, code);
        } else if (*at != 0) {
            const char *escape = strchr(escapes, *at);
            *to++ = escape != NULL && *at >= 'a' ? escape[1] : *at;
            at++;
        }
    }
    *to = 0;
    return out;
}

/* The string at a path. */
static inline const char *json_text(const char *json, const char *path, char *out, size_t size)
{
    return json_string(json_find(json, path), out, size);
}

/* The whole number at a path, or `otherwise`. */
static inline long long json_number(const char *json, const char *path, long long otherwise)
{
    const char *at = json_find(json, path);
    return at != NULL && (*at == '-' || (*at >= '0' && *at <= '9')) ? strtoll(at, NULL, 10) : otherwise;
}

/* Whether the value at a path is exactly this string, number, true, false or null, as it stands in the text.
 */
static inline int json_is(const char *json, const char *path, const char *value)
{
    const char *at = json_find(json, path);
    if (at == NULL)
        return 0;
    if (*at == '"')
        return strncmp(at + 1, value, strlen(value)) == 0 && at[strlen(value) + 1] == '"';
    return (size_t)(json_skip(at) - at) == strlen(value) && strncmp(at, value, strlen(value)) == 0;
}

#endif
