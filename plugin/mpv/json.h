/* Reads single values out of JSON, without memory of its own. A value is a pointer to where it begins in the
   text. Text that is no JSON gives no values or odd ones, and nothing is ever read behind its end. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value at a path of keys such as "data.user.name", or NULL. `json` may be NULL. */
const char *json_get(const char *json, const char *path);
/* The first value in an array, or NULL. */
const char *json_first(const char *array);
/* The one after it, or NULL. */
const char *json_next(const char *value);
/* How many bytes the value has; 0 for NULL or what is broken. */
size_t json_length(const char *value);
/* The text that the value is, as UTF-8, cut to the room at a character's end. Returns `out`; "" if
   it is no text. */
const char *json_text(const char *value, char *out, size_t size);
/* Whether the value is this text; it must be plain ASCII. */
bool json_is(const char *value, const char *text);
/* The whole number that the value is, or `otherwise`. */
int64_t json_int(const char *value, int64_t otherwise);
/* Whether the value is `true`. */
bool json_true(const char *value);

#endif
