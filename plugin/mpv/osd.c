#include "osd.h"

#include "ass.h"
#include "plugin.h"

#include <string.h>

enum { OVERLAY = 1, PANEL_MS = 10000, LEFT = 40, TOP = 40, LINE = 34 };

static void overlay(struct plugin *plugin, const char *format, const char *events)
{
    char *keys[] = {"name", "id", "format", "data", "res_x", "res_y"};
    mpv_node values[6];
    mpv_node_list list = {6, values, keys};
    mpv_node command;
    values[0].format = values[2].format = values[3].format = MPV_FORMAT_STRING;
    values[1].format = values[4].format = values[5].format = MPV_FORMAT_INT64;
    values[0].u.string = "osd-overlay";
    values[1].u.int64 = OVERLAY;
    values[2].u.string = (char *)format;
    values[3].u.string = (char *)events;
    values[4].u.int64 = 0;
    values[5].u.int64 = 720;
    command.format = MPV_FORMAT_NODE_MAP;
    command.u.list = &list;
    mpv_command_node_async(plugin->mpv, 0, &command);
}

void osd_show(struct plugin *plugin, const char *events, int64_t for_ms)
{
    overlay(plugin, "ass-events", events);
    plugin->osd.shown = true;
    plugin->osd.hide_at = for_ms > 0 ? now_ms() + for_ms : 0;
}

void osd_hide(struct plugin *plugin)
{
    if (plugin->osd.shown)
        overlay(plugin, "none", "");
    plugin->osd.shown = false;
}

void osd_step(struct plugin *plugin)
{
    if (plugin->osd.shown && plugin->osd.hide_at != 0 && now_ms() >= plugin->osd.hide_at)
        osd_hide(plugin);
}

void osd_panel(struct plugin *plugin, const char *title, const char *lines)
{
    struct text ass = {0}, plain = {0};
    int count = 1;
    const char *at;
    for (at = lines; *at != 0; at++)
        count += *at == '\n';
    ass_box(&ass, LEFT, TOP, 840, 90 + count * LINE);
    ass_text(&ass, title, LEFT + 28, TOP + 22, 36, 1);
    ass_text(&ass, lines, LEFT + 28, TOP + 74, LINE - 6, 0);
    /* There is one place for panels; a login goes on without its own. */
    plugin->link.shown = false;
    osd_show(plugin, text_get(&ass), PANEL_MS);
    text_add(&plain, title);
    text_add(&plain, "\n");
    text_add(&plain, lines);
    osd_log(plugin, text_get(&plain));
    text_free(&ass);
    text_free(&plain);
}

static void command(struct plugin *plugin, const char *name, const char *argument)
{
    const char *words[] = {name, argument, NULL};
    mpv_command_async(plugin->mpv, 0, words);
}

void osd_notice(struct plugin *plugin, const char *notice)
{
    command(plugin, "show-text", notice);
    osd_log(plugin, notice);
}

void osd_log(struct plugin *plugin, const char *line) { command(plugin, "print-text", line); }
