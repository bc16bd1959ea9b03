/* Everything that the user reads, in one table. A name in braces is filled in.
   A translation is another table in the order of TEXTS; texts.c chooses. */
#ifndef TEXTS_H
#define TEXTS_H

#include "text.h"

#define TEXTS(X)                                                                                             \
    /* trouble with the plug-in itself */                                                                    \
    X(LIBRARY_IS_MISSING, "libtrakt.so isn't in the plug-in's folder and can't be loaded: {why}")            \
    X(LIBRARY_IS_TOO_OLD, "libtrakt.so doesn't fit this plug-in: copy both files from the same release.")    \
    X(NO_CLIENT_ID, "there is no client id: set client_id in script-opts/libtrakt.conf.")                    \
    X(CANT_OPEN, "can't start: {why}")                                                                       \
    X(OPTIONS_WRONG, "these options are unknown or have an unfit value: {keys}")                             \
    X(NOT_RUNNING, "Trakt isn't available: the terminal says why")                                           \
    X(UNKNOWN_COMMAND, "Trakt: there is no command “{command}”")                                             \
    X(DIDNT_WORK, "Trakt: {why}")                                                                            \
    X(RULES_WRONG, "Trakt: nothing is recorded, an option that leaves things out is wrong: {why}")           \
    /* linking */                                                                                            \
    X(LINK_TITLE, "Link your Trakt account")                                                                 \
    X(LINK_ASKING, "Asking Trakt for a code…")                                                               \
    X(LINK_HOW, "Scan the picture with your phone, or open")                                                 \
    X(LINK_CODE, "and enter this code:")                                                                     \
    X(LINK_LEFT, "Good for {time}")                                                                          \
    X(LINK_TROUBLE, "{why}. Trying on.")                                                                     \
    X(LINK_PLAIN, "Open {url} and enter the code {code}")                                                    \
    X(LINK_HIDDEN, "Linking goes on. Press the key again to see the code.")                                  \
    X(LINKED_AS, "Linked with Trakt as {name}")                                                              \
    X(LINKED, "Linked with Trakt")                                                                           \
    X(LINKED_ALREADY, "Linked with Trakt as {name}. “link again” links another account.")                    \
    X(LINK_DENIED, "You said no on Trakt's page. Nothing was linked.")                                       \
    X(LINK_EXPIRED, "The code ran out. Link again for a new one.")                                           \
    X(LINK_USED, "That code was used already. Link again for a new one.")                                    \
    X(LINK_INVALID, "Trakt doesn't know the code. Link again for a new one.")                                \
    X(LINK_CANCELLED, "Linking was cancelled")                                                               \
    X(LINK_FAILED, "Linking failed: {why}")                                                                  \
    X(UNLINKED, "Trakt is unlinked")                                                                         \
    X(NOT_LINKED_HINT, "Trakt: no account is linked, nothing is recorded. README.md says how to link one.")  \
    X(RELINK, "Trakt has ended the session. Link your account again; what you watch till then is kept.")     \
    /* what became of a play */                                                                              \
    X(COUNTED, "Watched: {title}")                                                                           \
    X(REFUSED, "Trakt doesn't take “{title}”: {why}")                                                        \
    X(RATED, "Rated {title}: {rating}")                                                                      \
    X(UNRATED, "Took back the rating of {title}")                                                            \
    X(NOTHING_TO_RATE, "Nothing has been played that could be rated")                                        \
    X(RATE_HOW, "Rate from 1 to 10")                                                                         \
    /* status and outbox */                                                                                  \
    X(STATUS_TITLE, "Trakt")                                                                                 \
    X(STATUS_NONE, "No account is linked")                                                                   \
    X(STATUS_LOCKED, "Linked as {name}, but Trakt has locked the account")                                   \
    X(STATUS_BLOCKED, "Linked as {name}, but Trakt blocks this network for now")                             \
    X(STATUS_APP_REFUSED, "Trakt refuses the client id of this player")                                      \
    X(STATUS_STORE, "The data folder can't be written: after a restart the account has to be linked again")  \
    X(STATUS_NEWER, "The data folder is of a newer version: nothing is kept. Update libtrakt.so.")           \
    X(STATUS_PLAYING, "This is recorded: {progress} % played")                                               \
    X(STATUS_COUNTS, "This has been watched far enough to count")                                            \
    X(STATUS_IGNORED, "This isn't recorded: {why}")                                                          \
    X(STATUS_IDLE, "Nothing is playing")                                                                     \
    X(OUTBOX_TITLE, "Waiting for Trakt")                                                                     \
    X(OUTBOX_EMPTY, "Nothing waits for Trakt")                                                               \
    X(OUTBOX_COUNT, "{waiting} waiting, {refused} refused")                                                  \
    X(OUTBOX_WAITS, "{title}")                                                                               \
    X(OUTBOX_REFUSED, "{title}: {why}")                                                                      \
    X(OUTBOX_PAUSED, "Paused: {why}")                                                                        \
    X(OUTBOX_MORE, "… and {count} more")                                                                     \
    X(RETRIED, "Trying {count} again")                                                                       \
    X(NAMELESS, "this file")

