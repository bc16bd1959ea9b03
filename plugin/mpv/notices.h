/* What the plug-in says without being asked, as little as it can: nothing if the user wants no notices. */
#ifndef NOTICES_H
#define NOTICES_H

#include "text.h"

struct plugin;

/* How an item is called: "Heat (1995)", "Dark 1x02". `item` is JSON, or NULL. */
void add_item_name(struct text *name, const char *item);
/* How an entry of the outbox is called. */
void add_entry_name(struct text *name, const char *entry);
/* A play counted. */
void notice_counted(struct plugin *plugin, const char *item);
/* Trakt refuses an entry for good. */
void notice_refused(struct plugin *plugin, const char *entry);
/* Nothing is recorded, for want of an account; or the account has to be linked again. */
void notice_not_linked(struct plugin *plugin);
void notice_relink(struct plugin *plugin);

#endif
