//! The page at `/`: what a person sees in their account, read anew every few seconds.
//! Plain HTML without scripts. Knows nothing of how the entries came about.

use crate::catalogue::Media;
use crate::clock::iso_date;
use crate::http::Response;
use crate::lists::List;
use crate::pages::escape;
use crate::world::World;
use crate::{history, playback};

const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#f5f3f7;--card:#fff;--text:#1d1523;--soft:#5b5163;--edge:#d5cddb}\
@media(prefers-color-scheme:dark){:root{--ground:#17121b;--card:#241c2a;--text:#f4eef8;--soft:#b9adc2;--edge:#463a4f}}\
*{box-sizing:border-box}body{margin:0;padding:1.5rem;background:var(--ground);color:var(--text);font:1rem/1.5 system-ui,sans-serif}\
main{max-width:60rem;margin:0 auto}h1{font-size:1.6rem;margin:0 0 1rem}h2{font-size:1.2rem;margin:0 0 .5rem}\
section{background:var(--card);border:1px solid var(--edge);border-radius:.75rem;padding:1rem 1.25rem;margin:0 0 1rem;overflow-x:auto}\
table{width:100%;border-collapse:collapse}th,td{text-align:left;padding:.3rem .75rem .3rem 0;border-top:1px solid var(--edge);vertical-align:top}\
thead th{border:0;color:var(--soft);font-weight:600}p{margin:.25rem 0}.soft{color:var(--soft)}";
/// The rows of a table that are shown.
const SHOWN: usize = 50;

/// The page.
pub fn page(world: &World) -> Response {
    let records = world.records();
    let name = escape(&world.account.name);
    let username = escape(&world.account.username);
    let sections = [
        watching(world),
        table(
            "History",
            &["Watched", "What", "How", "Id"],
            history::plays(world).iter().map(|play| {
                let at = play.watched_at.map_or("unknown".into(), moment);
                [
                    at,
                    title(&play.media),
                    play.action.into(),
                    play.id.to_string(),
                ]
            }),
        ),
        table(
            "Continue watching",
            &["Left", "What", "Progress", "Id"],
            playback::all(world).into_iter().map(|paused| {
                let progress = format!("{:.1} %", paused.progress);
                [
                    moment(paused.paused_at),
                    title(&paused.media),
                    progress,
                    paused.id.to_string(),
                ]
            }),
        ),
        table(
            "Ratings",
            &["Rated", "What", "Rating"],
            List::Ratings.entries(records).iter().map(|entry| {
                let rating = format!("{} of 10", entry.rating);
                [moment(entry.at), title(&entry.media), rating]
            }),
        ),
        table(
            "Watchlist",
            &["Added", "What"],
            List::Watchlist
                .entries(records)
                .iter()
                .map(|entry| [moment(entry.at), title(&entry.media)]),
        ),
        table(
            "Collection",
            &["Collected", "What"],
            List::Collection
                .entries(records)
                .iter()
                .map(|entry| [moment(entry.at), title(&entry.media)]),
        ),
    ]
    .concat();
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"refresh\" content=\"3\">\n\
         <title>{username} – simulated Trakt</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{name} <span class=\"soft\">{username}</span></h1>\n{sections}\
         <p class=\"soft\">This is a simulation on your own machine, not Trakt. Its clock says {}.</p>\n\
         </main>\n</body>\n</html>\n",
        moment(world.clock.wall_ms())
    );
    Response::html(200, page).with("Cache-Control", "no-store")
}

fn watching(world: &World) -> String {
    let text = match &world.records().watching {
        None => "<p class=\"soft\">Nothing.</p>".to_owned(),
        Some(watching) => format!(
            "<p>{} <span class=\"soft\">({}, since {}, until {})</span></p>",
            title(&watching.media),
            watching.action,
            moment(watching.started_at),
            moment(world.clock.wall_of(watching.ends_ms)),
        ),
    };
    format!("<section>\n<h2>Watching now</h2>\n{text}\n</section>\n")
}

/// A table of cells that are HTML already, with the count of all rows.
fn table<const N: usize>(
    heading: &str,
    columns: &[&str; N],
    rows: impl ExactSizeIterator<Item = [String; N]>,
) -> String {
    let count = rows.len();
    if count == 0 {
        return format!(
            "<section>\n<h2>{heading}</h2>\n<p class=\"soft\">Nothing.</p>\n</section>\n"
        );
    }
    let heads: String = columns
        .iter()
        .map(|name| format!("<th scope=\"col\">{name}</th>"))
        .collect();
    let body: String = rows
        .take(SHOWN)
        .map(|cells| {
            let cells = cells.map(|cell| format!("<td>{cell}</td>")).concat();
            format!("<tr>{cells}</tr>\n")
        })
        .collect();
    let more = match count.saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("<p class=\"soft\">And {more} more.</p>\n"),
    };
    format!(
        "<section>\n<h2>{heading} ({count})</h2>\n<table>\n<thead><tr>{heads}</tr></thead>\n\
         <tbody>\n{body}</tbody>\n</table>\n{more}</section>\n"
    )
}

fn title(media: &Media) -> String {
    escape(&media.title())
}

/// A date for people, in UTC.
fn moment(wall_ms: i64) -> String {
    let text = iso_date(wall_ms);
    format!("{} {} UTC", &text[..10], &text[11..19])
}
