/* The plug-in: mpv calls mpv_open_cplugin() on a thread that is its own, and it ends with the player.
   One loop waits for what mpv does and takes everything else a step on; nothing in it waits for network or
   disk. */
#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OPTIONS = 100, MOST_CONF = 64 * 1024 };

/* How long mpv is waited for, in seconds: while an answer is awaited, a login is under way, and otherwise. */
static const double SHORTLY = 0.03, SOON = 0.2, CALMLY = 1.0;

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Lines out of the user's file, if there is one. */
static void read_conf(struct plugin *plugin, struct text *lines)
{
    const char *command[] = {"expand-path", "~~/script-opts/libtrakt.conf", NULL};
    mpv_node path;
    FILE *file;
    char *piece;
    if (mpv_command_ret(plugin->mpv, command, &path) < 0)
        return;
    piece = malloc(MOST_CONF);
    file = path.format == MPV_FORMAT_STRING && piece != NULL ? fopen(path.u.string, "re") : NULL;
    if (file != NULL) {
        text_add_bytes(lines, piece, fread(piece, 1, MOST_CONF, file));
        fclose(file);
    }
    free(piece);
    mpv_free_node_contents(&path);
}

/* Appends those of --script-opts that are meant for this plug-in, as lines. */
static void add_script_opts(struct plugin *plugin, struct text *lines)
{
    static const char prefix[] = "libtrakt-";
    mpv_node opts;
    int n;
    if (mpv_get_property(plugin->mpv, "options/script-opts", MPV_FORMAT_NODE, &opts) < 0)
        return;
    for (n = 0; opts.format == MPV_FORMAT_NODE_MAP && n < opts.u.list->num; n++) {
        const char *key = opts.u.list->keys[n];
        if (strncmp(key, prefix, sizeof prefix - 1) != 0 ||
            opts.u.list->values[n].format != MPV_FORMAT_STRING)
            continue;
        text_add(lines, "\n");
        text_add(lines, key + sizeof prefix - 1);
        text_add(lines, "=");
        text_add(lines, opts.u.list->values[n].u.string);
    }
    mpv_free_node_contents(&opts);
}

/* Puts what mpv takes `~` and `~~` for in the place of a path. */
static void expand(struct plugin *plugin, char *path)
{
    const char *command[] = {"expand-path", path, NULL};
    mpv_node whole;
    if (path[0] != '~' || mpv_command_ret(plugin->mpv, command, &whole) < 0)
        return;
    if (whole.format == MPV_FORMAT_STRING && strlen(whole.u.string) < OPTION_ROOM)
        memcpy(path, whole.u.string, strlen(whole.u.string) + 1);
    mpv_free_node_contents(&whole);
}

/* The same for each of a list. */
static void expand_list(struct plugin *plugin, char *list)
{
    struct text all = {0};
    char *rest = list;
    if (strchr(list, '~') == NULL)
        return;
    while (*rest != 0) {
        char one[OPTION_ROOM];
        size_t length = strcspn(rest, ";"), blank = strspn(rest, " \t");
        blank = blank < length ? blank : length;
        memcpy(one, rest + blank, length - blank);
        one[length - blank] = 0;
        expand(plugin, one);
        text_add(&all, all.length > 0 ? ";" : "");
        text_add(&all, one);
        rest += length;
        rest += *rest == ';';
    }
    if (all.length < OPTION_ROOM)
        memcpy(list, text_get(&all), strlen(text_get(&all)) + 1);
    text_free(&all);
}

/* Paths as the library needs them. A folder that isn't absolute would be another one wherever mpv is started.
 */
static void expand_paths(struct plugin *plugin, struct text *wrong)
{
    struct options *options = &plugin->options;
    expand(plugin, options->data_dir);
    expand(plugin, options->ca_file);
    expand_list(plugin, options->exclude_paths);
    expand_list(plugin, options->exclude_globs);
    if (options->data_dir[0] != 0 && options->data_dir[0] != '/') {
        options->data_dir[0] = 0;
        text_add(wrong, wrong->length > 0 ? ", " : "");
        text_add(wrong, "data_dir");
    }
}

/* Reads them; false if they are as they were. */
static bool read_options(struct plugin *plugin)
{
    struct text lines = {0}, wrong = {0}, line = {0};
    read_conf(plugin, &lines);
    add_script_opts(plugin, &lines);
    if (strcmp(text_get(&lines), text_get(&plugin->option_lines)) == 0 && plugin->options_read) {
        text_free(&lines);
        return false;
    }
    plugin->options_read = true;
    options_default(&plugin->options);
    options_read(&plugin->options, text_get(&lines), &wrong);
    expand_paths(plugin, &wrong);
    if (wrong.length > 0) {
        text_add(&line, "libtrakt: ");
        say(&line, TEXT_OPTIONS_WRONG, "keys", text_get(&wrong), (char *)NULL);
        osd_log(plugin, text_get(&line));
    }
    text_free(&plugin->option_lines);
    plugin->option_lines = lines;
    text_free(&wrong);
    text_free(&line);
    return true;
}

static double patience(const struct plugin *plugin)
{
    if (plugin->contact.request_count > 0)
        return SHORTLY;
    return plugin->link.active || plugin->player.speed > 1 ? SOON : CALMLY;
}

static void step(struct plugin *plugin)
{
    contact_open(plugin);
    player_step(plugin);
    contact_step(plugin);
    link_step(plugin);
    osd_step(plugin);
}

static void run(struct plugin *plugin)
{
    for (;;) {
        const mpv_event *event = mpv_wait_event(plugin->mpv, patience(plugin));
        if (event->event_id == MPV_EVENT_SHUTDOWN)
            return;
        if (event->event_id == MPV_EVENT_CLIENT_MESSAGE)
            command_obey(plugin, event->data);
        else if (event->event_id == MPV_EVENT_PROPERTY_CHANGE && event->reply_userdata == OPTIONS) {
            if (read_options(plugin))
                contact_rules(plugin);
        } else {
            player_event(plugin, event);
        }
        step(plugin);
    }
}

__attribute__((visibility("default"))) int mpv_open_cplugin(mpv_handle *mpv);

int mpv_open_cplugin(mpv_handle *mpv)
{
    struct plugin *plugin = calloc(1, sizeof *plugin);
    if (plugin == NULL)
        return -1;
    plugin->mpv = mpv;
    plugin->player.speed = 1;
    read_options(plugin);
    player_observe(plugin);
    mpv_observe_property(mpv, OPTIONS, "options/script-opts", MPV_FORMAT_NODE);
    run(plugin);
    player_close(plugin);
    contact_close(plugin);
    command_close(plugin);
    text_free(&plugin->link.rows);
    text_free(&plugin->option_lines);
    free(plugin);
    return 0;
}