/* What the library's words mean: statuses of replies, and reasons. */
#define WORDS(X)                                                                                             \
    X("offline", "Trakt can't be reached")                                                                   \
    X("network", "Trakt can't be reached")                                                                   \
    X("dns", "Trakt's name can't be looked up")                                                              \
    X("timeout", "Trakt doesn't answer in time")                                                             \
    X("tls", "the connection to Trakt isn't secure")                                                         \
    X("tls_clock", "the clock of this machine is wrong")                                                     \
    X("proxy", "the proxy can't be reached")                                                                 \
    X("not_linked", "no account is linked")                                                                  \
    X("relink_needed", "the account has to be linked again")                                                 \
    X("forbidden", "Trakt refuses the client id of this player")                                             \
    X("app_refused", "Trakt refuses the client id of this player")                                           \
    X("not_found", "Trakt doesn't know it")                                                                  \
    X("unmatched", "Trakt has nothing of that name")                                                         \
    X("rate_limited", "Trakt asks to wait a while")                                                          \
    X("server_error", "Trakt itself is in trouble")                                                          \
    X("bad_reply", "Trakt's answer can't be read")                                                           \
    X("blocked", "Trakt blocks this network for now")                                                        \
    X("locked", "Trakt has locked the account")                                                              \
    X("account_locked", "Trakt has locked the account")                                                      \
    X("vip_only", "only VIP members may do that")                                                            \
    X("account_limit", "the account is full")                                                                \
    X("rejected", "Trakt refuses it")                                                                        \
    X("conflict", "Trakt had it already")                                                                    \
    X("storage", "the data folder can't be written")                                                         \
    X("storage_full", "the disk is full")                                                                    \
    X("storage_corrupt", "the data were damaged")                                                            \
    X("storage_newer", "the data are of a newer version")                                                    \
    X("config", "an option of libtrakt.conf can't be used")                                                  \
    X("busy", "too much is going on at once")                                                                \
    X("unknown_method", "this libtrakt.so can't do that")                                                    \
    X("wrong_state", "another player is linking an account just now")                                        \
    X("excluded_live", "live television is left out")                                                        \
    X("excluded_http", "streams are left out")                                                               \
    X("excluded_plugin", "it is left out")                                                                   \
    X("excluded_prefix", "its folder is left out")                                                           \
    X("excluded_glob", "its name is left out")                                                               \
    X("excluded_genre", "its genre is left out")                                                             \
    X("excluded_tag", "it is left out")                                                                      \
    X("excluded_by_host", "streams are left out")                                                            \
    X("too_short", "it is too short")                                                                        \
    X("music_video", "it is a music video")                                                                  \
    X("unknown_type", "it is neither a film nor an episode")                                                 \
    X("movies_off", "films are left out")                                                                    \
    X("episodes_off", "episodes are left out")                                                               \
    X("disabled", "recording is off")                                                                        \
    X("unknown_session", "it isn't known")                                                                   \
    X("no_duration", "nobody knows how long it is")

#define AS_NAME(name, english) TEXT_##name,
enum text_name { TEXTS(AS_NAME) TEXT_COUNT };
#undef AS_NAME

/* Appends a text with its names filled in: pairs of name and value, then NULL. */
void say(struct text *out, enum text_name name, ...);
/* What one of the library's words means; the word itself if it is a new one. */
const char *meaning(const char *word);

#endif
