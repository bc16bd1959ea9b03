//! The pages for a real browser: the account, where a user types a device code, and where an app asks
//! for access.
//! Plain HTML without scripts, readable on a phone and by a screen reader.
//! Knows nothing of tokens.

use crate::grants::DeviceState;
use crate::home;
use crate::http::{Request, Response, form_pairs, percent_decode};
use crate::oauth;
use crate::records::settle;
use crate::world::World;

const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#f5f3f7;--card:#fff;--text:#1d1523;--soft:#5b5163;--edge:#d5cddb;--yes:#7a1fa2;--yestext:#fff}\
@media(prefers-color-scheme:dark){:root{--ground:#17121b;--card:#241c2a;--text:#f4eef8;--soft:#b9adc2;--edge:#463a4f;--yes:#d59cf0;--yestext:#1d1523}}\
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;padding:1.5rem;\
background:var(--ground);color:var(--text);font:1.125rem/1.5 system-ui,sans-serif}\
main{width:100%;max-width:30rem;background:var(--card);border:1px solid var(--edge);border-radius:1rem;padding:2rem}\
h1{margin:0 0 1rem;font-size:1.6rem;line-height:1.25}p{margin:.75rem 0}.code{font:700 2.4rem/1.2 ui-monospace,monospace;letter-spacing:.15em;\
text-align:center;padding:1rem 0;overflow-wrap:anywhere}.soft{color:var(--soft);font-size:.95rem}form{margin:0}\
.row{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.5rem}label{display:block;font-weight:600;margin-bottom:.4rem}\
input{width:100%;padding:.75rem;font:inherit;letter-spacing:.1em;text-transform:uppercase;border:1px solid var(--soft);border-radius:.5rem;background:transparent;color:inherit}\
button{flex:1 1 8rem;padding:.8rem 1.25rem;font:inherit;font-weight:600;border-radius:.5rem;border:2px solid var(--yes);cursor:pointer;background:transparent;color:var(--text)}\
button.yes{background:var(--yes);color:var(--yestext)}:focus-visible{outline:3px solid #f0a000;outline-offset:3px}";

/// Where the user's picture is.
pub const AVATAR: &str = "/avatar.png";
const AVATAR_PNG: &[u8] = include_bytes!("avatar.png");

/// Whether a path of the auth host is a page for a browser.
pub fn is_page(path: &str) -> bool {
    path == "/"
        || path == "/activate"
        || path.starts_with("/activate/")
        || path == "/oauth/authorize"
        || path == "/favicon.ico"
        || path == AVATAR
}

/// Answers a browser.
pub fn answer(world: &mut World, n: u64, request: &Request) -> Response {
    let post = request.method == "POST";
    if !post && !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Response::empty(405);
    }
    match request.path.strip_prefix("/activate") {
        Some("" | "/") => {
            let typed = request
                .query_value("code")
                .or_else(|| form_value(request, "code"))
                .map(|code| crate::grants::plain_code(&code))
                .filter(|code| !code.is_empty());
            match typed {
                Some(code) => Response::html(303, "").with("Location", format!("/activate/{code}")),
                None => ask_for_code(200, ""),
            }
        }
        Some(code) => {
            let code = crate::grants::plain_code(&percent_decode(code.trim_start_matches('/')));
            if post {
                decide(world, &code, form_value(request, "decision").as_deref())
            } else {
                show_code(world, &code)
            }
        }
        None if request.path == "/oauth/authorize" => authorize(world, n, request, post),
        None if request.path == "/" => {
            settle(world);
            home::page(world)
        }
        None if request.path == AVATAR => Response::text(200, "image/png", AVATAR_PNG),
        None => Response::empty(404),
    }
}

fn form_value(request: &Request, name: &str) -> Option<String> {
    let body = String::from_utf8_lossy(&request.body);
    form_pairs(&body)
        .into_iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}

fn document(status: u16, title: &str, content: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} – simulated Trakt</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n{content}\n<p class=\"soft\">This is a simulation on your own machine, not Trakt.</p>\n\
         </main>\n</body>\n</html>\n"
    );
    Response::html(status, page)
        .with("Cache-Control", "no-store")
        .with("Referrer-Policy", "no-referrer")
}

