/* What the user asks for by script messages: `script-message-to libtrakt COMMAND …`. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "text.h"

#include <mpv/client.h>

struct plugin;

/* What is kept between a question and its answer. */
struct commands {
    /* The first lines of a status, and the name of what is being rated. */
    struct text status, rated;
};

/* Obeys a script message; one that isn't meant for a user's eye, such as mpv's own, is passed over. */
void command_obey(struct plugin *plugin, const mpv_event_client_message *message);
/* Gives back what is kept. */
void command_close(struct plugin *plugin);

#endif
