/* Reads what mpv knows of the file that it has loaded. */
#ifndef MPV_MEDIA_H
#define MPV_MEDIA_H

#include "media.h"

#include <mpv/client.h>

/* Fills an empty `media`. */
void media_read(mpv_handle *mpv, struct media *media);

#endif