fn ask_for_code(status: u16, trouble: &str) -> Response {
    let trouble = match trouble {
        "" => String::new(),
        text => format!("<p role=\"alert\">{}</p>", escape(text)),
    };
    let content = format!(
        "{trouble}<form method=\"post\" action=\"/activate\">\n<label for=\"code\">Code shown by your player</label>\n\
         <input id=\"code\" name=\"code\" required autofocus autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\">\n\
         <div class=\"row\"><button class=\"yes\">Continue</button></div>\n</form>"
    );
    document(status, "Link a device", &content)
}

fn show_code(world: &mut World, code: &str) -> Response {
    let now = world.clock.sim_ms();
    let Some(device) = world
        .grants
        .device_of(Some(code))
        .map(|device| device.clone())
    else {
        return ask_for_code(
            404,
            "There is no such code. Is it typed as your player shows it?",
        );
    };
    match device.state_at(now) {
        DeviceState::Pending => {}
        state => return closed(state),
    }
    let name = world
        .client(&device.client_id)
        .map(|client| client.name.clone())
        .unwrap_or_default();
    let content = format!(
        "<p><strong>{}</strong> asks for access to the account <strong>{}</strong>.</p>\n\
         <p class=\"code\" aria-label=\"Code {}\">{}</p>\n\
         <p>Approve only if your player shows this code now.</p>\n\
         <p class=\"soft\">Asked by {}.</p>\n\
         <form method=\"post\"><div class=\"row\">\n\
         <button class=\"yes\" name=\"decision\" value=\"approve\">Approve</button>\n\
         <button name=\"decision\" value=\"deny\">Deny</button>\n</div></form>",
        escape(&name),
        escape(&world.account.username),
        spelled(&device.user_code),
        escape(&device.user_code),
        escape(&device.asked_by),
    );
    document(200, "Link this device?", &content)
}

fn decide(world: &mut World, code: &str, decision: Option<&str>) -> Response {
    let state = match decision {
        Some("approve") => DeviceState::Approved,
        Some("deny") => DeviceState::Denied,
        _ => return show_code(world, code),
    };
    match oauth::answer_device(world, Some(code), state) {
        Ok(_) => closed(state),
        Err(_) => show_code(world, code),
    }
}

fn closed(state: DeviceState) -> Response {
    let (status, title, text) = match state {
        DeviceState::Approved => (
            200,
            "Approved",
            "Your player notices it within a few seconds. You can close this page.",
        ),
        DeviceState::Denied => (
            200,
            "Denied",
            "Your player gets no access. You can close this page.",
        ),
        DeviceState::Used => (
            409,
            "Already used",
            "This code has linked a device before. Ask your player for a new one.",
        ),
        DeviceState::Expired | DeviceState::Pending => (
            410,
            "Out of time",
            "This code has expired. Ask your player for a new one.",
        ),
    };
    document(status, title, &format!("<p role=\"status\">{text}</p>"))
}

fn authorize(world: &mut World, n: u64, request: &Request, post: bool) -> Response {
    let asked = match oauth::asked(world, n, &request.query) {
        Ok(asked) => asked,
        Err(text) => {
            let content = format!("<p role=\"alert\">{}.</p>", escape(&text));
            return document(400, "This request can't be answered", &content);
        }
    };
    if post {
        let approved = form_value(request, "decision").as_deref() == Some("approve");
        let location = oauth::redirected(world, asked, approved);
        return Response::html(302, "").with("Location", location);
    }
    let content = format!(
        "<p><strong>{}</strong> asks for access to the account <strong>{}</strong>.</p>\n\
         <p class=\"soft\">Afterwards you go to {}.</p>\n\
         <form method=\"post\"><div class=\"row\">\n\
         <button class=\"yes\" name=\"decision\" value=\"approve\">Approve</button>\n\
         <button name=\"decision\" value=\"deny\">Deny</button>\n</div></form>",
        escape(&asked.client.name),
        escape(&world.account.username),
        escape(&asked.redirect_uri),
    );
    document(200, "Give access?", &content)
}

/// A code letter by letter, for who hears it.
fn spelled(code: &str) -> String {
    let letters: Vec<String> = code
        .chars()
        .map(|letter| escape(&letter.to_string()))
        .collect();
    letters.join(" ")
}

/// Text as it stands in HTML.
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
